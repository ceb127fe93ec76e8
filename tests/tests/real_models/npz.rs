//! Arrays of `f32` out of an `.npz`, as NumPy's `savez` writes them.

use std::fs::File;
use std::io::Read;
use std::path::Path;

use zip::ZipArchive;

use super::onnx::tensor::Tensor;

/// Every array of `f32` in C order, by name; others are left out.
pub fn arrays(path: &Path) -> Vec<(String, Tensor)> {
    let file = File::open(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    let mut archive = ZipArchive::new(file).expect("an .npz is a zip");
    let mut arrays = Vec::new();
    for index in 0..archive.len() {
        let mut entry = archive.by_index(index).expect("an entry");
        let name = entry.name().expect("a name").trim_end_matches(".npy").to_owned();
        let mut bytes = Vec::new();
        entry.read_to_end(&mut bytes).unwrap_or_else(|error| panic!("{name}: {error}"));
        arrays.extend(array(&bytes).map(|tensor| (name, tensor)));
    }
    arrays
}

/// Version 1 of the format: six bytes, the version, the header's length and the header, then the numbers.
fn array(bytes: &[u8]) -> Option<Tensor> {
    let rest = bytes.strip_prefix(b"\x93NUMPY\x01\x00")?;
    let (length, rest) = rest.split_first_chunk::<2>()?;
    let (header, numbers) = rest.split_at_checked(usize::from(u16::from_le_bytes(*length)))?;
    let header = str::from_utf8(header).ok()?;
    if !header.contains("'descr': '<f4'") || !header.contains("'fortran_order': False") {
        return None;
    }
    let (_, shape) = header.split_once("'shape': (")?;
    let (shape, _) = shape.split_once(')')?;
    let shape: Vec<usize> = shape.split(',').filter_map(|length| length.trim().parse().ok()).collect();
    let values: Vec<f32> = numbers.as_chunks::<4>().0.iter().map(|b| f32::from_le_bytes(*b)).collect();
    (values.len() == shape.iter().product::<usize>()).then_some(Tensor { shape, values })
}
