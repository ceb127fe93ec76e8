//! A training's state in a file, to go on from.
//!
//! Format: `SUPCHKP1`, the state in postcard, SHA-256 of both. Written to a temporary file beside the target, synced,
//! then renamed, so that a file of that name is always whole.

use std::fs::{self, File};
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};

use sha2::{Digest, Sha256};

use crate::trainer::State;

const MAGIC: &[u8; 8] = b"SUPCHKP1";
const DIGEST_BYTES: usize = 32;
/// No training here has more.
const MOST_BYTES: u64 = 256 << 20;

/// Why a checkpoint could not be written.
#[derive(Debug, thiserror::Error)]
#[error("cannot write the checkpoint {path}: {source}; check the folder's rights and the disk's room")]
pub struct WriteCheckpointError {
    /// The file.
    pub path: PathBuf,
    /// The system's reason.
    pub source: io::Error,
}

/// Why a checkpoint could not be read.
#[derive(Debug, thiserror::Error)]
pub enum ReadCheckpointError {
    /// No such file, or no right to read it.
    #[error("cannot read the checkpoint {path}: {source}; leave --resume out to start anew")]
    Io {
        /// The file.
        path: PathBuf,
        /// The system's reason.
        source: io::Error,
    },
    /// Not what was written.
    #[error("{0} is no checkpoint, or is damaged: leave --resume out to start anew")]
    Damaged(PathBuf),
}

/// Writes `bytes` to `path` so that the file is whole or not there.
pub fn write_whole(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let mut name = path.file_name().unwrap_or_default().to_owned();
    name.push(".tmp");
    let temporary = path.with_file_name(name);
    let written = File::create(&temporary).and_then(|mut file| {
        file.write_all(bytes)?;
        file.sync_all()
    });
    let renamed = written.and_then(|()| fs::rename(&temporary, path));
    if renamed.is_err() {
        // The error to report is the first one.
        let _ = fs::remove_file(&temporary);
    }
    renamed
}

/// `magic`, `value` in postcard, SHA-256 of both.
pub(crate) fn seal(magic: &[u8; 8], value: &impl serde::Serialize) -> Result<Vec<u8>, postcard::Error> {
    let mut bytes = postcard::to_extend(value, magic.to_vec())?;
    let digest = Sha256::digest(&bytes);
    bytes.extend(&digest[..]);
    Ok(bytes)
}

/// What [`seal`] was given; `None` when the bytes are anything else.
pub(crate) fn open<T: serde::de::DeserializeOwned>(magic: &[u8; 8], bytes: &[u8]) -> Option<T> {
    let (covered, digest) = bytes.split_last_chunk::<DIGEST_BYTES>()?;
    if Sha256::digest(covered)[..] != digest[..] {
        return None;
    }
    match postcard::take_from_bytes(covered.strip_prefix(magic)?) {
        Ok((value, [])) => Some(value),
        _ => None,
    }
}

/// Reads a file that is no longer than any of ours.
pub(crate) fn read_bounded(path: &Path) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    // Not by the length that the system tells: for a device it is 0.
    if File::open(path)?.take(MOST_BYTES + 1).read_to_end(&mut bytes)? as u64 > MOST_BYTES {
        return Err(io::Error::other(format!("it has more than {MOST_BYTES} bytes")));
    }
    Ok(bytes)
}

/// Writes a checkpoint.
pub fn write(path: &Path, state: &State) -> Result<(), WriteCheckpointError> {
    let failed = |source| WriteCheckpointError { path: path.to_owned(), source };
    let bytes = seal(MAGIC, state).map_err(|error| failed(io::Error::other(error)))?;
    write_whole(path, &bytes).map_err(failed)
}

/// Reads a checkpoint.
pub fn read(path: &Path) -> Result<State, ReadCheckpointError> {
    let bytes =
        read_bounded(path).map_err(|source| ReadCheckpointError::Io { path: path.to_owned(), source })?;
    open(MAGIC, &bytes).ok_or_else(|| ReadCheckpointError::Damaged(path.to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::adam::Adam;

    fn state() -> State {
        State {
            identity: 7,
            iteration: 3,
            learned: vec![0.1, f32::MIN_POSITIVE, -1e30],
            adam: Adam::new(3),
            statistics: Vec::new(),
            fixed: true,
        }
    }

    #[test]
    fn what_is_written_is_read_and_damage_is_seen() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("checkpoint");
        write(&path, &state()).unwrap();
        assert_eq!(read(&path).unwrap(), state());
        let sound = fs::read(&path).unwrap();
        for at in 0..sound.len() {
            let mut damaged = sound.clone();
            damaged[at] ^= 4;
            fs::write(&path, damaged).unwrap();
            assert!(matches!(read(&path), Err(ReadCheckpointError::Damaged(_))), "byte {at}");
        }
        fs::write(&path, &sound[..sound.len() - 1]).unwrap();
        assert!(read(&path).is_err());
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1, "no temporary file is left");
    }

    #[test]
    fn a_missing_checkpoint_says_what_to_do() {
        let message = read(Path::new("/no/such/checkpoint")).unwrap_err().to_string();
        assert!(message.contains("--resume"), "{message}");
    }
}
