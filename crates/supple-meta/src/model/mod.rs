//! Models as graphs.
pub mod normalisation;
