//! Heads read back.

use std::path::Path;

use serde_json::{Value, json};
use supple_link::HeadFacts;

use super::{Device, DeviceCommandError, hex, info, pack_of};
use crate::files;

/// `pull`: writes the layers of every head that has begun.
pub fn pull(device: &mut Device, out: &Path, json: bool) -> Result<(), DeviceCommandError> {
    let told = device.info()?;
    let pack = pack_of(&told)?;
    let heads = info::all_heads(device, &told)?;
    let mut objects = Vec::new();
    let mut names = Vec::new();
    for (index, head) in (0..).zip(&heads) {
        if head.way == 0 {
            continue;
        }
        device.select(index)?;
        let values = device.read_head()?;
        names.push(head.name.as_str().to_owned());
        objects.push(json!({
            "index": index,
            "name": head.name.as_str(),
            "predicts": info::task_name(head.task),
            "way": head.way,
            "layers": layers(head, pack.features as usize, &values),
        }));
    }
    let file = json!({
        "format": 1,
        "board": told.board.as_str(),
        "trunk": hex(&pack.trunk),
        "pack_checksum": format!("{:08x}", pack.checksum),
        "features": pack.features,
        "heads": objects,
    });
    files::write(out, format!("{file}\n").as_bytes())?;
    let object = json!({ "out": out.display().to_string(), "heads": names });
    let text = match names.is_empty() {
        true => format!("no head has begun; wrote {} without any", out.display()),
        false => format!("wrote {} to {}", names.join(", "), out.display()),
    };
    crate::print(json, &object, &text);
    Ok(())
}

/// Layers by name, in the order in which they run: weights `[outputs][inputs]`, biases `[outputs]`.
fn layers(head: &HeadFacts, features: usize, values: &[f32]) -> Vec<Value> {
    let (hidden, way) = (usize::from(head.hidden), usize::from(head.way));
    let last = if hidden > 0 { hidden } else { features };
    let first = [("hidden.weight", vec![hidden, features]), ("hidden.bias", vec![hidden])];
    let shapes = first.into_iter().filter(|_| hidden > 0);
    let shapes = shapes.chain([("output.weight", vec![way, last]), ("output.bias", vec![way])]);
    let mut rest = values;
    let mut layers = Vec::new();
    for (name, shape) in shapes {
        let (these, after) = rest.split_at(shape.iter().product::<usize>().min(rest.len()));
        rest = after;
        layers.push(json!({ "name": name, "shape": shape, "values": these }));
    }
    layers
}

#[cfg(test)]
mod tests {
    use supple_link::message::Task;

    use super::*;

    #[test]
    fn layers_have_names_shapes_and_all_values() {
        let mut head = HeadFacts {
            name: "class".try_into().unwrap(),
            task: Task::Classes,
            hidden: 0,
            capacity: 5,
            steps: 5,
            way: 2,
        };
        let values: Vec<f32> = (0..8).map(|value| value as f32).collect();
        let linear = layers(&head, 3, &values);
        assert_eq!(
            linear[0],
            json!({ "name": "output.weight", "shape": [2, 3], "values": [0.0, 1.0, 2.0, 3.0, 4.0, 5.0] })
        );
        assert_eq!(linear[1], json!({ "name": "output.bias", "shape": [2], "values": [6.0, 7.0] }));
        head.hidden = 1;
        let values: Vec<f32> = (0..8).map(|value| value as f32).collect();
        let names: Vec<_> = layers(&head, 3, &values)
            .iter()
            .map(|layer| (layer["name"].clone(), layer["values"].as_array().unwrap().len()))
            .collect();
        let expected = [("hidden.weight", 3), ("hidden.bias", 1), ("output.weight", 2), ("output.bias", 2)];
        assert_eq!(names, expected.map(|(name, length)| (json!(name), length)));
    }
}
