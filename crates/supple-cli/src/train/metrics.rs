//! Metrics as JSON lines: what an iteration gave, what a validation found.

use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::{Path, PathBuf};

use serde_json::{Value, json};
use supple_meta::trainer::Progress;

use super::events::Events;
use crate::files::{self, FileError};

/// Every so many iterations is written. Single iterations, not means, so that a resumed run writes the same lines.
const EVERY: u64 = 10;

/// The file being written.
pub struct Metrics {
    path: PathBuf,
    file: BufWriter<File>,
    events: Events,
}

impl Metrics {
    /// Keeps the lines up to an iteration, whatever a run wrote that was cut off after its last checkpoint.
    pub fn open(path: &Path, iteration: u64) -> Result<Self, FileError> {
        let kept =
            if iteration > 0 && path.exists() { kept(&files::read(path)?, iteration) } else { Vec::new() };
        files::write(path, &kept)?;
        let failed = |source| FileError::Write { path: path.to_owned(), source };
        let file = File::options().append(true).open(path).map_err(failed)?;
        let events = Events::create(path.parent().unwrap_or(Path::new(".")), iteration)?;
        Ok(Self { path: path.to_owned(), file: BufWriter::new(file), events })
    }

    /// What an iteration gave.
    pub fn iteration(&mut self, progress: &Progress) -> Result<(), FileError> {
        if !progress.iteration.is_multiple_of(EVERY) {
            return Ok(());
        }
        self.events.scalar("training/loss", progress.iteration, f64::from(progress.loss))?;
        self.events.scalar("training/query", progress.iteration, progress.accuracy)?;
        self.line(&json!({
            "iteration": progress.iteration,
            "loss": progress.loss,
            "accuracy": progress.accuracy,
        }))
    }

    /// What a validation found: accuracy before adaptation and after each step.
    pub fn validation(&mut self, iteration: u64, accuracy: &[f64]) -> Result<(), FileError> {
        if let (Some(before), Some(after)) = (accuracy.first(), accuracy.last()) {
            self.events.scalar("validation/before", iteration, *before)?;
            self.events.scalar("validation/after", iteration, *after)?;
        }
        self.line(&json!({"iteration": iteration, "validation_accuracy": accuracy}))
    }

    /// A line of an iteration, if it is one that is written.
    pub fn any(&mut self, iteration: u64, line: &Value) -> Result<(), FileError> {
        if iteration.is_multiple_of(EVERY) { self.line(line) } else { Ok(()) }
    }

    /// A task's figure, for TensorBoard.
    pub fn figure(&mut self, task: &str, iteration: u64, value: f64) -> Result<(), FileError> {
        self.events.scalar(&format!("validation/{task}"), iteration, value)
    }

    /// A line.
    pub fn always(&mut self, line: &Value) -> Result<(), FileError> {
        self.line(line)
    }

    /// Hands everything to the system.
    pub fn flush(&mut self) -> Result<(), FileError> {
        self.events.flush()?;
        let path = &self.path;
        self.file.flush().map_err(|source| FileError::Write { path: path.clone(), source })
    }

    fn line(&mut self, line: &Value) -> Result<(), FileError> {
        let path = &self.path;
        writeln!(self.file, "{line}").map_err(|source| FileError::Write { path: path.clone(), source })
    }
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
