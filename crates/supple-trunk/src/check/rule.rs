//! What an attribute of a node may hold.

use std::ops::RangeInclusive;

use tract_onnx::pb::{AttributeProto, attribute_proto::AttributeType};

use super::tensor;
use crate::refusal::shown;

/// What an attribute may hold.
pub enum Rule {
    /// An integer of a range.
    Int(RangeInclusive<i64>),
    /// At most so many integers of a range.
    Ints(usize, RangeInclusive<i64>),
    /// A finite number.
    Float,
    /// At most so many finite numbers.
    Floats(usize),
    /// One of these words.
    Text(&'static [&'static str]),
    /// A constant.
    Tensor,
}

impl Rule {
    /// The attribute rebuilt from what was checked, and the elements of the constant it may hold.
    pub fn check(&self, attribute: &AttributeProto) -> Result<(AttributeProto, usize), String> {
        let expected = match self {
            Self::Int(_) => AttributeType::Int,
            Self::Ints(..) => AttributeType::Ints,
            Self::Float => AttributeType::Float,
            Self::Floats(_) => AttributeType::Floats,
            Self::Text(_) => AttributeType::String,
            Self::Tensor => AttributeType::Tensor,
        };
        if attribute.r#type != expected as i32 {
            return Err(format!("must be of the type {}", expected.as_str_name()));
        }
        let mut checked = AttributeProto {
            name: attribute.name.clone(),
            r#type: attribute.r#type,
            ..AttributeProto::default()
        };
        let mut elements = 0;
        match self {
            Self::Int(range) => {
                if !range.contains(&attribute.i) {
                    return Err(format!("must be within {range:?}, but is {}", attribute.i));
                }
                checked.i = attribute.i;
            }
            Self::Ints(most, range) => {
                count(attribute.ints.len(), *most)?;
                if let Some(value) = attribute.ints.iter().find(|value| !range.contains(value)) {
                    return Err(format!("must be within {range:?}, but holds {value}"));
                }
                checked.ints = attribute.ints.clone();
            }
            Self::Float => {
                finite(attribute.f)?;
                checked.f = attribute.f;
            }
            Self::Floats(most) => {
                count(attribute.floats.len(), *most)?;
                attribute.floats.iter().try_for_each(|value| finite(*value))?;
                checked.floats = attribute.floats.clone();
            }
            Self::Text(words) => {
                if !words.iter().any(|word| word.as_bytes() == attribute.s) {
                    let found = shown(&String::from_utf8_lossy(&attribute.s));
                    return Err(format!("must be one of {}, but is `{found}`", words.join(", ")));
                }
                checked.s = attribute.s.clone();
            }
            Self::Tensor => {
                let held = attribute.t.clone().ok_or("is missing")?;
                let (held, count) = tensor::check(held, String::new())?;
                checked.t = Some(held);
                elements = count;
            }
        }
        Ok((checked, elements))
    }
}

fn count(found: usize, most: usize) -> Result<(), String> {
    if (1..=most).contains(&found) {
        Ok(())
    } else {
        Err(format!("must hold 1 to {most} numbers, but holds {found}"))
    }
}

fn finite(value: f32) -> Result<(), String> {
    if value.is_finite() { Ok(()) } else { Err(format!("must be finite, but is {value}")) }
}
