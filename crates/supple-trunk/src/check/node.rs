//! Nodes of a model: which operators, with which attributes in which ranges.

use std::ops::RangeInclusive;

use tract_onnx::pb::{AttributeProto, NodeProto, attribute_proto::AttributeType};

use super::{MOST_PADDING, MOST_WINDOW, tensor};

/// What an attribute may hold.
enum Rule {
    Int(RangeInclusive<i64>),
    /// At most so many integers of a range.
    Ints(usize, RangeInclusive<i64>),
    /// A finite number.
    Float,
    /// One of the ways ONNX pads by itself.
    AutoPad,
    Tensor,
}

struct Operator {
    name: &'static str,
    inputs: RangeInclusive<usize>,
    attributes: &'static [(&'static str, Rule)],
    /// Whether it may be applied to constants alone. tract computes those at once, so only operators whose
    /// output is no larger than their input may.
    on_constants: bool,
}

const KERNEL: Rule = Rule::Ints(2, 1..=MOST_WINDOW);
const PADS: Rule = Rule::Ints(4, 0..=MOST_PADDING);
const UNDILATED: Rule = Rule::Ints(2, 1..=1);
const AXES: Rule = Rule::Ints(4, -4..=3);
const FLAG: Rule = Rule::Int(0..=1);

const fn operator(
    name: &'static str,
    inputs: RangeInclusive<usize>,
    attributes: &'static [(&'static str, Rule)],
) -> Operator {
    Operator { name, inputs, attributes, on_constants: false }
}

const fn reshaping(
    name: &'static str,
    inputs: RangeInclusive<usize>,
    attributes: &'static [(&'static str, Rule)],
) -> Operator {
    Operator { name, inputs, attributes, on_constants: true }
}

const OPERATORS: &[Operator] = &[
    operator("Add", 2..=2, &[]),
    operator(
        "AveragePool",
        1..=1,
        &[
            ("auto_pad", Rule::AutoPad),
            ("ceil_mode", FLAG),
            ("count_include_pad", FLAG),
            ("dilations", UNDILATED),
            ("kernel_shape", KERNEL),
            ("pads", PADS),
            ("strides", KERNEL),
        ],
    ),
    operator(
        "BatchNormalization",
        5..=5,
        &[
            ("epsilon", Rule::Float),
            ("momentum", Rule::Float),
            ("spatial", Rule::Int(1..=1)),
            ("training_mode", Rule::Int(0..=0)),
        ],
    ),
    reshaping("Constant", 0..=0, &[("value", Rule::Tensor)]),
    operator(
        "Conv",
        2..=3,
        &[
            ("auto_pad", Rule::AutoPad),
            ("dilations", UNDILATED),
            ("group", Rule::Int(1..=1)),
            ("kernel_shape", KERNEL),
            ("pads", PADS),
            ("strides", KERNEL),
        ],
    ),
    operator("Div", 2..=2, &[]),
    operator("Dropout", 1..=1, &[("ratio", Rule::Float), ("seed", Rule::Int(i64::MIN..=i64::MAX))]),
    reshaping("Flatten", 1..=1, &[("axis", Rule::Int(-4..=4))]),
    operator(
        "Gemm",
        2..=3,
        &[("alpha", Rule::Float), ("beta", Rule::Float), ("transA", Rule::Int(0..=0)), ("transB", FLAG)],
    ),
    operator("GlobalAveragePool", 1..=1, &[]),
    reshaping("Identity", 1..=1, &[]),
    operator("MatMul", 2..=2, &[]),
    operator(
        "MaxPool",
        1..=1,
        &[
            ("auto_pad", Rule::AutoPad),
            ("ceil_mode", FLAG),
            ("dilations", UNDILATED),
            ("kernel_shape", KERNEL),
            ("pads", PADS),
            ("storage_order", FLAG),
            ("strides", KERNEL),
        ],
    ),
    operator("Mul", 2..=2, &[]),
    operator("ReduceMean", 1..=2, &[("axes", AXES), ("keepdims", FLAG), ("noop_with_empty_axes", FLAG)]),
    operator("Relu", 1..=1, &[]),
    reshaping("Reshape", 2..=2, &[("allowzero", Rule::Int(0..=0))]),
    reshaping("Squeeze", 1..=2, &[("axes", AXES)]),
    operator("Sub", 2..=2, &[]),
    reshaping("Unsqueeze", 1..=2, &[("axes", AXES)]),
];

/// ONNX's own operators have one of two names for their domain.
pub fn is_onnx_domain(domain: &str) -> bool {
    domain.is_empty() || domain == "ai.onnx"
}

/// The node's name for messages: many exporters leave it out, and an output's name is always there.
pub fn name(node: &NodeProto) -> &str {
    if node.name.is_empty() { node.output.first().map_or("", String::as_str) } else { &node.name }
}

/// A node rebuilt from what was checked, with the elements of the constant it may hold. `on_constants` says
/// whether it reads constants alone.
pub fn check(node: &NodeProto, on_constants: bool) -> Result<(NodeProto, usize), String> {
    if !is_onnx_domain(&node.domain) {
        return Err(format!(
            "not supported (operator of the domain `{}`)",
            crate::refusal::shown(&node.domain)
        ));
    }
    let operator = OPERATORS
        .iter()
        .find(|operator| operator.name == node.op_type)
        .ok_or_else(|| String::from("not supported"))?;
    let mut inputs = node.input.clone();
    // A left-out optional input at the end is the empty name.
    while inputs.last().is_some_and(String::is_empty) {
        inputs.pop();
    }
    if !operator.inputs.contains(&inputs.len()) || inputs.iter().any(String::is_empty) {
        return Err(format!("has {} inputs, but takes {:?}", inputs.len(), operator.inputs));
    }
    if node.output.iter().filter(|output| !output.is_empty()).count() != 1 || node.output[0].is_empty() {
        return Err("must have one output".into());
    }
    if on_constants && !operator.on_constants {
        return Err("computes a constant: fold constants when exporting the model".into());
    }
    let mut attributes: Vec<AttributeProto> = Vec::new();
    let mut elements = 0;
    for attribute in &node.attribute {
        let (rule_name, rule) =
            operator.attributes.iter().find(|(name, _)| *name == attribute.name).ok_or_else(|| {
                format!("attribute `{}` is not supported", crate::refusal::shown(&attribute.name))
            })?;
        if attributes.iter().any(|other| other.name == *rule_name) {
            return Err(format!("attribute `{rule_name}` is given twice"));
        }
        let (checked, held) =
            rule.check(attribute).map_err(|why| format!("attribute `{rule_name}` {why}"))?;
        attributes.push(checked);
        elements += held;
    }
    required(node, &attributes)?;
    let checked = NodeProto {
        input: inputs,
        output: vec![node.output[0].clone()],
        name: node.name.clone(),
        op_type: node.op_type.clone(),
        attribute: attributes,
        ..NodeProto::default()
    };
    Ok((checked, elements))
}

/// Attributes without which the operator has no meaning, and those which must agree with each other.
fn required(node: &NodeProto, attributes: &[AttributeProto]) -> Result<(), String> {
    let find = |name| attributes.iter().find(|attribute| attribute.name == name);
    match node.op_type.as_str() {
        "Constant" if find("value").is_none() => return Err("attribute `value` is missing".into()),
        "MaxPool" | "AveragePool" if find("kernel_shape").is_none() => {
            return Err("attribute `kernel_shape` is missing".into());
        }
        _ => {}
    }
    if let (Some(kernel), Some(pads)) = (find("kernel_shape"), find("pads"))
        && pads.ints.len() != 2 * kernel.ints.len()
    {
        return Err("attribute `pads` must hold two numbers for each axis of the kernel".into());
    }
    for name in ["strides", "dilations"] {
        if let (Some(kernel), Some(other)) = (find("kernel_shape"), find(name))
            && other.ints.len() != kernel.ints.len()
        {
            return Err(format!("attribute `{name}` must hold one number for each axis of the kernel"));
        }
    }
    Ok(())
}

impl Rule {
    fn check(&self, attribute: &AttributeProto) -> Result<(AttributeProto, usize), String> {
        let expected = match self {
            Self::Int(_) => AttributeType::Int,
            Self::Ints(..) => AttributeType::Ints,
            Self::Float => AttributeType::Float,
            Self::AutoPad => AttributeType::String,
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
                if attribute.ints.is_empty() || attribute.ints.len() > *most {
                    return Err(format!("must hold 1 to {most} numbers, but holds {}", attribute.ints.len()));
                }
                if let Some(value) = attribute.ints.iter().find(|value| !range.contains(value)) {
                    return Err(format!("must be within {range:?}, but holds {value}"));
                }
                checked.ints = attribute.ints.clone();
            }
            Self::Float => {
                if !attribute.f.is_finite() {
                    return Err(format!("must be finite, but is {}", attribute.f));
                }
                checked.f = attribute.f;
            }
            Self::AutoPad => {
                if ![&b"NOTSET"[..], b"VALID", b"SAME_UPPER", b"SAME_LOWER"].contains(&&attribute.s[..]) {
                    return Err("must be NOTSET, VALID, SAME_UPPER or SAME_LOWER".into());
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::refusal::SUPPORTED_OPERATORS;

    #[test]
    fn the_list_shown_is_the_list_held() {
        let shown: Vec<&str> =
            SUPPORTED_OPERATORS.iter().map(|text| text.split(' ').next().unwrap_or(text)).collect();
        assert_eq!(shown, OPERATORS.iter().map(|operator| operator.name).collect::<Vec<_>>());
    }

    fn conv(name: &str, kind: AttributeType, ints: &[i64], i: i64) -> Result<(NodeProto, usize), String> {
        let attribute = AttributeProto {
            name: name.into(),
            r#type: kind as i32,
            ints: ints.to_vec(),
            i,
            ..AttributeProto::default()
        };
        let node = NodeProto {
            op_type: "Conv".into(),
            input: vec!["x".into(), "w".into(), String::new()],
            output: vec!["y".into()],
            attribute: vec![attribute],
            ..NodeProto::default()
        };
        check(&node, false)
    }

    #[test]
    fn attributes_are_held_to_their_ranges() {
        assert_eq!(conv("strides", AttributeType::Ints, &[1, 2], 0).unwrap().0.input, ["x", "w"]);
        let error = |name, ints: &[i64]| conv(name, AttributeType::Ints, ints, 0).unwrap_err();
        assert!(error("strides", &[0, 1]).contains("within 1..=255, but holds 0"));
        assert!(error("kernel_shape", &[0, 1]).contains("holds 0"));
        assert!(error("pads", &[1 << 30, 0, 0, 0]).contains("within 0..=64"));
        assert!(error("dilations", &[2, 2]).contains("within 1..=1"));
        assert!(error("strides", &[1; 5]).contains("1 to 2 numbers"));
        assert!(error("surprise", &[1]).contains("not supported"));
        assert!(conv("group", AttributeType::Int, &[], 4).unwrap_err().contains("but is 4"));
        assert!(conv("strides", AttributeType::Int, &[], 1).unwrap_err().contains("type INTS"));
    }
}
