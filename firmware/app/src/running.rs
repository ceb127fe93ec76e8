//! A sound pack at work: the trunk's arena, the head and its support samples.

use supple_link::message::{Adaptation, PackFacts, Rows};
use supple_link::{DeviceError, Values};
use supple_pack::Pack;
use supple_runtime::{HeadMemory, Learner, MemoryNeed, PlanTrunk};

use crate::device::Memory;
use crate::refusal::{adapt_refusal, pack_fault};

/// How far the input has come, or whether it has been run.
#[derive(Clone, Copy)]
enum Input {
    /// So many elements are received.
    Receiving(u32),
    /// The feature vector is that of the last input.
    Run,
}

/// A pack at work.
pub struct Running<'m> {
    trunk: PlanTrunk<'m, 'm>,
    learner: Learner<'m, 'm>,
    facts: PackFacts,
    input: Input,
    /// Whether the learner's logits are those of the feature vector.
    classified: bool,
}

impl<'m> Running<'m> {
    /// Reads a pack and shares the memory out.
    pub fn new(region: &'m [u8], memory: Memory<'m>) -> Result<Self, DeviceError> {
        let pack = Pack::parse_region(region).map_err(|error| DeviceError::Pack(pack_fault(&error)))?;
        let no_head = DeviceError::Pack(supple_link::PackFault::NoHead);
        let head = pack.heads().next().ok_or(no_head)?;
        let need = MemoryNeed::of(&pack, Some(&head));
        let too_small =
            DeviceError::MemoryTooSmall { needed: need.adapt_bytes() as u32, given: memory.bytes() };
        let facts = PackFacts {
            trunk: pack.trunk().hash.0,
            length: pack.header().length,
            checksum: pack.header().checksum,
            input: pack.trunk().input.elements() as u32,
            features: pack.trunk().output.elements() as u32,
            capacity: head.spec.capacity,
            max_support: head.spec.max_support,
            steps: head.spec.steps,
            memory: need.adapt_bytes() as u32,
        };
        let (arena, floats) = memory.floats.split_at_mut_checked(need.arena).ok_or(too_small)?;
        let trunk = PlanTrunk::new(&pack, arena).map_err(|_| too_small)?;
        let memory = HeadMemory { floats, labels: memory.labels };
        let learner = Learner::new(head, memory).map_err(|_| too_small)?;
        Ok(Self { trunk, learner, facts, input: Input::Receiving(0), classified: false })
    }

    /// What the pack holds.
    pub fn facts(&self) -> PackFacts {
        self.facts
    }

    /// Forgets the support samples and sets the head to the learned start.
    pub fn begin(&mut self, way: u16) -> Result<(), DeviceError> {
        self.learner.begin(way.into()).map_err(adapt_refusal)?;
        self.classified = false;
        Ok(())
    }

    /// Forgets the support samples and sets the head to chosen rows of the learned start.
    pub fn begin_rows(&mut self, rows: &Rows) -> Result<(), DeviceError> {
        self.learner.begin_each(rows.iter()).map_err(adapt_refusal)?;
        self.classified = false;
        Ok(())
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

    /// Runs the trunk on the input just sent.
    pub fn features(&mut self) -> Result<(), DeviceError> {
        let received = match self.input {
            Input::Receiving(received) => received,
            // The arena no longer holds the input.
            Input::Run => 0,
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
            Input::Receiving(_) => Err(DeviceError::NoFeature),
        }
    }

    /// Caches the feature vector as a support sample.
    pub fn push_support(&mut self, label: u16) -> Result<(), DeviceError> {
        let Self { trunk, learner, input: Input::Run, .. } = self else {
            return Err(DeviceError::NoFeature);
        };
        learner.push_support(trunk.feature(), label.into()).map_err(adapt_refusal)
    }

    /// Sets the head to the learned start.
    pub fn reset(&mut self) -> Result<(), DeviceError> {
        self.learner.reset().map_err(adapt_refusal)?;
        self.classified = false;
        Ok(())
    }

    /// One gradient step.
    pub fn step(&mut self) -> Result<(), DeviceError> {
        self.learner.step().map_err(adapt_refusal)?;
        self.classified = false;
        Ok(())
    }

    /// Several steps, undone when they make the support loss worse.
    pub fn adapt(&mut self, steps: u16) -> Result<Adaptation, DeviceError> {
        let outcome = self.learner.adapt(steps.into()).map_err(adapt_refusal)?;
        // The support loss was computed in the logits' place.
        self.classified = false;
        Ok(match outcome {
            supple_runtime::Adaptation::Adapted { before, after } => Adaptation::Adapted { before, after },
            supple_runtime::Adaptation::Refused { before, after } => Adaptation::Refused { before, after },
        })
    }

    /// Runs the head on the feature vector.
    pub fn logits(&mut self) -> Result<(), DeviceError> {
        let Self { trunk, learner, input: Input::Run, .. } = self else {
            return Err(DeviceError::NoFeature);
        };
        learner.classify(trunk.feature()).map_err(adapt_refusal)?;
        self.classified = true;
        Ok(())
    }

    /// The logits of the last [`logits`](Self::logits).
    pub fn last_logits(&self) -> Result<&[f32], DeviceError> {
        let logits = self.learner.logits();
        let nothing = DeviceError::ReadOutOfRange { offset: 0, total: 0 };
        if self.classified { Ok(logits) } else { Err(nothing) }
    }

    /// Weights `[way][features]` and biases `[way]`.
    pub fn head(&self) -> Result<(&[f32], &[f32]), DeviceError> {
        if self.learner.way() == 0 {
            return Err(DeviceError::NotBegun);
        }
        Ok((self.learner.weights(), self.learner.bias()))
    }
}
