//! What concerns packs, and starting anew.

use std::thread;
use std::time::Duration;

use super::{Client, LinkError, done};
use crate::error::{DeviceError, PackRefusal};
use crate::frame::VALUES_MAX;
use crate::host::transfer::{checksum, last_start, soundest};
use crate::host::transport::Transport;
use crate::message::{Answer, Info, PackState, Request};

/// How often a transfer is taken up again that the device has forgotten, because it started anew.
const TRANSFERS: u32 = 3;

/// How long the answer to a restart may take, which costs the device nothing.
const RESTART_WAIT: Duration = Duration::from_secs(2);
/// How often it is asked for at least: starting may take as long as a signature's check and a line that comes back.
const RESTART_TRIES: u32 = 10;

/// What a transfer did.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Sent {
    /// Bytes of the pack and its signature.
    pub length: u32,
    /// Bytes that an earlier transfer had brought already.
    pub there: u32,
}

impl<T: Transport> Client<T> {
    /// Which pack runs, and where another can be put.
    pub fn packs(&mut self) -> Result<PackState, LinkError> {
        self.ask("packs", &Request::Packs, |answer| match answer {
            Answer::Packs(state) => Some(state),
            _ => None,
        })
    }

    /// Gets the device ready for a pack of so many bytes with its signature, of which it has the first `from`.
    pub fn pack_begin(&mut self, length: u32, from: u32) -> Result<(), LinkError> {
        self.ask("pack begin", &Request::PackBegin { length, from }, done)
    }

    /// Sends a chunk of a pack, at most [`VALUES_MAX`] bytes.
    pub fn pack_chunk(&mut self, offset: u32, bytes: &[u8]) -> Result<(), LinkError> {
        self.ask("pack chunk", &Request::PackChunk { offset, bytes }, done)
    }

    /// CRC-32C of the first bytes of the area that does not run.
    pub fn pack_digest(&mut self, length: u32) -> Result<u32, LinkError> {
        self.ask("pack digest", &Request::PackDigest { length }, |answer| match answer {
            Answer::Digest { checksum } => Some(checksum),
            _ => None,
        })
    }

    /// Lets the device check the pack sent and its signature, and run it on trial at its next start.
    pub fn pack_finish(&mut self) -> Result<(), LinkError> {
        self.ask("pack finish", &Request::PackFinish, done)
    }

    /// Sends a pack with its signature into the area that does not run, going on where an earlier transfer of the same
    /// bytes ended. `progress` is told the bytes there and all bytes. [`pack_finish`](Self::pack_finish) comes next.
    pub fn send_pack(&mut self, pack: &[u8], mut progress: impl FnMut(u32, u32)) -> Result<Sent, LinkError> {
        let state = self.packs()?;
        let length = u32::try_from(pack.len()).unwrap_or(u32::MAX);
        let refused = |refusal| LinkError::Device(DeviceError::PackRefused(refusal));
        if length > state.room {
            return Err(refused(PackRefusal::TooLong { length, room: state.room }));
        }
        if state.trial {
            return Err(refused(PackRefusal::TrialUnderWay));
        }
        let mut transfers = 0;
        let mut there = None;
        loop {
            transfers += 1;
            let from = self.find_sound(pack, state.unit)?;
            let there = *there.get_or_insert(from);
            match self.send_from(pack, length, from, &mut progress) {
                Ok(()) => return Ok(Sent { length, there }),
                Err(LinkError::Device(
                    DeviceError::StartedAnew
                    | DeviceError::PackRefused(PackRefusal::NoTransfer | PackRefusal::Misplaced { .. }),
                )) if transfers < TRANSFERS => {}
                Err(error) => return Err(error),
            }
        }
    }

    /// Up to which erase unit the area holds this pack already.
    fn find_sound(&mut self, pack: &[u8], unit: u32) -> Result<u32, LinkError> {
        let last = last_start(pack.len(), unit);
        soundest(last, |units| {
            let length = units * unit.max(1);
            Ok(self.pack_digest(length)? == checksum(&pack[..length as usize]))
        })
        .map(|units| units * unit.max(1))
    }

    fn send_from(
        &mut self,
        pack: &[u8],
        length: u32,
        from: u32,
        progress: &mut impl FnMut(u32, u32),
    ) -> Result<(), LinkError> {
        progress(from, length);
        self.pack_begin(length, from)?;
        let mut offset = from;
        for bytes in pack[from as usize..].chunks(VALUES_MAX) {
            self.pack_chunk(offset, bytes)?;
            offset += bytes.len() as u32;
            progress(offset, length);
        }
        Ok(())
    }

    /// Keeps the pack that runs on trial.
    pub fn confirm(&mut self) -> Result<(), LinkError> {
        self.ask("confirm", &Request::Confirm, done)
    }

    /// Starts the device anew and waits until it answers again; what it then says.
    ///
    /// Asked once more because the answer was lost, a device that has started anew does not do it again, which would end a
    /// trial: it has not been greeted, and so knows that it was asked before. Hence no greeting comes between.
    pub fn restart(&mut self) -> Result<Info, LinkError> {
        let sequence = self.next_sequence();
        let tries = RESTART_TRIES.max(self.tries);
        for _ in 0..tries {
            match self.exchange("restart", &Request::Restart, sequence, RESTART_WAIT, done) {
                Ok(Ok(())) => return self.reconnect(),
                // Nothing sound came back; the board may still start.
                Ok(Err(_)) => self.repeated += 1,
                // The line went down with the board.
                Err(LinkError::Transport(error)) => {
                    thread::sleep(RESTART_WAIT);
                    if !self.transport.reopen() {
                        return Err(error.into());
                    }
                    self.forget_received();
                }
                Err(error) => return Err(error),
            }
        }
        Err(LinkError::NoAnswer { tries, seconds: (tries * RESTART_WAIT).as_secs_f32() })
    }
}

#[cfg(test)]
#[path = "packs_tests.rs"]
mod tests;
