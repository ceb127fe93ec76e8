//! Metrics as JSON lines: what an iteration gave, what a validation found.

use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::{Path, PathBuf};
use std::time::{SystemTime, UNIX_EPOCH};

use serde_json::{Value, json};
use supple_meta::tensorboard::EventWriter;
use supple_meta::trainer::Progress;

use super::TrainError;
use crate::files::{self, FileError};

/// Every so many iterations is written. Single iterations, not means, so that a resumed run writes the same lines.
const EVERY: u64 = 10;

/// The file being written.
pub struct Metrics {
    path: PathBuf,
    file: BufWriter<File>,
    events: EventWriter,
}

impl Metrics {
    /// Keeps the lines up to an iteration, whatever a run wrote that was cut off after its last checkpoint.
    pub fn open(path: &Path, iteration: u64) -> Result<Self, TrainError> {
        let kept =
            if iteration > 0 && path.exists() { kept(&files::read(path)?, iteration) } else { Vec::new() };
        files::write(path, &kept)?;
        let failed = |source| FileError::Write { path: path.to_owned(), source };
        let file = File::options().append(true).open(path).map_err(failed)?;
        let folder = path.parent().unwrap_or(Path::new("."));
        let events = match iteration {
            0 => EventWriter::create(folder, now())?,
            // What was written after the checkpoint no longer counts.
            done => EventWriter::append(folder, done + 1, now())?,
        };
        Ok(Self { path: path.to_owned(), file: BufWriter::new(file), events })
    }

    /// What an iteration gave.
    pub fn iteration(&mut self, progress: &Progress) -> Result<(), TrainError> {
        if !progress.iteration.is_multiple_of(EVERY) {
            return Ok(());
        }
        self.events.scalar("training/loss", progress.iteration, progress.loss, now())?;
        self.events.scalar("training/query", progress.iteration, progress.accuracy as f32, now())?;
        self.line(&json!({
            "iteration": progress.iteration,
            "loss": progress.loss,
            "accuracy": progress.accuracy,
        }))
    }

    /// What a validation found: accuracy before adaptation and after each step.
    pub fn validation(&mut self, iteration: u64, accuracy: &[f64]) -> Result<(), TrainError> {
        if let (Some(before), Some(after)) = (accuracy.first(), accuracy.last()) {
            self.events.scalar("validation/before", iteration, *before as f32, now())?;
            self.events.scalar("validation/after", iteration, *after as f32, now())?;
        }
        self.line(&json!({"iteration": iteration, "validation_accuracy": accuracy}))
    }

    /// A line of an iteration, if it is one that is written.
    pub fn any(&mut self, iteration: u64, line: &Value) -> Result<(), TrainError> {
        if iteration.is_multiple_of(EVERY) { self.line(line) } else { Ok(()) }
    }

    /// A task's figure, for TensorBoard.
    pub fn figure(&mut self, task: &str, iteration: u64, value: f64) -> Result<(), TrainError> {
        Ok(self.events.scalar(&format!("validation/{task}"), iteration, value as f32, now())?)
    }

    /// A line.
    pub fn always(&mut self, line: &Value) -> Result<(), TrainError> {
        self.line(line)
    }

    /// Hands everything to the system.
    pub fn flush(&mut self) -> Result<(), TrainError> {
        self.events.flush()?;
        let path = &self.path;
        Ok(self.file.flush().map_err(|source| FileError::Write { path: path.clone(), source })?)
    }

    fn line(&mut self, line: &Value) -> Result<(), TrainError> {
        let path = &self.path;
        let written = writeln!(self.file, "{line}");
        Ok(written.map_err(|source| FileError::Write { path: path.clone(), source })?)
    }
}

/// Seconds since 1970.
fn now() -> f64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0.0, |time| time.as_secs_f64())
}

/// The whole lines of iterations up to this one.
fn kept(bytes: &[u8], iteration: u64) -> Vec<u8> {
    let lines = bytes.split_inclusive(|byte| *byte == b'\n');
    let kept = lines.filter(|line| {
        let line: Option<Value> = serde_json::from_slice(line).ok();
        line.and_then(|line| line["iteration"].as_u64()).is_some_and(|found| found <= iteration)
    });
    kept.flatten().copied().collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_after_the_checkpoint_are_dropped() {
        let lines = b"{\"iteration\":10}\n{\"iteration\":20}\n{\"iteration\":30}\n{\"iter";
        assert_eq!(kept(lines, 20), b"{\"iteration\":10}\n{\"iteration\":20}\n");
    }
}
