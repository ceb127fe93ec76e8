//! A case for one sample at a time.
//!
//! A plan runs one sample, and its model's first axis is a batch of one. ONNX's cases were not made like that:
//! some have more samples, most have no batch at all. So a case is rewritten in one of two ways, by what its
//! operators do to the first axis, never by what comes out:
//!
//! | way | when | input | constants and axes |
//! |---|---|---|---|
//! | [`Way::Sliced`] | no operator mixes the parts along the first axis | `[N, …]` becomes `[1, …]`, run `N` times | as they are |
//! | [`Way::Whole`] | else | `[A, …]` becomes `[1, A, …]`, run once | moved one axis on |
//!
//! tract then runs what was rewritten: if it passes the case as it was but not the rewritten one, this module is
//! wrong, and the test says so.

use std::collections::HashMap;

use tract_onnx::pb::{GraphProto, ModelProto, NodeProto, TensorProto};

use super::attributes::{int, integer_tensor, integers, ints, set_int, set_ints};

/// How a case was rewritten.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Way {
    /// The first axis is the batch.
    Sliced,
    /// The whole tensor is one sample.
    Whole,
}

/// Rewrites a model with one input of `rank` axes, of which the first is `samples` long. `None` if an operator
/// does not allow it.
pub fn rewrite(model: &ModelProto, rank: usize, samples: usize, way: Way) -> Option<ModelProto> {
    let mut graph = model.graph.clone()?;
    hoist_constants(&mut graph);
    let version = model.opset_import.iter().find(|set| set.domain.is_empty()).map_or(1, |set| set.version);
    let constants = graph.initializer.drain(..).map(|tensor| (tensor.name.clone(), tensor)).collect();
    let ranks = HashMap::from([(graph.input[0].name.clone(), rank)]);
    let mut rewriting = Rewriting { way, version, samples: samples as i64, constants, ranks };
    for node in &mut graph.node {
        rewriting.node(node)?;
    }
    graph.initializer = rewriting.constants.into_values().collect();
    graph.initializer.sort_by(|a, b| a.name.cmp(&b.name));
    Some(ModelProto { graph: Some(graph), ..model.clone() })
}

/// `Constant` nodes as initialisers.
fn hoist_constants(graph: &mut GraphProto) {
    let mut hoisted = Vec::new();
    graph.node.retain(|node| {
        let value = node.attribute.iter().find(|attribute| attribute.name == "value");
        match value.and_then(|attribute| attribute.t.clone()).filter(|_| node.op_type == "Constant") {
            Some(tensor) => {
                hoisted.push(TensorProto { name: node.output[0].clone(), ..tensor });
                false
            }
            None => true,
        }
    });
    graph.initializer.extend(hoisted);
}

struct Rewriting {
    way: Way,
    version: i64,
    samples: i64,
    constants: HashMap<String, TensorProto>,
    /// Of the values that hang on the input: their axes before the rewriting.
    ranks: HashMap<String, usize>,
}

impl Rewriting {
    fn node(&mut self, node: &mut NodeProto) -> Option<()> {
        let data: Vec<usize> = (0..node.input.len()).filter(|i| self.rank(node, *i).is_some()).collect();
        // What is computed from constants alone has no batch.
        let Some(first) = data.first() else { return Some(()) };
        let rank = self.rank(node, *first)?;
        let sliced = self.way == Way::Sliced;
        let output = match node.op_type.as_str() {
            "Abs" | "Clip" | "Dropout" | "Elu" | "Exp" | "HardSigmoid" | "HardSwish" | "Identity"
            | "LeakyRelu" | "Log" | "Neg" | "Reciprocal" | "Relu" | "Selu" | "Sigmoid" | "Softplus"
            | "Softsign" | "Sqrt" | "Tanh" => rank,
            "Add" | "Sub" | "Mul" | "Div" | "PRelu" => self.broadcast(node, rank)?,
            "AveragePool" | "BatchNormalization" | "Conv" | "DepthToSpace" | "GlobalAveragePool"
            | "GlobalMaxPool" | "MaxPool" | "SpaceToDepth" => sliced.then_some(rank)?,
            // Their lists begin with the batch, which must then stay as it is.
            "Resize" | "Upsample" => (sliced && self.samples == 1).then_some(rank)?,
            "Concat" => self.concat(node, rank)?,
            "Softmax" | "LogSoftmax" => self.softmax(node, rank)?,
            "Split" => self.axis(node, "axis", 0, rank).map(|()| rank)?,
            "ReduceMax" | "ReduceMean" | "ReduceSum" => self.reduce(node, rank)?,
            "Slice" => self.slice(node, rank)?,
            "Pad" => self.pad(node, rank)?,
            "Transpose" => self.transpose(node, rank)?,
            "Squeeze" => {
                let axes = self.axes(node, 1, rank)?;
                rank.checked_sub(axes)?
            }
            "Unsqueeze" => {
                let added = self.listed_axes(node, 1)?.len();
                self.axes(node, 1, rank + added)?;
                rank + added
            }
            "Flatten" => {
                (sliced && int(node, "axis").unwrap_or(1).rem_euclid(rank as i64) == 1).then_some(2)?
            }
            "Reshape" => self.reshape(node)?,
            "Gemm" => self.gemm(node, &data)?,
            "MatMul" => self.matmul(node, &data, rank)?,
            _ => return None,
        };
        self.ranks.extend(node.output.iter().map(|name| (name.clone(), output)));
        Some(())
    }

    /// Axes of a value that hangs on the input.
    fn rank(&self, node: &NodeProto, place: usize) -> Option<usize> {
        self.ranks.get(node.input.get(place)?).copied()
    }

    /// Whether a constant is the same for all samples when it is spread over a value of so many axes.
    fn is_shared(&self, constant: &TensorProto, rank: usize) -> bool {
        match self.way {
            Way::Sliced => constant.dims.len() < rank || constant.dims.len() == rank && constant.dims[0] == 1,
            Way::Whole => constant.dims.len() <= rank,
        }
    }

    fn broadcast(&self, node: &NodeProto, rank: usize) -> Option<usize> {
        let fits = |(place, name): (usize, &String)| match self.rank(node, place) {
            Some(other) => other == rank,
            None => self.constants.get(name).is_some_and(|constant| self.is_shared(constant, rank)),
        };
        node.input.iter().enumerate().all(fits).then_some(rank)
    }

    fn concat(&mut self, node: &mut NodeProto, rank: usize) -> Option<usize> {
        self.axis(node, "axis", 0, rank)?;
        for name in &node.input {
            if let Some(constant) = self.constants.get_mut(name) {
                match self.way {
                    Way::Sliced if self.samples != 1 => return None,
                    Way::Sliced => {}
                    Way::Whole => constant.dims.insert(0, 1),
                }
            }
        }
        Some(rank)
    }

    fn softmax(&self, node: &mut NodeProto, rank: usize) -> Option<usize> {
        if self.version >= 13 {
            return self.axis(node, "axis", -1, rank).map(|()| rank);
        }
        // The old ones take all axes from this one on together.
        let axis = int(node, "axis").unwrap_or(1).rem_euclid(rank as i64);
        (self.way == Way::Sliced && axis > 0).then_some(rank)
    }

    /// An attribute that names one axis.
    fn axis(&self, node: &mut NodeProto, name: &str, default: i64, rank: usize) -> Option<()> {
        let axis = int(node, name).unwrap_or(default);
        match self.way {
            Way::Sliced => (axis.rem_euclid(rank as i64) != 0).then_some(()),
            Way::Whole => {
                // Those counted from the end stay what they are.
                set_int(node, name, if axis < 0 { axis } else { axis + 1 });
                Some(())
            }
        }
    }

    /// The list of axes, which is an attribute of old operators and an input of new ones.
    fn listed_axes(&self, node: &NodeProto, place: usize) -> Option<Vec<i64>> {
        match node.input.get(place).filter(|name| !name.is_empty()) {
            Some(name) => integers(self.constants.get(name)?),
            None => ints(node, "axes"),
        }
    }

    /// Looks at a list of axes and moves them on; gives how many there are.
    fn axes(&mut self, node: &mut NodeProto, place: usize, rank: usize) -> Option<usize> {
        let axes = self.listed_axes(node, place)?;
        match self.way {
            Way::Sliced if axes.iter().any(|axis| axis.rem_euclid(rank as i64) == 0) => return None,
            Way::Sliced => {}
            Way::Whole => {
                let moved = axes.iter().map(|axis| if *axis < 0 { *axis } else { axis + 1 }).collect();
                self.write_axes(node, place, moved);
            }
        }
        Some(axes.len())
    }

    fn write_axes(&mut self, node: &mut NodeProto, place: usize, axes: Vec<i64>) {
        let by_attribute = match node.op_type.as_str() {
            "ReduceMax" | "ReduceMean" => self.version < 18,
            "Slice" => self.version < 10,
            _ => self.version < 13,
        };
        if by_attribute {
            set_ints(node, "axes", axes);
            return;
        }
        // A name of its own: another node may read the same list.
        let name = format!("{}.axes", node.output[0]);
        self.constants.insert(name.clone(), integer_tensor(&name, axes));
        node.input.resize(node.input.len().max(place + 1), String::new());
        node.input[place] = name;
    }

    fn reduce(&mut self, node: &mut NodeProto, rank: usize) -> Option<usize> {
        let keeps = int(node, "keepdims").unwrap_or(1) == 1;
        let listed = self.listed_axes(node, 1).filter(|axes| !axes.is_empty());
        let axes = match listed {
            Some(_) => self.axes(node, 1, rank)?,
            None if int(node, "noop_with_empty_axes") == Some(1) => return Some(rank),
            None if self.way == Way::Sliced => return None,
            None => {
                self.write_axes(node, 1, (1..=rank as i64).collect());
                rank
            }
        };
        Some(if keeps { rank } else { rank.checked_sub(axes)? })
    }

    fn slice(&mut self, node: &mut NodeProto, rank: usize) -> Option<usize> {
        if self.listed_axes(node, 3).is_none() {
            let starts = match node.input.get(1) {
                Some(name) => integers(self.constants.get(name)?)?,
                None => ints(node, "starts")?,
            };
            self.write_axes(node, 3, (0..starts.len() as i64).collect());
        }
        self.axes(node, 3, rank).map(|_| rank)
    }

    fn pad(&mut self, node: &mut NodeProto, rank: usize) -> Option<usize> {
        if self.way == Way::Whole {
            return None;
        }
        if self.listed_axes(node, 3).is_some() {
            return self.axes(node, 3, rank).map(|_| rank);
        }
        let pads = match node.input.get(1) {
            Some(name) => integers(self.constants.get(name)?)?,
            None => ints(node, "pads")?,
        };
        (pads.first() == Some(&0) && pads.get(rank) == Some(&0)).then_some(rank)
    }

    fn transpose(&self, node: &mut NodeProto, rank: usize) -> Option<usize> {
        let order = ints(node, "perm").unwrap_or_else(|| (0..rank as i64).rev().collect());
        match self.way {
            Way::Sliced => (order.first() == Some(&0)).then_some(rank),
            Way::Whole => {
                let moved = [0].into_iter().chain(order.iter().map(|axis| axis + 1)).collect();
                set_ints(node, "perm", moved);
                Some(rank)
            }
        }
    }

    fn reshape(&mut self, node: &mut NodeProto) -> Option<usize> {
        if int(node, "allowzero") == Some(1) {
            return None;
        }
        let mut shape = integers(self.constants.get(node.input.get(1)?)?)?;
        let rank = shape.len();
        match self.way {
            // The first axis stays the batch, so what follows has as many elements as before.
            Way::Sliced if shape.first() == Some(&self.samples) => shape[0] = 1,
            Way::Sliced if shape.first() == Some(&0) => {}
            Way::Sliced => return None,
            Way::Whole => shape.insert(0, 1),
        }
        let name = format!("{}.shape", node.output[0]);
        self.constants.insert(name.clone(), integer_tensor(&name, shape));
        node.input[1] = name;
        Some(rank)
    }

    fn gemm(&self, node: &NodeProto, data: &[usize]) -> Option<usize> {
        let shared =
            node.input.get(2).filter(|name| !name.is_empty()).is_none_or(|name| {
                self.constants.get(name).is_some_and(|constant| self.is_shared(constant, 2))
            });
        let upright = int(node, "transA").unwrap_or(0) == 0;
        (self.way == Way::Sliced && shared && upright && data == [0]).then_some(2)
    }

    /// A linear layer: the constant is a matrix or a vector, on the right.
    fn matmul(&self, node: &NodeProto, data: &[usize], rank: usize) -> Option<usize> {
        if data != [0] {
            return None;
        }
        // What is computed from constants is the transposed matrix of a linear layer.
        let axes = self.constants.get(&node.input[1]).map_or(2, |constant| constant.dims.len());
        match axes {
            1 if rank > 1 => Some(rank - 1),
            2 => Some(rank),
            _ => None,
        }
    }
}
