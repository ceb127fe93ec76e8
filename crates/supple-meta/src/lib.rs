//! Meta-training on nalgebra: where a device starts to learn from, and how long its steps are.
//!
//! | module | what |
//! |---|---|
//! | [`recipe`] | everything that decides a training, in TOML |
//! | [`trainer`] | the outer loop |
//! | [`anil`] | the meta-learning algorithm: tasks to an outer gradient |
//! | [`inner_loop`] | gradient steps on a head, and the derivative of them |
//! | [`trunk`] | blocks of convolution, batch normalisation and relu, forward and backward |
//! | [`graph`] | differentiable programs over matrices |
//! | [`learned`] | what is learned, as one vector |
//! | [`adam`] | the outer optimiser |
//! | [`matrix`] | products on nalgebra |
//! | [`random`] | normal numbers |
//! | [`checkpoint`] | a training's state in a file |
//! | [`head_file`] | the learned head in a file |
//!
//! Training may use any fast arithmetic of its machine; what is published of a head is measured with the twin.
//!
//! Not supported: other algorithms than ANIL, trunks other than chains of such blocks.
#![deny(unsafe_code, missing_docs)]
pub mod adam;
pub mod algorithm;
pub mod anil;
pub mod checkpoint;
pub mod graph;
pub mod head_file;
pub mod inner_loop;
pub mod learned;
pub mod matrix;
pub mod model;
pub mod random;
pub mod recipe;
pub mod trainer;
pub mod trunk;
