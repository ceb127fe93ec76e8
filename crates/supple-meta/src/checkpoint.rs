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
pub(crate) const MOST_BYTES: u64 = 1 << 30;

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

/// Writes `bytes` to `path` so that the file is whole or as it was. A symbolic link is followed; what is neither a
/// file nor yet there (a device, a pipe, a folder) is refused.
pub fn write_whole(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let target = match fs::metadata(path) {
        Ok(found) if !found.is_file() => return Err(io::Error::other("it is no regular file")),
        Ok(_) => fs::canonicalize(path)?,
        Err(_) => path.to_owned(),
    };
    let folder = target.parent().filter(|folder| !folder.as_os_str().is_empty());
    let mut temporary = new_file().tempfile_in(folder.unwrap_or(Path::new(".")))?;
    temporary.write_all(bytes)?;
    temporary.as_file().sync_all()?;
    temporary.persist(target)?;
    Ok(())
}

/// A temporary file with the rights of any new file.
fn new_file() -> tempfile::Builder<'static, 'static> {
    let mut builder = tempfile::Builder::new();
    builder.prefix(".supple-").suffix(".tmp");
    #[cfg(unix)]
    builder.permissions(std::os::unix::fs::PermissionsExt::from_mode(0o666));
    builder
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
    decode(unsealed(magic, bytes)?)
}

/// The postcard in what [`seal`] gave.
pub(crate) fn unsealed<'b>(magic: &[u8; 8], bytes: &'b [u8]) -> Option<&'b [u8]> {
    let (covered, digest) = bytes.split_last_chunk::<DIGEST_BYTES>()?;
    if Sha256::digest(covered)[..] != digest[..] {
        return None;
    }
    covered.strip_prefix(magic)
}

/// A value of postcard that is all of `bytes`.
pub(crate) fn decode<T: serde::de::DeserializeOwned>(bytes: &[u8]) -> Option<T> {
    match postcard::take_from_bytes(bytes) {
        Ok((value, [])) => Some(value),
        _ => None,
    }
}

/// Reads a file of at most so many bytes.
pub(crate) fn read_bounded(path: &Path, most: u64) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    // Not by the length that the system tells: for a device it is 0.
    if File::open(path)?.take(most + 1).read_to_end(&mut bytes)? as u64 > most {
        return Err(io::Error::other(format!("it has more than {most} bytes")));
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
    let bytes = read_bounded(path, MOST_BYTES)
        .map_err(|source| ReadCheckpointError::Io { path: path.to_owned(), source })?;
    open(MAGIC, &bytes).ok_or_else(|| ReadCheckpointError::Damaged(path.to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::outer::{OuterOptimiser, OuterRecipe};

    fn state() -> State {
        State {
            identity: 7,
            iteration: 3,
            learned: vec![0.1, f32::MIN_POSITIVE, -1e30],
            optimiser: OuterOptimiser::new(OuterRecipe::Adam, 3),
            statistics: Vec::new(),
            fixed: true,
            usual_loss: 1.0,
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
    #[cfg(unix)]
    fn a_link_is_followed_and_a_device_is_not_replaced() {
        let folder = tempfile::tempdir().unwrap();
        let [file, link] = ["file", "link"].map(|name| folder.path().join(name));
        fs::write(&file, "old").unwrap();
        std::os::unix::fs::symlink(&file, &link).unwrap();
        write_whole(&link, b"new").unwrap();
        assert_eq!(fs::read(&file).unwrap(), b"new");
        assert!(fs::symlink_metadata(&link).unwrap().is_symlink());
        let error = write_whole(Path::new("/dev/null"), b"new").unwrap_err().to_string();
        assert!(error.contains("regular file"), "{error}");
        assert!(write_whole(folder.path(), b"new").is_err());
    }

    #[test]
    fn a_missing_checkpoint_says_what_to_do() {
        let message = read(Path::new("/no/such/checkpoint")).unwrap_err().to_string();
        assert!(message.contains("--resume"), "{message}");
    }
}
