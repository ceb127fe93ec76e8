//! What single attributes and inputs cannot show: whether those of a node agree, and forms that tract does not
//! read rewritten to forms that it does.

use tract_onnx::pb::{
    AttributeProto, NodeProto, TensorProto, attribute_proto::AttributeType, tensor_proto::DataType,
};

use super::constant::{Constant, Kind};
use super::{MOST_AXES, MOST_PADDING, MOST_WINDOW};

/// Largest factor of a resize along one axis.
const MOST_SCALE: f32 = 64.0;

fn find<'n>(node: &'n NodeProto, name: &str) -> Option<&'n AttributeProto> {
    node.attribute.iter().find(|attribute| attribute.name == name)
}

fn needs<'n>(node: &'n NodeProto, name: &str) -> Result<&'n AttributeProto, String> {
    find(node, name).ok_or_else(|| format!("attribute `{name}` is missing"))
}

/// Attributes and inputs that must agree with each other; gives what is known of the output.
pub fn refine(
    node: &NodeProto,
    known: &[Option<&Constant>],
    folded: Option<Constant>,
) -> Result<Option<Constant>, String> {
    let constant = |index: usize| known.get(index).copied().flatten();
    let integers = |index: usize| constant(index).and_then(Constant::integers);
    match node.op_type.as_str() {
        "MaxPool" | "AveragePool" => pool(node)?,
        "Conv" => conv(node, constant(1))?,
        "Cast" => return cast(node, folded),
        "Concat" => drop(needs(node, "axis")?),
        "DepthToSpace" | "SpaceToDepth" => drop(needs(node, "blocksize")?),
        "Transpose" => permutation(node)?,
        "Dropout" => dropout(node, constant(2))?,
        "Clip" => {
            for bound in [1, 2].into_iter().filter_map(constant) {
                if bound.floats().is_none_or(|values| values.len() != 1 || values[0].is_nan()) {
                    return Err("needs bounds of one number each, stored in the model".into());
                }
            }
        }
        "Pow" if constant(1).is_none() => return Err("needs an exponent stored in the model".into()),
        "Pad" if known.len() > 1 => {
            let pads = integers(1).ok_or("needs pads stored in the model: fold constants when exporting")?;
            if let Some(pad) = pads.iter().find(|pad| !(0..=MOST_PADDING).contains(*pad)) {
                return Err(format!("pads by {pad}; each side takes 0 to {MOST_PADDING}"));
            }
        }
        "Squeeze" | "Unsqueeze" | "ReduceMax" | "ReduceMean" | "ReduceSum" => {
            axes(find(node, "axes").map(|attribute| &attribute.ints[..]).or(integers(1)))?;
        }
        "Slice" => {
            axes(find(node, "axes").map(|attribute| &attribute.ints[..]).or(integers(3)))?;
            slice(node, integers(4))?;
        }
        "Split" => split(node, integers(1))?,
        "Resize" => {
            let set_10 = known.len() == 2;
            scales(constant(if set_10 { 1 } else { 2 }))?;
        }
        "Upsample" => match find(node, "scales") {
            Some(attribute) => attribute.floats.iter().try_for_each(|value| scale(*value))?,
            None if known.len() == 2 => {
                scales(Some(constant(1).ok_or("needs scales stored in the model")?))?;
            }
            None => return Err("attribute `scales` is missing".into()),
        },
        "Tile" | "Expand" => {
            let shape =
                integers(1).ok_or("needs a shape stored in the model: fold constants when exporting")?;
            if shape.len() > MOST_AXES || shape.iter().any(|length| *length < 1) {
                return Err(format!("needs 1 to {MOST_AXES} lengths of at least 1, but has {shape:?}"));
            }
        }
        _ => {}
    }
    Ok(folded)
}

/// In use it passes its input on; a training mode that is not stored may be one.
fn dropout(node: &NodeProto, mode: Option<&Constant>) -> Result<(), String> {
    let given = node.input.get(2).is_some_and(|name| !name.is_empty());
    if given && mode.and_then(Constant::integers) != Some(&[0]) {
        return Err("is in training mode: export the model with model.eval()".into());
    }
    Ok(())
}

/// `Cast` is for shapes; what is computed from the input stays FLOAT.
fn cast(node: &NodeProto, folded: Option<Constant>) -> Result<Option<Constant>, String> {
    let to = needs(node, "to")?.i;
    let kind = match i32::try_from(to).map(DataType::try_from) {
        Ok(Ok(DataType::Float)) => Kind::Float,
        Ok(Ok(DataType::Int64 | DataType::Int32)) => Kind::Integer,
        Ok(Ok(other)) => {
            return Err(format!("casts to {}; only FLOAT and INT64 are read", other.as_str_name()));
        }
        _ => return Err(format!("casts to the unknown type {to}")),
    };
    match folded {
        Some(constant) => Ok(Some(Constant { kind, numbers: None, ..constant })),
        None if kind == Kind::Float => Ok(None),
        None => Err("casts what is computed from the input to whole numbers, which is not supported".into()),
    }
}

fn pool(node: &NodeProto) -> Result<(), String> {
    let kernel = &needs(node, "kernel_shape")?.ints;
    window(node)?;
    if let Some(pads) = find(node, "pads") {
        let sides = pads.ints.iter().zip(kernel.iter().chain(kernel));
        if let Some((pad, size)) = sides.into_iter().find(|(pad, size)| pad >= size) {
            return Err(format!("pads by {pad}, but its window is only {size} long"));
        }
    }
    Ok(())
}

/// The stored weights must be those of a convolution with these attributes.
fn conv(node: &NodeProto, weights: Option<&Constant>) -> Result<(), String> {
    window(node)?;
    let Some(dims) = weights.and_then(|weights| weights.dims.as_ref()) else { return Ok(()) };
    if !(3..=4).contains(&dims.len()) {
        return Err(format!("has weights of the shape {dims:?}; convolutions over one or two axes are read"));
    }
    let axes = dims.len() - 2;
    let lengths = [("kernel_shape", axes), ("strides", axes), ("dilations", axes), ("pads", 2 * axes)];
    for (name, length) in lengths {
        if find(node, name).is_some_and(|attribute| attribute.ints.len() != length) {
            return Err(format!(
                "attribute `{name}` must hold {length} numbers for weights of the shape {dims:?}"
            ));
        }
    }
    let kernel = &dims[2..];
    if kernel.iter().any(|length| *length as i64 > MOST_WINDOW) {
        return Err(format!("has a kernel of {kernel:?}; at most {MOST_WINDOW} along an axis"));
    }
    if let Some(stated) = find(node, "kernel_shape")
        && stated.ints.iter().zip(kernel).any(|(stated, length)| *stated != *length as i64)
    {
        return Err(format!(
            "attribute `kernel_shape` is {:?}, but the weights hold {kernel:?}",
            stated.ints
        ));
    }
    let group = find(node, "group").map_or(1, |attribute| attribute.i) as usize;
    if dims[0] % group != 0 {
        return Err(format!("attribute `group` is {group}, which does not divide the {} channels", dims[0]));
    }
    Ok(())
}

fn window(node: &NodeProto) -> Result<(), String> {
    let Some(kernel) = find(node, "kernel_shape") else {
        // The kernel is in the weights; the rest must still agree.
        let lengths = ["strides", "dilations"].map(|name| find(node, name).map(|a| a.ints.len()));
        return match lengths {
            [Some(strides), Some(dilations)] if strides != dilations => {
                Err("attributes `strides` and `dilations` differ in length".into())
            }
            _ => Ok(()),
        };
    };
    if find(node, "pads").is_some_and(|pads| pads.ints.len() != 2 * kernel.ints.len()) {
        return Err("attribute `pads` must hold two numbers for each axis of the kernel".into());
    }
    for name in ["strides", "dilations"] {
        if find(node, name).is_some_and(|other| other.ints.len() != kernel.ints.len()) {
            return Err(format!("attribute `{name}` must hold one number for each axis of the kernel"));
        }
    }
    Ok(())
}

fn permutation(node: &NodeProto) -> Result<(), String> {
    let Some(perm) = find(node, "perm") else { return Ok(()) };
    let mut axes = perm.ints.clone();
    axes.sort_unstable();
    if axes.iter().enumerate().all(|(index, axis)| *axis == index as i64) {
        Ok(())
    } else {
        Err(format!("attribute `perm` must name each axis once, but is {:?}", perm.ints))
    }
}

/// Axes, wherever they are stored: within what a value may have, and each once.
fn axes(axes: Option<&[i64]>) -> Result<(), String> {
    let most = MOST_AXES as i64;
    let Some(axes) = axes else { return Ok(()) };
    if axes.iter().any(|axis| !(-most..most).contains(axis)) {
        return Err(format!("works along the axes {axes:?}; an axis is within {:?}", -most..most));
    }
    let mut sorted = axes.to_vec();
    sorted.sort_unstable();
    sorted.dedup();
    if sorted.len() == axes.len() { Ok(()) } else { Err(format!("names an axis twice: {axes:?}")) }
}

fn slice(node: &NodeProto, steps: Option<&[i64]>) -> Result<(), String> {
    if node.input.len() == 1 {
        let (starts, ends) = (needs(node, "starts")?.ints.len(), needs(node, "ends")?.ints.len());
        if starts != ends || find(node, "axes").is_some_and(|axes| axes.ints.len() != starts) {
            return Err("attributes `starts`, `ends` and `axes` differ in length".into());
        }
    } else if node.input.get(4).is_some_and(|name| !name.is_empty()) {
        let steps = steps.ok_or("needs steps stored in the model")?;
        if steps.contains(&0) {
            return Err("takes steps of 0".into());
        }
    }
    Ok(())
}

fn split(node: &NodeProto, stored: Option<&[i64]>) -> Result<(), String> {
    let sizes = find(node, "split").map(|attribute| &attribute.ints[..]).or(stored);
    if node.input.len() > 1 && stored.is_none() {
        return Err("needs sizes stored in the model".into());
    }
    if let Some(sizes) = sizes
        && (sizes.len() != node.output.len() || sizes.iter().any(|size| *size < 1))
    {
        return Err(format!("splits into {sizes:?}, but has {} outputs", node.output.len()));
    }
    if let Some(count) = find(node, "num_outputs")
        && count.i != node.output.len() as i64
    {
        return Err(format!("attribute `num_outputs` is {}, but there are {}", count.i, node.output.len()));
    }
    Ok(())
}

fn scales(constant: Option<&Constant>) -> Result<(), String> {
    // Computed scales are bounded by the limit on values.
    let Some(values) = constant.and_then(Constant::floats) else { return Ok(()) };
    values.iter().try_for_each(|value| scale(*value))
}

fn scale(value: f32) -> Result<(), String> {
    if value > 0.0 && value <= MOST_SCALE {
        Ok(())
    } else {
        Err(format!("resizes by {value}; a scale is above 0 and at most {MOST_SCALE}"))
    }
}

/// Rewrites forms that tract misreads; gives constants to be stored for them.
pub fn rewrite(
    node: &mut NodeProto,
    known: &[Option<&Constant>],
    set: i64,
) -> Result<Vec<TensorProto>, String> {
    let is_empty = |index: usize| known.get(index).copied().flatten().is_some_and(|c| c.elements == 0);
    // No name of the model's own begins like this: `graph` sees to that.
    let name = |what: &str| format!("{}{what} of {}", super::OWN_NAMES, node.output[0]);
    let mut stored = Vec::new();
    match node.op_type.as_str() {
        // In use it passes its input on, whatever the rate.
        "Dropout" => node.input.truncate(1),
        // As ONNX has it; tract would look at the pads first.
        "Conv" | "MaxPool" | "AveragePool"
            if find(node, "auto_pad").is_some_and(|attribute| attribute.s != b"NOTSET") =>
        {
            node.attribute.retain(|attribute| attribute.name != "pads");
        }
        "Slice" if node.input.len() == 1 => {
            for what in ["starts", "ends", "axes"] {
                if let Some(attribute) = find(node, what) {
                    let most = i64::from(i32::MAX);
                    let values = attribute.ints.iter().map(|value| *value.clamp(&-most, &most));
                    stored.push(integers(name(what), values.collect()));
                }
            }
            node.attribute.clear();
            node.input.extend(stored.iter().map(|tensor| tensor.name.clone()));
        }
        "Upsample" => {
            if let Some(attribute) = find(node, "scales") {
                stored.push(floats(name("scales"), attribute.floats.clone()));
                node.input.push(stored[0].name.clone());
            }
            node.op_type = "Resize".into();
            node.attribute = vec![text("mode", "nearest"), text("nearest_mode", "floor")];
        }
        // There, tract takes the scales to be the third input even where the second is left out.
        "Resize" if (11..=12).contains(&set) => {
            if node.input[1].is_empty() {
                stored.push(floats(name("region"), vec![0.0]));
                node.input[1] = stored[0].name.clone();
            }
            if node.input[2].is_empty() {
                return Err("needs scales; give empty ones beside sizes".into());
            }
        }
        "Resize" if set > 12 => {
            for index in 1..node.input.len() {
                if is_empty(index) {
                    node.input[index].clear();
                }
            }
            while node.input.last().is_some_and(String::is_empty) {
                node.input.pop();
            }
            if node.input.len() < 3 {
                return Err("has neither scales nor sizes".into());
            }
        }
        _ => {}
    }
    Ok(stored)
}

fn integers(name: String, values: Vec<i64>) -> TensorProto {
    TensorProto {
        name,
        dims: vec![values.len() as i64],
        data_type: DataType::Int64 as i32,
        raw_data: values.iter().flat_map(|value| value.to_le_bytes()).collect(),
        ..TensorProto::default()
    }
}

fn floats(name: String, values: Vec<f32>) -> TensorProto {
    TensorProto {
        name,
        dims: vec![values.len() as i64],
        data_type: DataType::Float as i32,
        raw_data: values.iter().flat_map(|value| value.to_le_bytes()).collect(),
        ..TensorProto::default()
    }
}

fn text(name: &str, value: &str) -> AttributeProto {
    AttributeProto {
        name: name.into(),
        r#type: AttributeType::String as i32,
        s: value.as_bytes().to_vec(),
        ..AttributeProto::default()
    }
}
