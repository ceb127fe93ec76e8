//! Nodes of a model: each rebuilt from what was checked.

use std::collections::HashSet;

use tract_onnx::pb::{AttributeProto, NodeProto, TensorProto, tensor_proto::DataType};

use super::constant::{Constant, Kind, fold};
use super::meaning;
use super::operators::{Folding, MANY, OPERATORS, Operator};
use super::tensor;
use crate::refusal::shown;

/// A node that passed.
pub struct Checked {
    /// The node; a `Constant` becomes a stored one and leaves none.
    pub node: Option<NodeProto>,
    /// Constants to be stored for it.
    pub stored: Vec<TensorProto>,
    /// Elements of those and of what its attributes hold.
    pub elements: usize,
    /// What its outputs are, where they are constants.
    pub constant: Option<Constant>,
}

/// What a node is checked against.
pub struct Surroundings<'a> {
    /// The model's operator set.
    pub set: i64,
    /// What is known of each input that is constant; in the node's order.
    pub inputs: &'a [Option<&'a Constant>],
    /// Names that some node reads, and the model's outputs.
    pub read: &'a HashSet<&'a str>,
}

/// ONNX's own operators have one of two names for their domain.
pub fn is_onnx_domain(domain: &str) -> bool {
    domain.is_empty() || domain == "ai.onnx"
}

/// The node's name for messages: many exporters leave it out, and an output's name is always there.
pub fn name(node: &NodeProto) -> &str {
    if node.name.is_empty() { node.output.first().map_or("", String::as_str) } else { &node.name }
}

/// A node rebuilt from what was checked.
pub fn check(node: &NodeProto, around: &Surroundings) -> Result<Checked, String> {
    let operator = operator(node, around.set)?;
    if operator.name == "Constant" {
        return stored(node);
    }
    let mut inputs = node.input.clone();
    // A left-out optional input at the end is the empty name.
    while inputs.last().is_some_and(String::is_empty) {
        inputs.pop();
    }
    let required = *operator.inputs.start();
    if !operator.inputs.contains(&inputs.len()) {
        return Err(format!("has {} inputs, but takes {:?}", inputs.len(), operator.inputs));
    }
    // Of the inputs that must be there, only those of `Resize` may be without a name.
    let named = if *operator.inputs.end() == MANY { inputs.len() } else { required };
    if inputs.iter().take(named).any(String::is_empty) && operator.name != "Resize" {
        return Err(format!("leaves out one of its first {named} inputs"));
    }
    let known = &around.inputs[..inputs.len()];
    let mut on_constants = operator.folding != Folding::Measures;
    for (name, constant) in inputs.iter().zip(known).filter(|(name, _)| !name.is_empty()) {
        on_constants &= constant.is_some();
        let may_be_empty = operator.name == "Resize" || operator.name.starts_with("Reduce");
        if constant.is_some_and(|constant| constant.elements == 0) && !may_be_empty {
            return Err(format!("reads `{}`, which is empty", shown(name)));
        }
    }
    let constant = if on_constants || operator.folding == Folding::Measures {
        Some(fold(operator.folding, known)?)
    } else {
        None
    };
    if !on_constants && operator.folding == Folding::Broadcasts && operator.name != "Pow" {
        // What is computed from the input is FLOAT: `Cast` to anything else is refused.
        if known.iter().flatten().any(|constant| constant.kind != Kind::Float) {
            return Err("mixes FLOAT with whole numbers".into());
        }
    }
    let (attributes, elements) = attributes(node, operator)?;
    let mut checked = NodeProto {
        input: inputs,
        output: outputs(node, operator, around.read)?,
        name: node.name.clone(),
        op_type: node.op_type.clone(),
        attribute: attributes,
        ..NodeProto::default()
    };
    let constant = meaning::refine(&checked, known, constant)?;
    let stored = meaning::rewrite(&mut checked, known, around.set)?;
    Ok(Checked { node: Some(checked), elements: elements + stored.len(), stored, constant })
}

fn operator(node: &NodeProto, set: i64) -> Result<&'static Operator, String> {
    if !is_onnx_domain(&node.domain) {
        return Err(format!("not supported (operator of the domain `{}`)", shown(&node.domain)));
    }
    let mut forms = OPERATORS.iter().filter(|operator| operator.name == node.op_type).peekable();
    if forms.peek().is_none() {
        return Err("not supported".into());
    }
    forms
        .find(|operator| operator.sets.contains(&set))
        .ok_or_else(|| format!("is not supported in operator set {set}: export with opset_version=17"))
}

/// The outputs that are read, all others left out.
fn outputs(node: &NodeProto, operator: &Operator, read: &HashSet<&str>) -> Result<Vec<String>, String> {
    let mut outputs = node.output.clone();
    while outputs.len() > 1
        && operator.name != "Split"
        && outputs.last().is_some_and(|output| !read.contains(output.as_str()))
    {
        outputs.pop();
    }
    if outputs.len() > operator.outputs {
        return Err(format!("its output `{}` is not supported", shown(&outputs[operator.outputs])));
    }
    if outputs.is_empty() || outputs.iter().any(String::is_empty) {
        return Err("must name its outputs".into());
    }
    Ok(outputs)
}

fn attributes(node: &NodeProto, operator: &Operator) -> Result<(Vec<AttributeProto>, usize), String> {
    let mut attributes: Vec<AttributeProto> = Vec::new();
    let mut elements = 0;
    for attribute in &node.attribute {
        let (name, rule) = operator
            .attributes
            .iter()
            .find(|(name, _)| *name == attribute.name)
            .ok_or_else(|| format!("attribute `{}` is not supported", shown(&attribute.name)))?;
        if attributes.iter().any(|other| other.name == *name) {
            return Err(format!("attribute `{name}` is given twice"));
        }
        let (checked, held) = rule.check(attribute).map_err(|why| format!("attribute `{name}` {why}"))?;
        attributes.push(checked);
        elements += held;
    }
    Ok((attributes, elements))
}

/// A `Constant` as a stored one, whichever attribute holds it.
fn stored(node: &NodeProto) -> Result<Checked, String> {
    if !node.input.is_empty() {
        return Err(format!("has {} inputs, but takes none", node.input.len()));
    }
    let [output] = &node.output[..] else { return Err("must have one output".into()) };
    if output.is_empty() {
        return Err("must name its outputs".into());
    }
    let [attribute] = &node.attribute[..] else {
        return Err(match node.attribute.len() {
            0 => "attribute `value` is missing".into(),
            _ => "must have one attribute, its value".into(),
        });
    };
    let number = |data_type: DataType| TensorProto { data_type: data_type as i32, ..TensorProto::default() };
    let raw = match attribute.name.as_str() {
        "value" => attribute.t.clone().ok_or("attribute `value` is missing")?,
        "value_float" => TensorProto { float_data: vec![attribute.f], ..number(DataType::Float) },
        "value_int" => TensorProto { int64_data: vec![attribute.i], ..number(DataType::Int64) },
        "value_floats" => TensorProto {
            dims: vec![attribute.floats.len() as i64],
            float_data: attribute.floats.clone(),
            ..number(DataType::Float)
        },
        "value_ints" => TensorProto {
            dims: vec![attribute.ints.len() as i64],
            int64_data: attribute.ints.clone(),
            ..number(DataType::Int64)
        },
        other => return Err(format!("attribute `{}` is not supported", shown(other))),
    };
    let (tensor, elements) = tensor::check(raw, output.clone())
        .map_err(|problem| format!("attribute `{}` {problem}", attribute.name))?;
    let constant = Some(Constant::of(&tensor, elements));
    Ok(Checked { node: None, stored: vec![tensor], elements, constant })
}

#[cfg(test)]
mod tests {
    use super::*;
    use tract_onnx::pb::attribute_proto::AttributeType;

    fn conv(name: &str, kind: AttributeType, ints: &[i64], i: i64) -> Result<NodeProto, String> {
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
        let around = Surroundings { set: 17, inputs: &[None, None, None], read: &HashSet::new() };
        check(&node, &around).map(|checked| checked.node.unwrap())
    }

    #[test]
    fn attributes_are_held_to_their_ranges() {
        assert_eq!(conv("strides", AttributeType::Ints, &[1, 2], 0).unwrap().input, ["x", "w"]);
        let error = |name, ints: &[i64]| conv(name, AttributeType::Ints, ints, 0).unwrap_err();
        assert!(error("strides", &[0, 1]).contains("within 1..=255, but holds 0"));
        assert!(error("kernel_shape", &[0, 1]).contains("holds 0"));
        assert!(error("pads", &[1 << 30, 0, 0, 0]).contains("within 0..=64"));
        assert!(error("dilations", &[0, 2]).contains("within 1..=255"));
        assert!(error("strides", &[1; 5]).contains("1 to 2 numbers"));
        assert!(error("surprise", &[1]).contains("not supported"));
        assert!(conv("group", AttributeType::Int, &[], 0).unwrap_err().contains("but is 0"));
        assert!(conv("strides", AttributeType::Int, &[], 1).unwrap_err().contains("type INTS"));
    }
}
