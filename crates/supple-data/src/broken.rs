//! What becomes of files that do not decode: refused by default, passed over by choice, never silently.

use std::path::PathBuf;

/// What a loader does about a broken file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum OnBroken {
    /// The first one is the error; nothing is loaded.
    #[default]
    Refuse,
    /// The others are loaded; [`Skipped`] names the broken ones.
    Skip,
}

/// The files that were passed over.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Skipped {
    /// Where each is, and what is wrong with it.
    pub files: Vec<(PathBuf, String)>,
}
