//! Learned heads in a file: starts and step sizes, tied to the trunk and the data they were learned on.
//!
//! Format: `SUPHEAD4`, a list of heads in postcard, SHA-256 of both. Two older formats are read too, each of one linear
//! head for classes: `SUPHEAD3`, and `SUPHEAD2`, whose heads are for `f32`.

use std::io;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::checkpoint::{MOST_BYTES, decode, open, read_bounded, seal, unsealed, write_whole};
use crate::recipe::CacheRecipe;

const MAGIC: &[u8; 8] = b"SUPHEAD4";
const MAGIC_3: &[u8; 8] = b"SUPHEAD3";
const MAGIC_2: &[u8; 8] = b"SUPHEAD2";

/// A learned head.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct HeadFile {
    /// What the head is for.
    pub name: String,
    /// SHA-256 of the ONNX file of its trunk.
    pub trunk: [u8; 32],
    /// Fingerprint of the data set it was trained on.
    pub data: [u8; 16],
    /// What it answers.
    pub answers: Answers,
    /// Units of a hidden layer with relu; 0 for a linear head.
    pub hidden: u16,
    /// The largest number of classes, or the numbers that it predicts.
    pub capacity: u16,
    /// The largest number of support samples.
    pub max_support: u16,
    /// How support features are kept on a device.
    pub cache: CacheRecipe,
    /// What steps begin at.
    pub start: HeadStart,
    /// m of `v ← m v + gradient`, along which steps go.
    pub momentum: f32,
    /// Initial values, hidden layer first: weights `[outputs][inputs]`, then biases `[outputs]`, of each layer.
    pub parameters: Vec<f32>,
    /// Of each step, for each layer: the rate of its weights, of its biases.
    pub rates: Vec<Vec<[f32; 2]>>,
    /// The quantised plan whose features it was trained on, as a pack names trunks; none for features in `f32`.
    pub plan: Option<[u8; 16]>,
}

/// What a head answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Answers {
    /// Whatever classes an episode brings.
    NewClasses,
    /// Classes of the data set: row c is class c and keeps its meaning.
    KeptClasses,
    /// Numbers.
    Numbers,
}

/// What a head's steps begin at.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub enum HeadStart {
    /// The learned values.
    Learned,
    /// Of the last layer, the prototypes μ of the classes' support samples: weights 2 τ μ, bias −τ |μ|².
    Prototypes {
        /// τ.
        temperature: f32,
    },
}

/// A head as formats 2 and 3 have it; format 2 lacks the last field.
#[derive(Deserialize)]
struct LinearHead {
    name: String,
    trunk: [u8; 32],
    data: [u8; 16],
    capacity: u16,
    max_support: u16,
    weights: Vec<f32>,
    bias: Vec<f32>,
    rates: Vec<[f32; 2]>,
    labels_keep_meaning: bool,
    plan: Option<[u8; 16]>,
}

impl From<LinearHead> for HeadFile {
    fn from(head: LinearHead) -> Self {
        Self {
            name: head.name,
            trunk: head.trunk,
            data: head.data,
            answers: if head.labels_keep_meaning { Answers::KeptClasses } else { Answers::NewClasses },
            hidden: 0,
            capacity: head.capacity,
            max_support: head.max_support,
            cache: CacheRecipe::F32,
            start: HeadStart::Learned,
            momentum: 0.0,
            parameters: [head.weights, head.bias].concat(),
            rates: head.rates.into_iter().map(|step| vec![step]).collect(),
            plan: head.plan,
        }
    }
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

/// Writes the file, whole or not at all.
pub fn write(path: &Path, heads: &[HeadFile]) -> Result<(), HeadFileError> {
    let failed = |source| HeadFileError::Io { path: path.to_owned(), source };
    let bytes = seal(MAGIC, &heads).map_err(|error| failed(io::Error::other(error)))?;
    write_whole(path, &bytes).map_err(failed)
}

/// Reads heads, at least one, and checks that they belong to a trunk, given its file's name and bytes.
pub fn read(path: &Path, trunk: &Path, onnx: &[u8]) -> Result<Vec<HeadFile>, HeadFileError> {
    let bytes = read_bounded(path, MOST_BYTES)
        .map_err(|source| HeadFileError::Io { path: path.to_owned(), source })?;
    let damaged = || HeadFileError::Damaged(path.to_owned());
    let heads: Vec<HeadFile> = open(MAGIC, &bytes).or_else(|| before(&bytes)).ok_or_else(damaged)?;
    if heads.is_empty() {
        return Err(damaged());
    }
    if heads.iter().any(|head| head.trunk != trunk_digest(onnx)) {
        return Err(HeadFileError::OtherTrunk { head: path.to_owned(), trunk: trunk.to_owned() });
    }
    Ok(heads)
}

/// The head of an older format.
fn before(bytes: &[u8]) -> Option<Vec<HeadFile>> {
    let head: LinearHead = match open(MAGIC_3, bytes) {
        Some(head) => head,
        None => {
            let none = postcard::to_stdvec(&None::<[u8; 16]>).ok()?;
            decode(&[unsealed(MAGIC_2, bytes)?, &none].concat())?
        }
    };
    Some(vec![head.into()])
}

#[cfg(test)]
mod tests {
    use super::*;

    fn head(name: &str) -> HeadFile {
        HeadFile {
            name: name.to_owned(),
            trunk: trunk_digest(b"onnx"),
            data: [1; 16],
            answers: Answers::Numbers,
            hidden: 3,
            capacity: 2,
            max_support: 4,
            cache: CacheRecipe::I8,
            start: HeadStart::Prototypes { temperature: 0.5 },
            momentum: 0.9,
            parameters: vec![0.5; 4 * 3 + 3 * 2 + 2],
            rates: vec![vec![[0.1, 0.2], [0.3, 0.4]]],
            plan: Some([3; 16]),
        }
    }

    #[test]
    fn heads_are_read_with_their_own_trunk_only() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("head.postcard");
        let heads = [head("one"), HeadFile { start: HeadStart::Learned, ..head("two") }];
        write(&path, &heads).unwrap();
        assert_eq!(read(&path, Path::new("trunk.onnx"), b"onnx").unwrap(), heads);
        let other = read(&path, Path::new("trunk.onnx"), b"other");
        assert!(matches!(other, Err(HeadFileError::OtherTrunk { .. })));
        for wrong in [seal(MAGIC, &Vec::<HeadFile>::new()).unwrap(), MAGIC.to_vec()] {
            std::fs::write(&path, wrong).unwrap();
            assert!(matches!(read(&path, Path::new("t"), b"onnx"), Err(HeadFileError::Damaged(_))));
        }
    }

    #[test]
    fn heads_of_older_formats_are_linear_ones_for_classes() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("head.postcard");
        // Lists have their lengths before them, arrays have not.
        let mut body =
            postcard::to_stdvec(&("old", trunk_digest(b"onnx"), [1_u8; 16], 1_u16, 9_u16)).unwrap();
        body.extend(
            postcard::to_stdvec(&(vec![0.5_f32, 1.0], vec![0.25_f32], vec![[0.1_f32, 0.2]], true)).unwrap(),
        );
        let plan = postcard::to_stdvec(&Some([3_u8; 16])).unwrap();
        for (magic, more, plan) in [(MAGIC_2, &[][..], None), (MAGIC_3, &plan[..], Some([3; 16]))] {
            let mut bytes = [magic.as_slice(), &body, more].concat();
            bytes.extend(&Sha256::digest(&bytes)[..]);
            std::fs::write(&path, &bytes).unwrap();
            let heads = read(&path, Path::new("trunk.onnx"), b"onnx").unwrap();
            let expected = HeadFile {
                answers: Answers::KeptClasses,
                hidden: 0,
                capacity: 1,
                max_support: 9,
                cache: CacheRecipe::F32,
                start: HeadStart::Learned,
                momentum: 0.0,
                parameters: vec![0.5, 1.0, 0.25],
                rates: vec![vec![[0.1, 0.2]]],
                plan,
                ..head("old")
            };
            assert_eq!(heads, [expected]);
            bytes.truncate(bytes.len() - 33);
            std::fs::write(&path, &bytes).unwrap();
            assert!(read(&path, Path::new("trunk.onnx"), b"onnx").is_err());
        }
    }
}
