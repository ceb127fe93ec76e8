//! Running programs.

use super::kernels::convolution::{self, Scratch};
use super::kernels::fused::{Call as LoopCall, MOST_STREAMS};
use super::kernels::product::{Call, Factor};
use super::kernels::scalar::Scalar;
use super::kernels::{layout, pool, softmax, solve};
use super::op::Op;
use super::program::{Operand, Place, Program, Step, filled};

/// The memory that a program runs in; made once, used for any number of runs. One workspace may serve several
/// programs in turn.
#[derive(Debug)]
pub struct Workspace<S> {
    buffers: Vec<Vec<S>>,
    slots: Vec<Vec<S>>,
    taken: Vec<Vec<S>>,
    scratch: Scratch<S>,
}

impl<S> Default for Workspace<S> {
    fn default() -> Self {
        Self { buffers: Vec::new(), slots: Vec::new(), taken: Vec::new(), scratch: Scratch::default() }
    }
}

impl Program {
    /// Runs the program. Allocates only where the workspace has not yet what this program needs.
    ///
    /// # Panics
    /// If an argument is missing or shorter than the graph's inputs say.
    pub fn run<S: Scalar>(&self, workspace: &mut Workspace<S>, arguments: &[&[S]]) {
        for (index, needed) in self.arguments.iter().enumerate() {
            assert!(arguments[index].len() >= *needed, "argument {index} is shorter than {needed} values");
        }
        while workspace.buffers.len() < self.buffers.len() {
            workspace.buffers.push(Vec::new());
        }
        for (buffer, size) in workspace.buffers.iter_mut().zip(&self.buffers) {
            if buffer.len() < *size {
                buffer.resize(*size, S::ZERO);
            }
        }
        for step in &self.steps {
            match step {
                Step::Loop { plan, streams, outputs } => {
                    let Workspace { buffers, slots, taken, .. } = workspace;
                    taken.clear();
                    taken.extend(outputs.iter().map(|output| std::mem::take(&mut buffers[*output])));
                    let mut values: [&[S]; MOST_STREAMS] = [&[]; MOST_STREAMS];
                    for (value, stream) in values.iter_mut().zip(streams) {
                        *value = read(stream, buffers, arguments);
                    }
                    S::run_fused(LoopCall { plan, streams: &values[..streams.len()], outputs: taken, slots });
                    for (output, buffer) in outputs.iter().zip(taken.drain(..)) {
                        buffers[*output] = buffer;
                    }
                }
                Step::Single { op, inputs, output, shape } => {
                    let mut buffer = std::mem::take(&mut workspace.buffers[*output]);
                    let Workspace { buffers, scratch, .. } = workspace;
                    let length = shape.0 * shape.1;
                    run_single(op, inputs, &mut buffer[..length], *shape, buffers, arguments, scratch);
                    workspace.buffers[*output] = buffer;
                }
            }
        }
    }

    /// An output of the last run, in column-major order.
    pub fn output<'a, S: Scalar>(
        &self,
        workspace: &'a Workspace<S>,
        arguments: &[&'a [S]],
        index: usize,
    ) -> &'a [S] {
        read(&self.outputs[index], &workspace.buffers, arguments)
    }

    /// The number of outputs.
    pub fn outputs(&self) -> usize {
        self.outputs.len()
    }
}

fn read<'a, S>(operand: &Operand, buffers: &'a [Vec<S>], arguments: &[&'a [S]]) -> &'a [S] {
    let values = match operand.place {
        Place::Argument(argument) => arguments[argument],
        Place::Buffer(buffer) => &buffers[buffer],
    };
    &values[operand.offset..operand.offset + operand.len()]
}

fn run_single<S: Scalar>(
    op: &Op,
    inputs: &[Operand],
    output: &mut [S],
    shape: (usize, usize),
    buffers: &[Vec<S>],
    arguments: &[&[S]],
    scratch: &mut Scratch<S>,
) {
    let value = |index: usize| read(&inputs[index], buffers, arguments);
    let rows = |index: usize| inputs[index].shape.0;
    match op {
        Op::Product { left, right } => {
            let inner = if *left { rows(0) } else { inputs[0].shape.1 };
            S::multiply(&mut Call {
                rows: shape.0,
                inner,
                columns: shape.1,
                a: Factor::new(value(0), rows(0), *left),
                b: Factor::new(value(1), rows(1), *right),
                c: output,
                accumulate: false,
                scratch: &mut scratch.product,
            });
        }
        Op::Convolution(window, part) => {
            convolution::convolve(window, *part, value(0), value(1), output, scratch);
        }
        Op::Depthwise(window, part) => convolution::depthwise(window, *part, value(0), value(1), output),
        Op::PoolGather(window) => pool::gather(window, value(0), value(1), output),
        Op::PoolScatter(window) => pool::scatter(window, value(0), value(1), output),
        Op::Softmax => softmax::softmax(rows(0), value(0), output),
        Op::LogSumExp => softmax::log_sum_exp(rows(0), value(0), output),
        Op::Transpose => layout::transpose(rows(0), value(0), output),
        Op::Rows(first) => layout::rows(rows(0), *first, shape.0, value(0), output),
        Op::PadRows(first) => layout::pad_rows(shape.0, *first, rows(0), value(0), output),
        Op::PadColumns(first) => layout::pad_columns(shape.0, *first, value(0), output),
        Op::SumGroups(count) => layout::sum_groups(shape.0, *count, value(0), output),
        Op::RepeatColumns(count) => layout::repeat_columns(shape.0, *count, value(0), output),
        Op::Solve => solve::solve(shape.0, value(0), value(1), output),
        Op::ConcatenateColumns => {
            let mut rest = output;
            for index in 0..inputs.len() {
                let part = value(index);
                let (to, after) = rest.split_at_mut(part.len());
                to.copy_from_slice(part);
                rest = after;
            }
        }
        other => {
            if let Some(number) = filled(other) {
                output.fill(S::of(number));
            } else {
                unreachable!("{other:?} is a view, an input or part of a loop");
            }
        }
    }
}
