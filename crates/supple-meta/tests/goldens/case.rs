//! From a golden's JSON to a learner, its parameters and its tasks in our order.

use std::fs;
use std::path::Path;

use serde_json::Value;
use supple_data::SampleShape;
use supple_meta::algorithm::{Adapts, Learner};
use supple_meta::model::{Block, Loss, Pair};

/// The cases of a file.
pub fn cases(file: &str) -> Vec<Value> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/goldens");
    let text = fs::read_to_string(folder.join(file).with_extension("json")).expect("part of the checkout");
    let mut golden: Value = serde_json::from_str(&text).expect("JSON");
    golden["cases"].as_array_mut().map(std::mem::take).expect("cases")
}

/// A list of numbers.
pub fn values(list: &Value) -> Vec<f64> {
    list.as_array().expect("a list").iter().map(|value| value.as_f64().expect("a number")).collect()
}

fn shape(tensor: &Value) -> Vec<usize> {
    values(&tensor["shape"]).into_iter().map(|size| size as usize).collect()
}

fn list<'v>(value: &'v Value, key: &str) -> &'v [Value] {
    value[key].as_array().unwrap_or_else(|| panic!("a list {key}"))
}

/// A case.
pub struct Case {
    pub learner: Learner,
    pub adapts: Adapts,
    /// Classes, or numbers to predict.
    pub way: usize,
    /// All that is learned.
    pub start: Vec<f64>,
    /// Of each task: support, its targets, query, its targets.
    pub tasks: Vec<[Vec<f64>; 4]>,
    /// Parameters of depthwise convolutions, whose order differs.
    depthwise: Vec<usize>,
}

impl Case {
    pub fn new(golden: &Value) -> Self {
        let tasks: Vec<[&Value; 4]> = list(golden, "tasks").iter().map(parts).collect();
        let input = match shape(tasks[0][0])[1..] {
            [features] => SampleShape::vector(features),
            [channels, width] => SampleShape::signal(width, channels),
            [channels, height, width] => SampleShape { height, width, channels },
            _ => panic!("inputs of another kind"),
        };
        let model = list(golden, "model");
        let (last, layers) = model.split_last().expect("layers");
        let parameters = list(golden, "parameters");
        let blocks = blocks(layers, parameters);
        let way = *shape(&parameters[index(last, "weights").unwrap()]).last().unwrap();
        let adapts = match golden["adapts"].as_array() {
            Some(some) if some.len() < parameters.len() => Adapts::Head,
            _ => Adapts::Everything,
        };
        let inner = loss(&golden["inner_loss"]);
        let mut learner = Learner::new(input, &blocks, (0, way), inner, adapts).unwrap();
        if let Some(outer) = golden["outer_loss"].as_str() {
            learner.outer_loss = loss(&outer.into());
        }
        if layers.iter().any(|layer| layer["kind"] == "tanh") {
            learner.network.make_smooth();
        }
        let depthwise = layers.iter().filter(|layer| layer["groups"].as_u64().unwrap_or(1) > 1);
        let depthwise = depthwise.map(|layer| index(layer, "weights").unwrap()).collect();
        let mut case = Self { learner, adapts, way, start: Vec::new(), tasks: Vec::new(), depthwise };
        case.tasks = tasks.iter().map(|task| case.task(task)).collect();
        if golden["inner_optimiser"].is_string() {
            case.interleave();
        }
        case.start = (0..parameters.len()).flat_map(|index| case.tensor(index, &parameters[index])).collect();
        assert_eq!(case.start.len(), case.learner.parameters.len());
        case
    }

    fn task(&self, task: &[&Value; 4]) -> [Vec<f64>; 4] {
        let targets = |value: &Value| match value.as_array() {
            Some(labels) => {
                let column = |label: &Value| {
                    let label = label.as_u64().expect("a label") as usize;
                    (0..self.way).map(move |class| f64::from(u8::from(class == label)))
                };
                labels.iter().flat_map(column).collect()
            }
            None => values(&value["values"]),
        };
        [images(task[0]), targets(task[1]), images(task[2]), targets(task[3])]
    }

    /// Support and query, taken in turns, shared out again.
    fn interleave(&mut self) {
        let widths = [self.learner.network.input().len(), self.way];
        for task in &mut self.tasks {
            for (part, width) in widths.into_iter().enumerate() {
                let pairs = task[part].chunks_exact(width).zip(task[part + 2].chunks_exact(width));
                let mut all: Vec<f64> = pairs.flat_map(|(a, b)| a.iter().chain(b)).copied().collect();
                task[part + 2] = all.split_off(all.len() / 2);
                task[part] = all;
            }
        }
    }

    /// A parameter's tensor in our order.
    fn tensor(&self, parameter: usize, tensor: &Value) -> Vec<f64> {
        let (shape, values) = (shape(tensor), values(&tensor["values"]));
        if shape.len() < 3 {
            // [in][out] is our [out, in] by columns.
            return values;
        }
        let (outputs, channels) = (shape[0], shape[1]);
        let taps: usize = shape[2..].iter().product();
        let at = |out: usize, channel: usize, tap: usize| values[(out * channels + channel) * taps + tap];
        let mut ours = Vec::with_capacity(values.len());
        for tap in 0..taps {
            for channel in 0..channels {
                assert!(channels == 1 || !self.depthwise.contains(&parameter));
                ours.extend((0..outputs).map(|out| at(out, channel, tap)));
            }
        }
        ours
    }

    /// Expected gradients (or values) of all parameters in our order.
    pub fn expected_gradients(&self, expected: &Value) -> Vec<Vec<f64>> {
        list(expected, "parameters")
            .iter()
            .enumerate()
            .map(|(index, tensor)| self.tensor(index, tensor))
            .collect()
    }

    /// Puts a case's learned step sizes behind the start, as the prepared learner has them.
    pub fn add_rates(&mut self, golden: &Value) {
        let Some(tensors) = golden["rate_values"].as_array() else { return };
        match golden["rates"].as_str() {
            Some("per_layer_per_step") => {
                let layers = layers(golden);
                for step in values(&tensors[0]["values"]).chunks_exact(layers.len()) {
                    // Of each parameter: the one of its layer.
                    for (layer, rate) in layers.iter().zip(step) {
                        self.start.extend(layer.iter().map(|_| rate.ln()));
                    }
                }
            }
            _ => {
                for (index, tensor) in tensors.iter().enumerate() {
                    let ours = self.tensor(index, tensor);
                    self.start.extend(ours);
                }
            }
        }
        assert_eq!(self.start.len(), self.learner.parameters.len());
    }

    /// The gradients of a case's learned step sizes, out of those of all that is learned.
    pub fn rate_gradients(&self, golden: &Value, gradient: &[f64]) -> Vec<Vec<f64>> {
        let own = &self.learner.parameters.list()[list(golden, "parameters").len()..];
        match golden["rates"].as_str() {
            Some("per_layer_per_step") => {
                let range = own[0].range();
                let (mut gradient, mut logarithms) =
                    (gradient[range.clone()].iter(), self.start[range].iter());
                let mut rates = Vec::new();
                for _ in 0..own[0].columns {
                    for layer in layers(golden) {
                        // d/d rate = 1 / rate · d/d ln rate, and a layer's rate serves its weights and its bias.
                        let parts = gradient.by_ref().zip(logarithms.by_ref()).take(layer.len());
                        rates.push(parts.map(|(gradient, logarithm)| gradient / logarithm.exp()).sum());
                    }
                }
                vec![rates]
            }
            _ => own.iter().map(|parameter| gradient[parameter.range()].to_vec()).collect(),
        }
    }

    /// The expected gradients of learned step sizes, in the order of [`Case::rate_gradients`].
    pub fn expected_rates(&self, expected: &Value) -> Vec<Vec<f64>> {
        let Some(tensors) = expected["rates"].as_array() else { return Vec::new() };
        tensors.iter().enumerate().map(|(index, tensor)| self.tensor(index, tensor)).collect()
    }
}

fn layers(golden: &Value) -> Vec<Vec<f64>> {
    list(golden, "layers").iter().map(values).collect()
}

/// Support, its targets, query, its targets; of Reptile's task the first two minibatches.
fn parts(task: &Value) -> [&Value; 4] {
    match task["batches"].as_array() {
        Some(batches) => {
            assert_eq!(batches[2], batches[0]);
            [&batches[0]["x"], &batches[0]["y"], &batches[1]["x"], &batches[1]["y"]]
        }
        None => ["support_x", "support_y", "query_x", "query_y"].map(|key| &task[key]),
    }
}

/// `[sample][channel][pixel]` as our `[channels, samples · pixels]` by columns.
fn images(tensor: &Value) -> Vec<f64> {
    let (shape, values) = (shape(tensor), values(&tensor["values"]));
    let (channels, pixels) = (shape[1], shape[2..].iter().product::<usize>());
    let mut ours = Vec::with_capacity(values.len());
    for sample in values.chunks_exact(channels * pixels) {
        ours.extend((0..pixels).flat_map(|pixel| (0..channels).map(move |c| sample[c * pixels + pixel])));
    }
    ours
}

fn loss(name: &Value) -> Loss {
    match name.as_str() {
        Some("mean_squared_error") => Loss::SquaredError,
        Some("cross_entropy") => Loss::CrossEntropy { scale: 1.0 },
        Some("huber") => Loss::Huber { limit: 1.0 },
        _ => panic!("loss {name}"),
    }
}

fn index(layer: &Value, key: &str) -> Option<usize> {
    layer[key].as_u64().map(|index| index as usize)
}

/// All layers but the last, which is the head.
fn blocks(layers: &[Value], parameters: &[Value]) -> Vec<Block> {
    let mut blocks = Vec::new();
    for (place, layer) in layers.iter().enumerate() {
        let number = |key: &str| layer[key].as_u64().unwrap_or_else(|| panic!("a number {key}")) as usize;
        let weights = index(layer, "weights").map_or(Vec::new(), |index| shape(&parameters[index]));
        let after = |kinds: &[&str]| {
            let rest = layers[place + 1..].iter().map(|layer| layer["kind"].as_str().unwrap());
            rest.take_while(|kind| ["batch_norm", "relu", "tanh"].contains(kind))
                .any(|kind| kinds.contains(&kind))
        };
        match layer["kind"].as_str().unwrap() {
            "dense" => blocks.push(Block::Dense {
                dense: weights[1],
                relu: after(&["relu", "tanh"]),
                batch_norm: after(&["batch_norm"]),
            }),
            "conv1d" | "conv2d" => blocks.push(Block::Convolution {
                channels: weights[0],
                kernel: Pair::Both(weights[2]),
                stride: Pair::Both(number("stride")),
                padding: Pair::Both(number("padding")),
                relu: after(&["relu", "tanh"]),
                batch_norm: after(&["batch_norm"]),
                depthwise: number("groups") > 1,
            }),
            "max_pool" => blocks.push(Block::MaxPool { max_pool: Pair::Both(number("size")), stride: None }),
            "batch_norm" | "relu" | "tanh" => (),
            "global_average_pool" => blocks.push(Block::Mean { mean: true }),
            kind => panic!("a layer of kind {kind}"),
        }
    }
    if blocks.is_empty() {
        // The inputs themselves are the features.
        blocks.push(Block::Mean { mean: true });
    }
    blocks
}
