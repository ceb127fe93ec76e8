//! Reverse-mode differentiation of graphs into graphs: gradients are expressions like any other, and can be
//! differentiated again.

use super::builder::{Graph, Node};
use super::op::{Binary, Op, Part, Unary};

impl Graph {
    /// Gradients of `output`, a number, by each of `by`; zero where it does not depend on one.
    pub fn gradients(&mut self, output: Node, by: &[Node]) -> Vec<Node> {
        assert_eq!(self.shape(output), (1, 1), "only a number has gradients");
        let needed = self.dependents(output, by);
        let mut of: Vec<Option<Node>> = vec![None; output.0 as usize + 1];
        of[output.0 as usize] = Some(self.constant(1.0));
        for index in (0..=output.0).rev() {
            let node = Node(index);
            if !needed[index as usize] {
                continue;
            }
            let Some(gradient) = of[index as usize] else { continue };
            for (place, input) in self.entry(node).inputs.clone().into_iter().enumerate() {
                if !needed[input.0 as usize] {
                    continue;
                }
                let Some(part) = self.pull_back(node, place, gradient) else { continue };
                debug_assert_eq!(self.shape(part), self.shape(input), "{:?}", self.entry(node).op);
                let sum = match of[input.0 as usize] {
                    Some(sum) => self.add(sum, part),
                    None => part,
                };
                of[input.0 as usize] = Some(sum);
            }
        }
        by.iter()
            .map(|node| {
                let found = of.get(node.0 as usize).copied().flatten();
                found.unwrap_or_else(|| self.fill(0.0, self.shape(*node)))
            })
            .collect()
    }

    /// Which nodes up to `output` depend on one of `by`.
    fn dependents(&self, output: Node, by: &[Node]) -> Vec<bool> {
        let mut depends = vec![false; output.0 as usize + 1];
        for index in 0..depends.len() {
            let entry = &self.entries[index];
            depends[index] = by.contains(&Node(index as u32))
                || (entry.op != Op::Detach && entry.inputs.iter().any(|input| depends[input.0 as usize]));
        }
        depends
    }

    /// The gradient by the input at `place` of `node`, given that by `node`; `None` where it is zero.
    fn pull_back(&mut self, node: Node, place: usize, gradient: Node) -> Option<Node> {
        let entry = self.entry(node).clone();
        let inputs = entry.inputs;
        let input = inputs[place];
        let (rows, columns) = self.shape(input);
        Some(match entry.op {
            Op::Input { .. } | Op::Fill(_) | Op::Detach => return None,
            Op::Reshape => self.reshape(gradient, rows, columns),
            Op::Columns(first) => self.pad_columns(gradient, first, columns),
            Op::PadColumns(first) => self.columns(gradient, first, columns),
            Op::Rows(first) => self.pad_rows(gradient, first, rows),
            Op::PadRows(first) => self.rows(gradient, first, rows),
            Op::ConcatenateColumns => {
                let first = inputs[..place].iter().map(|part| self.shape(*part).1).sum();
                self.columns(gradient, first, columns)
            }
            Op::Unary(unary) => self.pull_back_unary(unary, input, node, gradient)?,
            Op::Binary(binary) => {
                let full = self.pull_back_binary(binary, (inputs[0], inputs[1]), place, node, gradient);
                self.sum_to(full, (rows, columns))
            }
            Op::Broadcast => self.sum_to(gradient, (rows, columns)),
            Op::SumRows | Op::SumColumns => self.broadcast(gradient, (rows, columns)),
            Op::SumGroups(count) => self.repeat_columns(gradient, count),
            Op::RepeatColumns(count) => self.sum_groups(gradient, count),
            Op::Product { left, right } => match (place, left, right) {
                (0, false, _) => self.product_of(gradient, false, inputs[1], !right),
                (0, true, _) => self.product_of(inputs[1], right, gradient, true),
                (_, _, false) => self.product_of(inputs[0], !left, gradient, false),
                (_, _, true) => self.product_of(gradient, true, inputs[0], left),
            },
            Op::Transpose => self.transpose(gradient),
            Op::Softmax => {
                let weighted = self.multiply(node, gradient);
                let mean = self.sum_rows(weighted);
                let centred = self.subtract(gradient, mean);
                self.multiply(node, centred)
            }
            Op::LogSumExp => {
                let softmax = self.softmax(input);
                self.multiply(softmax, gradient)
            }
            Op::Convolution(window, part) => {
                let (wanted, a, b) = trilinear(part, place, inputs[0], inputs[1], gradient);
                self.convolution(window, wanted, a, b)
            }
            Op::Depthwise(window, part) => {
                let (wanted, a, b) = trilinear(part, place, inputs[0], inputs[1], gradient);
                self.depthwise(window, wanted, a, b)
            }
            Op::PoolGather(window) => {
                if place == 0 {
                    return None;
                }
                self.pool_scatter(window, inputs[0], gradient)
            }
            Op::PoolScatter(window) => {
                if place == 0 {
                    return None;
                }
                self.pool_gather(window, inputs[0], gradient)
            }
            // A X = B: by B it is A⁻¹ G, by A it is −(A⁻¹ G) Xᵀ, A being symmetric.
            Op::Solve => {
                let solved = self.solve(inputs[0], gradient);
                if place == 1 {
                    solved
                } else {
                    let outer = self.product_of(solved, false, node, true);
                    self.scale(outer, -1.0)
                }
            }
        })
    }

    fn pull_back_unary(&mut self, unary: Unary, x: Node, y: Node, gradient: Node) -> Option<Node> {
        let slope = match unary {
            Unary::Scale(factor) => return Some(self.scale(gradient, factor.0)),
            Unary::Shift(_) => return Some(gradient),
            Unary::Step | Unary::Sign | Unary::Inside(_) => return None,
            Unary::Relu => self.unary(Unary::Step, x),
            Unary::Tanh => {
                let square = self.multiply(y, y);
                let negative = self.scale(square, -1.0);
                self.shift(negative, 1.0)
            }
            Unary::Sigmoid => {
                let negative = self.scale(y, -1.0);
                let rest = self.shift(negative, 1.0);
                self.multiply(y, rest)
            }
            Unary::Exponential => y,
            Unary::Logarithm => return Some(self.divide(gradient, x)),
            Unary::SquareRoot => {
                let half = self.scale(gradient, 0.5);
                return Some(self.divide(half, y));
            }
            Unary::InverseSquareRoot => {
                let square = self.multiply(y, y);
                let cube = self.multiply(square, y);
                self.scale(cube, -0.5)
            }
            Unary::Absolute => self.unary(Unary::Sign, x),
            Unary::Huber(limit) => self.unary(Unary::Clamp(limit), x),
            Unary::Clamp(limit) => self.unary(Unary::Inside(limit), x),
        };
        Some(self.multiply(gradient, slope))
    }

    fn pull_back_binary(
        &mut self,
        binary: Binary,
        (a, b): (Node, Node),
        place: usize,
        y: Node,
        gradient: Node,
    ) -> Node {
        // A number's gradient may come as a number; the sum over a broadcast needs it at full size.
        let gradient = self.broadcast(gradient, self.shape(y));
        match (binary, place) {
            (Binary::Add, _) | (Binary::Subtract, 0) => gradient,
            (Binary::Subtract, _) => self.scale(gradient, -1.0),
            (Binary::Multiply, 0) => self.multiply(gradient, b),
            (Binary::Multiply, _) => self.multiply(gradient, a),
            (Binary::Divide, 0) => self.divide(gradient, b),
            (Binary::Divide, _) => {
                let ratio = self.divide(y, b);
                let product = self.multiply(gradient, ratio);
                self.scale(product, -1.0)
            }
        }
    }
}

/// Which partial derivative of Σ y · (w ⋆ x) is wanted, of which two values, when the one computed as `part` from
/// `a` and `b` is differentiated by its input at `place`.
fn trilinear(part: Part, place: usize, a: Node, b: Node, gradient: Node) -> (Part, Node, Node) {
    match (part, place) {
        (Part::Output, 0) => (Part::Input, b, gradient),
        (Part::Output, _) => (Part::Weights, a, gradient),
        (Part::Input, 0) => (Part::Weights, gradient, b),
        (Part::Input, _) => (Part::Output, gradient, a),
        (Part::Weights, 0) => (Part::Input, gradient, b),
        (Part::Weights, _) => (Part::Output, a, gradient),
    }
}
