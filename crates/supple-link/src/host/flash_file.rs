//! The file that is an emulated board's flash.

use std::fs::{self, File};
use std::io::{self, ErrorKind};
use std::path::{Path, PathBuf};

use tempfile::{Builder, NamedTempFile, TempPath};

/// Why there is no flash file.
#[derive(Debug, thiserror::Error)]
pub enum FlashFileError {
    /// It cannot be made or looked at.
    #[error("the flash file {} cannot be used: {source}; check the folder's rights and the room on the disk", path.display())]
    Failed {
        /// The file.
        path: PathBuf,
        /// Why not.
        source: io::Error,
    },
    /// Not this board's.
    #[error(
        "the flash file {} has {found} bytes, the board's flash {expected}: it is of another board or broken; \
         delete it, or name another",
        path.display()
    )]
    Length {
        /// The file.
        path: PathBuf,
        /// As it is.
        found: u64,
        /// As it must be.
        expected: u64,
    },
}

/// A new file that is deleted when it is dropped, a pack at its start.
pub(super) fn temporary(bytes: u64, pack: Option<&Path>) -> Result<TempPath, FlashFileError> {
    let folder = std::env::temp_dir();
    let made = Builder::new().prefix("supple-flash-").tempfile_in(&folder);
    let file = made.and_then(|file| fill(file, bytes, pack));
    file.map(NamedTempFile::into_temp_path).map_err(|source| FlashFileError::Failed { path: folder, source })
}

/// The file at a path: as it is where there is one, else new, a pack at its start.
pub(super) fn kept(path: &Path, bytes: u64, pack: Option<&Path>) -> Result<(), FlashFileError> {
    let failed = |source| FlashFileError::Failed { path: path.to_owned(), source };
    match fs::metadata(path) {
        Ok(found) if found.is_file() && found.len() == bytes => return Ok(()),
        Ok(found) => {
            let (path, found) = (path.to_owned(), found.len());
            return Err(FlashFileError::Length { path, found, expected: bytes });
        }
        Err(error) if error.kind() == ErrorKind::NotFound => {}
        Err(error) => return Err(failed(error)),
    }
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let make = || {
        let file = fill(NamedTempFile::new_in(folder)?, bytes, pack)?;
        file.as_file().sync_all()?;
        file.persist_noclobber(path)?;
        Ok(())
    };
    make().map_err(failed)
}

/// Erased flash would be ones; zeros take no room on the disk, and firmware must not trust in either.
fn fill(mut file: NamedTempFile, bytes: u64, pack: Option<&Path>) -> io::Result<NamedTempFile> {
    if let Some(pack) = pack {
        io::copy(&mut File::open(pack)?, &mut file)?;
    }
    file.as_file().set_len(bytes)?;
    Ok(file)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_kept_file_is_made_once() {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let (path, pack) = (folder.path().join("flash"), folder.path().join("pack"));
        fs::write(&pack, b"first").expect("it is writable");
        kept(&path, 4096, Some(&pack)).expect("a new file");
        fs::write(&pack, b"other").expect("it is writable");
        kept(&path, 4096, Some(&pack)).expect("the file that is there");
        let bytes = fs::read(&path).expect("it is there");
        assert_eq!((&bytes[..6], bytes.len()), (&b"first\0"[..], 4096));
        let refused = kept(&path, 8192, None).expect_err("another board").to_string();
        assert!(refused.contains("has 4096 bytes, the board's flash 8192"), "{refused}");
    }

    #[test]
    fn a_temporary_file_goes_with_its_owner() {
        let file = temporary(4096, None).expect("room");
        let path = file.to_path_buf();
        assert_eq!(fs::metadata(&path).expect("it is there").len(), 4096);
        drop(file);
        assert!(!path.exists());
    }
}
