//! What concerns heads and samples.

use super::{Client, LinkError, done};
use crate::host::input::chunks;
use crate::host::label::Label;
use crate::host::transport::Transport;
use crate::message::{Adaptation, Answer, HeadFacts, Register, Request, Rows};

/// The most values of a register.
const MOST_VALUES: u32 = 1 << 24;

/// What became of an adaptation.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Adapted {
    /// Timer ticks that it took.
    pub ticks: u32,
    /// Adapted or refused, with the losses.
    pub outcome: Adaptation,
}

impl<T: Transport> Client<T> {
    /// Lets what follows concern this head of the pack, counted from 0; what it is. At first it is the first one.
    pub fn select(&mut self, head: u16) -> Result<HeadFacts, LinkError> {
        self.ask("select", &Request::Select { head }, |answer| match answer {
            Answer::Head(facts) => Some(facts),
            _ => None,
        })
    }

    /// Takes the head's labels off all samples and sets it to its start, for `way` classes. Where the pack has no
    /// other head, the support cache is cleared too.
    pub fn begin(&mut self, way: u16) -> Result<(), LinkError> {
        self.ask("begin", &Request::Begin { way }, done)
    }

    /// Like [`begin`](Self::begin), from chosen rows of the learned start; at most
    /// [`ROWS_MAX`](crate::message::ROWS_MAX) fit in a request.
    pub fn begin_rows(&mut self, rows: &[u16]) -> Result<(), LinkError> {
        let bytes: Vec<u8> = rows.iter().flat_map(|row| row.to_le_bytes()).collect();
        self.ask("begin rows", &Request::BeginRows { rows: Rows(&bytes) }, done)
    }

    /// Sends a raw input; grey levels (every value exactly `k / 255`) take the fewest bytes.
    pub fn input(&mut self, values: &[f32]) -> Result<(), LinkError> {
        for chunk in chunks(values) {
            let request = Request::Input { offset: chunk.offset, values: chunk.values() };
            self.ask("input", &request, done)?;
        }
        Ok(())
    }

    /// Sends a feature vector that something else computed; with its last value it is the feature vector, as if the trunk
    /// had given it.
    pub fn feature(&mut self, values: &[f32]) -> Result<(), LinkError> {
        for chunk in chunks(values) {
            let request = Request::Feature { offset: chunk.offset, values: chunk.values() };
            self.ask("feature", &request, done)?;
        }
        Ok(())
    }

    /// Runs the trunk on the input just sent; the ticks that it took.
    pub fn features(&mut self) -> Result<u32, LinkError> {
        self.ask("features", &Request::Features, ticks)
    }

    /// Puts the feature vector into the support cache.
    pub fn push_support(&mut self, label: u16) -> Result<(), LinkError> {
        self.ask("push support", &Request::PushSupport { label }, done)
    }

    /// Puts the feature vector into the support cache; the sample's number. A sample held back only judges adaptations.
    pub fn push_sample(&mut self, label: Label, held_back: bool) -> Result<u16, LinkError> {
        let words = label.words();
        let label = label.with(&words);
        self.ask("push sample", &Request::PushSample { label, held_back }, |answer| match answer {
            Answer::Sample { sample } => Some(sample),
            _ => None,
        })
    }

    /// Says what a cached sample is to the head.
    pub fn label(&mut self, sample: u16, label: Label, held_back: bool) -> Result<(), LinkError> {
        let words = label.words();
        let label = label.with(&words);
        self.ask("label", &Request::Label { sample, label, held_back }, done)
    }

    /// One class more; its number.
    pub fn enrol(&mut self) -> Result<u16, LinkError> {
        self.ask("enrol", &Request::Enrol, |answer| match answer {
            Answer::Class { class } => Some(class),
            _ => None,
        })
    }

    /// One class less; later classes move down by one, its samples lose their label.
    pub fn forget(&mut self, class: u16) -> Result<(), LinkError> {
        self.ask("forget", &Request::Forget { class }, done)
    }

    /// Clears the support cache, and the labels of all heads.
    pub fn clear_support(&mut self) -> Result<(), LinkError> {
        self.ask("clear support", &Request::ClearSupport, done)
    }

    /// Sets the head to the start that it began with; the support cache and its labels stay.
    pub fn reset(&mut self) -> Result<(), LinkError> {
        self.ask("reset", &Request::Reset, done)
    }

    /// One gradient step; the ticks that it took.
    pub fn step(&mut self) -> Result<u32, LinkError> {
        self.ask("step", &Request::Step, ticks)
    }

    /// Several steps, undone when they make the support loss worse.
    pub fn adapt(&mut self, steps: u16) -> Result<Adapted, LinkError> {
        self.ask("adapt", &Request::Adapt { steps }, |answer| match answer {
            Answer::Adapted { ticks, outcome } => Some(Adapted { ticks, outcome }),
            _ => None,
        })
    }

    /// Runs the head on the feature vector: logits `[way]`, or numbers.
    pub fn logits(&mut self) -> Result<Vec<f32>, LinkError> {
        let (total, first) = self.ask("logits", &Request::Logits, chunk)?;
        self.read_rest(Register::Logits, total, first)
    }

    /// The feature vector of the last input.
    pub fn read_features(&mut self) -> Result<Vec<f32>, LinkError> {
        self.read(Register::Feature)
    }

    /// The head's layers, the hidden one first if there is one: weights `[outputs][inputs]`, then biases `[outputs]`;
    /// the last layer has `way` outputs.
    pub fn read_head(&mut self) -> Result<Vec<f32>, LinkError> {
        self.read(Register::Head)
    }

    /// The most bytes of stack that the device ever used since its start.
    pub fn stack_high_water(&mut self) -> Result<u32, LinkError> {
        self.ask("stack high water", &Request::StackHighWater, |answer| match answer {
            Answer::StackHighWater { bytes } => Some(bytes),
            _ => None,
        })
    }

    fn read(&mut self, register: Register) -> Result<Vec<f32>, LinkError> {
        let (total, first) = self.ask("read", &Request::Read { register, offset: 0 }, chunk)?;
        self.read_rest(register, total, first)
    }

    fn read_rest(
        &mut self,
        register: Register,
        total: u32,
        mut values: Vec<f32>,
    ) -> Result<Vec<f32>, LinkError> {
        // No board has so much memory: what it tells must not fill the host's.
        if total > MOST_VALUES {
            return Err(LinkError::Mismatch { request: "read" });
        }
        while values.len() < total as usize {
            let offset = values.len() as u32;
            let (_, more) = self.ask("read", &Request::Read { register, offset }, chunk)?;
            // A chunk of nothing would never end the loop.
            if more.is_empty() {
                return Err(LinkError::Mismatch { request: "read" });
            }
            values.extend(more);
        }
        Ok(values)
    }
}

fn ticks(answer: Answer) -> Option<u32> {
    match answer {
        Answer::Took { ticks } => Some(ticks),
        _ => None,
    }
}

fn chunk(answer: Answer) -> Option<(u32, Vec<f32>)> {
    match answer {
        Answer::Values { total, words } => {
            let (words, _) = words.as_chunks::<4>();
            Some((total, words.iter().map(|&word| f32::from_le_bytes(word)).collect()))
        }
        _ => None,
    }
}
