//! Data sets of drawings, and episodes drawn from them.
//!
//! | module | what |
//! |---|---|
//! | [`samples`] | a data set of any kind: samples, labels, domains |
//! | [`drawings`] | a data set: characters grouped by alphabet, each with its drawings |
//! | [`omniglot`] | Omniglot's layout, from a zip or a folder |
//! | [`audio`] | spoken digits and wake words as log-mel features |
//! | [`sensors`] | motion, heart beats and gases |
//! | [`own`] | the user's own data, in folders of files or an `.npz` |
//! | [`broken`] | what becomes of files that do not decode |
//! | [`generated`] | task families that need no data: commands, sinusoids, an arm, hands |
//! | [`glyphs`] | the built-in data: seeded stroke alphabets, no download |
//! | [`render`] | a drawing as the 28 × 28 input of a trunk, with or without a warp |
//! | [`part`] | which domains and classes are trained on, and which are held back |
//! | [`tasks`] | episodes over a data set of any kind |
//! | [`variation`] | how samples are varied in training |
//! | [`split`] | which alphabets are trained on |
//! | [`episode`] | support and query sets |
//! | [`random`] | independent random streams from one seed |
#![deny(unsafe_code, missing_docs)]

pub mod audio;
pub mod broken;
pub mod drawings;
pub mod episode;
pub mod generated;
pub mod glyphs;
pub mod omniglot;
pub mod own;
pub mod part;
pub mod random;
pub mod render;
pub mod samples;
pub mod sensors;
pub mod split;
pub mod tasks;
pub mod variation;

pub use drawings::{Character, Drawings};
pub use episode::{Episode, EpisodeError, EpisodeSampler, EpisodeShape, Sample};
pub use render::{INPUT_LENGTH, INPUT_SIDE, Orientation, Warp};
pub use samples::{Answer, DataSet, DataSetBuilder, DataSetError, Labels, SampleShape, TaskLabels};
pub use split::{Split, SplitError};
