//! Stored tensors, and how near two of them are.

use tract_onnx::pb::TensorProto;
use tract_onnx::pb::tensor_proto::DataType;

/// Numbers in ONNX's order: the last axis runs fastest.
#[derive(Debug, Clone, PartialEq)]
pub struct Tensor {
    /// Lengths of the axes.
    pub shape: Vec<usize>,
    /// As many as the shape says.
    pub values: Vec<f32>,
}

impl Tensor {
    /// A stored tensor of `FLOAT`; `None` for any other type or when its data do not fill its shape.
    pub fn read(stored: &TensorProto) -> Option<Self> {
        if stored.data_type != DataType::Float as i32 {
            return None;
        }
        let shape: Vec<usize> =
            stored.dims.iter().map(|length| usize::try_from(*length).ok()).collect::<Option<_>>()?;
        let values = if stored.float_data.is_empty() {
            let (chunks, rest) = stored.raw_data.as_chunks::<4>();
            rest.is_empty().then(|| chunks.iter().map(|bytes| f32::from_le_bytes(*bytes)).collect())?
        } else {
            stored.float_data.clone()
        };
        (values.len() == shape.iter().product::<usize>()).then_some(Self { shape, values })
    }

    /// Its parts along the first axis.
    pub fn slices(&self) -> impl Iterator<Item = &[f32]> {
        self.values.chunks(self.values.len() / self.shape[0])
    }
}

/// How far a number may be from the one that was stored: `absolute + relative * |stored|`.
#[derive(Debug, Clone, Copy)]
pub struct Tolerance {
    /// However small the number.
    pub absolute: f32,
    /// A part of the number.
    pub relative: f32,
}

impl Tolerance {
    /// Says where two vectors differ by more, first of all in length. Equal infinities and any two NaN agree.
    pub fn holds(self, found: &[f32], stored: &[f32]) -> Result<(), String> {
        if found.len() != stored.len() {
            return Err(format!("gives {} values where {} are stored", found.len(), stored.len()));
        }
        let near = |a: f32, b: f32| {
            let same = a == b || a.is_nan() && b.is_nan();
            // An infinity is near nothing else, though its part of itself is infinite.
            same || b.is_finite() && (a - b).abs() <= self.absolute + self.relative * b.abs()
        };
        match found.iter().zip(stored).position(|(a, b)| !near(*a, *b)) {
            Some(place) => {
                Err(format!("gives {:e} at {place}, where {:e} is stored", found[place], stored[place]))
            }
            None => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_no_number_is_near_nothing_else() {
        let near = |a: f32, b: f32| Tolerance { absolute: 0.1, relative: 0.0 }.holds(&[a], &[b]).is_ok();
        assert!(near(1.0, 1.05) && !near(1.0, 1.2));
        assert!(near(f32::NAN, f32::NAN) && !near(f32::NAN, 0.0) && !near(0.0, f32::NAN));
        assert!(near(f32::INFINITY, f32::INFINITY) && !near(f32::INFINITY, f32::NEG_INFINITY));
        assert!(!near(1.0, f32::INFINITY));
    }
}
