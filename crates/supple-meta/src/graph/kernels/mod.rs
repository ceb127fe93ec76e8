//! What the steps of a program compute, on plain slices.
//!
//! | module | what |
//! |---|---|
//! | [`scalar`] | `f32` for training, `f64` for checking; operations on one number |
//! | [`product`] | matrix products |
//! | [`vector`] | the same in AVX2 and FMA, where the machine has them: the one module with unsafe code |
//! | [`fused`] | loops of element-wise operations and sums |
//! | [`convolution`] | convolutions and their derivatives |
//! | [`pool`] | max pooling by argmax |
//! | [`softmax`] | softmax, log-sum-exp |
//! | [`layout`] | transposes, paddings, group sums |
//! | [`solve`] | Cholesky |

pub mod convolution;
pub mod fused;
pub mod layout;
pub mod pool;
pub mod product;
pub mod scalar;
pub mod softmax;
pub mod solve;
#[allow(unsafe_code)]
pub mod vector;
