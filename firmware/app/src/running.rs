//! A sound pack at work: the trunk's arena, the heads and the support samples that they share.

use supple_link::message::{Adaptation, HeadFacts, PackFacts, Rows, Task};
use supple_link::{DeviceError, Label, PackFault, Values};
use supple_pack::{HeadSpec, HeadTask, Heads, Pack};
use supple_runtime::head::missing;
use supple_runtime::{AdaptError, HeadMemory, Learner, MemoryNeed, SupportCache, Trunk, Use};

use crate::device::Memory;
use crate::refusal::{adapt_refusal, cache_fault, cache_refusal, head_fault, pack_fault};

/// The most heads of a pack that this firmware runs.
const MOST_HEADS: usize = 4;

/// What the arena holds.
#[derive(Clone, Copy)]
enum Input {
    /// So many elements of an input.
    Receiving(u32),
    /// So many elements of a feature vector that something else computed.
    ReceivingFeature(u32),
    /// A feature vector: that of the last input, or the one that was sent.
    Run,
}

/// A pack at work.
pub struct Running<'m, T> {
    trunk: T,
    specs: Heads<'m>,
    pub(crate) heads: [Option<Learner<'m, 'm>>; MOST_HEADS],
    pub(crate) support: SupportCache<'m>,
    facts: PackFacts,
    /// The head that requests concern.
    at: usize,
    input: Input,
    /// Whether the selected head's outputs are those of the feature vector.
    classified: bool,
}

/// The memory that a pack needs, or why it cannot run in any.
pub fn need(pack: &Pack) -> Result<MemoryNeed, PackFault> {
    let heads = usize::from(pack.trunk().heads);
    if heads == 0 {
        return Err(PackFault::NoHead);
    }
    if heads > MOST_HEADS {
        return Err(PackFault::TooManyHeads);
    }
    if pack.heads().any(|head| missing(&head.spec).is_some()) {
        return Err(PackFault::NotBuilt);
    }
    Ok(MemoryNeed::of(pack))
}

/// Reads a pack and checks all of it. Apart from [`Running::new`], so that the stack of the check is not on top of that of
/// what is made.
#[inline(never)]
pub fn read(region: &[u8]) -> Result<Pack<'_>, DeviceError> {
    Pack::parse_region(region).map_err(|error| DeviceError::Pack(pack_fault(&error)))
}

impl<'m, T: Trunk> Running<'m, T> {
    /// Shares the memory out. `make` makes the trunk from the pack and its arena.
    #[inline(never)]
    pub fn new(
        pack: &Pack<'m>,
        memory: Memory<'m>,
        make: impl FnOnce(&Pack<'m>, &'m mut [f32]) -> Option<T>,
    ) -> Result<Self, DeviceError> {
        let first = pack.heads().next().ok_or(DeviceError::Pack(PackFault::NoHead))?.spec;
        let need = need(pack).map_err(DeviceError::Pack)?;
        let too_small =
            DeviceError::MemoryTooSmall { needed: need.adapt_bytes() as u32, given: memory.given().bytes() };
        let facts = PackFacts {
            trunk: pack.trunk().hash.0,
            length: pack.header().length,
            checksum: pack.header().checksum,
            input: pack.trunk().input.elements() as u32,
            features: pack.trunk().output.elements() as u32,
            heads: pack.trunk().heads,
            capacity: first.capacity,
            max_support: first.max_support,
            steps: first.steps,
            memory: need.adapt_bytes() as u32,
        };
        let (arena, floats) = memory.floats.split_at_mut_checked(need.arena).ok_or(too_small)?;
        let (words, mut floats) = floats.split_at_mut_checked(need.support()).ok_or(too_small)?;
        let support = SupportCache::new(&first, words).map_err(|error| cache_fault(error, too_small))?;
        let mut labels = memory.labels;
        let mut heads = [const { None }; MOST_HEADS];
        for (place, head) in heads.iter_mut().zip(pack.heads()) {
            let need = MemoryNeed::of_head(&head.spec);
            let memory = HeadMemory {
                floats: take(&mut floats, need.learner()).ok_or(too_small)?,
                labels: take(&mut labels, need.labels).ok_or(too_small)?,
            };
            *place = Some(Learner::new(head, memory).map_err(|error| head_fault(error, too_small))?);
        }
        let trunk = make(pack, arena).ok_or(DeviceError::Pack(PackFault::NotBuilt))?;
        let specs = pack.heads();
        Ok(Self { trunk, specs, heads, support, facts, at: 0, input: Input::Receiving(0), classified: false })
    }

    /// What the pack holds.
    pub fn facts(&self) -> PackFacts {
        self.facts
    }

    /// What the pack says about its heads.
    pub(crate) fn specs(&self) -> impl Iterator<Item = HeadSpec> + use<'m, T> {
        self.specs.clone().map(|head| head.spec)
    }

    /// Lets the requests that follow concern another head.
    pub fn select(&mut self, head: u16) -> Result<HeadFacts, DeviceError> {
        let heads = self.facts.heads;
        let outside = DeviceError::HeadOutOfRange { head, heads };
        let spec = self.specs().nth(head.into()).ok_or(outside)?;
        self.at = head.into();
        self.classified = false;
        Ok(HeadFacts {
            name: spec.name,
            task: if spec.task == HeadTask::Numbers { Task::Numbers } else { Task::Classes },
            hidden: spec.hidden,
            capacity: spec.capacity,
            steps: spec.steps,
            way: self.learner()?.way() as u16,
        })
    }

    /// Takes the selected head's labels off all samples and sets it to its start.
    pub fn begin(&mut self, way: u16) -> Result<(), DeviceError> {
        self.change(|learner, _| learner.begin(way.into()))?;
        self.has_begun();
        Ok(())
    }

    /// Like [`begin`](Self::begin), from chosen rows of the learned start.
    pub fn begin_rows(&mut self, rows: &Rows) -> Result<(), DeviceError> {
        self.change(|learner, _| learner.begin_each(rows.iter()))?;
        self.has_begun();
        Ok(())
    }

    /// Samples that no other head can have labels for are gone.
    pub(crate) fn has_begun(&mut self) {
        self.classified = false;
        if self.facts.heads == 1 {
            self.support.clear();
        }
    }

    /// Takes a chunk of an input; the feature vector of the one before is gone.
    pub fn input(&mut self, offset: u32, values: &Values) -> Result<(), DeviceError> {
        let received = match self.input {
            Input::Receiving(received) if offset > 0 => received,
            _ => 0,
        };
        let (input, length) = (self.facts.input, values.count() as u32);
        let end = offset.checked_add(length).filter(|end| *end <= input);
        let place = self.trunk.input_mut().get_mut(offset as usize..);
        let (Some(end), Some(place), true) = (end, place, offset == received) else {
            return Err(DeviceError::InputMisplaced { offset, length, received, input });
        };
        values.write(place);
        self.input = Input::Receiving(end);
        self.classified = false;
        Ok(())
    }

    /// Takes a chunk of a feature vector; with the last one it is as if the trunk had given it.
    pub fn take_feature(&mut self, offset: u32, values: &Values) -> Result<(), DeviceError> {
        let received = match self.input {
            Input::ReceivingFeature(received) if offset > 0 => received,
            _ => 0,
        };
        let (features, length) = (self.facts.features, values.count() as u32);
        let end = offset.checked_add(length).filter(|end| *end <= features);
        let place = self.trunk.feature_mut().get_mut(offset as usize..);
        let (Some(end), Some(place), true) = (end, place, offset == received) else {
            return Err(DeviceError::FeatureMisplaced { offset, length, received, features });
        };
        values.write(place);
        self.input = if end == features { Input::Run } else { Input::ReceivingFeature(end) };
        self.classified = false;
        Ok(())
    }

    /// Runs the trunk on the input just sent.
    pub fn features(&mut self) -> Result<(), DeviceError> {
        let received = match self.input {
            Input::Receiving(received) => received,
            // The arena no longer holds the input.
            Input::ReceivingFeature(_) | Input::Run => 0,
        };
        let input = self.facts.input;
        if received != input {
            return Err(DeviceError::InputIncomplete { received, input });
        }
        // Whatever becomes of the run, the arena no longer holds the input.
        self.input = Input::Receiving(0);
        self.trunk.run().map_err(|_| DeviceError::Refused)?;
        self.input = Input::Run;
        Ok(())
    }

    /// The feature vector of the last input.
    pub fn feature(&self) -> Result<&[f32], DeviceError> {
        match self.input {
            Input::Run => Ok(self.trunk.feature()),
            Input::Receiving(_) | Input::ReceivingFeature(_) => Err(DeviceError::NoFeature),
        }
    }

    /// Caches the feature vector as a support sample; its number.
    pub fn push_sample(&mut self, label: &Label, held_back: bool) -> Result<u16, DeviceError> {
        self.feature()?;
        let sample = self.support.samples();
        let max_support = self.facts.max_support;
        if sample >= max_support.into() {
            return Err(DeviceError::SupportFull { max_support });
        }
        self.set_label(sample, label, held_back)?;
        if let Err(error) = self.support.push(self.trunk.feature()) {
            self.set_label(sample, &Label::None, false)?;
            return Err(cache_refusal(error));
        }
        Ok(sample as u16)
    }

    /// Says what a cached sample is to the selected head.
    pub fn label(&mut self, sample: u16, label: &Label, held_back: bool) -> Result<(), DeviceError> {
        let samples = self.support.samples() as u16;
        if sample >= samples {
            return Err(DeviceError::SampleOutOfRange { sample, samples });
        }
        self.set_label(sample.into(), label, held_back)
    }

    fn set_label(&mut self, sample: usize, label: &Label, held_back: bool) -> Result<(), DeviceError> {
        let purpose = if held_back { Use::HeldBack } else { Use::Support };
        let (learner, _) = self.selected()?;
        let labelled = match label {
            Label::None => learner.label(sample, supple_runtime::Label::None, purpose),
            Label::Class(class) => {
                learner.label(sample, supple_runtime::Label::Class((*class).into()), purpose)
            }
            Label::Numbers(numbers) => learner.label_each(sample, numbers.iter(), purpose),
        };
        labelled.map_err(adapt_refusal)
    }

    /// Clears the support cache, and the labels of all heads.
    pub fn clear_support(&mut self) {
        self.support.clear();
        self.heads.iter_mut().flatten().for_each(Learner::clear_labels);
    }

    /// Sets the selected head to its start.
    pub fn reset(&mut self) -> Result<(), DeviceError> {
        self.change(|learner, _| learner.reset())
    }

    /// One class more; its number.
    pub fn enrol(&mut self) -> Result<u16, DeviceError> {
        self.change(|learner, _| learner.enrol()).map(|class| class as u16)
    }

    /// One class less.
    pub fn forget(&mut self, class: u16) -> Result<(), DeviceError> {
        self.change(|learner, _| learner.forget(class.into()))
    }

    /// One gradient step.
    pub fn step(&mut self) -> Result<(), DeviceError> {
        self.change(|learner, support| learner.step(support))
    }

    /// Several steps, undone when they make the loss worse.
    pub fn adapt(&mut self, steps: u16) -> Result<Adaptation, DeviceError> {
        let outcome = self.change(|learner, support| learner.adapt(support, steps.into()))?;
        Ok(match outcome {
            supple_runtime::Adaptation::Adapted { before, after } => Adaptation::Adapted { before, after },
            supple_runtime::Adaptation::Refused { before, after } => Adaptation::Refused { before, after },
        })
    }

    /// Runs the selected head on the feature vector.
    pub fn outputs(&mut self) -> Result<(), DeviceError> {
        self.feature()?;
        let learner = self.heads.get_mut(self.at).and_then(Option::as_mut);
        learner.ok_or(DeviceError::Refused)?.outputs(self.trunk.feature()).map_err(adapt_refusal)?;
        self.classified = true;
        Ok(())
    }

    /// What the last [`outputs`](Self::outputs) gave.
    pub fn last_outputs(&self) -> Result<&[f32], DeviceError> {
        let nothing = DeviceError::ReadOutOfRange { offset: 0, total: 0 };
        if self.classified { Ok(self.learner()?.last_outputs()) } else { Err(nothing) }
    }

    /// The selected head's layers.
    pub fn head(&self) -> Result<[&[f32]; 4], DeviceError> {
        let learner = self.learner()?;
        if learner.way() == 0 { Err(DeviceError::NotBegun) } else { Ok(learner.parameters()) }
    }

    fn learner(&self) -> Result<&Learner<'m, 'm>, DeviceError> {
        self.heads.get(self.at).and_then(Option::as_ref).ok_or(DeviceError::Refused)
    }

    /// The selected head and the support samples.
    fn selected(&mut self) -> Result<(&mut Learner<'m, 'm>, &mut SupportCache<'m>), DeviceError> {
        let learner = self.heads.get_mut(self.at).and_then(Option::as_mut);
        Ok((learner.ok_or(DeviceError::Refused)?, &mut self.support))
    }

    /// Changes the selected head: its last outputs are not what it gives any more.
    fn change<R>(
        &mut self,
        change: impl FnOnce(&mut Learner<'m, 'm>, &mut SupportCache<'m>) -> Result<R, AdaptError>,
    ) -> Result<R, DeviceError> {
        let (learner, support) = self.selected()?;
        let result = change(learner, support).map_err(adapt_refusal)?;
        self.classified = false;
        Ok(result)
    }
}

/// Takes elements off the front.
fn take<'m, T>(from: &mut &'m mut [T], count: usize) -> Option<&'m mut [T]> {
    let (taken, rest) = core::mem::take(from).split_at_mut_checked(count)?;
    *from = rest;
    Some(taken)
}
