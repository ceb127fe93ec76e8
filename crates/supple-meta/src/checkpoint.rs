//! A training's state in a file, to go on from.
//!
//! Format: `SUPCHKP1`, the state in postcard, SHA-256 of both. Written to a temporary file beside the target, synced,
//! then renamed, so that a file of that name is always whole.

use std::fs::{self, File};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use sha2::{Digest, Sha256};

use crate::trainer::State;

const MAGIC: &[u8; 8] = b"SUPCHKP1";
const DIGEST_BYTES: usize = 32;
/// No training here has more.
const MOST_BYTES: u64 = 1 << 30;

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

/// Writes a checkpoint.
pub fn write(path: &Path, state: &State) -> Result<(), WriteCheckpointError> {
    let failed = |source| WriteCheckpointError { path: path.to_owned(), source };
    let mut bytes = MAGIC.to_vec();
    bytes = postcard::to_extend(state, bytes).map_err(|error| failed(io::Error::other(error)))?;
    let digest = Sha256::digest(&bytes);
    bytes.extend(&digest[..]);
    write_whole(path, &bytes).map_err(failed)
}

/// Reads a checkpoint.
pub fn read(path: &Path) -> Result<State, ReadCheckpointError> {
    let failed = |source| ReadCheckpointError::Io { path: path.to_owned(), source };
    let damaged = || ReadCheckpointError::Damaged(path.to_owned());
    if fs::metadata(path).map_err(failed)?.len() > MOST_BYTES {
        return Err(damaged());
    }
    let bytes = fs::read(path).map_err(failed)?;
    let (covered, digest) = bytes.split_last_chunk::<DIGEST_BYTES>().ok_or_else(damaged)?;
    let state = covered.strip_prefix(MAGIC).ok_or_else(damaged)?;
    if Sha256::digest(covered)[..] != digest[..] {
        return Err(damaged());
    }
    match postcard::take_from_bytes(state) {
        Ok((state, [])) => Ok(state),
        _ => Err(damaged()),
    }
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
