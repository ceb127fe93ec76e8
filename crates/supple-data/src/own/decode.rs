//! A file as a sample: a picture, a recording, a table or an array.

use std::io::Cursor;

use crate::audio::{self, wav};
use crate::own::npy;
use crate::samples::SampleShape;

/// Pixels of a side.
pub const LARGEST_SIDE: u32 = 256;
/// Values of a sample; 4 MiB.
const MOST_VALUES: usize = 1 << 20;
/// Bytes of a file; a table spends some on each value.
pub const LARGEST_FILE: u64 = 32 << 20;

/// What kind of files the samples are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ending {
    Png,
    Wav,
    Csv,
    Npy,
}

impl Ending {
    /// Of a file's name, in letters of any size.
    pub fn of(extension: &str) -> Option<Self> {
        [Self::Png, Self::Wav, Self::Csv, Self::Npy]
            .into_iter()
            .find(|ending| extension.eq_ignore_ascii_case(ending.text()))
    }

    /// As it is written.
    pub fn text(self) -> &'static str {
        match self {
            Self::Png => "png",
            Self::Wav => "wav",
            Self::Csv => "csv",
            Self::Npy => "npy",
        }
    }
}

/// A sample.
#[derive(Debug, Clone, PartialEq)]
pub struct Decoded {
    pub shape: SampleShape,
    pub values: Vec<f32>,
}

/// Decodes a file; the error says what is wrong with it. A sample has values, all finite.
pub fn decode(ending: Ending, bytes: &[u8]) -> Result<Decoded, String> {
    let decoded = match ending {
        Ending::Png => picture(bytes),
        Ending::Wav => recording(bytes),
        Ending::Csv => table(bytes),
        Ending::Npy => array(bytes),
    }?;
    if decoded.values.is_empty() {
        return Err("it holds no values".to_owned());
    }
    if decoded.values.len() > MOST_VALUES {
        let values = decoded.values.len();
        return Err(format!(
            "it holds {values} values, where a sample has at most {MOST_VALUES}: shorten it"
        ));
    }
    match decoded.values.iter().position(|value| !value.is_finite()) {
        Some(index) => Err(format!("value {index} (counted from 0) is {}", decoded.values[index])),
        None => Ok(decoded),
    }
}

/// Grey or colours, 0 to 1.
fn picture(bytes: &[u8]) -> Result<Decoded, String> {
    let unreadable = |error: png::DecodingError| format!("not a readable PNG ({error})");
    let limits = png::Limits { bytes: 1 << 22 };
    let mut decoder = png::Decoder::new_with_limits(Cursor::new(bytes), limits);
    decoder.set_transformations(png::Transformations::normalize_to_color8());
    let mut reader = decoder.read_info().map_err(unreadable)?;
    let (width, height) = reader.info().size();
    if width > LARGEST_SIDE || height > LARGEST_SIDE {
        return Err(format!(
            "it is {width} × {height} pixels, where a side has at most {LARGEST_SIDE}: shrink it"
        ));
    }
    let channels = match reader.output_color_type().0 {
        png::ColorType::Grayscale => 1,
        png::ColorType::Rgb => 3,
        _ => return Err("it has transparency: save it as grey or RGB".to_owned()),
    };
    let size = reader.output_buffer_size().ok_or("its size overflows")?;
    let mut pixels = vec![0; size];
    let info = reader.next_frame(&mut pixels).map_err(unreadable)?;
    let values = pixels[..info.buffer_size()].iter().map(|&level| f32::from(level) / 255.0).collect();
    let shape = SampleShape { height: height as usize, width: width as usize, channels };
    Ok(Decoded { shape, values })
}

/// At 8 or 16 kHz a word, as features; at any other rate a signal of one channel, -1 to 1.
fn recording(bytes: &[u8]) -> Result<Decoded, String> {
    let unreadable = |error: hound::Error| format!("not a readable WAV ({error})");
    let mut reader = hound::WavReader::new(Cursor::new(bytes)).map_err(unreadable)?;
    let spec = reader.spec();
    if matches!(spec.sample_rate, 8000 | 16_000) {
        let values = audio::features(&wav::decode(bytes)?);
        return Ok(Decoded { shape: audio::SHAPE, values });
    }
    if spec.channels != 1 {
        return Err(format!("it has {} channels: mix it down to one", spec.channels));
    }
    if reader.duration() as usize > MOST_VALUES {
        return Err(format!("it is longer than {MOST_VALUES} values: shorten it"));
    }
    let values: Vec<f32> = match spec.sample_format {
        hound::SampleFormat::Float => {
            reader.samples::<f32>().collect::<Result<_, _>>().map_err(unreadable)?
        }
        hound::SampleFormat::Int => {
            // 2 to the power of -(bits - 1), exactly.
            let scale = (1..spec.bits_per_sample).fold(1.0f32, |scale, _| scale * 0.5);
            let values = reader.samples::<i32>().map(|value| value.map(|value| value as f32 * scale));
            values.collect::<Result<_, _>>().map_err(unreadable)?
        }
    };
    Ok(Decoded { shape: SampleShape::signal(values.len(), 1), values })
}

/// A row a time step, a column a channel; the first row may be a head.
fn table(bytes: &[u8]) -> Result<Decoded, String> {
    // Rows of different lengths are told here, with a fix.
    let mut reader =
        csv::ReaderBuilder::new().has_headers(false).flexible(true).trim(csv::Trim::All).from_reader(bytes);
    let mut values = Vec::new();
    let mut record = csv::StringRecord::new();
    let (mut columns, mut rows, mut first) = (0, 0, true);
    while reader.read_record(&mut record).map_err(|error| format!("not a readable table ({error})"))? {
        let row = record.position().map_or(0, csv::Position::line);
        let is_first = std::mem::take(&mut first);
        if is_first {
            columns = record.len();
            if record.iter().any(|field| field.parse::<f32>().is_err()) {
                continue;
            }
        }
        if record.len() != columns {
            let found = record.len();
            return Err(format!("row {row} has {found} columns where the first has {columns}"));
        }
        for (column, field) in (1..).zip(&record) {
            let value: f32 = field
                .parse()
                .map_err(|_| format!("row {row}, column {column}: `{}` is no number", shortened(field)))?;
            if !value.is_finite() {
                return Err(format!("row {row}, column {column} is {value}"));
            }
            values.push(value);
        }
        rows += 1;
        if values.len() > MOST_VALUES {
            return Err(format!("it holds more than {MOST_VALUES} values: shorten it"));
        }
    }
    Ok(Decoded { shape: SampleShape::signal(rows, columns), values })
}

/// A row a vector, two dimensions a signal, three a picture.
fn array(bytes: &[u8]) -> Result<Decoded, String> {
    let array = npy::read(bytes)?;
    let shape = shape(&array.shape)?;
    Ok(Decoded { shape, values: array.floats()? })
}

/// What the dimensions of one sample mean.
pub fn shape(dimensions: &[usize]) -> Result<SampleShape, String> {
    let shape = match *dimensions {
        [channels] => SampleShape::vector(channels),
        [width, channels] => SampleShape::signal(width, channels),
        [height, width, channels] => SampleShape { height, width, channels },
        _ => {
            return Err(format!(
                "a sample has {} dimensions; expected are [values], [steps][channels] or [height][width][channels]",
                dimensions.len()
            ));
        }
    };
    if dimensions.contains(&0) {
        return Err("it holds no values".to_owned());
    }
    Ok(shape)
}

/// So that a message stays a line.
fn shortened(text: &str) -> String {
    text.chars().take(20).collect()
}

#[cfg(test)]
#[path = "decode_tests.rs"]
pub(crate) mod tests;
