//! Fetches ONNX's own cases: they lie in the wheel of its Python package.
//!
//! 1.22.0 is the last version whose wheel holds them. Nothing in it is installed or run, so one file serves every
//! machine, and its checksum is known beforehand.

use std::fmt::Write;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;
use std::{env, fs, io};

use sha2::{Digest, Sha256};

use crate::command::run_within;

/// Where the tests look, in the checkout.
const FOLDER: &str = "target/onnx";
const PACKAGE: &str = "onnx==1.22.0";
const FILE: &str = "onnx-1.22.0-cp312-abi3-manylinux_2_27_x86_64.manylinux_2_28_x86_64.whl";
const SHA256: &str = "955e02e1f6d385b53d52f9cd7b9cdf5caf417c300bcfe3c64c6d542be763845b";
/// 19 MB.
const LIMIT: Duration = Duration::from_secs(180);

/// Why there is no wheel.
#[derive(Debug, thiserror::Error)]
pub enum WheelError {
    /// Named, but not there.
    #[error("SUPPLE_ONNX_WHEEL names {}, which is no file", .0.display())]
    Named(PathBuf),
    /// pip is missing, or gave up.
    #[error("`{0}` failed; name a wheel of {PACKAGE} in SUPPLE_ONNX_WHEEL where there is no network")]
    Pip(String),
    /// Not what was expected.
    #[error("{FILE} has the SHA-256 {0}, not {SHA256}: it was deleted")]
    Checksum(String),
    /// A file in the target folder.
    #[error("{}: {source}; check the folder's rights", path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// What failed.
        source: io::Error,
    },
}

/// Fetches the wheel, once, and says where it is.
pub fn fetch(root: &Path) -> Result<PathBuf, WheelError> {
    if let Some(path) = env::var_os("SUPPLE_ONNX_WHEEL").map(PathBuf::from) {
        return if path.is_file() { Ok(path) } else { Err(WheelError::Named(path)) };
    }
    let folder = root.join(FOLDER);
    let wheel = folder.join(FILE);
    if wheel.exists() && verify(&wheel).is_ok() {
        return Ok(wheel);
    }
    // Fetched beside: a file that is cut short or changed never gets the name that the tests look for.
    let fetched = folder.join("fetched");
    let arguments = [
        "-m",
        "pip",
        "download",
        "--no-deps",
        "--only-binary=:all:",
        "--platform=manylinux_2_28_x86_64",
        "--python-version=3.12",
        "--disable-pip-version-check",
        "--retries=1",
        PACKAGE,
        "--dest",
    ];
    let shown = format!("python3 {} {}", arguments.join(" "), fetched.display());
    eprintln!("fetching: {shown}");
    let mut pip = Command::new("python3");
    // Standard output is for results.
    pip.args(arguments).arg(&fetched).stdout(io::stderr());
    if !matches!(run_within(&mut pip, LIMIT), Ok(Some(status)) if status.success()) {
        return Err(WheelError::Pip(shown));
    }
    let fetched = fetched.join(FILE);
    verify(&fetched)?;
    fs::rename(&fetched, &wheel).map_err(|source| WheelError::File { path: wheel.clone(), source })?;
    Ok(wheel)
}

/// Holds a file against the checksum; deletes it if it is another.
fn verify(path: &Path) -> Result<(), WheelError> {
    let error = |source| WheelError::File { path: path.to_owned(), source };
    let found =
        Sha256::digest(fs::read(path).map_err(error)?).iter().fold(String::new(), |mut text, byte| {
            let _ = write!(text, "{byte:02x}");
            text
        });
    if found == SHA256 {
        return Ok(());
    }
    fs::remove_file(path).map_err(error)?;
    Err(WheelError::Checksum(found))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn another_file_is_deleted() {
        let path = env::temp_dir().join(format!("supple-wheel-{}", std::process::id()));
        fs::write(&path, "abc").expect("a temporary file");
        let error = verify(&path).expect_err("not the wheel").to_string();
        // FIPS 180-2's own example.
        assert!(
            error.contains("ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"),
            "{error}"
        );
        assert!(!path.exists());
    }
}
