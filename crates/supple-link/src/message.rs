//! Requests, answers and the device's errors.
//!
//! The order of variants and fields is the format: variants are appended, and a change of fields raises
//! [`PROTOCOL`].

use heapless::String;
use serde::{Deserialize, Serialize};

use crate::frame::{FrameError, VALUES_MAX};
use crate::values::Values;

/// The version of these messages, told by [`Info`]. `Info` itself never changes before its first field.
pub const PROTOCOL: u16 = 2;

/// The most rows that [`Request::BeginRows`] carries.
pub const ROWS_MAX: usize = VALUES_MAX / 2;

/// What a host asks of a device.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub enum Request<'a> {
    /// Who are you, what do you hold, how much room have you?
    Info,
    /// Forget the cached support samples and set the head to the learned start, for `way` classes.
    Begin {
        /// The number of classes.
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
    /// Put the feature vector into the support cache.
    PushSupport {
        /// Its class.
        label: u16,
    },
    /// Set the head to the learned start; the support cache stays.
    Reset,
    /// One gradient step of the head on the support cache.
    Step,
    /// Several steps, undone when they make the support loss worse.
    Adapt {
        /// The number of steps.
        steps: u16,
    },
    /// Run the head on the feature vector; answers the first logits, [`Request::Read`] the others.
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
    /// The head: weights `[way][features]`, then biases `[way]`.
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
}

/// What became of the head in an adaptation.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub enum Adaptation {
    /// The head was adapted.
    Adapted {
        /// Support loss before.
        before: f32,
        /// Support loss after.
        after: f32,
    },
    /// The support loss got worse, or was no number: the head is as it was.
    Refused {
        /// Support loss before.
        before: f32,
        /// Support loss after.
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
    /// The largest number of classes.
    pub capacity: u16,
    /// The largest number of support samples.
    pub max_support: u16,
    /// Gradient steps that the head was trained for.
    pub steps: u16,
    /// Bytes needed of [`Memory::given`].
    pub memory: u32,
}

/// Why a device could not do what it was asked. Nothing has changed then.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
pub enum DeviceError {
    /// What came was no message.
    #[error("the device did not understand: {0}")]
    Frame(FrameError),
    /// The pack cannot be run.
    #[error("the device cannot run its pack: {0}")]
    Pack(PackFault),
    /// The pack needs more memory than the firmware gives.
    #[error(
        "the pack needs {needed} bytes of memory, the firmware gives {given}; give the board's pool more, or train a smaller trunk"
    )]
    MemoryTooSmall {
        /// Bytes.
        needed: u32,
        /// Bytes.
        given: u32,
    },
    /// The chunk is not where the input goes on, or reaches beyond its end.
    #[error(
        "a chunk of {length} values at {offset} does not fit in an input of {input} of which {received} are received; send chunks in order from 0"
    )]
    InputMisplaced {
        /// First element of the chunk.
        offset: u32,
        /// Elements in the chunk.
        length: u32,
        /// Elements received so far.
        received: u32,
        /// Elements of a whole input.
        input: u32,
    },
    /// The trunk cannot run before the input is whole.
    #[error("only {received} of the input's {input} values are received; send the rest first")]
    InputIncomplete {
        /// Elements received so far.
        received: u32,
        /// Elements of a whole input.
        input: u32,
    },
    /// No input has been run yet.
    #[error("there is no feature vector yet; send an input and ask for features first")]
    NoFeature,
    /// No `Begin` yet.
    #[error("no adaptation has begun; send begin with the number of classes first")]
    NotBegun,
    /// Not a number of classes the pack allows.
    #[error(
        "{way} classes are not between 1 and the pack's capacity of {capacity}; pack a head of larger capacity"
    )]
    WayOutOfRange {
        /// Classes asked for.
        way: u16,
        /// Classes the pack allows.
        capacity: u16,
    },
    /// The class is not one of those begun with.
    #[error("class {label} is not below the {way} classes begun with; begin with more, or correct the label")]
    LabelOutOfRange {
        /// The class.
        label: u16,
        /// Classes begun with.
        way: u16,
    },
    /// The cache holds as many samples as the pack allows.
    #[error(
        "the support cache is full with {max_support} samples; adapt with fewer, or pack with a larger `max_support`"
    )]
    SupportFull {
        /// Samples the pack allows.
        max_support: u16,
    },
    /// There is nothing to adapt to.
    #[error("there are no support samples; push at least one first")]
    NoSupport,
    /// There is nothing to read at the offset.
    #[error("there is no value {offset} in a register of {total}")]
    ReadOutOfRange {
        /// The first value asked for.
        offset: u32,
        /// Values in the register.
        total: u32,
    },
    /// The runtime refused for a reason that this protocol has no word for.
    #[error("the runtime refused the request; update the host's tools to the firmware's version")]
    Refused,
    /// Not a row of the learned start.
    #[error(
        "row {row} is not below the pack's capacity of {capacity}; choose among the rows that the pack holds"
    )]
    RowOutOfRange {
        /// As asked for.
        row: u16,
        /// As the pack allows.
        capacity: u16,
    },
}

/// What is wrong with a pack, in a device's few words; `supple inspect` says more.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
pub enum PackFault {
    /// There is no pack.
    #[error("there is none in its flash region; write one there")]
    Missing,
    /// Of another version of the format.
    #[error("its format is of another version; pack it again with the tools of the firmware's version")]
    Version,
    /// Longer than its flash region, or cut short.
    #[error("its length does not fit its flash region; write it again, whole")]
    Length,
    /// The checksum is wrong.
    #[error("its checksum is wrong; write it again")]
    Checksum,
    /// Checksum right, content impossible.
    #[error("its plan or its heads are invalid; pack it again and see `supple inspect`")]
    Content,
    /// It holds a trunk but no head.
    #[error("it holds no head; pack a training's output, not a trunk alone")]
    NoHead,
}
