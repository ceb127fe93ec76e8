//! Meta-training on nalgebra.
#![deny(unsafe_code, missing_docs)]
pub mod adam;
pub mod anil;
pub mod checkpoint;
pub mod inner_loop;
pub mod learned;
pub mod matrix;
pub mod random;
pub mod recipe;
pub mod trainer;
pub mod trunk;
