use std::io::{Cursor, Write};

use proptest::prelude::*;

use super::*;

/// An `.npy` file of version 1.
pub(crate) fn npy(descr: &str, order: &str, shape: &str, data: &[u8]) -> Vec<u8> {
    let header = format!("{{'descr': '{descr}', 'fortran_order': {order}, 'shape': {shape}, }}\n");
    let mut bytes = b"\x93NUMPY\x01\x00".to_vec();
    bytes.extend((header.len() as u16).to_le_bytes());
    bytes.extend(header.as_bytes());
    bytes.extend(data);
    bytes
}

/// Of `f32` in the order of C.
pub(crate) fn floats(shape: &str, values: &[f32]) -> Vec<u8> {
    let data: Vec<u8> = values.iter().flat_map(|value| value.to_le_bytes()).collect();
    npy("<f4", "False", shape, &data)
}

/// Of `i64`.
pub(crate) fn whole(values: &[i64]) -> Vec<u8> {
    let data: Vec<u8> = values.iter().flat_map(|value| value.to_le_bytes()).collect();
    npy("<i8", "False", &format!("({},)", values.len()), &data)
}

/// Of three characters.
pub(crate) fn texts(values: &[&str]) -> Vec<u8> {
    let text = |value: &&str| {
        let mut characters: Vec<u32> = value.chars().map(u32::from).collect();
        characters.resize(3, 0);
        characters.into_iter().flat_map(u32::to_le_bytes).collect::<Vec<u8>>()
    };
    npy("<U3", "False", &format!("({},)", values.len()), &values.iter().flat_map(text).collect::<Vec<u8>>())
}

/// An `.npz` of these arrays.
pub(crate) fn npz(arrays: &[(&str, Vec<u8>)]) -> Vec<u8> {
    let mut bytes = Vec::new();
    let mut writer = zip::ZipWriter::new(Cursor::new(&mut bytes));
    for (name, array) in arrays {
        writer.start_file(format!("{name}.npy"), zip::write::SimpleFileOptions::default()).unwrap();
        writer.write_all(array).unwrap();
    }
    writer.finish().unwrap();
    bytes
}

fn taken(bytes: &[u8]) -> Array {
    read(bytes).unwrap()
}

#[test]
fn elements_of_every_kind() {
    let array =
        taken(&npy("<f8", "False", "(2,)", &[1.5f64.to_le_bytes(), (-2.0f64).to_le_bytes()].concat()));
    assert_eq!((array.floats().unwrap(), array.kind), (vec![1.5, -2.0], Kind::Float));
    assert!(array.whole().is_err() && array.texts().is_err());
    assert_eq!(taken(&npy(">f4", "False", "()", &1.5f32.to_be_bytes())).floats().unwrap(), [1.5]);
    assert_eq!(taken(&npy("|i1", "False", "(2,)", &[0xff, 3])).whole().unwrap(), [-1, 3]);
    assert_eq!(taken(&npy(">i2", "False", "(1,)", &[0xff, 0xfe])).floats().unwrap(), [-2.0]);
    assert_eq!(taken(&npy("|b1", "False", "(2,)", &[1, 0])).whole().unwrap(), [1, 0]);
    let high = taken(&npy("<u8", "False", "(1,)", &[0xff; 8]));
    assert!(high.whole().is_err());
    assert_eq!(high.floats().unwrap(), [u64::MAX as f32]);
    let texts = taken(&texts(&["ab", "äöü"]));
    assert_eq!(texts.texts().unwrap(), ["ab", "äöü"]);
    assert!(texts.floats().is_err());
}

#[test]
fn the_order_of_fortran_is_turned() {
    // Column by column, what is [[0, 1, 2], [3, 4, 5]].
    let array = taken(&npy("|u1", "True", "(2, 3)", &[0, 3, 1, 4, 2, 5]));
    assert_eq!(array.floats().unwrap(), [0.0, 1.0, 2.0, 3.0, 4.0, 5.0]);
    assert_eq!(taken(&npy("|u1", "True", "(2, 0)", &[])).floats().unwrap(), []);
}

#[test]
fn longer_headers_are_read() {
    let mut bytes = npy("|u1", "False", "(1,)", &[7]);
    bytes[6] = 3;
    bytes.splice(10..10, [0, 0]);
    assert_eq!(taken(&bytes).whole().unwrap(), [7]);
}

#[test]
fn hostile_files_are_refused() {
    let refused = |bytes: &[u8], part: &str| {
        let reason = read(bytes).unwrap_err();
        assert!(reason.contains(part), "{reason}");
    };
    refused(b"\x93NUMPY", "cut off in its header");
    refused(b"something else", "does not begin like");
    refused(b"\x93NUMPY\x02\x00\xff\xff\xff\xff", "claims 4294967295 bytes");
    refused(b"\x93NUMPY\x09\x00\x00\x00", "version 9");
    refused(&npy("<f4", "False", "(2,)", &[0; 7]), "promises 8 bytes, but there are 7");
    refused(&npy("<f4", "False", "(2,)", &[0; 9]), "promises 8 bytes, but there are more");
    refused(&npy("<f4", "False", "(4294967296, 4294967296)", &[]), "beyond what is read");
    refused(&npy("<f4", "False", "(99999999999999999999,)", &[]), "names a dimension");
    refused(&npy("<f4", "False", "(-1,)", &[]), "names a dimension `-1`");
    refused(&npy("<f4", "False", "(0, 4294967296, 4294967296)", &[0]), "there are more");
    refused(&npy("<f4", "False", "(1, 1, 1, 1, 1)", &[0; 4]), "5 dimensions");
    refused(&npy("<f4", "Perhaps", "(1,)", &[0; 4]), "not as NumPy writes it");
    refused(&npy("|O", "False", "(1,)", &[]), "its elements are `|O`");
    refused(&npy("<f2", "False", "(1,)", &[0; 2]), "astype('float32')");
    refused(&npy("ä", "False", "(1,)", &[0; 2]), "its elements are `ä`");
}

proptest! {
    #[test]
    fn any_bytes_are_read_or_refused(
        changes in prop::collection::vec((0usize..90, any::<u8>()), 0..6),
        length in 0usize..100, bytes in prop::collection::vec(any::<u8>(), 0..100),
    ) {
        let mut file = npy("<f4", "True", "(2, 2)", &[1; 16]);
        for (place, value) in changes {
            if let Some(byte) = file.get_mut(place) {
                *byte = value;
            }
        }
        file.truncate(length);
        for bytes in [&file, &bytes] {
            if let Ok(array) = read(&bytes[..]) {
                let _ = (array.floats(), array.whole(), array.texts());
            }
        }
    }

    #[test]
    fn any_header_is_parsed_or_refused(header in "[{}',:()a-z_<>|0-9 ]{0,80}") {
        let _ = parse(&header);
        let _ = element(&header);
    }
}
