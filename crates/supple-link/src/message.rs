//! Requests and answers.
//!
//! The order of variants and fields is the format: variants are appended, and a change of fields raises
//! [`PROTOCOL`].

use heapless::String;
use serde::{Deserialize, Serialize};

pub use crate::error::{DeviceError, PackFault};
use crate::frame::VALUES_MAX;
use crate::values::{Label, Values};

/// The version of these messages, told by [`Info`]. `Info` itself never changes before its first field.
pub const PROTOCOL: u16 = 5;

/// The most rows that [`Request::BeginRows`] carries.
pub const ROWS_MAX: usize = VALUES_MAX / 2;

/// What a host asks of a device. What concerns a head concerns the one selected: the first, until another is.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub enum Request<'a> {
    /// Who are you, what do you hold, how much room have you?
    Info,
    /// Take the head's labels off all samples and set it to its start, for `way` classes. Where the pack has no other
    /// head, the support cache is cleared too.
    Begin {
        /// The number of classes, or all numbers that the head predicts.
        way: u16,
    },
    /// A chunk of a raw input, in order; a chunk at offset 0 begins a new input.
    Input {
        /// The first element of the chunk.
        offset: u32,
        /// The chunk.
        #[serde(borrow)]
        values: Values<'a>,
    },
    /// Run the trunk on the input just sent; the feature vector stays on the device.
    Features,
    /// Put the feature vector into the support cache, as a sample of a class to learn from.
    PushSupport {
        /// Its class.
        label: u16,
    },
    /// Set the head to the start that it began with; the support cache and its labels stay.
    Reset,
    /// One gradient step of the head on the support cache.
    Step,
    /// Several steps, undone when they make worse the loss of the samples held back, or of the support samples where
    /// none are.
    Adapt {
        /// The number of steps.
        steps: u16,
    },
    /// Run the head on the feature vector; answers the first logits, or numbers, [`Request::Read`] the others.
    Logits,
    /// A chunk of a register, from an offset counted in values.
    Read {
        /// What to read.
        register: Register,
        /// The first value of the chunk.
        offset: u32,
    },
    /// How deep has the stack been?
    StackHighWater,
    /// Like [`Request::Begin`], from chosen rows of the learned start: class `c` starts from row `rows[c]`.
    BeginRows {
        /// The rows, as the pack numbers them.
        #[serde(borrow)]
        rows: Rows<'a>,
    },
    /// Let the requests that follow concern this head; answers what it is.
    Select {
        /// Counted from 0, in the pack's order.
        head: u16,
    },
    /// Put the feature vector into the support cache; answers the sample's number.
    PushSample {
        /// What the sample is to the head.
        #[serde(borrow)]
        label: Label<'a>,
        /// Whether it only judges adaptations.
        held_back: bool,
    },
    /// Say what a cached sample is to the head.
    Label {
        /// Its number.
        sample: u16,
        /// What it is to the head.
        #[serde(borrow)]
        label: Label<'a>,
        /// Whether it only judges adaptations.
        held_back: bool,
    },
    /// One class more; answers its number.
    Enrol,
    /// One class less; later classes move down by one, its samples lose their label.
    Forget {
        /// The class.
        class: u16,
    },
    /// Clear the support cache, and the labels of all heads.
    ClearSupport,
    /// A chunk of a feature vector that something else computed, in order; a chunk at offset 0 begins a new one. With its
    /// last element it is the feature vector, as if the trunk had given it.
    Feature {
        /// The first element of the chunk.
        offset: u32,
        /// The chunk.
        #[serde(borrow)]
        values: Values<'a>,
    },
    /// Keep all heads as they are, through any loss of power; answers the version.
    Save {
        /// Whether to keep the support samples with their labels too.
        support: bool,
    },
    /// One of the versions kept. So all are listed from the newest on, each at the cost of one walk through the flash.
    Version {
        /// The newest of those with a smaller number than this; the newest of all where it is left out.
        before: Option<u32>,
    },
    /// Set heads to what was kept. With a head left out, all heads, and the support samples where they were kept.
    Restore {
        /// Its number; the newest where it is left out.
        version: Option<u32>,
        /// The only head to set, counted from 0.
        head: Option<u16>,
    },
    /// What has happened since the start.
    Counters,
    /// Which pack runs, and where another can be put.
    Packs,
    /// Get ready for a pack in the area that does not run.
    PackBegin {
        /// Bytes of the pack and its signature.
        length: u32,
        /// Where to go on: 0, or a multiple of [`PackState::unit`] up to which the area holds this pack already.
        from: u32,
    },
    /// A chunk of the pack, in order.
    PackChunk {
        /// Its first byte.
        offset: u32,
        /// At most [`VALUES_MAX`] bytes.
        bytes: &'a [u8],
    },
    /// The checksum of the first bytes of the area that does not run.
    PackDigest {
        /// How many.
        length: u32,
    },
    /// Check the pack and its signature, and run it on trial at the next start.
    PackFinish,
    /// Keep the pack that runs on trial.
    Confirm,
    /// Start anew, after the answer is sent.
    Restart,
}

impl Request<'_> {
    /// Whether it changes nothing, and its answer does not depend on what came before on the line.
    pub fn only_asks(&self) -> bool {
        matches!(
            self,
            Self::Info
                | Self::Version { .. }
                | Self::Counters
                | Self::Packs
                | Self::PackDigest { .. }
                | Self::StackHighWater
        )
    }
}

/// Rows of a learned start: little-endian `u16`, at most [`ROWS_MAX`] of them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Rows<'a>(pub &'a [u8]);

impl Rows<'_> {
    /// The rows; half a row at the end is left out.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = u16> + Clone {
        self.0.as_chunks::<2>().0.iter().map(|&row| u16::from_le_bytes(row))
    }
}

/// Values that a device keeps between requests.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Register {
    /// The feature vector of the last input.
    Feature,
    /// The logits of the last [`Request::Logits`].
    Logits,
    /// The head's layers, the hidden one first if there is one: weights `[outputs][inputs]`, then biases `[outputs]`;
    /// the last layer has `way` outputs.
    Head,
}

/// What a device answers.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub enum Answer<'a> {
    /// It could not be done, and nothing has changed.
    Failed(DeviceError),
    /// To [`Request::Info`].
    Info(Info),
    /// Done, nothing to tell.
    Done,
    /// Done, in so many timer ticks.
    Took {
        /// Ticks of [`Clock`], its overhead taken off.
        ticks: u32,
    },
    /// To [`Request::Adapt`].
    Adapted {
        /// Ticks of [`Clock`], its overhead taken off.
        ticks: u32,
        /// What became of the head.
        outcome: Adaptation,
    },
    /// To [`Request::Logits`] and [`Request::Read`].
    Values {
        /// How many values the register holds.
        total: u32,
        /// The chunk in little-endian `f32`.
        words: &'a [u8],
    },
    /// To [`Request::StackHighWater`].
    StackHighWater {
        /// The most bytes of stack ever used since the start.
        bytes: u32,
    },
    /// To [`Request::Select`].
    Head(HeadFacts),
    /// To [`Request::PushSample`].
    Sample {
        /// The sample's number, counted from 0.
        sample: u16,
    },
    /// To [`Request::Enrol`].
    Class {
        /// The class's number.
        class: u16,
    },
    /// To [`Request::Save`].
    Saved(VersionFacts),
    /// To [`Request::Version`]; `None` where there is none, or none before that.
    Version(Option<VersionFacts>),
    /// To [`Request::Counters`].
    Counters(Counters),
    /// To [`Request::Packs`].
    Packs(PackState),
    /// To [`Request::PackDigest`].
    Digest {
        /// CRC-32C.
        checksum: u32,
    },
}

/// A version of the heads that is kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct VersionFacts {
    /// Its number; later ones are larger.
    pub version: u32,
    /// Whether its heads are for the trunk that runs.
    pub own_trunk: bool,
    /// Heads that it holds.
    pub heads: u16,
    /// Support samples that it holds; 0 where they were not kept.
    pub samples: u16,
    /// Bytes that it takes.
    pub bytes: u32,
}

/// What has happened since the start.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize)]
pub struct Counters {
    /// Requests carried out, refused ones among them.
    pub requests: u32,
    /// Requests refused.
    pub refusals: u32,
    /// Samples put into the support cache.
    pub samples: u32,
    /// Gradient steps.
    pub steps: u32,
    /// Adaptations that made a head better.
    pub adaptations: u32,
    /// Adaptations that were undone.
    pub adaptations_refused: u32,
    /// Versions saved.
    pub saves: u32,
    /// The most bytes of RAM ever used, stack included.
    pub ram_high_water: u32,
    /// The last adaptation's losses before and after.
    pub losses: Option<(f32, f32)>,
}

/// One of two places for a pack.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum PackArea {
    /// Where a programmer puts the first pack.
    A,
    /// The other one.
    B,
}

/// What became of the last pack that was run on trial.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum TrialOutcome {
    /// None ever was.
    None,
    /// It was confirmed.
    Confirmed,
    /// It was not confirmed before the next start: the one before runs again.
    RolledBack,
}

/// Which pack runs, and where another can be put.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct PackState {
    /// Where the pack that runs lies.
    pub running: PackArea,
    /// Whether it runs on trial: the next start goes back to the one before unless it is confirmed.
    pub trial: bool,
    /// Whether the other area holds a pack to be tried at the next start.
    pub waiting: bool,
    /// What became of the last trial.
    pub last: TrialOutcome,
    /// Bytes of an area.
    pub room: u32,
    /// Bytes that are erased at a time: a transfer goes on at a multiple of these.
    pub unit: u32,
    /// Keys that the device knows.
    pub keys: u16,
}

/// What became of the head in an adaptation. Losses are means over the samples held back, or over the support samples
/// where none are: cross-entropy, or squared error.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub enum Adaptation {
    /// The head was adapted.
    Adapted {
        /// Loss before.
        before: f32,
        /// Loss after.
        after: f32,
    },
    /// The loss got worse, or a number of the head was none: the head is as it was.
    Refused {
        /// Loss before.
        before: f32,
        /// Loss after.
        after: f32,
    },
}

/// A device, its memory, and the pack that it runs.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Info {
    /// [`PROTOCOL`] of the firmware.
    pub protocol: u16,
    /// The board, as its folder is named.
    pub board: String<32>,
    /// What a timer tick means.
    pub clock: Clock,
    /// Memory that firmware and pack share.
    pub memory: Memory,
    /// What the pack holds, or why it cannot run.
    pub pack: Result<PackFacts, DeviceError>,
}

/// What a timer tick means.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Clock {
    /// Ticks a second.
    pub hertz: u32,
    /// `instructions.0` instructions take `instructions.1` ticks, where that is exact: on an emulated board
    /// that counts instructions. `(0, 0)` where it is not known.
    pub instructions: (u16, u16),
}

impl Clock {
    /// The number of instructions in so many ticks, if that is known.
    pub fn instructions(&self, ticks: u32) -> Option<u64> {
        let (instructions, per_ticks) = self.instructions;
        (u64::from(ticks) * u64::from(instructions)).checked_div(u64::from(per_ticks))
    }
}

/// A device's memory, in bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Memory {
    /// Given to the pack: activations, head, support cache, labels.
    pub given: u32,
    /// All that is set aside before the program starts, [`Memory::given`] included, the stack not.
    pub fixed: u32,
    /// Room for the stack.
    pub stack: u32,
    /// The most bytes of stack ever used since the start.
    pub stack_high_water: u32,
}

/// What a sound pack holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct PackFacts {
    /// Names the trunk.
    pub trunk: [u8; 16],
    /// The pack's length in bytes.
    pub length: u32,
    /// The pack's checksum.
    pub checksum: u32,
    /// Elements of an input.
    pub input: u32,
    /// Elements of a feature vector.
    pub features: u32,
    /// Heads that it holds.
    pub heads: u16,
    /// The largest number of classes of the first head, or the numbers it predicts.
    pub capacity: u16,
    /// The largest number of support samples.
    pub max_support: u16,
    /// Gradient steps that the first head was trained for.
    pub steps: u16,
    /// Bytes needed of [`Memory::given`].
    pub memory: u32,
}

/// What a head is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct HeadFacts {
    /// Its name in the pack.
    pub name: String<32>,
    /// What it predicts.
    pub task: Task,
    /// Units of its hidden layer; 0 where it has none.
    pub hidden: u16,
    /// The largest number of classes, or the numbers predicted.
    pub capacity: u16,
    /// Gradient steps that it was trained for.
    pub steps: u16,
    /// Classes, or numbers, that it has begun with; 0 before.
    pub way: u16,
}

/// What a head predicts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Task {
    /// One of several classes.
    Classes,
    /// Numbers.
    Numbers,
}
