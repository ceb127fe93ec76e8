//! Where drawings come from: a path, or the built-in generator.

use std::path::{Path, PathBuf};

use supple_data::omniglot::{self, LoadError};
use supple_data::{Drawings, glyphs};

/// Why there are no drawings.
#[derive(Debug, thiserror::Error)]
pub enum DataError {
    /// They could not be loaded.
    #[error(transparent)]
    Load(#[from] LoadError),
    /// Not the seed of a generator.
    #[error("`{0}` names no generated drawings: write `glyphs` or `glyphs:SEED` with a whole number")]
    Seed(PathBuf),
}

/// Loads a path, or generates drawings where `glyphs` or `glyphs:SEED` is given and no such file exists.
pub fn load(path: &Path) -> Result<Drawings, DataError> {
    match path.to_str().and_then(|text| text.strip_prefix("glyphs")) {
        Some("") if !path.exists() => Ok(glyphs::generate(1)),
        Some(rest) if rest.starts_with(':') && !path.exists() => {
            let seed = rest[1..].parse().map_err(|_| DataError::Seed(path.to_owned()))?;
            Ok(glyphs::generate(seed))
        }
        _ => Ok(omniglot::load(path)?),
    }
}
