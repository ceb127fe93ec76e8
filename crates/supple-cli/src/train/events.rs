//! Metrics as TensorBoard events, beside the JSON lines.
//!
//! A file is a chain of records: length, its checksum, an `Event` message, its checksum; checksums are CRC-32C, turned
//! by 15 bits and shifted by a constant (TensorFlow: `tensorflow/core/lib/hash/crc32c.h`, `tensorflow/core/util/event.proto`).

use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::{Path, PathBuf};
use std::time::{SystemTime, UNIX_EPOCH};

use crc::{CRC_32_ISCSI, Crc};

use crate::files::FileError;

const CASTAGNOLI: Crc<u32> = Crc::<u32>::new(&CRC_32_ISCSI);
const MASK: u32 = 0xa282_ead8;

/// The file being written. Events hold the time of day, so unlike all else they differ from run to run.
pub struct Events {
    path: PathBuf,
    file: BufWriter<File>,
}

impl Events {
    /// A new file in a folder; a resumed training begins another one, as TensorBoard expects.
    pub fn create(folder: &Path, iteration: u64) -> Result<Self, FileError> {
        let path = folder.join(format!("events.out.tfevents.{:010}.supple.{iteration}", now() as u64));
        let failed = |source| FileError::Write { path: path.clone(), source };
        let file = BufWriter::new(File::create(&path).map_err(failed)?);
        let mut events = Self { path: path.clone(), file };
        events.write(&event(now(), 0, &text_field(3, b"brain.Event:2")))?;
        Ok(events)
    }

    /// A number under a name.
    pub fn scalar(&mut self, tag: &str, iteration: u64, value: f64) -> Result<(), FileError> {
        self.write(&event(now(), iteration, &text_field(5, &summary(tag, value as f32))))
    }

    /// Hands everything to the system.
    pub fn flush(&mut self) -> Result<(), FileError> {
        let path = &self.path;
        self.file.flush().map_err(|source| FileError::Write { path: path.clone(), source })
    }

    fn write(&mut self, event: &[u8]) -> Result<(), FileError> {
        let path = &self.path;
        self.file.write_all(&record(event)).map_err(|source| FileError::Write { path: path.clone(), source })
    }
}

/// Seconds since 1970.
fn now() -> f64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0.0, |time| time.as_secs_f64())
}

fn masked(bytes: &[u8]) -> [u8; 4] {
    CASTAGNOLI.checksum(bytes).rotate_right(15).wrapping_add(MASK).to_le_bytes()
}

fn record(event: &[u8]) -> Vec<u8> {
    let length = (event.len() as u64).to_le_bytes();
    [&length[..], &masked(&length), event, &masked(event)].concat()
}

/// `Event`: wall time (1), step (2), then one more field.
fn event(time: f64, step: u64, field: &[u8]) -> Vec<u8> {
    let mut bytes = vec![1 << 3 | 1];
    bytes.extend(time.to_le_bytes());
    bytes.push(2 << 3);
    bytes.extend(varint(step));
    bytes.extend(field);
    bytes
}

/// `Summary` with one `Value`: tag (1) and simple value (2).
fn summary(tag: &str, value: f32) -> Vec<u8> {
    let mut of_value = text_field(1, tag.as_bytes());
    of_value.push(2 << 3 | 5);
    of_value.extend(value.to_le_bytes());
    text_field(1, &of_value)
}

/// A field of so many bytes.
fn text_field(number: u8, bytes: &[u8]) -> Vec<u8> {
    let mut field = vec![number << 3 | 2];
    field.extend(varint(bytes.len() as u64));
    field.extend(bytes);
    field
}

fn varint(mut value: u64) -> Vec<u8> {
    let mut bytes = Vec::new();
    while value >= 0x80 {
        bytes.push(value as u8 | 0x80);
        value >>= 7;
    }
    bytes.push(value as u8);
    bytes
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The first record that TensorFlow itself writes, but for its time.
    #[test]
    fn records_are_those_of_the_format() {
        let first = event(0.0, 0, &text_field(3, b"brain.Event:2"));
        assert_eq!(first.len(), 9 + 2 + 2 + 13);
        let record = record(&first);
        assert_eq!(record[..8], 26u64.to_le_bytes());
        // CRC-32C of "123456789" is e3069283; turned and shifted by hand.
        assert_eq!(masked(b"123456789"), 0xe306_9283u32.rotate_right(15).wrapping_add(MASK).to_le_bytes());
        assert_eq!(record.len(), 8 + 4 + 26 + 4);
    }

    #[test]
    fn a_scalar_is_tag_and_value() {
        assert_eq!(summary("a", 1.0), [0x0a, 8, 0x0a, 1, b'a', 0x15, 0, 0, 0x80, 0x3f]);
        assert_eq!(varint(300), [0xac, 2]);
    }
}
