//! Programs over matrices that can be differentiated any number of times, compiled, and run without allocating.
//!
//! A [`Graph`] is built once for a kind of task: forward passes, gradients ([`Graph::gradients`]), steps along them,
//! and gradients through those steps. [`Program::new`] compiles it; [`Program::run`] runs it on a task's numbers in
//! a [`Workspace`], in `f32` for training or in `f64` for checking.
//!
//! ```
//! use supple_meta::graph::{Graph, Program, Workspace};
//! let mut graph = Graph::new();
//! let x = graph.input(0, 0, 1, 1);
//! let square = graph.multiply(x, x);
//! let cube = graph.multiply(square, x);
//! let slope = graph.gradients(cube, &[x])[0];
//! let curvature = graph.gradients(slope, &[x])[0];
//! let program = Program::new(&graph, &[slope, curvature]);
//! let mut workspace = Workspace::<f64>::default();
//! let arguments: [&[f64]; 1] = [&[2.0]];
//! program.run(&mut workspace, &arguments);
//! assert_eq!(program.output(&workspace, &arguments, 0), [12.0]);
//! assert_eq!(program.output(&workspace, &arguments, 1), [12.0]);
//! ```
//!
//! | module | what |
//! |---|---|
//! | [`builder`] | building graphs, with simplification |
//! | [`op`], [`window`] | the operations |
//! | [`derivative`] | gradients as graphs |
//! | [`program`] | order, loops and memory |
//! | [`execute`] | running |
//! | [`kernels`] | what each step computes |

pub mod builder;
pub mod derivative;
pub mod execute;
pub mod kernels;
pub mod op;
pub mod program;
pub mod window;

#[cfg(test)]
mod checks;

pub use builder::{Graph, Node, Shape};
pub use execute::Workspace;
pub use op::{Binary, Constant, Part, Unary};
pub use program::Program;
pub use window::Window;
