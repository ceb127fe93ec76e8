//! A head, its support samples, its gradient steps.

use supple_pack::Head;

use crate::kernels::linear_head::{self, Support};
use crate::kernels::softmax::cross_entropy;
use crate::memory::MemoryNeed;

/// The memory that a learner works in; how much is what [`MemoryNeed`] says.
#[derive(Debug)]
pub struct HeadMemory<'m> {
    /// [`MemoryNeed::learner`] of them, or more.
    pub floats: &'m mut [f32],
    /// [`MemoryNeed::labels`] of them, or more.
    pub labels: &'m mut [u16],
}

/// A head that learns from cached support features.
///
/// Steps are counted from the learned start: step `t` uses the `t`-th learned rates, steps beyond the last reuse
/// the last.
#[derive(Debug)]
pub struct Learner<'p, 'm> {
    head: Head<'p>,
    way: usize,
    samples: usize,
    steps: usize,
    weights: &'m mut [f32],
    bias: &'m mut [f32],
    logits: &'m mut [f32],
    /// Weights, then biases, from before an adaptation.
    guard: &'m mut [f32],
    cache: &'m mut [f32],
    work: &'m mut [f32],
    labels: &'m mut [u16],
    /// By class, the row of the learned start.
    rows: &'m mut [u16],
}

/// What became of the head in an adaptation. Losses are means over the support samples.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Adaptation {
    /// The head was adapted.
    Adapted {
        /// Support loss before.
        before: f32,
        /// Support loss after.
        after: f32,
    },
    /// The support loss got worse, or was no number: the head is as it was.
    Refused {
        /// Support loss before.
        before: f32,
        /// Support loss after.
        after: f32,
    },
}

/// Why a learner could not do what it was asked. Nothing has changed then.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum AdaptError {
    /// Too little memory.
    #[error(
        "the head needs {floats} floats and {labels} labels of memory: give as much as `MemoryNeed` says"
    )]
    MemoryTooSmall {
        /// Needed, in `f32`.
        floats: usize,
        /// Needed, in `u16`.
        labels: usize,
    },
    /// No `begin` yet.
    #[error("no adaptation has begun: begin with the number of classes first")]
    NotBegun,
    /// Not a number of classes the pack allows.
    #[error(
        "{way} classes are not between 1 and the head's capacity of {capacity}: pack a head of larger capacity"
    )]
    WayOutOfRange {
        /// As asked for.
        way: usize,
        /// As the pack allows.
        capacity: usize,
    },
    /// Not a row of the learned start.
    #[error(
        "row {row} is not below the head's capacity of {capacity}: choose among the rows that the pack holds"
    )]
    RowOutOfRange {
        /// As asked for.
        row: usize,
        /// As the pack allows.
        capacity: usize,
    },
    /// Not one of the classes begun with.
    #[error("class {label} is not below the {way} classes begun with: begin with more, or correct the label")]
    LabelOutOfRange {
        /// As given.
        label: usize,
        /// As begun with.
        way: usize,
    },
    /// The cache is full.
    #[error(
        "the support cache holds its {max_support} samples: adapt with fewer, or pack with a larger `max_support`"
    )]
    SupportFull {
        /// As the pack allows.
        max_support: usize,
    },
    /// Nothing to adapt to.
    #[error("there are no support samples: push at least one first")]
    NoSupport,
    /// A feature vector of another length.
    #[error("the head takes {expected} features but got {got}")]
    FeatureLength {
        /// As the pack says.
        expected: usize,
        /// As given.
        got: usize,
    },
}

impl<'p, 'm> Learner<'p, 'm> {
    /// A learner that has not begun.
    pub fn new(head: Head<'p>, memory: HeadMemory<'m>) -> Result<Self, AdaptError> {
        let need = MemoryNeed::of_head(&head.spec);
        let capacity = usize::from(head.spec.capacity);
        let support = usize::from(head.spec.max_support);
        let sizes = [need.guard - capacity, capacity, capacity, need.guard, need.cache, need.work];
        let too_small = AdaptError::MemoryTooSmall { floats: need.learner(), labels: need.labels };
        let (labels, rows) = memory
            .labels
            .get_mut(..need.labels)
            .and_then(|l| l.split_at_mut_checked(support))
            .ok_or(too_small)?;
        let mut rest = memory.floats;
        let mut part = |size: usize| {
            let (part, after) = core::mem::take(&mut rest).split_at_mut_checked(size).ok_or(too_small)?;
            rest = after;
            Ok(part)
        };
        let [weights, bias, logits, guard, cache, work] = sizes;
        Ok(Self {
            head,
            way: 0,
            samples: 0,
            steps: 0,
            weights: part(weights)?,
            bias: part(bias)?,
            logits: part(logits)?,
            guard: part(guard)?,
            cache: part(cache)?,
            work: part(work)?,
            labels,
            rows,
        })
    }

    /// What is adapted.
    pub fn head(&self) -> &Head<'p> {
        &self.head
    }

    /// The number of classes begun with; 0 before.
    pub fn way(&self) -> usize {
        self.way
    }

    /// The number of support samples cached.
    pub fn samples(&self) -> usize {
        self.samples
    }

    /// Weights `[way][features]`.
    pub fn weights(&self) -> &[f32] {
        self.weights.get(..self.way * self.features()).unwrap_or_default()
    }

    /// Biases `[way]`.
    pub fn bias(&self) -> &[f32] {
        self.bias.get(..self.way).unwrap_or_default()
    }

    /// The logits of the last call of [`classify`](Self::classify), `[way]`; an adaptation or a support loss since
    /// then has used their place.
    pub fn logits(&self) -> &[f32] {
        self.logits.get(..self.way).unwrap_or_default()
    }

    fn features(&self) -> usize {
        usize::from(self.head.spec.features)
    }

    /// Forgets the support samples and sets the head to the first `way` rows of the learned start.
    pub fn begin(&mut self, way: usize) -> Result<(), AdaptError> {
        self.begin_each(0..u16::try_from(way).unwrap_or(u16::MAX))
    }

    /// Like [`begin`](Self::begin), from chosen rows of the learned start: class `c` starts from row `rows[c]`.
    pub fn begin_rows(&mut self, rows: &[u16]) -> Result<(), AdaptError> {
        self.begin_each(rows.iter().copied())
    }

    /// Like [`begin_rows`](Self::begin_rows), for rows that lie in no slice.
    pub fn begin_each(&mut self, rows: impl ExactSizeIterator<Item = u16> + Clone) -> Result<(), AdaptError> {
        let capacity = usize::from(self.head.spec.capacity);
        let way = rows.len();
        if !(1..=capacity).contains(&way) {
            return Err(AdaptError::WayOutOfRange { way, capacity });
        }
        if let Some(row) = rows.clone().map(usize::from).find(|&row| row >= capacity) {
            return Err(AdaptError::RowOutOfRange { row, capacity });
        }
        self.rows.iter_mut().zip(rows).for_each(|(place, row)| *place = row);
        self.way = way;
        self.samples = 0;
        self.reset()
    }

    /// Sets the head to the rows of the learned start that it began with; the support samples stay.
    pub fn reset(&mut self) -> Result<(), AdaptError> {
        self.begun()?;
        self.steps = 0;
        let features = self.features();
        let weights = self.weights.chunks_exact_mut(features.max(1));
        for ((&row, weights), bias) in self.rows.iter().take(self.way).zip(weights).zip(&mut *self.bias) {
            let row = usize::from(row);
            copy(weights, self.head.weights.get(row * features..).unwrap_or_default());
            *bias = self.head.bias.get(row).copied().unwrap_or_default();
        }
        Ok(())
    }

    /// Caches a support sample.
    pub fn push_support(&mut self, feature: &[f32], label: usize) -> Result<(), AdaptError> {
        self.begun()?;
        self.fits(feature)?;
        if label >= self.way {
            return Err(AdaptError::LabelOutOfRange { label, way: self.way });
        }
        let full = AdaptError::SupportFull { max_support: self.labels.len() };
        let place = self.labels.get_mut(self.samples).ok_or(full)?;
        let row = self.cache.chunks_exact_mut(feature.len().max(1)).nth(self.samples).ok_or(full)?;
        *place = label as u16;
        copy(row, feature);
        self.samples += 1;
        Ok(())
    }

    /// One gradient step on all support samples.
    pub fn step(&mut self) -> Result<(), AdaptError> {
        self.has_support()?;
        let features = self.features();
        let rates = self.head.rates.as_chunks::<2>().0;
        let Some(&rates) = rates.get(self.steps).or(rates.last()) else { return Ok(()) };
        self.steps += 1;
        let (way, samples) = (self.way, self.samples);
        let support = Support {
            features: self.cache.get(..samples * features).unwrap_or_default(),
            labels: self.labels.get(..samples).unwrap_or_default(),
        };
        linear_head::gradient_step(
            self.weights.get_mut(..way * features).unwrap_or_default(),
            self.bias.get_mut(..way).unwrap_or_default(),
            &support,
            rates,
            self.work.get_mut(..samples * way).unwrap_or_default(),
        );
        Ok(())
    }

    /// Several steps, undone when they make the support loss worse or give what is no number.
    pub fn adapt(&mut self, steps: usize) -> Result<Adaptation, AdaptError> {
        let before = self.support_loss()?;
        let steps_before = self.steps;
        let weights = self.weights.len();
        let (guard_weights, guard_bias) = self.guard.split_at_mut(weights.min(self.guard.len()));
        copy(guard_weights, self.weights);
        copy(guard_bias, self.bias);
        for _ in 0..steps {
            self.step()?;
        }
        let after = self.support_loss()?;
        let finite = self.weights().iter().chain(self.bias()).all(|value| value.is_finite());
        // A loss that is no number compares as false.
        if finite && after <= before {
            return Ok(Adaptation::Adapted { before, after });
        }
        let (guard_weights, guard_bias) = self.guard.split_at(weights.min(self.guard.len()));
        copy(self.weights, guard_weights);
        copy(self.bias, guard_bias);
        self.steps = steps_before;
        Ok(Adaptation::Refused { before, after })
    }

    /// Mean cross-entropy over the support samples. Uses the place of the logits.
    pub fn support_loss(&mut self) -> Result<f32, AdaptError> {
        self.has_support()?;
        let features = self.features();
        let mut sum = 0.0;
        for (feature, &label) in
            self.cache.chunks_exact(features.max(1)).zip(&*self.labels).take(self.samples)
        {
            let logits = self.logits.get_mut(..self.way).unwrap_or_default();
            let weights = self.weights.get(..self.way * features).unwrap_or_default();
            linear_head::logits(weights, self.bias.get(..self.way).unwrap_or_default(), feature, logits);
            sum += cross_entropy(logits, label.into());
        }
        Ok(sum / self.samples as f32)
    }

    /// Runs the head on a feature vector; the logits, `[way]`.
    pub fn classify(&mut self, feature: &[f32]) -> Result<&[f32], AdaptError> {
        self.begun()?;
        self.fits(feature)?;
        let weights = self.weights.get(..self.way * feature.len()).unwrap_or_default();
        let logits = self.logits.get_mut(..self.way).unwrap_or_default();
        linear_head::logits(weights, self.bias.get(..self.way).unwrap_or_default(), feature, logits);
        Ok(logits)
    }

    fn begun(&self) -> Result<(), AdaptError> {
        if self.way == 0 { Err(AdaptError::NotBegun) } else { Ok(()) }
    }

    fn has_support(&self) -> Result<(), AdaptError> {
        self.begun()?;
        if self.samples == 0 { Err(AdaptError::NoSupport) } else { Ok(()) }
    }

    fn fits(&self, feature: &[f32]) -> Result<(), AdaptError> {
        let (expected, got) = (self.features(), feature.len());
        if expected == got { Ok(()) } else { Err(AdaptError::FeatureLength { expected, got }) }
    }
}

/// Copies as much as there is on both sides.
fn copy(to: &mut [f32], from: &[f32]) {
    to.iter_mut().zip(from).for_each(|(to, from)| *to = *from);
}

#[cfg(test)]
#[path = "head_tests.rs"]
mod tests;
