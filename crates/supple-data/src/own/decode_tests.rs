use proptest::prelude::*;

use super::*;
use crate::audio::wav::tests::wav;
use crate::own::npy::tests::{floats, npy};

/// A picture of these levels.
pub(crate) fn png(width: u32, height: u32, color: png::ColorType, levels: &[u8]) -> Vec<u8> {
    let mut bytes = Vec::new();
    let mut encoder = png::Encoder::new(&mut bytes, width, height);
    encoder.set_color(color);
    encoder.set_depth(png::BitDepth::Eight);
    let mut writer = encoder.write_header().unwrap();
    writer.write_image_data(levels).unwrap();
    drop(writer);
    bytes
}

fn refused(ending: Ending, bytes: &[u8], part: &str) {
    let reason = decode(ending, bytes).unwrap_err();
    assert!(reason.contains(part), "{reason}");
}

#[test]
fn pictures() {
    let grey =
        decode(Ending::Png, &png(3, 2, png::ColorType::Grayscale, &[0, 51, 102, 153, 204, 255])).unwrap();
    assert_eq!(grey.shape, SampleShape { height: 2, width: 3, channels: 1 });
    assert_eq!((grey.values[1], grey.values[5]), (0.2, 1.0));
    let colour = decode(Ending::Png, &png(1, 2, png::ColorType::Rgb, &[255, 0, 0, 0, 0, 255])).unwrap();
    assert_eq!(colour.shape, SampleShape { height: 2, width: 1, channels: 3 });
    assert_eq!(colour.values, [1.0, 0.0, 0.0, 0.0, 0.0, 1.0]);
    refused(Ending::Png, &png(1, 1, png::ColorType::GrayscaleAlpha, &[1, 2]), "transparency");
    refused(Ending::Png, &png(257, 1, png::ColorType::Grayscale, &[0; 257]), "257 × 1 pixels");
    let whole = png(9, 9, png::ColorType::Grayscale, &[7; 81]);
    refused(Ending::Png, &whole[..whole.len() / 2], "not a readable PNG");
}

#[test]
fn recordings() {
    let word = decode(Ending::Wav, &wav(8000, &[100; 4000])).unwrap();
    assert_eq!((word.shape, word.values.len()), (audio::SHAPE, audio::SHAPE.len()));
    let signal = decode(Ending::Wav, &wav(44_100, &[0, i16::MIN, 16384])).unwrap();
    assert_eq!((signal.shape, &signal.values[..]), (SampleShape::signal(3, 1), &[0.0, -1.0, 0.5][..]));
    refused(Ending::Wav, b"RIFF", "not a readable WAV");
    refused(Ending::Wav, &wav(44_100, &[]), "no values");
}

#[test]
fn tables() {
    let expected = Decoded { shape: SampleShape::signal(2, 3), values: vec![1.0, 2.0, 3.0, 4.0, -5.5, 6e3] };
    for text in ["1,2,3\n4,-5.5,6e3\n", "a,b,c\r\n1, 2 ,3\r\n4,-5.5,6000"] {
        assert_eq!(decode(Ending::Csv, text.as_bytes()).unwrap(), expected);
    }
    refused(Ending::Csv, b"1,2\n3", "row 2 has 1 columns where the first has 2");
    refused(Ending::Csv, b"a,b\n1,2\n3,x", "row 3, column 2: `x` is no number");
    refused(Ending::Csv, b"1,2\nNaN,3", "row 2, column 1 is NaN");
    refused(Ending::Csv, b"1,NaN", "row 1, column 2 is NaN");
    refused(Ending::Csv, b"head", "no values");
    refused(Ending::Csv, b"", "no values");
    refused(Ending::Csv, b"1,2\n\xff,3", "not a readable table");
}

#[test]
fn arrays() {
    let of = |shape| decode(Ending::Npy, &floats(shape, &[1.0; 12])).unwrap().shape;
    assert_eq!(of("(12,)"), SampleShape::vector(12));
    assert_eq!(of("(6, 2)"), SampleShape::signal(6, 2));
    assert_eq!(of("(2, 3, 2)"), SampleShape { height: 2, width: 3, channels: 2 });
    refused(Ending::Npy, &floats("(1, 1, 1, 1)", &[1.0]), "4 dimensions");
    refused(Ending::Npy, &floats("(2,)", &[1.0, f32::INFINITY]), "value 1 (counted from 0) is inf");
    refused(Ending::Npy, &floats("(2, 0)", &[]), "no values");
    refused(Ending::Npy, &npy("|u1", "False", "(1048577,)", &vec![0; 1_048_577]), "at most 1048576");
}

proptest! {
    #[test]
    fn any_bytes_are_decoded_or_refused(
        changes in prop::collection::vec((0usize..90, any::<u8>()), 0..4),
        length in 0usize..120, bytes in prop::collection::vec(any::<u8>(), 0..120),
    ) {
        let endings = [Ending::Png, Ending::Wav, Ending::Csv, Ending::Npy];
        let files = [
            png(5, 4, png::ColorType::Rgb, &[9; 60]),
            wav(44_100, &[1000; 20]),
            b"a,b\n1,2\n3,4\n".to_vec(),
            floats("(2, 2)", &[1.0; 4]),
        ];
        for (ending, mut file) in endings.into_iter().zip(files) {
            for (place, value) in &changes {
                if let Some(byte) = file.get_mut(*place) {
                    *byte = *value;
                }
            }
            file.truncate(length);
            for bytes in [&file, &bytes] {
                if let Ok(decoded) = decode(ending, bytes) {
                    prop_assert_eq!(decoded.shape.len(), decoded.values.len());
                }
            }
        }
    }
}
