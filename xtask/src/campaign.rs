//! The log of a long campaign, `docs/campaigns/DATE-COMMIT.log`.

use std::fs::{self, File};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::thread;

use crate::command::output_of;

/// Why a log could not be written.
#[derive(Debug, thiserror::Error)]
#[error("{} cannot be written: {source}; check the folder's rights and the room on the disk", path.display())]
pub struct LogError {
    /// The log.
    path: PathBuf,
    /// Why not.
    source: io::Error,
}

/// A log that is written as the campaign goes on.
#[derive(Debug)]
pub struct Log {
    path: PathBuf,
    file: File,
    /// This machine's paths, and what stands for them in the log.
    hidden: Vec<(String, &'static str)>,
    written: io::Result<()>,
}

impl Log {
    /// Starts a log with its commit, compiler and date.
    pub fn start(root: &Path, data: &Path) -> Result<Self, LogError> {
        let git = |arguments: &[&str]| {
            let root = root.to_string_lossy();
            output_of("git", &[&["-C", root.as_ref()], arguments].concat())
        };
        let commit = git(&["rev-parse", "--short=12", "HEAD"]).unwrap_or_else(|| "unknown".to_owned());
        let changed =
            git(&["status", "--porcelain", "--untracked-files=no"]).is_none_or(|list| !list.is_empty());
        let date = output_of("date", &["-u", "+%Y-%m-%d"]).unwrap_or_else(|| "undated".to_owned());
        let path = root.join("docs/campaigns").join(format!("{date}-{commit}.log"));
        let failed = |source| LogError { path: path.clone(), source };
        fs::create_dir_all(root.join("docs/campaigns")).map_err(failed)?;
        let file = File::create(&path).map_err(failed)?;
        // The longest first: one folder may lie in the other.
        let hidden = vec![
            (data.to_string_lossy().into_owned(), "$SUPPLE_DATA"),
            (root.to_string_lossy().into_owned(), "."),
        ];
        let mut log = Self { path, file, hidden, written: Ok(()) };
        let changes = if changed { ", with changes that are not committed" } else { "" };
        log.line(&format!("cargo xtask test --full, {date}"));
        log.line(&format!("commit {commit}{changes}"));
        log.line(&output_of("rustc", &["--version"]).unwrap_or_default());
        log.line(&format!("{} threads", thread::available_parallelism().map_or(1, usize::from)));
        Ok(log)
    }

    /// Adds a line; what goes wrong is told at the end.
    pub fn line(&mut self, line: &str) {
        let mut line = line.trim_end().to_owned();
        for (path, name) in self.hidden.iter().filter(|(path, _)| !path.is_empty()) {
            line = line.replace(path, name);
        }
        if self.written.is_ok() {
            self.written = writeln!(self.file, "{line}");
        }
    }

    /// Where the log lies, if every line was written.
    pub fn finish(self) -> Result<PathBuf, LogError> {
        match self.written.and_then(|()| self.file.sync_all()) {
            Ok(()) => Ok(self.path),
            Err(source) => Err(LogError { path: self.path, source }),
        }
    }
}
