//! Where a head's layers lie among its numbers.

use supple_pack::{HeadSpec, LayerRef};

use crate::kernels::head::LayerMut;

/// The sizes of a head's layers. Their numbers lie as in a pack: those of the hidden layer, if there is one, then
/// those of the last layer at full capacity, of which the first `way` rows are in use.
#[derive(Debug, Clone, Copy)]
pub(super) struct Layout {
    pub features: usize,
    hidden: usize,
    pub capacity: usize,
}

impl Layout {
    pub fn of(spec: &HeadSpec) -> Self {
        let (features, hidden, capacity) = (spec.features.into(), spec.hidden.into(), spec.capacity.into());
        Self { features, hidden, capacity }
    }

    /// Units of the hidden layer; 0 where there is none, as the compiler knows in a build without such layers.
    pub fn units(&self) -> usize {
        if cfg!(feature = "hidden") { self.hidden } else { 0 }
    }

    /// Inputs of the last layer.
    pub fn last_inputs(&self) -> usize {
        if self.units() > 0 { self.units() } else { self.features }
    }

    /// Parameters of the hidden layer.
    pub fn hidden_parameters(&self) -> usize {
        self.units() * (self.features + 1)
    }

    /// The hidden layer; empty where there is none.
    pub fn hidden<'a>(&self, numbers: &'a [f32]) -> LayerRef<'a> {
        layer(numbers, self.features, self.units(), self.units())
    }

    /// The last layer's first `way` rows.
    pub fn last<'a>(&self, numbers: &'a [f32], way: usize) -> LayerRef<'a> {
        let numbers = numbers.get(self.hidden_parameters()..).unwrap_or_default();
        layer(numbers, self.last_inputs(), self.capacity, way)
    }

    /// Like [`last`](Self::last), to be changed.
    pub fn last_mut<'a>(&self, numbers: &'a mut [f32], way: usize) -> LayerMut<'a> {
        let numbers = numbers.get_mut(self.hidden_parameters()..).unwrap_or_default();
        layer_mut(numbers, self.last_inputs(), self.capacity, way)
    }

    /// Weights and biases of the hidden layer, then of the last layer's first `way` rows; empty where there are none.
    pub fn parts<'a>(&self, numbers: &'a [f32], way: usize) -> [&'a [f32]; 4] {
        let (hidden, last) = (self.hidden(numbers), self.last(numbers, way));
        [hidden.weights, hidden.bias, last.weights, last.bias]
    }

    /// Like [`parts`](Self::parts), to be changed.
    pub fn parts_mut<'a>(&self, numbers: &'a mut [f32], way: usize) -> [&'a mut [f32]; 4] {
        let (hidden, last) = numbers.split_at_mut_checked(self.hidden_parameters()).unwrap_or_default();
        let hidden = layer_mut(hidden, self.features, self.units(), self.units());
        let last = layer_mut(last, self.last_inputs(), self.capacity, way);
        [hidden.weights, hidden.bias, last.weights, last.bias]
    }

    /// The layer that takes the features, to be changed: the hidden one, or the last where there is no other.
    pub fn first_mut<'a>(&self, numbers: &'a mut [f32], way: usize) -> LayerMut<'a> {
        if self.units() > 0 {
            layer_mut(numbers, self.features, self.units(), self.units())
        } else {
            layer_mut(numbers, self.features, self.capacity, way)
        }
    }
}

/// The first `used` of a layer's rows.
fn layer(numbers: &[f32], inputs: usize, rows: usize, used: usize) -> LayerRef<'_> {
    let (weights, bias) = numbers.split_at_checked(rows * inputs).unwrap_or_default();
    LayerRef {
        weights: weights.get(..used * inputs).unwrap_or_default(),
        bias: bias.get(..used).unwrap_or_default(),
    }
}

fn layer_mut(numbers: &mut [f32], inputs: usize, rows: usize, used: usize) -> LayerMut<'_> {
    let (weights, bias) = numbers.split_at_mut_checked(rows * inputs).unwrap_or_default();
    LayerMut {
        weights: weights.get_mut(..used * inputs).unwrap_or_default(),
        bias: bias.get_mut(..used).unwrap_or_default(),
    }
}
