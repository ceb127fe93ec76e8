//! How much memory a pack needs, to the byte.

use supple_pack::{Head, HeadSpec, Pack};

/// Memory that a caller gives, counted in elements.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct MemoryNeed {
    /// `f32` of the arena that the plan runs in.
    pub arena: usize,
    /// `f32` of the head's weights and biases, at its full capacity, and its logits.
    pub head: usize,
    /// `f32` of the copy that a refused adaptation is undone from.
    pub guard: usize,
    /// `f32` of the cached support features.
    pub cache: usize,
    /// `f32` of a gradient step's work space.
    pub work: usize,
    /// `u16` of the support samples' labels, and of the rows that the classes started from.
    pub labels: usize,
}

impl MemoryNeed {
    /// Of a pack's trunk with one of its heads, or with none.
    pub fn of(pack: &Pack, head: Option<&Head>) -> Self {
        let arena = pack.trunk().arena as usize;
        let nothing = Self { arena: 0, head: 0, guard: 0, cache: 0, work: 0, labels: 0 };
        Self { arena, ..head.map_or(nothing, |head| Self::of_head(&head.spec)) }
    }

    /// Of a head alone.
    pub fn of_head(spec: &HeadSpec) -> Self {
        let (capacity, support) = (usize::from(spec.capacity), usize::from(spec.max_support));
        let features = usize::from(spec.features);
        let parameters = capacity * (features + 1);
        Self {
            arena: 0,
            head: parameters + capacity,
            guard: parameters,
            cache: support * features,
            work: support * capacity,
            labels: support + capacity,
        }
    }

    /// `f32` of [`Learner`](crate::Learner), that is, all but the arena.
    pub fn learner(&self) -> usize {
        self.head + self.guard + self.cache + self.work
    }

    /// `f32` altogether.
    pub fn floats(&self) -> usize {
        self.arena + self.learner()
    }

    /// Bytes to run trunk and head.
    pub fn inference_bytes(&self) -> usize {
        4 * (self.arena + self.head)
    }

    /// Bytes to run and adapt.
    pub fn adapt_bytes(&self) -> usize {
        4 * self.floats() + 2 * self.labels
    }
}
