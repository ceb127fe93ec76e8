//! Meta-training on nalgebra: where a device starts to learn from, and how long its steps are.
//!
//! | module | what |
//! |---|---|
//! | [`recipe`] | everything that decides a training, in TOML |
//! | [`trainer`] | the outer loop |
//! | [`graph`] | differentiable programs over matrices |
//! | [`algorithm`] | tasks to an outer gradient: MAML and its kin |
//! | [`model`] | trunks, heads and losses as graphs |
//! | [`multitask`] | several tasks learned together |
//! | [`standardise`] | inputs to mean 0 and deviation 1 |
//! | [`outer`] | outer optimisers |
//! | [`adam`] | Adam, the usual one |
//! | [`matrix`] | products on nalgebra |
//! | [`tensorboard`] | curves of a training in a file for TensorBoard |
//! | [`random`] | normal numbers |
//! | [`checkpoint`] | a training's state in a file |
//! | [`head_file`] | learned heads in a file |
//!
//! Training may use any fast arithmetic of its machine; what is published of a head is measured with the twin.
//!
//! Not supported: trunks other than chains of blocks.
#![deny(unsafe_code, missing_docs)]
pub mod adam;
pub mod algorithm;
pub mod checkpoint;
pub mod graph;
pub mod head_file;
pub mod matrix;
pub mod model;
pub mod multitask;
pub mod outer;
pub mod random;
pub mod recipe;
pub mod standardise;
pub mod tensorboard;
pub mod trainer;
