//! What concerns versions of the heads that are kept, and what has happened.

use super::{Client, LinkError, done};
use crate::host::transport::Transport;
use crate::message::{Answer, Counters, Request, VersionFacts};

/// A device that names every number there is would be asked for days.
const MOST_VERSIONS: usize = 4096;

impl<T: Transport> Client<T> {
    /// Keeps all heads through any loss of power, on request with the support samples; the version.
    pub fn save(&mut self, support: bool) -> Result<VersionFacts, LinkError> {
        self.ask("save", &Request::Save { support }, |answer| match answer {
            Answer::Saved(facts) => Some(facts),
            _ => None,
        })
    }

    /// The newest version that is kept of those with a smaller number than `before`, or of all; `None` where there is
    /// none.
    pub fn version(&mut self, before: Option<u32>) -> Result<Option<VersionFacts>, LinkError> {
        self.ask("version", &Request::Version { before }, |answer| match answer {
            Answer::Version(None) => Some(None),
            Answer::Version(Some(facts)) if before.is_none_or(|before| facts.version < before) => {
                Some(Some(facts))
            }
            _ => None,
        })
    }

    /// All versions that are kept, the newest first; of more than 4,096, those.
    pub fn versions(&mut self) -> Result<Vec<VersionFacts>, LinkError> {
        let mut versions: Vec<VersionFacts> = Vec::new();
        while versions.len() < MOST_VERSIONS {
            let Some(facts) = self.version(versions.last().map(|facts| facts.version))? else { break };
            versions.push(facts);
        }
        Ok(versions)
    }

    /// Sets heads to what a version kept, the newest where none is named. Without a head, all heads, and the support
    /// samples where they were kept.
    pub fn restore(&mut self, version: Option<u32>, head: Option<u16>) -> Result<(), LinkError> {
        self.ask("restore", &Request::Restore { version, head }, done)
    }

    /// What has happened since the device's start.
    pub fn counters(&mut self) -> Result<Counters, LinkError> {
        self.ask("counters", &Request::Counters, |answer| match answer {
            Answer::Counters(counters) => Some(counters),
            _ => None,
        })
    }
}
