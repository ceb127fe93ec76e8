//! NumPy's `.npy`: a short header in Python's notation, then the numbers.
//!
//! Read here rather than by a crate, since the header's lengths and sizes are hostile: nothing is taken into memory
//! before the header's claims are held against what there is.

use std::io::{Read, Seek};

use zip::ZipArchive;

/// NumPy's own headers have 118 bytes.
const LONGEST_HEADER: usize = 4096;
/// Bytes of an array.
const LARGEST: u64 = 1 << 30;
/// Numbers of an array; as `f32`, they take as many bytes as an array may have.
const MOST_NUMBERS: usize = 1 << 28;
/// Dimensions.
const DEEPEST: usize = 4;

/// What the elements are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// `f4` and `f8`.
    Float,
    /// `i1` to `i8`.
    Signed,
    /// `u1` to `u8`, and `b1`.
    Unsigned,
    /// `U`: characters of 4 bytes.
    Text,
}

/// An array as it lies in the file.
#[derive(Debug, Clone)]
pub struct Array {
    /// Sizes of the dimensions; at most four.
    pub shape: Vec<usize>,
    /// What the elements are.
    pub kind: Kind,
    /// Bytes of an element.
    size: usize,
    big_endian: bool,
    /// The first dimension runs fastest.
    fortran: bool,
    bytes: Vec<u8>,
}

/// Reads an array; the error says what is wrong with it.
pub fn read(mut reader: impl Read) -> Result<Array, String> {
    let mut begin = [0; 10];
    reader.read_exact(&mut begin).map_err(|_| "it is cut off in its header".to_owned())?;
    if &begin[..6] != b"\x93NUMPY" {
        return Err("it does not begin like an .npy file".to_owned());
    }
    let mut length = usize::from(u16::from_le_bytes([begin[8], begin[9]]));
    match begin[6] {
        1 => {}
        2 | 3 => {
            let mut high = [0; 2];
            reader.read_exact(&mut high).map_err(|_| "it is cut off in its header".to_owned())?;
            length |= usize::from(u16::from_le_bytes(high)) << 16;
        }
        other => return Err(format!("it is of .npy version {other}, where 1 to 3 are read: save it anew")),
    }
    if length > LONGEST_HEADER {
        return Err(format!("its header claims {length} bytes, where at most {LONGEST_HEADER} are read"));
    }
    let mut header = vec![0; length];
    reader.read_exact(&mut header).map_err(|_| "it is cut off in its header".to_owned())?;
    let header = String::from_utf8(header).map_err(|_| "its header is no text".to_owned())?;
    let mut array = parse(&header)?;
    let numbers = array.shape.iter().try_fold(1usize, |product, &size| product.checked_mul(size));
    let bytes = numbers.filter(|&numbers| numbers <= MOST_NUMBERS).and_then(|n| n.checked_mul(array.size));
    let Some(bytes) = bytes.filter(|&bytes| bytes as u64 <= LARGEST) else {
        return Err(format!("its size {:?} is beyond what is read: give a smaller part of it", array.shape));
    };
    // Grows with what is there, not with what is claimed.
    reader
        .take(bytes as u64 + 1)
        .read_to_end(&mut array.bytes)
        .map_err(|error| format!("its numbers cannot be read ({error})"))?;
    if array.bytes.len() != bytes {
        let there = if array.bytes.len() > bytes { "more".to_owned() } else { array.bytes.len().to_string() };
        return Err(format!("its header promises {bytes} bytes, but there are {there}: save it anew"));
    }
    Ok(array)
}

/// The array of a name in an `.npz`; `None` where there is none.
pub fn entry<R: Read + Seek>(archive: &mut ZipArchive<R>, name: &str) -> Result<Option<Array>, String> {
    match archive.by_name(&format!("{name}.npy")) {
        Ok(entry) => read(entry).map(Some).map_err(|reason| format!("array `{name}`: {reason}")),
        Err(zip::result::ZipError::FileNotFound) => Ok(None),
        Err(error) => Err(format!("array `{name}` is not readable ({error})")),
    }
}

fn parse(header: &str) -> Result<Array, String> {
    let unclear = || "its header is not as NumPy writes it: save it anew with numpy.save".to_owned();
    // The values contain neither braces nor the quoted names of the keys.
    let inside =
        header.trim().strip_prefix('{').and_then(|rest| rest.strip_suffix('}')).ok_or_else(unclear)?;
    let value = |key: &str| {
        let (_, rest) = inside.split_once(&format!("'{key}':")).ok_or_else(unclear)?;
        Ok::<&str, String>(rest.trim_start())
    };
    let descr = value("descr")?;
    let descr = descr.strip_prefix('\'').and_then(|rest| rest.split_once('\'')).ok_or_else(|| {
        "its elements are records of several fields: save one field as an array of its own".to_owned()
    })?;
    let (kind, size, big_endian) = element(descr.0)?;
    let order = value("fortran_order")?;
    let fortran = order.starts_with("True");
    if !fortran && !order.starts_with("False") {
        return Err(unclear());
    }
    let shape =
        value("shape")?.strip_prefix('(').and_then(|rest| rest.split_once(')')).ok_or_else(unclear)?;
    let sizes = shape.0.split(',').map(str::trim).filter(|size| !size.is_empty());
    let shape: Vec<usize> = sizes
        .map(|size| size.parse().map_err(|_| format!("its header names a dimension `{size}`: save it anew")))
        .collect::<Result<_, _>>()?;
    if shape.len() > DEEPEST {
        return Err(format!("it has {} dimensions, where at most {DEEPEST} are read", shape.len()));
    }
    Ok(Array { shape, kind, size, big_endian, fortran, bytes: Vec::new() })
}

/// Kind, bytes and whether the first byte is the highest, of an element such as `<f4`.
fn element(descr: &str) -> Result<(Kind, usize, bool), String> {
    let unknown = || format!("its elements are `{descr}`: convert it with .astype('float32')");
    let (order, rest) = descr.split_at_checked(1).ok_or_else(unknown)?;
    let (kind, size) = rest.split_at_checked(1).ok_or_else(unknown)?;
    let size: usize = size.parse().map_err(|_| unknown())?;
    let (kind, size) = match (kind, size) {
        ("f", 4 | 8) => (Kind::Float, size),
        ("i", 1 | 2 | 4 | 8) => (Kind::Signed, size),
        ("u", 1 | 2 | 4 | 8) | ("b", 1) => (Kind::Unsigned, size),
        ("U", 1..=256) => (Kind::Text, 4 * size),
        _ => return Err(unknown()),
    };
    match order {
        "<" | "|" => Ok((kind, size, false)),
        ">" => Ok((kind, size, true)),
        _ => Err(unknown()),
    }
}

impl Array {
    /// An element's bytes, lowest first.
    fn low_first(&self, element: &[u8]) -> [u8; 8] {
        let mut bytes = [0; 8];
        match self.big_endian {
            false => bytes.iter_mut().zip(element).for_each(|(out, byte)| *out = *byte),
            true => bytes.iter_mut().zip(element.iter().rev()).for_each(|(out, byte)| *out = *byte),
        }
        bytes
    }

    /// A whole number's value; the highest `u8`s do not fit.
    fn whole_number(&self, element: &[u8]) -> Option<i64> {
        let bits = u64::from_le_bytes(self.low_first(element));
        match self.kind {
            Kind::Signed => {
                // Moves the sign to the highest bit and back.
                let shift = 64 - 8 * self.size as u32;
                Some((bits << shift) as i64 >> shift)
            }
            _ => i64::try_from(bits).ok(),
        }
    }

    /// The elements in the order of C, where the last dimension runs fastest.
    fn elements(&self) -> impl Iterator<Item = &[u8]> {
        let count: usize = self.shape.iter().product();
        (0..count).map(move |index| {
            let mut place = index;
            if self.fortran {
                let (mut rest, mut step) = (index, count);
                place = 0;
                for &size in self.shape.iter().rev() {
                    step /= size;
                    place += rest % size * step;
                    rest /= size;
                }
            }
            &self.bytes[place * self.size..][..self.size]
        })
    }

    /// All numbers; text has none.
    pub fn floats(&self) -> Result<Vec<f32>, String> {
        let value = |element| {
            let bytes = self.low_first(element);
            match (self.kind, self.size) {
                (Kind::Float, 8) => Ok(f64::from_le_bytes(bytes) as f32),
                (Kind::Float, _) => Ok(f32::from_le_bytes([bytes[0], bytes[1], bytes[2], bytes[3]])),
                (Kind::Signed | Kind::Unsigned, _) => {
                    let whole = self.whole_number(element);
                    Ok(whole.map_or(u64::from_le_bytes(bytes) as f32, |value| value as f32))
                }
                (Kind::Text, _) => Err("it holds text, where numbers are expected".to_owned()),
            }
        };
        self.elements().map(value).collect()
    }

    /// All numbers, if they are whole.
    pub fn whole(&self) -> Result<Vec<i64>, String> {
        if !matches!(self.kind, Kind::Signed | Kind::Unsigned) {
            return Err("it holds no whole numbers: convert it with .astype('int64')".to_owned());
        }
        let value = |element| self.whole_number(element).ok_or("it holds a number beyond 64 bits".to_owned());
        self.elements().map(value).collect()
    }

    /// All texts.
    pub fn texts(&self) -> Result<Vec<String>, String> {
        if self.kind != Kind::Text {
            return Err("it holds no text".to_owned());
        }
        let character = |bytes: &[u8]| {
            let bytes = self.low_first(bytes);
            char::from_u32(u32::from_le_bytes([bytes[0], bytes[1], bytes[2], bytes[3]]))
        };
        let text = |element: &[u8]| {
            let text: Option<String> = element.chunks_exact(4).map(character).collect();
            let text = text.ok_or("it holds text that is no Unicode".to_owned())?;
            // Shorter texts are filled with zeros.
            Ok(text.trim_end_matches('\0').to_owned())
        };
        self.elements().map(text).collect()
    }
}

#[cfg(test)]
#[path = "npy_tests.rs"]
pub(crate) mod tests;
