//! Constants of a model.

use tract_onnx::pb::{TensorProto, tensor_proto::DataLocation, tensor_proto::DataType};

use super::{MOST_AXES, MOST_ELEMENTS};

/// Most elements of an integer constant: they are shapes, axes, indices and bounds.
const MOST_INTEGERS: usize = 1024;
/// What an integer may be.
const INTEGERS: std::ops::RangeInclusive<i64> = -(i32::MAX as i64)..=i32::MAX as i64;
/// Exporters write these for "to the end", whatever the length.
const ENDLESS: [i64; 4] = [i64::MAX, i64::MAX - 1, i64::MIN, i64::MIN + 1];

/// A tensor whose data fills its dimensions, rebuilt as raw data; and its number of elements.
pub fn check(tensor: TensorProto, name: String) -> Result<(TensorProto, usize), String> {
    if tensor.data_location.is_some_and(|location| location != DataLocation::Default as i32)
        || !tensor.external_data.is_empty()
    {
        return Err("is kept in another file: save the model with its weights inside".into());
    }
    if tensor.segment.is_some() {
        return Err("is stored in segments, which is not supported".into());
    }
    let elements = elements(&tensor.dims)?;
    let raw_data = match DataType::try_from(tensor.data_type) {
        Ok(DataType::Float) => {
            data(&tensor, elements, 4, tensor.float_data.iter().flat_map(|v| v.to_le_bytes()).collect())?
        }
        Ok(DataType::Int64) => {
            few(elements, &tensor.dims)?;
            let typed = tensor.int64_data.iter().flat_map(|v| v.to_le_bytes()).collect();
            integers(&data(&tensor, elements, 8, typed)?)?
        }
        Ok(DataType::Int32) => {
            few(elements, &tensor.dims)?;
            data(&tensor, elements, 4, tensor.int32_data.iter().flat_map(|v| v.to_le_bytes()).collect())?
        }
        Ok(DataType::Bool) if elements == 1 => {
            let typed = tensor.int32_data.iter().map(|v| u8::from(*v != 0)).collect();
            data(&tensor, elements, 1, typed)?.iter().map(|byte| u8::from(*byte != 0)).collect()
        }
        Ok(other) => {
            return Err(format!("is {}; only FLOAT and INT64 are read", other.as_str_name()));
        }
        Err(_) => return Err(format!("is of the unknown type {}", tensor.data_type)),
    };
    let checked = TensorProto {
        dims: tensor.dims,
        data_type: tensor.data_type,
        name,
        raw_data,
        ..TensorProto::default()
    };
    Ok((checked, elements))
}

fn few(elements: usize, dims: &[i64]) -> Result<(), String> {
    if elements > MOST_INTEGERS || dims.len() > 1 {
        return Err(format!(
            "has {elements} integers; at most {MOST_INTEGERS} on one axis are read, as a shape or as axes"
        ));
    }
    Ok(())
}

fn elements(dims: &[i64]) -> Result<usize, String> {
    if dims.len() > MOST_AXES {
        return Err(format!("has {} axes; at most {MOST_AXES} are read", dims.len()));
    }
    // Exporters write a list without elements for an input that is left out; `node` sees to where it is read.
    if dims == [0] {
        return Ok(0);
    }
    let mut elements = 1usize;
    for dim in dims {
        elements = usize::try_from(*dim)
            .ok()
            .filter(|dim| *dim > 0)
            .and_then(|dim| elements.checked_mul(dim))
            .filter(|elements| *elements <= MOST_ELEMENTS)
            .ok_or_else(|| {
                format!("has the shape {dims:?}; dimensions are at least 1, elements at most {MOST_ELEMENTS}")
            })?;
    }
    Ok(elements)
}

/// The data as raw bytes, whichever of the two fields holds it.
fn data(tensor: &TensorProto, elements: usize, size: usize, typed: Vec<u8>) -> Result<Vec<u8>, String> {
    let numbers = tensor.float_data.len() + tensor.int64_data.len() + tensor.int32_data.len();
    if !tensor.string_data.is_empty()
        || !tensor.double_data.is_empty()
        || !tensor.uint64_data.is_empty()
        || numbers * size != typed.len()
        || (!tensor.raw_data.is_empty() && !typed.is_empty())
    {
        return Err("holds data in a field that does not go with its type".into());
    }
    let bytes = if typed.is_empty() { tensor.raw_data.clone() } else { typed };
    if bytes.len() != elements * size {
        return Err(format!(
            "holds {} bytes, but its shape {:?} needs {}",
            bytes.len(),
            tensor.dims,
            elements * size
        ));
    }
    Ok(bytes)
}

/// Integers within limits, the endless ones cut to them.
fn integers(bytes: &[u8]) -> Result<Vec<u8>, String> {
    let mut checked = Vec::with_capacity(bytes.len());
    for chunk in bytes.as_chunks::<8>().0 {
        let mut value = i64::from_le_bytes(*chunk);
        if ENDLESS.contains(&value) {
            value = value.clamp(*INTEGERS.start(), *INTEGERS.end());
        }
        if !INTEGERS.contains(&value) {
            return Err(format!("holds {value}; a shape, an axis or a bound is within {INTEGERS:?}"));
        }
        checked.extend(value.to_le_bytes());
    }
    Ok(checked)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn float(dims: &[i64], raw: usize) -> TensorProto {
        TensorProto {
            dims: dims.to_vec(),
            data_type: DataType::Float as i32,
            raw_data: vec![0; raw],
            ..TensorProto::default()
        }
    }

    fn error(tensor: TensorProto) -> String {
        check(tensor, "w".into()).unwrap_err()
    }

    #[test]
    fn data_must_fill_the_shape() {
        assert_eq!(check(float(&[2, 3], 24), "w".into()).unwrap().1, 6);
        assert!(error(float(&[2, 3], 23)).contains("holds 23 bytes"));
        assert_eq!(check(float(&[0], 0), "w".into()).unwrap().1, 0);
        assert!(error(float(&[2, 0], 0)).contains("at least 1"));
        assert!(error(float(&[-1], 4)).contains("at least 1"));
        assert!(error(float(&[1 << 31, 1 << 31, 1 << 31], 4)).contains("elements at most"));
        let typed = TensorProto { float_data: vec![1.0], ..float(&[1], 0) };
        assert_eq!(check(typed.clone(), "w".into()).unwrap().0.raw_data, [0, 0, 128, 63]);
        assert!(error(TensorProto { raw_data: vec![0; 4], ..typed }).contains("does not go with its type"));
    }

    #[test]
    fn other_types_and_places_are_refused() {
        let strings = TensorProto { data_type: DataType::String as i32, ..float(&[1], 4) };
        assert!(error(strings).contains("is STRING"));
        assert!(error(TensorProto { data_type: 99, ..float(&[1], 4) }).contains("unknown type"));
        let elsewhere = TensorProto { data_location: Some(1), ..float(&[1], 4) };
        assert!(error(elsewhere).contains("another file"));
        let shape =
            TensorProto { data_type: DataType::Int64 as i32, int64_data: vec![1 << 40], ..float(&[1], 0) };
        assert!(error(shape).contains("1099511627776"));
    }
}
