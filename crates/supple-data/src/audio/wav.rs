//! A WAV file as mono values at 8 or 16 kHz.
//!
//! Integers of up to 32 bits and floats are brought to 16 bits; of several channels, the mean is taken.

use std::io::Cursor;

use supple_signal::pcm::Pcm;

/// No recording of a word is longer; what claims to be is refused unread.
const LONGEST_SECONDS: u32 = 60;
/// More are no recording of a voice.
const MOST_CHANNELS: u16 = 8;

/// Values a second.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Rate {
    /// 8 kHz.
    Eight,
    /// 16 kHz.
    Sixteen,
}

/// A mono recording.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Recording {
    /// Values a second.
    pub rate: Rate,
    /// In the order of time.
    pub values: Vec<i16>,
}

/// Decodes a WAV file; the error says what is wrong with it.
pub fn decode(bytes: &[u8]) -> Result<Recording, String> {
    let unreadable = |error: hound::Error| format!("not a readable WAV ({error})");
    let mut reader = hound::WavReader::new(Cursor::new(bytes)).map_err(unreadable)?;
    let spec = reader.spec();
    let rate = match spec.sample_rate {
        8000 => Rate::Eight,
        16_000 => Rate::Sixteen,
        other => return Err(format!("its rate is {other} Hz, where 8000 and 16000 are read: resample it")),
    };
    if spec.channels > MOST_CHANNELS {
        return Err(format!("it has {} channels, where at most {MOST_CHANNELS} are read", spec.channels));
    }
    if reader.duration() > LONGEST_SECONDS * spec.sample_rate {
        return Err(format!("it is longer than {LONGEST_SECONDS} s, so it is no recording of a word"));
    }
    if reader.duration() == 0 {
        return Err("it holds no sound".to_owned());
    }
    let one: Vec<f32> = match spec.sample_format {
        hound::SampleFormat::Float => {
            let values: Vec<f32> = reader.samples::<f32>().collect::<Result<_, _>>().map_err(unreadable)?;
            if !values.iter().all(|value| value.is_finite()) {
                return Err("a value of it is no finite number".to_owned());
            }
            values
        }
        hound::SampleFormat::Int => {
            // 2 to the power of -(bits - 1), exactly.
            let scale = (1..spec.bits_per_sample).fold(1.0f32, |scale, _| scale * 0.5);
            let values = reader.samples::<i32>().map(|value| value.map(|value| value as f32 * scale));
            values.collect::<Result<_, _>>().map_err(unreadable)?
        }
    };
    let channels = usize::from(spec.channels);
    let values = one
        .chunks_exact(channels)
        .map(|values| i16::of(values.iter().fold(0.0, |sum, value| sum + value.value()) / channels as f32))
        .collect();
    Ok(Recording { rate, values })
}

#[cfg(test)]
pub(crate) mod tests {
    use proptest::prelude::*;

    use super::*;

    /// A mono file of 16 bits.
    pub(crate) fn wav(rate: u32, values: &[i16]) -> Vec<u8> {
        let spec = spec(rate, 1, 16, hound::SampleFormat::Int);
        written(spec, |writer| values.iter().for_each(|&value| writer.write_sample(value).unwrap()))
    }

    fn spec(sample_rate: u32, channels: u16, bits: u16, format: hound::SampleFormat) -> hound::WavSpec {
        hound::WavSpec { channels, sample_rate, bits_per_sample: bits, sample_format: format }
    }

    fn written(
        spec: hound::WavSpec,
        write: impl FnOnce(&mut hound::WavWriter<Cursor<&mut Vec<u8>>>),
    ) -> Vec<u8> {
        let mut bytes = Vec::new();
        let mut writer = hound::WavWriter::new(Cursor::new(&mut bytes), spec).unwrap();
        write(&mut writer);
        writer.finalize().unwrap();
        bytes
    }

    #[test]
    fn every_kind_of_value_comes_to_16_bits() {
        let values = [i16::MIN, -300, 0, 1, i16::MAX];
        assert_eq!(decode(&wav(8000, &values)), Ok(Recording { rate: Rate::Eight, values: values.to_vec() }));
        let wide = written(spec(16_000, 1, 24, hound::SampleFormat::Int), |writer| {
            values.iter().for_each(|&value| writer.write_sample(i32::from(value) * 256).unwrap());
        });
        assert_eq!(decode(&wide), Ok(Recording { rate: Rate::Sixteen, values: values.to_vec() }));
        let narrow = written(spec(8000, 1, 8, hound::SampleFormat::Int), |writer| {
            [-128i8, 0, 127].iter().for_each(|&value| writer.write_sample(value).unwrap());
        });
        assert_eq!(decode(&narrow).unwrap().values, [-32768, 0, 32512]);
        let stereo = written(spec(8000, 2, 32, hound::SampleFormat::Float), |writer| {
            [0.5f32, 0.25, 2.0, 1.0].iter().for_each(|&value| writer.write_sample(value).unwrap());
        });
        assert_eq!(decode(&stereo).unwrap().values, [12288, 32767]);
    }

    #[test]
    fn what_is_no_word_is_refused() {
        let refused = |bytes: &[u8], part: &str| {
            let message = decode(bytes).unwrap_err();
            assert!(message.contains(part), "{message}");
        };
        refused(b"", "not a readable WAV");
        refused(&wav(44_100, &[0; 10]), "44100 Hz");
        refused(&wav(8000, &[]), "no sound");
        refused(&wav(8000, &vec![0; 480_001]), "longer than 60 s");
        let mut cut = wav(8000, &[7; 100]);
        cut.truncate(150);
        refused(&cut, "not a readable WAV");
        let many = written(spec(8000, 9, 16, hound::SampleFormat::Int), |writer| {
            (0..9).for_each(|_| writer.write_sample(0i16).unwrap());
        });
        refused(&many, "9 channels");
        let broken = written(spec(8000, 1, 32, hound::SampleFormat::Float), |writer| {
            writer.write_sample(f32::NAN).unwrap();
        });
        refused(&broken, "no finite number");
    }

    proptest! {
        #[test]
        fn any_bytes_are_decoded_or_refused(
            changes in prop::collection::vec((0usize..64, any::<u8>()), 0..6),
            length in 0usize..100, bytes in prop::collection::vec(any::<u8>(), 0..100),
        ) {
            let mut file = wav(8000, &[1000; 20]);
            for (place, value) in changes {
                file[place] = value;
            }
            file.truncate(length);
            let _ = decode(&file);
            let _ = decode(&bytes);
        }
    }
}
