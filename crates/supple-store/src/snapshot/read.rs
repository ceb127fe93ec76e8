//! Snapshots read in two passes: one that checks, one that reads to where the numbers shall lie.

use bytemuck::cast_slice_mut;
use supple_pack::Element;

use super::{ENTRY_BYTES, Entry, HEADER_BYTES, Header, SnapshotError};
use crate::journal::ReadError;

/// Bytes that are looked at together while a snapshot is checked.
const BUFFER_BYTES: usize = 64;

/// Where a head's numbers are read to: the same parts.
#[derive(Debug)]
pub struct NumbersMut<'a> {
    /// `[way]`.
    pub rows: &'a mut [u16],
    /// Layer after layer: weights, biases.
    pub parameters: [&'a mut [f32]; 4],
    /// Shaped as the parameters; all empty where there are none.
    pub velocity: [&'a mut [f32]; 4],
}

/// Where a snapshot's bytes are read from.
pub trait Source {
    /// Reads from an offset.
    fn read(&mut self, offset: u32, bytes: &mut [u8]) -> Result<(), ReadError>;
}

/// Reads a snapshot from its start to its end.
#[derive(Debug)]
pub struct Reader<S> {
    source: S,
    at: u32,
    length: u32,
}

impl<S: Source> Reader<S> {
    /// A reader of so many bytes.
    pub fn new(source: S, length: u32) -> Self {
        Self { source, at: 0, length }
    }

    /// Reads the header.
    ///
    /// # Errors
    /// [`SnapshotError`].
    pub fn header(&mut self) -> Result<Header, SnapshotError> {
        let mut bytes = [0; HEADER_BYTES];
        self.bytes(&mut bytes)?;
        Header::from_bytes(&bytes)
    }

    /// Reads what is said about the next head.
    ///
    /// # Errors
    /// [`SnapshotError`].
    pub fn entry(&mut self) -> Result<Entry, SnapshotError> {
        let mut bytes = [0; ENTRY_BYTES];
        self.bytes(&mut bytes)?;
        Entry::from_bytes(&bytes)
    }

    /// Passes over a head's numbers.
    ///
    /// # Errors
    /// [`SnapshotError::Length`].
    pub fn skip_head(&mut self, header: &Header, entry: &Entry) -> Result<(), SnapshotError> {
        self.skip(entry.bytes(header) - ENTRY_BYTES as u64)
    }

    /// Checks a head's numbers: all finite, rows and labels those that are taken.
    ///
    /// # Errors
    /// [`SnapshotError`].
    pub fn check_head(
        &mut self,
        header: &Header,
        entry: &Entry,
        row: impl Fn(u16) -> bool,
        label: impl Fn(u16) -> bool,
    ) -> Result<(), SnapshotError> {
        let samples = header.samples.into();
        self.check_words(entry.way.into(), &row, "a row")?;
        let layers = if entry.velocity { 2 } else { 1 };
        let parameters: u64 = entry.parameters(header).into_iter().sum();
        self.check_numbers(parameters * layers, f32::is_finite, "a parameter")?;
        self.check_words(samples, &label, "a label")?;
        let targets = if entry.numbers { samples * u64::from(entry.way) } else { 0 };
        self.check_numbers(targets, f32::is_finite, "a target")
    }

    /// Reads a head's numbers, which were checked before; its labels follow. The places are as long as its entry says.
    ///
    /// # Errors
    /// [`SnapshotError`]; the places hold anything then.
    pub fn read_head(&mut self, numbers: NumbersMut) -> Result<(), SnapshotError> {
        self.words(numbers.rows)?;
        for part in numbers.parameters.into_iter().chain(numbers.velocity) {
            self.bytes(cast_slice_mut(part))?;
        }
        Ok(())
    }

    /// Reads a head's labels `[samples]` and targets `[samples][way]`, which were checked before, to places that may be
    /// longer.
    ///
    /// # Errors
    /// [`SnapshotError`]; the places hold anything then.
    pub fn read_labels(
        &mut self,
        header: &Header,
        entry: &Entry,
        labels: &mut [u16],
        targets: &mut [f32],
    ) -> Result<(), SnapshotError> {
        let samples = usize::from(header.samples);
        self.words(labels.get_mut(..samples).ok_or(SnapshotError::Length)?)?;
        let count = if entry.numbers { samples * usize::from(entry.way) } else { 0 };
        self.bytes(cast_slice_mut(targets.get_mut(..count).ok_or(SnapshotError::Length)?))
    }

    /// Passes over a head's labels and targets.
    ///
    /// # Errors
    /// [`SnapshotError::Length`].
    pub fn skip_labels(&mut self, header: &Header, entry: &Entry) -> Result<(), SnapshotError> {
        self.skip(entry.label_bytes(header))
    }

    /// Checks the support samples: all that they stand for is finite.
    ///
    /// # Errors
    /// [`SnapshotError`].
    pub fn check_support(&mut self, header: &Header) -> Result<(), SnapshotError> {
        let (samples, features) = (u64::from(header.samples), u64::from(header.features));
        match header.cache {
            Element::F32 => self.check_numbers(samples * features, f32::is_finite, "a feature"),
            Element::I8 => {
                let is_scale = |scale: f32| scale >= 0.0 && (127.0 * scale).is_finite();
                self.check_numbers(samples, is_scale, "a scale")?;
                let is_value = |bytes: &[u8]| bytes.iter().all(|&byte| byte != i8::MIN as u8);
                self.check(samples * features, is_value, "a feature")
            }
        }
    }

    /// Passes over the support samples.
    ///
    /// # Errors
    /// [`SnapshotError::Length`].
    pub fn skip_support(&mut self, header: &Header) -> Result<(), SnapshotError> {
        self.skip(header.support_bytes())
    }

    /// That there is nothing left.
    ///
    /// # Errors
    /// [`SnapshotError::Length`].
    pub fn end(&self) -> Result<(), SnapshotError> {
        if self.at == self.length { Ok(()) } else { Err(SnapshotError::Length) }
    }

    /// Reads what was checked before.
    ///
    /// # Errors
    /// [`SnapshotError`]; the place holds anything then.
    pub fn bytes(&mut self, bytes: &mut [u8]) -> Result<(), SnapshotError> {
        let at = self.at;
        self.skip(bytes.len() as u64)?;
        if bytes.is_empty() { Ok(()) } else { Ok(self.source.read(at, bytes)?) }
    }

    fn skip(&mut self, bytes: u64) -> Result<(), SnapshotError> {
        let end = u64::from(self.at).saturating_add(bytes);
        self.at = u32::try_from(end).ok().filter(|end| *end <= self.length).ok_or(SnapshotError::Length)?;
        Ok(())
    }

    /// Reads words and the zeros behind them.
    fn words(&mut self, words: &mut [u16]) -> Result<(), SnapshotError> {
        let odd = words.len() % 2;
        self.bytes(cast_slice_mut(words))?;
        self.skip(2 * odd as u64)
    }

    fn check_words(
        &mut self,
        count: u64,
        accept: &impl Fn(u16) -> bool,
        part: &'static str,
    ) -> Result<(), SnapshotError> {
        let all = |bytes: &[u8]| bytes.as_chunks().0.iter().all(|word| accept(u16::from_le_bytes(*word)));
        self.check(2 * count, all, part)?;
        self.check(2 * (count % 2), |bytes| bytes.iter().all(|&byte| byte == 0), part)
    }

    fn check_numbers(
        &mut self,
        count: u64,
        accept: impl Fn(f32) -> bool,
        part: &'static str,
    ) -> Result<(), SnapshotError> {
        let all = |bytes: &[u8]| bytes.as_chunks().0.iter().all(|word| accept(f32::from_le_bytes(*word)));
        self.check(4 * count, all, part)
    }

    /// Reads through a buffer and asks of each piece.
    fn check(
        &mut self,
        bytes: u64,
        accept: impl Fn(&[u8]) -> bool,
        part: &'static str,
    ) -> Result<(), SnapshotError> {
        let mut buffer = [0; BUFFER_BYTES];
        // Whether there are as many, before any is read.
        if bytes > u64::from(self.length.saturating_sub(self.at)) {
            return Err(SnapshotError::Length);
        }
        let mut left = bytes as usize;
        while left > 0 {
            let piece = buffer.get_mut(..left.min(BUFFER_BYTES)).unwrap_or_default();
            self.bytes(piece)?;
            left -= piece.len();
            if !accept(piece) {
                return Err(SnapshotError::Content(part));
            }
        }
        Ok(())
    }
}
