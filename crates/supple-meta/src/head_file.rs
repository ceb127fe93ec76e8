//! The learned head in a file: start and step sizes, tied to the trunk and the data they were learned on.
//!
//! Format: `SUPHEAD3`, the head in postcard, SHA-256 of both. `SUPHEAD2`, which is read too, ends before
//! [`plan`](HeadFile::plan): its heads are for `f32`.

use std::io;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::checkpoint::{MOST_BYTES, decode, open, read_bounded, seal, unsealed, write_whole};

const MAGIC: &[u8; 8] = b"SUPHEAD3";
const MAGIC_BEFORE: &[u8; 8] = b"SUPHEAD2";

/// A learned head.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct HeadFile {
    /// What the head is for.
    pub name: String,
    /// SHA-256 of the ONNX file of its trunk.
    pub trunk: [u8; 32],
    /// Fingerprint of the data set it was trained on.
    pub data: [u8; 16],
    /// The largest number of classes.
    pub capacity: u16,
    /// The largest number of support samples.
    pub max_support: u16,
    /// Initial weights, `[capacity][features]`.
    pub weights: Vec<f32>,
    /// Initial biases, `[capacity]`.
    pub bias: Vec<f32>,
    /// Rates of each step: of the weights, of the biases.
    pub rates: Vec<[f32; 2]>,
    /// Whether row c is class c of the data set and keeps its meaning, or rows stand for whatever an episode brings.
    pub labels_keep_meaning: bool,
    /// The quantised plan whose features it was trained on, as a pack names trunks; none for features in `f32`.
    pub plan: Option<[u8; 16]>,
}

/// Why there is no head.
#[derive(Debug, thiserror::Error)]
pub enum HeadFileError {
    /// No such file, no right, no room.
    #[error("cannot read or write the head {path}: {source}; train first, and check the folder's rights")]
    Io {
        /// The file.
        path: PathBuf,
        /// The system's reason.
        source: io::Error,
    },
    /// Not what was written.
    #[error("{0} is no head, or is damaged: train again, or copy it again")]
    Damaged(PathBuf),
    /// Of another trunk.
    #[error(
        "the head {head} was trained with another trunk than {trunk}: keep the two of one training together"
    )]
    OtherTrunk {
        /// The head's file.
        head: PathBuf,
        /// The trunk's file.
        trunk: PathBuf,
    },
}

/// Names an ONNX file by its bytes.
pub fn trunk_digest(onnx: &[u8]) -> [u8; 32] {
    Sha256::digest(onnx).into()
}

impl HeadFile {
    /// Writes the file, whole or not at all.
    pub fn write(&self, path: &Path) -> Result<(), HeadFileError> {
        let failed = |source| HeadFileError::Io { path: path.to_owned(), source };
        let bytes = seal(MAGIC, self).map_err(|error| failed(io::Error::other(error)))?;
        write_whole(path, &bytes).map_err(failed)
    }

    /// Reads a head and checks that it belongs to a trunk, given its file's name and bytes.
    pub fn read(path: &Path, trunk: &Path, onnx: &[u8]) -> Result<Self, HeadFileError> {
        let bytes = read_bounded(path, MOST_BYTES)
            .map_err(|source| HeadFileError::Io { path: path.to_owned(), source })?;
        let damaged = || HeadFileError::Damaged(path.to_owned());
        let head: Self = open(MAGIC, &bytes).or_else(|| before(&bytes)).ok_or_else(damaged)?;
        if head.trunk != trunk_digest(onnx) {
            return Err(HeadFileError::OtherTrunk { head: path.to_owned(), trunk: trunk.to_owned() });
        }
        Ok(head)
    }
}

/// A head of the version before: without the last field, which is optional.
fn before(bytes: &[u8]) -> Option<HeadFile> {
    let none = postcard::to_stdvec(&None::<[u8; 16]>).ok()?;
    let whole = [unsealed(MAGIC_BEFORE, bytes)?, &none].concat();
    decode(&whole)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_head_is_read_with_its_own_trunk_only() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("head.postcard");
        let head = HeadFile {
            name: "test".to_owned(),
            trunk: trunk_digest(b"onnx"),
            data: [1; 16],
            capacity: 2,
            max_support: 4,
            weights: vec![0.5; 6],
            bias: vec![0.25; 2],
            rates: vec![[0.1, 0.2]],
            labels_keep_meaning: true,
            plan: Some([3; 16]),
        };
        head.write(&path).unwrap();
        assert_eq!(HeadFile::read(&path, Path::new("trunk.onnx"), b"onnx").unwrap(), head);
        let other = HeadFile::read(&path, Path::new("trunk.onnx"), b"other");
        assert!(matches!(other, Err(HeadFileError::OtherTrunk { .. })));
        std::fs::write(&path, b"SUPHEAD3").unwrap();
        assert!(matches!(HeadFile::read(&path, Path::new("t"), b"onnx"), Err(HeadFileError::Damaged(_))));
    }
    #[test]
    fn a_head_of_the_version_before_is_for_f32() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("head.postcard");
        // Lists have their lengths before them, arrays have not.
        let mut body =
            postcard::to_stdvec(&("old", trunk_digest(b"onnx"), [1_u8; 16], 1_u16, 9_u16)).unwrap();
        body.extend(
            postcard::to_stdvec(&(vec![0.5_f32, 1.0], vec![0.25_f32], vec![[0.1_f32, 0.2]], false)).unwrap(),
        );
        let mut bytes = [MAGIC_BEFORE.as_slice(), &body].concat();
        bytes.extend(&Sha256::digest(&bytes)[..]);
        std::fs::write(&path, &bytes).unwrap();
        let head = HeadFile::read(&path, Path::new("trunk.onnx"), b"onnx").unwrap();
        assert_eq!(
            (head.name.as_str(), head.plan, head.weights.as_slice()),
            ("old", None, [0.5, 1.0].as_slice())
        );
        bytes.truncate(bytes.len() - 33);
        std::fs::write(&path, &bytes).unwrap();
        assert!(HeadFile::read(&path, Path::new("trunk.onnx"), b"onnx").is_err());
    }
}
