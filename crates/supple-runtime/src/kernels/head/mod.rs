//! Layers of heads: many samples forward, and gradient steps in place.
//!
//! | module | computes |
//! |---|---|
//! | [`rows`] | support features, `f32` or `i8` |
//! | [`forward`] | a layer's outputs for many samples |
//! | [`descent`] | gradient steps, and what passes back through a layer |
//! | `sums` | sums of products side by side |
//! | [`loss`] | what outputs differ by from labels and targets |
//!
//! Every sum is taken in one fixed order: an output starts from its bias and adds the products in the order of the
//! inputs; a gradient starts from zero and adds the samples in their order. Blocks go across outputs, inputs and
//! samples, never across a sum.

#[cfg(test)]
mod definition;
pub mod descent;
pub mod forward;
pub mod loss;
pub mod rows;
pub(super) mod sums;
#[cfg(test)]
mod tests;

/// A layer's numbers.
#[derive(Debug)]
pub struct LayerMut<'a> {
    /// `[outputs][inputs]`.
    pub weights: &'a mut [f32],
    /// `[outputs]`.
    pub bias: &'a mut [f32],
}
