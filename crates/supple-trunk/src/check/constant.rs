//! What is known of a constant before tract computes it: how large it can be, and the numbers of small ones.

use tract_onnx::pb::{TensorProto, tensor_proto::DataType};

use super::operators::Folding;
use super::{MOST_AXES, MOST_VALUE};

/// Constants of at most so many elements are kept by value.
const KEPT: usize = 1024;

/// The kind of a constant's elements.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    Float,
    Integer,
    Truth,
}

/// The elements of a small constant.
#[derive(Debug, Clone, PartialEq)]
pub enum Numbers {
    Floats(Vec<f32>),
    Integers(Vec<i64>),
}

/// What is known of a constant.
#[derive(Debug, Clone, PartialEq)]
pub struct Constant {
    pub kind: Kind,
    /// It has no more than these.
    pub elements: usize,
    /// Its shape, where that is known before tract computes it.
    pub dims: Option<Vec<usize>>,
    /// Its elements, where it is small and stored.
    pub numbers: Option<Numbers>,
}

impl Constant {
    /// Of a checked tensor.
    pub fn of(tensor: &TensorProto, elements: usize) -> Self {
        let bytes = &tensor.raw_data;
        let kept = elements <= KEPT;
        let (kind, numbers) = match DataType::try_from(tensor.data_type) {
            Ok(DataType::Float) => (
                Kind::Float,
                kept.then(|| {
                    let floats = bytes.as_chunks().0.iter().map(|chunk| f32::from_le_bytes(*chunk));
                    Numbers::Floats(floats.collect())
                }),
            ),
            Ok(DataType::Bool) => (
                Kind::Truth,
                kept.then(|| Numbers::Integers(bytes.iter().map(|byte| i64::from(*byte)).collect())),
            ),
            Ok(DataType::Int32) => (
                Kind::Integer,
                kept.then(|| {
                    let integers = bytes.as_chunks().0.iter().map(|chunk| i32::from_le_bytes(*chunk).into());
                    Numbers::Integers(integers.collect())
                }),
            ),
            _ => (
                Kind::Integer,
                kept.then(|| {
                    let integers = bytes.as_chunks().0.iter().map(|chunk| i64::from_le_bytes(*chunk));
                    Numbers::Integers(integers.collect())
                }),
            ),
        };
        let dims = tensor.dims.iter().map(|dim| usize::try_from(*dim).unwrap_or(0)).collect();
        Self { kind, elements, dims: Some(dims), numbers }
    }

    /// The numbers of a stored shape, of axes or the like.
    pub fn integers(&self) -> Option<&[i64]> {
        match &self.numbers {
            Some(Numbers::Integers(integers)) => Some(integers),
            _ => None,
        }
    }

    /// The numbers of stored scales or bounds.
    pub fn floats(&self) -> Option<&[f32]> {
        match &self.numbers {
            Some(Numbers::Floats(floats)) => Some(floats),
            _ => None,
        }
    }

    fn computed(kind: Kind, elements: usize, dims: Option<Vec<usize>>) -> Self {
        Self { kind, elements, dims, numbers: None }
    }
}

/// What an operator makes of constants alone, or why it may not.
pub fn fold(folding: Folding, inputs: &[Option<&Constant>]) -> Result<Constant, String> {
    let given = || inputs.iter().copied().flatten();
    let kind = given().next().map_or(Kind::Float, |constant| constant.kind);
    let first = given().next().map_or(1, |constant| constant.elements);
    let bounded = |elements: Option<usize>, dims: Option<Vec<usize>>| {
        elements
            .filter(|elements| *elements <= MOST_VALUE)
            .map(|elements| Constant::computed(kind, elements, dims))
            .ok_or_else(|| {
                format!(
                    "computes a constant of more than {MOST_VALUE} elements: fold constants when exporting the model"
                )
            })
    };
    match folding {
        Folding::Never => Err("computes a constant: fold constants when exporting the model".into()),
        Folding::Keeps => bounded(Some(first), None),
        Folding::Measures => Ok(Constant::computed(Kind::Integer, MOST_AXES, None)),
        Folding::Joins => {
            bounded(given().try_fold(0usize, |sum, constant| sum.checked_add(constant.elements)), None)
        }
        Folding::Gathers => bounded(
            given().try_fold(1usize, |product, constant| product.checked_mul(constant.elements)),
            None,
        ),
        Folding::Broadcasts => {
            let shapes: Option<Vec<&[usize]>> = given().map(|constant| constant.dims.as_deref()).collect();
            match shapes {
                Some(shapes) => {
                    let dims = broadcast(&shapes).ok_or("reads shapes that do not broadcast")?;
                    bounded(product(&dims), Some(dims))
                }
                None => bounded(
                    given().try_fold(1usize, |product, constant| product.checked_mul(constant.elements)),
                    None,
                ),
            }
        }
        Folding::Fills => fill(inputs, bounded),
    }
}

/// `ConstantOfShape` reads the shape first; `Expand` and `Tile` read what is repeated, then how often.
fn fill(
    inputs: &[Option<&Constant>],
    bounded: impl Fn(Option<usize>, Option<Vec<usize>>) -> Result<Constant, String>,
) -> Result<Constant, String> {
    let (repeated, shape) = match inputs {
        [Some(shape)] => (1, shape),
        [Some(repeated), Some(shape)] => (repeated.elements, shape),
        _ => return Err("needs a stored shape".into()),
    };
    let shape = shape.integers().ok_or("needs a stored shape: fold constants when exporting the model")?;
    let dims: Option<Vec<usize>> = shape.iter().map(|dim| usize::try_from(*dim).ok()).collect();
    let dims = dims.filter(|dims| dims.len() <= MOST_AXES).ok_or_else(|| {
        format!("needs a shape of at most {MOST_AXES} lengths, none of them negative, but has {shape:?}")
    })?;
    // No less than what is repeated, even where a length of 1 is expanded to the length that is there.
    let times = dims.iter().try_fold(1usize, |product, dim| product.checked_mul((*dim).max(1)));
    bounded(times.and_then(|times| times.checked_mul(repeated)), None)
}

fn product(dims: &[usize]) -> Option<usize> {
    dims.iter().try_fold(1usize, |product, dim| product.checked_mul(*dim))
}

/// The shape of what shapes broadcast to.
fn broadcast(shapes: &[&[usize]]) -> Option<Vec<usize>> {
    let rank = shapes.iter().map(|shape| shape.len()).max()?;
    (0..rank)
        .map(|axis| {
            let mut length = 1;
            for shape in shapes {
                let missing = rank - shape.len();
                let own = if axis < missing { 1 } else { shape[axis - missing] };
                if own != 1 && length != 1 && own != length {
                    return None;
                }
                length = if own == 1 { length } else { own };
            }
            Some(length)
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn floats(dims: &[usize]) -> Constant {
        Constant::computed(Kind::Float, dims.iter().product(), Some(dims.to_vec()))
    }

    fn shape(numbers: &[i64]) -> Constant {
        Constant {
            numbers: Some(Numbers::Integers(numbers.to_vec())),
            ..Constant::computed(Kind::Integer, numbers.len(), Some(vec![numbers.len()]))
        }
    }

    #[test]
    fn sums_of_long_vectors_are_refused_before_they_are_made() {
        let (long, scale) = (floats(&[1 << 16, 1]), floats(&[64, 32, 3, 3]));
        let sum = fold(Folding::Broadcasts, &[Some(&long), Some(&floats(&[1, 1 << 16]))]);
        assert!(sum.unwrap_err().contains("computes a constant of more than"));
        let scaled = fold(Folding::Broadcasts, &[Some(&scale), Some(&floats(&[64, 1, 1, 1]))]).unwrap();
        assert_eq!((scaled.elements, scaled.dims), (64 * 32 * 9, Some(vec![64, 32, 3, 3])));
        assert!(fold(Folding::Broadcasts, &[Some(&floats(&[3])), Some(&floats(&[2]))]).is_err());
    }

    #[test]
    fn filled_shapes_are_bounded() {
        assert_eq!(fold(Folding::Fills, &[Some(&shape(&[2, 3]))]).unwrap().elements, 6);
        assert!(fold(Folding::Fills, &[Some(&shape(&[1 << 20, 1 << 20]))]).is_err());
        assert!(fold(Folding::Fills, &[Some(&shape(&[-1]))]).unwrap_err().contains("negative"));
        assert!(fold(Folding::Fills, &[Some(&floats(&[1 << 12])), Some(&shape(&[1 << 12]))]).is_err());
        let computed = Constant::computed(Kind::Integer, 2, None);
        assert!(fold(Folding::Fills, &[Some(&computed)]).unwrap_err().contains("stored shape"));
        assert!(fold(Folding::Never, &[Some(&computed)]).is_err());
    }
}
