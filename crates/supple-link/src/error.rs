//! A device's errors. The order of variants and fields is the format: append only.

use serde::{Deserialize, Serialize};

use crate::frame::FrameError;

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
        "the pack needs {needed} bytes of memory, the firmware gives {given}; give the board's pool more, pack smaller heads (`supple pack --capacity --max-support --cache i8`), or train a smaller trunk"
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
    #[error("the head has learned nothing yet; adapt it, or restore what was saved, first")]
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
    /// Not one of the pack's heads.
    #[error("head {head} is not below the pack's {heads} heads; select one that it holds")]
    HeadOutOfRange {
        /// As asked for.
        head: u16,
        /// As the pack holds.
        heads: u16,
    },
    /// A class for a head that predicts numbers, or numbers for one that predicts classes.
    #[error("the label or the request is for a head of another kind; select the head that predicts it")]
    OtherTask,
    /// A head for numbers gives all of them.
    #[error("the head predicts {capacity} numbers, not {way}; begin with {capacity}")]
    NotAllNumbers {
        /// As asked for.
        way: u16,
        /// As the pack says.
        capacity: u16,
    },
    /// Another number of numbers.
    #[error("the head predicts {expected} numbers but the label has {got}; send one for each")]
    TargetLength {
        /// As the pack says.
        expected: u16,
        /// As sent.
        got: u16,
    },
    /// A label with what is no finite number.
    #[error("number {index} of the label is not finite; correct the label")]
    TargetNotFinite {
        /// Counted from 0.
        index: u16,
    },
    /// A feature that is no finite number.
    #[error("feature {index} is not a finite number; look for it in the input")]
    FeatureNotFinite {
        /// Counted from 0.
        index: u32,
    },
    /// Not a sample in the support cache.
    #[error("sample {sample} is not below the {samples} in the support cache; push it first")]
    SampleOutOfRange {
        /// As asked for.
        sample: u16,
        /// Samples cached.
        samples: u16,
    },
    /// No room for a further class.
    #[error(
        "the head has all of the {capacity} classes that it has room for; forget one, or pack a larger head"
    )]
    NoFurtherClass {
        /// As the pack allows.
        capacity: u16,
    },
    /// The only class cannot be forgotten.
    #[error("the head has no class but this one; begin anew instead")]
    LastClass,
    /// The flash does not keep anything.
    #[error("the device's flash does not keep what is saved: {0}")]
    Flash(FlashFault),
    /// Nothing has been saved.
    #[error("the device keeps no heads; save them first")]
    NothingKept,
    /// Not a version that is kept.
    #[error("version {version} is not kept (any more); list those that are")]
    NoVersion {
        /// As asked for.
        version: u32,
    },
    /// What is kept is for another trunk.
    #[error(
        "the heads kept are for another trunk; put the pack back that they were adapted with, or adapt anew"
    )]
    OtherTrunk,
    /// The version holds no such head, or one of another shape.
    #[error(
        "that version holds no head that fits head {head} of the pack; choose another version, or adapt anew"
    )]
    OtherHead {
        /// Counted from 0.
        head: u16,
    },
    /// What is to be saved is longer than its place.
    #[error(
        "{needed} bytes to save do not fit in {room}; leave the support samples out, or pack smaller heads"
    )]
    SnapshotTooLong {
        /// Bytes.
        needed: u32,
        /// Bytes.
        room: u32,
    },
    /// The pack sent is not taken.
    #[error("the device refuses the pack: {0}")]
    PackRefused(PackRefusal),
    /// There is nothing to confirm.
    #[error("no pack runs on trial; there is nothing to confirm")]
    NoTrial,
    /// The chunk is not where the feature vector goes on, or reaches beyond its end.
    #[error(
        "a chunk of {length} values at {offset} does not fit in a feature vector of {features} of which {received} are received; send chunks in order from 0"
    )]
    FeatureMisplaced {
        /// First element of the chunk.
        offset: u32,
        /// Elements in the chunk.
        length: u32,
        /// Elements received so far.
        received: u32,
        /// Elements of a feature vector.
        features: u32,
    },
    /// What is kept is no snapshot, or holds what cannot be.
    #[error("version {version} cannot be read; restore another, or save anew")]
    BrokenVersion {
        /// Its number.
        version: u32,
    },
    /// A head that diverged is not worth keeping, and would not be taken back.
    #[error("a number of head {head} is not finite; reset it or adapt it anew before saving")]
    HeadNotFinite {
        /// Counted from 0.
        head: u16,
    },
    /// The host's earlier requests were answered before a start that it does not know of.
    #[error(
        "the device has started anew in between, and knows only what was saved; look at what it holds, and begin again"
    )]
    StartedAnew,
}

/// What is wrong with a flash.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
pub enum FlashFault {
    /// It cannot be read or written at all, or its places do not fit it.
    #[error(
        "it cannot be used; check the board's places in flash, or else erase what lies in its journals, with a programmer"
    )]
    Unusable,
    /// What was written is not what is read.
    #[error("what is read back is not what was written; it is worn out, locked or not emulated")]
    NotWritten,
    /// All numbers of versions are used up.
    #[error("all version numbers are used up; erase its region with a programmer")]
    Exhausted,
}

/// Why a pack that was sent is not taken. The running one is as it was.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
pub enum PackRefusal {
    /// Longer than its area.
    #[error("it has {length} bytes with its signature, there is room for {room}; train a smaller trunk")]
    TooLong {
        /// Bytes.
        length: u32,
        /// Bytes.
        room: u32,
    },
    /// A transfer goes on only between erase units.
    #[error("a transfer cannot go on at byte {from}; begin at 0 or a multiple of the erase unit")]
    From {
        /// As asked for.
        from: u32,
    },
    /// No transfer has begun.
    #[error("no transfer has begun; begin one first")]
    NoTransfer,
    /// A chunk out of order.
    #[error("a chunk at byte {offset} does not follow the {received} received; go on there")]
    Misplaced {
        /// As sent.
        offset: u32,
        /// Bytes received.
        received: u32,
    },
    /// Chunks are missing.
    #[error("only {received} of its {length} bytes are received; send the rest first")]
    Incomplete {
        /// Bytes received.
        received: u32,
        /// Bytes of the pack and its signature.
        length: u32,
    },
    /// The pack that runs is itself on trial, so the other one must stay.
    #[error("the pack that runs is on trial; confirm it, or restart to go back to the one before")]
    TrialUnderWay,
    /// The bytes are no pack that this device can run.
    #[error("{0}")]
    Pack(PackFault),
    /// There is no signature.
    #[error("it is not signed; sign it: `supple key sign`")]
    Unsigned,
    /// The signature block is none.
    #[error("its signature is malformed; sign it again")]
    Malformed,
    /// Signed by a key that the device does not know.
    #[error("it is signed with a key that the device does not know; sign it with one that it does")]
    UnknownKey,
    /// Signed for another board.
    #[error("it is signed for another board; sign it for this one, or for any")]
    OtherBoard,
    /// Older than what the device has run.
    #[error("its security counter {counter} is below {floor}, the one confirmed last; send a newer pack")]
    OldCounter {
        /// The pack's.
        counter: u32,
        /// The least that is taken.
        floor: u32,
    },
    /// The signature is not that of these bytes.
    #[error("its signature is wrong; send it again, or sign it again")]
    Signature,
    /// No room to count for a further key.
    #[error("the device counts for four keys that it knows, and this is another; sign it with one of those")]
    TooManyKeys,
    /// It needs more memory than the firmware gives.
    #[error("it needs {needed} bytes of memory, the firmware gives {given}; pack smaller heads")]
    Memory {
        /// Bytes.
        needed: u32,
        /// Bytes.
        given: u32,
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
    /// It holds more heads than the firmware runs.
    #[error("it holds more heads than the firmware runs at once; pack at most four")]
    TooManyHeads,
    /// It needs kernels that the firmware was built without.
    #[error("it needs kernels that the firmware was built without; build the firmware with them")]
    NotBuilt,
}
