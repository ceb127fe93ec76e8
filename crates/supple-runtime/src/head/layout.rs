//! Where a head's layers lie among its numbers.

use supple_pack::{HeadSpec, LayerRef};

use crate::kernels::head::LayerMut;

/// The sizes of a head's layers. Their numbers lie as in a pack: those of the hidden layer, if there is one, then
/// those of the last layer at full capacity, of which the first `way` rows are in use.
#[derive(Debug, Clone, Copy)]
pub(super) struct Layout {
    pub features: usize,
    pub hidden: usize,
    pub capacity: usize,
}

impl Layout {
    pub fn of(spec: &HeadSpec) -> Self {
        let (features, hidden, capacity) = (spec.features.into(), spec.hidden.into(), spec.capacity.into());
        Self { features, hidden, capacity }
    }

    /// Inputs of the last layer.
    pub fn last_inputs(&self) -> usize {
        if self.hidden > 0 { self.hidden } else { self.features }
    }

    /// The hidden layer, and the rows in use of the last one. Where there is no hidden layer, it is empty.
    pub fn split<'a>(&self, numbers: &'a [f32], way: usize) -> [LayerRef<'a>; 2] {
        let cut = |numbers: &'a [f32], at: usize| numbers.split_at_checked(at).unwrap_or_default();
        let (weights, rest) = cut(numbers, self.hidden * self.features);
        let (bias, rest) = cut(rest, self.hidden);
        let hidden = LayerRef { weights, bias };
        let (weights, bias) = cut(rest, self.capacity * self.last_inputs());
        let (weights, bias) = (cut(weights, way * self.last_inputs()).0, cut(bias, way).0);
        [hidden, LayerRef { weights, bias }]
    }

    /// Like [`split`](Self::split), to be changed.
    pub fn split_mut<'a>(&self, numbers: &'a mut [f32], way: usize) -> [LayerMut<'a>; 2] {
        let cut = |numbers: &'a mut [f32], at: usize| numbers.split_at_mut_checked(at).unwrap_or_default();
        let (weights, rest) = cut(numbers, self.hidden * self.features);
        let (bias, rest) = cut(rest, self.hidden);
        let hidden = LayerMut { weights, bias };
        let (weights, bias) = cut(rest, self.capacity * self.last_inputs());
        let (weights, bias) = (cut(weights, way * self.last_inputs()).0, cut(bias, way).0);
        [hidden, LayerMut { weights, bias }]
    }
}
