//! What parent and child send each other.

use std::io::{self, ErrorKind, Read, Write};

use serde::de::{DeserializeOwned, Error, Visitor};
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use supple_pack::write::{TrunkParts, pack};
use supple_pack::{AlignedBytes, Pack};

use super::{Refused, Usage};
use crate::candidates::Candidate;
use crate::compile::{Calibrated, CompileOptions, Compiled};
use crate::quantise::ranges::RangeChoice;
use crate::report::Report;

/// Longest frame: a model of the largest size and its plan are shorter.
pub const MOST_FRAME: u64 = 192 << 20;

/// The first frame: what the child is to allow itself.
#[derive(Debug, Serialize, Deserialize)]
pub struct Greeting {
    pub memory: u64,
    pub seconds: u64,
}

/// What is to be done.
#[derive(Debug, Serialize, Deserialize)]
pub enum Task {
    Compile { onnx: Bytes, options: CompileOptions },
    Candidates { onnx: Bytes },
    Calibrate { onnx: Bytes, output: Option<String>, inputs: Vec<Vec<f32>>, choice: RangeChoice },
}

/// What became of it.
#[derive(Debug, Serialize, Deserialize)]
pub enum Outcome {
    Compiled(Packed),
    Candidates(Vec<Candidate>),
    Calibrated(Calibrated),
    Refused(Refused),
}

/// The answer to a task.
#[derive(Debug, Serialize, Deserialize)]
pub struct Answer {
    pub outcome: Outcome,
    pub usage: Usage,
}

/// A compiled trunk as the bytes of a pack without heads.
#[derive(Debug, Serialize, Deserialize)]
pub struct Packed {
    pack: Bytes,
    report: Report,
}

impl Packed {
    pub fn of(compiled: Compiled) -> Result<Self, String> {
        let pack = pack(&compiled.parts, &[]).map_err(|error| error.to_string())?;
        Ok(Self { pack: Bytes(pack), report: compiled.report })
    }

    pub fn unpacked(self) -> Result<Compiled, String> {
        let bytes = AlignedBytes::copy_of(&self.pack.0);
        let pack = Pack::parse(&bytes).map_err(|error| error.to_string())?;
        Ok(Compiled { parts: parts(&pack), report: self.report })
    }
}

/// The parts that a pack was written from.
fn parts(pack: &Pack) -> TrunkParts {
    let trunk = pack.trunk();
    TrunkParts {
        name: trunk.name.as_str().to_owned(),
        input: trunk.input,
        output: trunk.output,
        arena: trunk.arena,
        ops: pack.ops().collect(),
        weights: pack.weights().to_vec(),
    }
}

/// Bytes that are sent as a whole, not one by one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Bytes(pub Vec<u8>);

impl Serialize for Bytes {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_bytes(&self.0)
    }
}

impl<'de> Deserialize<'de> for Bytes {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Whole;
        impl Visitor<'_> for Whole {
            type Value = Bytes;
            fn expecting(&self, f: &mut std::fmt::Formatter) -> std::fmt::Result {
                f.write_str("bytes")
            }
            fn visit_bytes<E: Error>(self, bytes: &[u8]) -> Result<Bytes, E> {
                Ok(Bytes(bytes.to_vec()))
            }
        }
        deserializer.deserialize_bytes(Whole)
    }
}

/// Writes a frame: its length, then its bytes.
pub fn send(to: &mut impl Write, value: &impl Serialize) -> io::Result<()> {
    let bytes = postcard::to_stdvec(value).map_err(io::Error::other)?;
    to.write_all(&(bytes.len() as u64).to_le_bytes())?;
    to.write_all(&bytes)?;
    to.flush()
}

/// Reads a frame; `None` at the end of the stream.
pub fn receive<T: DeserializeOwned>(from: &mut impl Read) -> io::Result<Option<T>> {
    let mut length = [0; 8];
    match from.read_exact(&mut length) {
        Ok(()) => {}
        Err(error) if error.kind() == ErrorKind::UnexpectedEof => return Ok(None),
        Err(error) => return Err(error),
    }
    let length = u64::from_le_bytes(length);
    if length > MOST_FRAME {
        return Err(io::Error::other(format!("a frame of {length} bytes")));
    }
    // Not allocated by what the frame says of itself.
    let mut bytes = Vec::new();
    if from.take(length).read_to_end(&mut bytes)? as u64 != length {
        return Err(ErrorKind::UnexpectedEof.into());
    }
    postcard::from_bytes(&bytes).map(Some).map_err(io::Error::other)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn frames_arrive_as_they_were_sent() {
        let mut stream = Vec::new();
        send(&mut stream, &Bytes(vec![1, 2, 3])).unwrap();
        send(&mut stream, &Usage { peak_bytes: 5, microseconds: 6 }).unwrap();
        let mut from = &stream[..];
        assert_eq!(receive(&mut from).unwrap(), Some(Bytes(vec![1, 2, 3])));
        assert_eq!(receive(&mut from).unwrap(), Some(Usage { peak_bytes: 5, microseconds: 6 }));
        assert!(receive::<Usage>(&mut from).unwrap().is_none());
        assert!(receive::<Bytes>(&mut &stream[..9]).is_err());
        assert!(receive::<Bytes>(&mut &u64::MAX.to_le_bytes()[..]).is_err());
    }
}
