//! Why a cache or a learner refused.

/// Why a feature vector was not cached. Nothing has changed then.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum CacheError {
    /// What this build leaves out.
    #[error(
        "the support cache needs the feature `{feature}` of supple-runtime, which this program is built without: build it with \
         that feature, or run another pack"
    )]
    NotBuilt {
        /// As in the crate's `Cargo.toml`.
        feature: &'static str,
    },
    /// Too little memory.
    #[error(
        "the support cache needs {needed} words of memory but got {given}: give as many as `MemoryNeed` says"
    )]
    MemoryTooSmall {
        /// In words of four bytes.
        needed: usize,
        /// In words of four bytes.
        given: usize,
    },
    /// A feature vector of another length, or several of which the last is cut.
    #[error("the heads take {expected} features a sample but got {got}: run the pack's own trunk")]
    FeatureLength {
        /// As the pack says.
        expected: usize,
        /// As given.
        got: usize,
    },
    /// A feature that is no finite number.
    #[error("feature {index} is not a finite number: look for it in the trunk's input")]
    NotFinite {
        /// Counted from 0.
        index: usize,
    },
    /// The cache is full.
    #[error(
        "the support cache holds its {max_support} samples: adapt with fewer, or pack with a larger `max_support`"
    )]
    Full {
        /// As the pack allows.
        max_support: usize,
    },
}

/// Why a learner could not do what it was asked. Nothing has changed then.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum AdaptError {
    /// What this build leaves out.
    #[error(
        "the head needs the feature `{feature}` of supple-runtime, which this program is built without: build it with that \
         feature, or run another pack"
    )]
    NotBuilt {
        /// As in the crate's `Cargo.toml`.
        feature: &'static str,
    },
    /// Too little memory.
    #[error(
        "the head needs {floats} floats and {labels} labels of memory: give as much as `MemoryNeed` says"
    )]
    MemoryTooSmall {
        /// Needed, in `f32`.
        floats: usize,
        /// Needed, in `u16`.
        labels: usize,
    },
    /// Too little room to work in behind the support cache.
    #[error(
        "the head needs {needed} floats of work space with the support cache but there are {given}: give the cache as \
         many words as `MemoryNeed::support` says"
    )]
    WorkTooSmall {
        /// In `f32`.
        needed: usize,
        /// In `f32`.
        given: usize,
    },
    /// A cache made for heads of another shape.
    #[error("the support cache was made for another pack's heads: make one for this head's pack")]
    OtherCache,
    /// No `begin` yet.
    #[error("no adaptation has begun: begin with the number of classes first")]
    NotBegun,
    /// Not a number of classes the pack allows.
    #[error(
        "{way} classes are not between 1 and the head's capacity of {capacity}: pack a head of larger capacity"
    )]
    WayOutOfRange {
        /// As asked for.
        way: usize,
        /// As the pack allows.
        capacity: usize,
    },
    /// A head for numbers gives all of them.
    #[error("the head predicts {capacity} numbers, not {way}: begin with {capacity}")]
    NotAllNumbers {
        /// As asked for.
        way: usize,
        /// As the pack says.
        capacity: usize,
    },
    /// Not a row of the learned start.
    #[error(
        "row {row} is not below the head's capacity of {capacity}: choose among the rows that the pack holds"
    )]
    RowOutOfRange {
        /// As asked for.
        row: usize,
        /// As the pack allows.
        capacity: usize,
    },
    /// Not one of the classes begun with.
    #[error("class {label} is not below the {way} classes begun with: begin with more, or correct the label")]
    LabelOutOfRange {
        /// As given.
        label: usize,
        /// As begun with.
        way: usize,
    },
    /// A class for a head that predicts numbers, or numbers for one that predicts classes.
    #[error("the label or the request is for a head of another kind: choose the head that predicts it")]
    OtherTask,
    /// Another number of numbers.
    #[error("the head predicts {expected} numbers but the label has {got}: give one for each")]
    TargetLength {
        /// As the pack says.
        expected: usize,
        /// As given.
        got: usize,
    },
    /// A label with what is no finite number.
    #[error("number {index} of the label is not finite: correct the label")]
    TargetNotFinite {
        /// Counted from 0.
        index: usize,
    },
    /// Not a sample that the cache has room for.
    #[error(
        "sample {sample} is not below the support cache's {max_support}: label a sample that it can hold"
    )]
    SampleOutOfRange {
        /// As given.
        sample: usize,
        /// As the pack allows.
        max_support: usize,
    },
    /// Nothing to adapt to.
    #[error("no sample in the support cache has a label to learn from: push and label at least one first")]
    NoSupport,
    /// No room for a further class.
    #[error(
        "the head has all of the {capacity} classes that it has room for: forget one, or pack a larger head"
    )]
    NoFurtherClass {
        /// As the pack allows.
        capacity: usize,
    },
    /// The only class cannot be forgotten.
    #[error("the head has no class but this one: begin anew instead")]
    LastClass,
    /// A feature vector of another length.
    #[error("the head takes {expected} features but got {got}: run the pack's own trunk")]
    FeatureLength {
        /// As the pack says.
        expected: usize,
        /// As given.
        got: usize,
    },
}
