//! What changes from step to step, and its file: as [`crate::checkpoint`], with a mark of its own.

use std::io;
use std::path::Path;

use serde::{Deserialize, Serialize};

use super::weights::Weighting;
use crate::adam::Adam;
use crate::checkpoint::{
    MOST_BYTES, ReadCheckpointError, WriteCheckpointError, open, read_bounded, seal, write_whole,
};
use crate::standardise::Standardise;

const MAGIC: &[u8; 8] = b"SUPMTSK1";

/// Everything that changes from step to step, and what inputs go through.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct MultiTaskState {
    /// Names recipe, data and parts, so that a checkpoint is not resumed on others.
    pub identity: u64,
    /// Steps done.
    pub iteration: u64,
    /// All parameters of the model.
    pub parameters: Vec<f32>,
    /// Moments of those that are trained.
    pub adam: Adam,
    /// The weighting, with what it has learned.
    pub weighting: Weighting,
    /// Statistics of batch normalisation: trunk after trunk, layer after layer mean, then variance.
    pub statistics: Vec<f32>,
    /// Whether the statistics are fixed from now on.
    pub fixed: bool,
    /// Of each task, the largest loss of the first steps, by which an explosion is told.
    pub usual_losses: Vec<f32>,
    /// Means and factors of inputs.
    pub standardise: Option<Standardise>,
}

/// Writes a checkpoint.
pub fn write(path: &Path, state: &MultiTaskState) -> Result<(), WriteCheckpointError> {
    let failed = |source| WriteCheckpointError { path: path.to_owned(), source };
    let bytes = seal(MAGIC, state).map_err(|error| failed(io::Error::other(error)))?;
    write_whole(path, &bytes).map_err(failed)
}

/// Reads a checkpoint.
pub fn read(path: &Path) -> Result<MultiTaskState, ReadCheckpointError> {
    let bytes = read_bounded(path, MOST_BYTES)
        .map_err(|source| ReadCheckpointError::Io { path: path.to_owned(), source })?;
    open(MAGIC, &bytes).ok_or_else(|| ReadCheckpointError::Damaged(path.to_owned()))
}
