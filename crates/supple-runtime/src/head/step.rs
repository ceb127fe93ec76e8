//! Gradient steps and the support loss.

use super::labels::{judging, learned};
use super::layout::Layout;
use super::{AdaptError, Learner, SupportCache};
use crate::kernels::head::descent::{Descent, descend, descend_and_pass};
use crate::kernels::head::forward::forward;
use crate::kernels::head::loss::{class_deltas, number_deltas};
use crate::kernels::head::rows::Rows;
use crate::kernels::softmax::cross_entropy;

/// What a step computes between its layers.
pub(super) struct Work<'w> {
    /// `[samples][hidden]`.
    pub hidden: &'w mut [f32],
    /// Outputs, then their deltas, `[samples][way]`.
    pub outputs: &'w mut [f32],
    /// A hidden unit's weights from before the step, `[way]`.
    before: &'w mut [f32],
}

impl Layout {
    /// Floats of work space for so many samples.
    pub fn work(&self, samples: usize) -> usize {
        let before = if self.units() > 0 { self.capacity } else { 0 };
        samples * (self.units() + self.capacity) + before
    }

    pub fn share<'w>(&self, work: &'w mut [f32], samples: usize, way: usize) -> Work<'w> {
        let (hidden, rest) = work.split_at_mut_checked(samples * self.units()).unwrap_or_default();
        let (outputs, rest) = rest.split_at_mut_checked(samples * way).unwrap_or_default();
        let before = rest.get_mut(..way).unwrap_or_default();
        Work { hidden, outputs, before }
    }
}

impl Learner<'_, '_> {
    /// One gradient step on all samples with a label to learn from.
    pub fn step(&mut self, support: &mut SupportCache) -> Result<(), AdaptError> {
        let count = self.has_support(support)?;
        self.place_prototypes(support);
        let (inputs, mut work) = self.room(support);
        self.forward(&inputs, &mut work);
        self.deltas(&mut work, count);
        self.descend(&inputs, work);
        Ok(())
    }

    /// The cached features, and room for what the head makes of them.
    pub(super) fn room<'s>(&self, support: &'s mut SupportCache) -> (Rows<'s>, Work<'s>) {
        let samples = support.samples();
        let (inputs, work) = support.parts();
        (inputs, self.layout.share(work, samples, self.way))
    }

    /// Runs the head on all cached samples.
    ///
    /// Not inlined, as all that a step does one after the other: together it would take more stack.
    #[inline(never)]
    pub(super) fn forward(&self, inputs: &Rows, work: &mut Work) {
        let last = self.layout.last(self.parameters, self.way);
        if self.layout.units() == 0 {
            return forward(last.weights, last.bias, inputs, work.outputs, false);
        }
        let hidden = self.layout.hidden(self.parameters);
        forward(hidden.weights, hidden.bias, inputs, work.hidden, true);
        let units = Rows::F32 { values: work.hidden, length: self.layout.units() };
        forward(last.weights, last.bias, &units, work.outputs, false);
    }

    /// Turns outputs into their deltas; samples that no step learns from get none.
    #[inline(never)]
    fn deltas(&self, work: &mut Work, count: usize) {
        let way = self.way;
        let samples = work.outputs.chunks_exact_mut(way.max(1)).zip(&*self.labels);
        if self.predicts_numbers() {
            let scale = 2.0 / (count * way) as f32;
            for ((outputs, &label), targets) in samples.zip(self.targets.chunks_exact(way.max(1))) {
                number_deltas(outputs, learned(label).map(|_| targets), scale);
            }
        } else {
            let scale = way as f32 / count as f32;
            samples.for_each(|(outputs, &label)| class_deltas(outputs, learned(label), scale));
        }
        if self.layout.units() > 0 {
            // Even a unit that is infinite is nothing to a head that has no label for its sample.
            let units = work.hidden.chunks_exact_mut(self.layout.units()).zip(&*self.labels);
            units.filter(|(_, label)| learned(**label).is_none()).for_each(|(units, _)| units.fill(0.0));
        }
    }

    /// Changes all layers, by the rates of this step.
    fn descend(&mut self, inputs: &Rows, work: Work) {
        let pairs = self.rates.as_chunks::<2>().0;
        let layers = if self.layout.units() > 0 { 2 } else { 1 };
        let at = self.steps.saturating_mul(layers).min(pairs.len().saturating_sub(layers));
        self.steps = self.steps.saturating_add(1);
        match pairs.get(at..) {
            Some([hidden, last, ..]) if layers == 2 => {
                let Work { hidden: units, outputs, before } = work;
                self.change_last(*last, units, outputs, before);
                self.change_first(*hidden, inputs, units);
            }
            Some([rates, ..]) => self.change_first(*rates, inputs, work.outputs),
            _ => {}
        }
    }

    /// Changes the layer that takes the features.
    #[inline(never)]
    fn change_first(&mut self, rates: [f32; 2], inputs: &Rows, deltas: &[f32]) {
        let mut layer = self.layout.first_mut(self.parameters, self.way);
        let has_velocity = cfg!(feature = "momentum") && !self.velocity.is_empty();
        let velocity = has_velocity.then(|| self.layout.first_mut(self.velocity, self.way));
        descend(&mut layer, inputs, deltas, &mut Descent { rates, momentum: self.momentum, velocity });
    }

    /// Changes the layer behind the hidden one, whose units become their deltas.
    #[inline(never)]
    fn change_last(&mut self, rates: [f32; 2], units: &mut [f32], deltas: &[f32], before: &mut [f32]) {
        let mut layer = self.layout.last_mut(self.parameters, self.way);
        let has_velocity = cfg!(feature = "momentum") && !self.velocity.is_empty();
        let velocity = has_velocity.then(|| self.layout.last_mut(self.velocity, self.way));
        let mut descent = Descent { rates, momentum: self.momentum, velocity };
        descend_and_pass(&mut layer, units, self.layout.units(), deltas, before, &mut descent);
    }

    /// The mean loss of the samples that steps learn from: cross-entropy, or squared error.
    pub fn support_loss(&mut self, support: &mut SupportCache) -> Result<f32, AdaptError> {
        self.has_support(support)?;
        Ok(self.mean_loss(support, false))
    }

    /// The mean loss of what judges an adaptation: samples held back, or those learned from where there are none.
    pub(super) fn judged_loss(&self, support: &mut SupportCache) -> f32 {
        let held_back = self.labels.iter().take(support.samples()).any(|&label| judging(label).is_some());
        self.mean_loss(support, held_back)
    }

    fn mean_loss(&self, support: &mut SupportCache, held_back: bool) -> f32 {
        let (inputs, mut work) = self.room(support);
        self.forward(&inputs, &mut work);
        self.mean_loss_of(work.outputs, held_back)
    }

    #[inline(never)]
    fn mean_loss_of(&self, outputs: &mut [f32], held_back: bool) -> f32 {
        let way = self.way;
        let (mut sum, mut count) = (0.0, 0);
        let samples = outputs.chunks_exact_mut(way.max(1)).zip(&*self.labels).enumerate();
        for (sample, (outputs, &label)) in samples {
            let class = if held_back { judging(label) } else { learned(label) };
            let Some(class) = class else { continue };
            count += 1;
            if self.predicts_numbers() {
                let targets = self.targets.get(sample * way..).unwrap_or_default();
                for (output, target) in outputs.iter().zip(targets) {
                    let error = output - target;
                    sum += error * error;
                }
            } else {
                sum += cross_entropy(outputs, class);
            }
        }
        let numbers = if self.predicts_numbers() { way } else { 1 };
        sum / (count * numbers) as f32
    }

    /// How many samples there are to learn from; checks that there are some, and room to work in.
    pub(super) fn has_support(&self, support: &SupportCache) -> Result<usize, AdaptError> {
        self.begun()?;
        if !support.fits(self.layout.features, self.labels.len()) {
            return Err(AdaptError::OtherCache);
        }
        let (needed, given) = (self.layout.work(self.labels.len()), support.work.len());
        if given < needed {
            return Err(AdaptError::WorkTooSmall { needed, given });
        }
        let labels = self.labels.iter().take(support.samples());
        let count = labels.filter(|&&label| learned(label).is_some()).count();
        if count == 0 { Err(AdaptError::NoSupport) } else { Ok(count) }
    }
}
