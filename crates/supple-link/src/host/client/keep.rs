//! What concerns versions of the heads that are kept, and what has happened.

use super::{Client, LinkError, done};
use crate::error::DeviceError;
use crate::host::transport::Transport;
use crate::message::{Answer, Counters, Request, VersionFacts};

/// A device that never says that there are no more versions would be asked for ever.
const MOST_VERSIONS: u16 = 4096;

impl<T: Transport> Client<T> {
    /// Keeps all heads through any loss of power, on request with the support samples; the version.
    pub fn save(&mut self, support: bool) -> Result<VersionFacts, LinkError> {
        self.ask("save", &Request::Save { support }, version)
    }

    /// A version that is kept, the newest being 0; `None` beyond the oldest.
    pub fn version(&mut self, index: u16) -> Result<Option<VersionFacts>, LinkError> {
        match self.ask("version", &Request::Version { index }, version) {
            Ok(facts) => Ok(Some(facts)),
            Err(LinkError::Device(DeviceError::NothingKept | DeviceError::NoVersion { .. })) => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// All versions that are kept, the newest first.
    pub fn versions(&mut self) -> Result<Vec<VersionFacts>, LinkError> {
        let mut versions = Vec::new();
        for index in 0..MOST_VERSIONS {
            let Some(facts) = self.version(index)? else { break };
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

fn version(answer: Answer) -> Option<VersionFacts> {
    match answer {
        Answer::Version(facts) => Some(facts),
        _ => None,
    }
}
