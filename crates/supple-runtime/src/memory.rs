//! How much memory a pack needs, to the byte.

use supple_pack::{Element, HeadSpec, Pack};

/// Memory that a caller gives, counted in elements.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct MemoryNeed {
    /// `f32` of the arena that the plan runs in.
    pub arena: usize,
    /// `f32` of the heads' parameters, at full capacity, and of what they give for one feature vector.
    pub head: usize,
    /// `f32` of the parameters' velocities, where steps have momentum.
    pub velocity: usize,
    /// `f32` of the numbers that support samples are labelled with, where heads predict numbers.
    pub targets: usize,
    /// Words of four bytes of the cached support features, which all heads share.
    pub cache: usize,
    /// `f32` of a gradient step's work space; heads share it, so it is the largest of theirs.
    pub work: usize,
    /// `f32` of the copy that a refused adaptation is undone from, shared likewise.
    pub guard: usize,
    /// `u16` of the support samples' labels, and of the rows that classes started from.
    pub labels: usize,
}

impl MemoryNeed {
    /// Of a pack's trunk with all of its heads.
    pub fn of(pack: &Pack) -> Self {
        let trunk = Self { arena: pack.trunk().arena as usize, ..Self::default() };
        pack.heads().fold(trunk, |sum, head| sum.with(&Self::of_head(&head.spec)))
    }

    /// Of a head alone.
    pub fn of_head(spec: &HeadSpec) -> Self {
        let (capacity, support) = (usize::from(spec.capacity), usize::from(spec.max_support));
        let (features, hidden) = (usize::from(spec.features), usize::from(spec.hidden));
        let parameters = spec.parameter_count() as usize;
        let velocity = if spec.momentum > 0.0 { parameters } else { 0 };
        let numbers = matches!(spec.task, supple_pack::HeadTask::Numbers);
        let gradients = if hidden > 0 { capacity } else { 0 };
        Self {
            arena: 0,
            head: parameters + hidden + capacity,
            velocity,
            targets: if numbers { support * capacity } else { 0 },
            cache: match spec.cache {
                Element::F32 => support * features,
                Element::I8 => support + (support * features).div_ceil(4),
            },
            work: support * (hidden + capacity) + gradients,
            guard: parameters + velocity,
            labels: support + capacity,
        }
    }

    /// With another head of the same pack.
    fn with(self, other: &Self) -> Self {
        Self {
            arena: self.arena + other.arena,
            head: self.head + other.head,
            velocity: self.velocity + other.velocity,
            targets: self.targets + other.targets,
            cache: self.cache.max(other.cache),
            work: self.work.max(other.work),
            guard: self.guard.max(other.guard),
            labels: self.labels + other.labels,
        }
    }

    /// `f32` of the [`Learner`](crate::Learner)s.
    pub fn learner(&self) -> usize {
        self.head + self.velocity + self.targets
    }

    /// Words of the [`SupportCache`](crate::SupportCache) with its work space.
    pub fn support(&self) -> usize {
        self.cache + self.work + self.guard
    }

    /// `f32` altogether.
    pub fn floats(&self) -> usize {
        self.arena + self.learner() + self.support()
    }

    /// Bytes to run trunk and heads.
    pub fn inference_bytes(&self) -> usize {
        4 * (self.arena + self.head)
    }

    /// Bytes to run and adapt.
    pub fn adapt_bytes(&self) -> usize {
        4 * self.floats() + 2 * self.labels
    }
}
