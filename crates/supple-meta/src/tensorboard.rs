//! Curves of a training as an event file that TensorBoard reads.
//!
//! A file is a chain of records (TFRecord): length, checksum of the length, bytes, checksum of the bytes. The bytes are
//! an `Event` in protocol buffers; here are those of its fields that scalars need, from TensorBoard's `event.proto` and
//! `summary.proto`. The first event of a file says its version.

use std::fs::{self, File, OpenOptions};
use std::io::{self, BufReader, BufWriter, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

use crc::{CRC_32_ISCSI, Crc};
use prost::Message;

/// In each file's name, by which TensorBoard finds it.
const MARK: &str = "events.out.tfevents.";
const VERSION: &str = "brain.Event:2";
/// Record lengths beyond this are taken for damage. Scalars have some dozens of bytes.
const LONGEST_RECORD: u64 = 1 << 24;
/// Length and its checksum before a record's bytes, their checksum behind them.
const HEADER: usize = 12;
const FOOTER: usize = 4;

const CHECKSUM: Crc<u32> = Crc::<u32>::new(&CRC_32_ISCSI);

/// Why events are not written.
#[derive(Debug, thiserror::Error)]
pub enum EventError {
    /// The file system refused.
    #[error("cannot {what} {}: {source}; check that the folder can be written and the disk has room", path.display())]
    File {
        /// What was tried.
        what: &'static str,
        /// The file or folder.
        path: PathBuf,
        /// As the system says.
        source: io::Error,
    },
    /// Nothing to append to.
    #[error("{} has no event file to append to (events.out.tfevents.…): create one", .0.display())]
    NoFile(PathBuf),
    /// Not one of these.
    #[error("{} does not begin like an event file: move it away, then create one", .0.display())]
    NoEvents(PathBuf),
}

/// One entry of a file.
#[derive(Clone, PartialEq, Message)]
struct Event {
    /// Seconds since 1970.
    #[prost(double, tag = "1")]
    wall_time: f64,
    #[prost(int64, tag = "2")]
    step: i64,
    #[prost(string, optional, tag = "3")]
    file_version: Option<String>,
    #[prost(message, optional, tag = "5")]
    summary: Option<Summary>,
    #[prost(message, optional, tag = "7")]
    session: Option<Session>,
}

#[derive(Clone, PartialEq, Message)]
struct Summary {
    #[prost(message, repeated, tag = "1")]
    values: Vec<Value>,
}

#[derive(Clone, PartialEq, Message)]
struct Value {
    #[prost(string, tag = "1")]
    tag: String,
    // Optional, so that a zero is written as well: without it, a value has no kind.
    #[prost(float, optional, tag = "2")]
    simple_value: Option<f32>,
}

#[derive(Clone, PartialEq, Message)]
struct Session {
    #[prost(int32, tag = "1")]
    status: i32,
}

/// Of [`Session::status`]: what was written before with this step or a later one does not count.
const STARTED: i32 = 1;

/// Writes an event file. What is not flushed may be lost.
#[derive(Debug)]
pub struct EventWriter {
    path: PathBuf,
    file: BufWriter<File>,
}

impl EventWriter {
    /// Begins a file in `folder`, which is made if there is none. `wall_time` is in seconds since 1970, here and in
    /// all events.
    pub fn create(folder: &Path, wall_time: f64) -> Result<Self, EventError> {
        fs::create_dir_all(folder).map_err(failed("create", folder))?;
        let mut number = 0u32;
        loop {
            // In order of name is in order of time; the number is for files of one second.
            let path = folder.join(format!("{MARK}{:010}.{number:03}.supple", wall_time as u64));
            match OpenOptions::new().write(true).create_new(true).open(&path) {
                Ok(file) => {
                    let mut writer = Self { file: BufWriter::new(file), path };
                    let version = Some(VERSION.to_owned());
                    writer.event(&Event { wall_time, file_version: version, ..Event::default() })?;
                    writer.flush()?;
                    return Ok(writer);
                }
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists && number < 999 => number += 1,
                Err(source) => return Err(EventError::File { what: "create", path, source }),
            }
        }
    }

    /// Goes on with the newest file of `folder`, for a training that continues at `step`: events of this step and later
    /// ones, from before it was stopped, no longer count. A record that was half written is cut off.
    pub fn append(folder: &Path, step: u64, wall_time: f64) -> Result<Self, EventError> {
        let mut newest: Option<PathBuf> = None;
        for entry in fs::read_dir(folder).map_err(failed("read", folder))? {
            let path = entry.map_err(failed("read", folder))?.path();
            let named = path.file_name().is_some_and(|name| name.to_string_lossy().starts_with(MARK));
            if named && newest.as_ref().is_none_or(|newest| *newest < path) {
                newest = Some(path);
            }
        }
        let path = newest.ok_or_else(|| EventError::NoFile(folder.to_owned()))?;
        let mut file =
            OpenOptions::new().read(true).write(true).open(&path).map_err(failed("open", &path))?;
        let sound = sound_length(&mut BufReader::new(&file)).map_err(failed("read", &path))?;
        if sound == 0 {
            return Err(EventError::NoEvents(path));
        }
        file.set_len(sound).map_err(failed("shorten", &path))?;
        file.seek(SeekFrom::Start(sound)).map_err(failed("write", &path))?;
        let mut writer = Self { path, file: BufWriter::new(file) };
        let session = Some(Session { status: STARTED });
        writer.event(&Event { wall_time, step: signed(step), session, ..Event::default() })?;
        Ok(writer)
    }

    /// Adds a point to the curve `tag`.
    pub fn scalar(&mut self, tag: &str, step: u64, value: f32, wall_time: f64) -> Result<(), EventError> {
        let value = Value { tag: tag.to_owned(), simple_value: Some(value) };
        let summary = Some(Summary { values: vec![value] });
        self.event(&Event { wall_time, step: signed(step), summary, ..Event::default() })
    }

    /// Hands everything to the system, so that TensorBoard sees it.
    pub fn flush(&mut self) -> Result<(), EventError> {
        self.file.flush().map_err(failed("write", &self.path))
    }

    /// The file.
    pub fn path(&self) -> &Path {
        &self.path
    }

    fn event(&mut self, event: &Event) -> Result<(), EventError> {
        let record = framed(&event.encode_to_vec());
        self.file.write_all(&record).map_err(failed("write", &self.path))
    }
}

fn failed(what: &'static str, path: &Path) -> impl FnOnce(io::Error) -> EventError {
    let path = path.to_owned();
    move |source| EventError::File { what, path, source }
}

fn signed(step: u64) -> i64 {
    i64::try_from(step).unwrap_or(i64::MAX)
}

/// A checksum as records have it: a checksum over data that holds checksums would otherwise be weak.
fn masked(bytes: &[u8]) -> u32 {
    CHECKSUM.checksum(bytes).rotate_right(15).wrapping_add(0xa282_ead8)
}

fn framed(bytes: &[u8]) -> Vec<u8> {
    let length = (bytes.len() as u64).to_le_bytes();
    let mut record = Vec::with_capacity(HEADER + bytes.len() + FOOTER);
    record.extend(length);
    record.extend(masked(&length).to_le_bytes());
    record.extend(bytes);
    record.extend(masked(bytes).to_le_bytes());
    record
}

/// The next record's bytes; none at the end, or where a record is damaged or cut off.
fn next_record(file: &mut impl Read) -> io::Result<Option<Vec<u8>>> {
    let (mut header, mut footer) = ([0; HEADER], [0; FOOTER]);
    if !filled(file, &mut header)? {
        return Ok(None);
    }
    let [a, b, c, d, e, f, g, h, checksum @ ..] = header;
    let length = [a, b, c, d, e, f, g, h];
    let count = u64::from_le_bytes(length);
    if masked(&length) != u32::from_le_bytes(checksum) || count > LONGEST_RECORD {
        return Ok(None);
    }
    let mut bytes = vec![0; count as usize];
    let whole = filled(file, &mut bytes)? && filled(file, &mut footer)?;
    Ok((whole && masked(&bytes) == u32::from_le_bytes(footer)).then_some(bytes))
}

/// Whether there was as much left.
fn filled(file: &mut impl Read, buffer: &mut [u8]) -> io::Result<bool> {
    match file.read_exact(buffer) {
        Ok(()) => Ok(true),
        Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => Ok(false),
        Err(error) => Err(error),
    }
}

/// How much of a file is whole records; 0 if the first does not say the version.
fn sound_length(file: &mut impl Read) -> io::Result<u64> {
    let mut sound = 0;
    while let Some(bytes) = next_record(file)? {
        let version = || Event::decode(bytes.as_slice()).ok().and_then(|event| event.file_version);
        if sound == 0 && version().as_deref() != Some(VERSION) {
            return Ok(0);
        }
        sound += (HEADER + bytes.len() + FOOTER) as u64;
    }
    Ok(sound)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn events(path: &Path) -> Vec<Event> {
        let bytes = fs::read(path).unwrap();
        let mut rest = bytes.as_slice();
        let mut events = Vec::new();
        while let Some(record) = next_record(&mut rest).unwrap() {
            events.push(Event::decode(record.as_slice()).unwrap());
        }
        assert!(rest.is_empty());
        events
    }

    fn point(event: &Event) -> Option<(i64, &str, f32)> {
        let value = event.summary.as_ref()?.values.first()?;
        Some((event.step, value.tag.as_str(), value.simple_value?))
    }

    #[test]
    fn checksums_are_crc_32c_and_masked() {
        // RFC 3720, B.4: 32 bytes of zeros.
        assert_eq!(CHECKSUM.checksum(&[0; 32]), 0x8a91_36aa);
        assert_eq!(CHECKSUM.checksum(b"123456789"), 0xe306_9283);
        assert_eq!(masked(b"123456789"), 0xe306_9283u32.rotate_right(15).wrapping_add(0xa282_ead8));
    }

    #[test]
    fn a_file_is_these_bytes() {
        let folder = tempfile::tempdir().unwrap();
        let mut writer = EventWriter::create(folder.path(), 2.0).unwrap();
        writer.scalar("loss", 300, 0.5, 3.0).unwrap();
        writer.flush().unwrap();
        let found = fs::read(writer.path()).unwrap();
        let version = [
            &[24, 0, 0, 0, 0, 0, 0, 0][..],
            &VERSION_CHECKSUMS[0],
            // wall_time = 2.0, file_version = 13 bytes
            &[0x09, 0, 0, 0, 0, 0, 0, 0, 0x40, 0x1a, 13],
            b"brain.Event:2",
            &VERSION_CHECKSUMS[1],
        ];
        let scalar = [
            &[27, 0, 0, 0, 0, 0, 0, 0][..],
            &SCALAR_CHECKSUMS[0],
            // wall_time = 3.0, step = 300, summary of 13 bytes, in it a value of 11: tag, simple_value = 0.5
            &[0x09, 0, 0, 0, 0, 0, 0, 0x08, 0x40, 0x10, 0xac, 0x02, 0x2a, 13, 0x0a, 11, 0x0a, 4],
            b"loss",
            &[0x15, 0, 0, 0, 0x3f],
            &SCALAR_CHECKSUMS[1],
        ];
        assert_eq!(found, [version.concat(), scalar.concat()].concat());
    }

    /// By the CRC-32C of another program, over the bytes above.
    const VERSION_CHECKSUMS: [[u8; 4]; 2] = [[0xa3, 0x7f, 0x4b, 0x22], [0xff, 0x2e, 0xe0, 0xe7]];
    const SCALAR_CHECKSUMS: [[u8; 4]; 2] = [[0x1a, 0x0d, 0x9e, 0x13], [0xb8, 0x8f, 0x1e, 0xce]];

    #[test]
    fn zeros_are_written_and_files_of_one_second_do_not_meet() {
        let folder = tempfile::tempdir().unwrap();
        let inner = folder.path().join("runs/one");
        let mut writer = EventWriter::create(&inner, 1e9).unwrap();
        writer.scalar("a", 0, 0.0, 1e9).unwrap();
        writer.scalar("b", 1, f32::NAN, 1e9).unwrap();
        writer.flush().unwrap();
        let other = EventWriter::create(&inner, 1e9).unwrap();
        assert_ne!(writer.path(), other.path());
        let events = events(writer.path());
        assert_eq!(events[0].file_version.as_deref(), Some(VERSION));
        assert_eq!(point(&events[1]), Some((0, "a", 0.0)));
        assert!(point(&events[2]).is_some_and(|(step, _, value)| step == 1 && value.is_nan()));
    }

    #[test]
    fn appending_goes_on_behind_the_last_whole_record() {
        let folder = tempfile::tempdir().unwrap();
        EventWriter::create(folder.path(), 5.0).unwrap();
        let mut writer = EventWriter::create(folder.path(), 7.0).unwrap();
        writer.scalar("loss", 1, 1.0, 7.0).unwrap();
        writer.scalar("loss", 2, 0.5, 7.0).unwrap();
        writer.flush().unwrap();
        let whole = fs::read(writer.path()).unwrap();
        fs::write(writer.path(), &whole[..whole.len() - 3]).unwrap();

        let mut again = EventWriter::append(folder.path(), 2, 9.0).unwrap();
        assert_eq!(again.path(), writer.path());
        again.scalar("loss", 2, 0.25, 9.0).unwrap();
        again.flush().unwrap();
        let events = events(again.path());
        assert_eq!(events.len(), 4);
        assert_eq!(point(&events[1]), Some((1, "loss", 1.0)));
        assert_eq!((events[2].step, events[2].session.as_ref().unwrap().status), (2, STARTED));
        assert_eq!(point(&events[3]), Some((2, "loss", 0.25)));
    }

    #[test]
    fn nothing_to_append_to_is_said() {
        let folder = tempfile::tempdir().unwrap();
        let append = |folder: &Path| EventWriter::append(folder, 0, 0.0).unwrap_err();
        assert!(matches!(append(folder.path()), EventError::NoFile(_)));
        assert!(matches!(append(&folder.path().join("none")), EventError::File { what: "read", .. }));
        for content in [&b""[..], b"something else", &framed(b"\x10\x01")] {
            fs::write(folder.path().join(format!("{MARK}1")), content).unwrap();
            assert!(matches!(append(folder.path()), EventError::NoEvents(_)));
        }
    }
}
