//! Gradient steps and the support loss.

use supple_pack::HeadTask;

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
    /// `[way]`, where there is a hidden layer.
    gradients: &'w mut [f32],
}

impl Layout {
    /// Floats of work space for so many samples.
    pub fn work(&self, samples: usize) -> usize {
        let gradients = if self.hidden > 0 { self.capacity } else { 0 };
        samples * (self.hidden + self.capacity) + gradients
    }

    pub fn share<'w>(&self, work: &'w mut [f32], samples: usize, way: usize) -> Work<'w> {
        let (hidden, rest) = work.split_at_mut_checked(samples * self.hidden).unwrap_or_default();
        let (outputs, rest) = rest.split_at_mut_checked(samples * way).unwrap_or_default();
        let gradients = rest.get_mut(..way).unwrap_or_default();
        Work { hidden, outputs, gradients }
    }
}

impl Learner<'_, '_> {
    /// One gradient step on all samples with a label to learn from.
    pub fn step(&mut self, support: &mut SupportCache) -> Result<(), AdaptError> {
        let count = self.has_support(support)?;
        self.place_prototypes(support);
        self.descend(support, count);
        Ok(())
    }

    /// Not inlined, so that its stack is not there while a loss is computed.
    #[inline(never)]
    fn descend(&mut self, support: &mut SupportCache, count: usize) {
        let (layers, layout) = (if self.layout.hidden > 0 { 2 } else { 1 }, self.layout);
        let rates = self.rates.as_chunks::<2>().0.chunks_exact(layers);
        let last_rates = rates.len().saturating_sub(1);
        let Some(rates) = { rates }.nth(self.steps.min(last_rates)) else { return };
        let (Some(&hidden_rates), Some(&last_rates)) = (rates.first(), rates.last()) else { return };
        self.steps = self.steps.saturating_add(1);
        let (inputs, work) = support.parts();
        let mut work = layout.share(work, inputs.samples(), self.way);
        self.forward(&inputs, &mut work);
        self.deltas(&mut work, count);
        let [mut hidden, mut last] = layout.split_mut(self.parameters, self.way);
        let [mut hidden_velocity, mut last_velocity] = [None, None];
        if !self.velocity.is_empty() {
            [hidden_velocity, last_velocity] = layout.split_mut(self.velocity, self.way).map(Some);
        }
        let descent = |rates, velocity| Descent { rates, momentum: self.momentum, velocity };
        let mut last_descent = descent(last_rates, last_velocity.take());
        if layers == 1 {
            return descend(&mut last, &inputs, work.outputs, &mut last_descent);
        }
        let Work { hidden: units, outputs, gradients } = work;
        descend_and_pass(&mut last, units, layout.hidden, outputs, gradients, &mut last_descent);
        descend(&mut hidden, &inputs, units, &mut descent(hidden_rates, hidden_velocity.take()));
    }

    /// Runs the head on all cached samples.
    pub(super) fn forward(&self, inputs: &Rows, work: &mut Work) {
        let [hidden, last] = self.layout.split(self.parameters, self.way);
        if self.layout.hidden == 0 {
            return forward(last.weights, last.bias, inputs, work.outputs, false);
        }
        forward(hidden.weights, hidden.bias, inputs, work.hidden, true);
        let units = Rows::F32 { values: work.hidden, length: self.layout.hidden };
        forward(last.weights, last.bias, &units, work.outputs, false);
    }

    /// Turns outputs into deltas; samples that no step learns from get none.
    fn deltas(&self, work: &mut Work, count: usize) {
        let way = self.way;
        let samples = work.outputs.chunks_exact_mut(way.max(1)).zip(&*self.labels);
        if self.task == HeadTask::Numbers {
            let scale = 2.0 / (count * way) as f32;
            for ((outputs, &label), targets) in samples.zip(self.targets.chunks_exact(way.max(1))) {
                number_deltas(outputs, learned(label).map(|_| targets), scale);
            }
        } else {
            let scale = way as f32 / count as f32;
            samples.for_each(|(outputs, &label)| class_deltas(outputs, learned(label), scale));
        }
        if self.layout.hidden > 0 {
            // Even a unit that is infinite is nothing to a head without the sample's label.
            let units = work.hidden.chunks_exact_mut(self.layout.hidden).zip(&*self.labels);
            units.filter(|(_, label)| learned(**label).is_none()).for_each(|(units, _)| units.fill(0.0));
        }
    }

    /// The mean loss of the samples that steps learn from: cross-entropy, or squared error.
    pub fn support_loss(&mut self, support: &mut SupportCache) -> Result<f32, AdaptError> {
        self.has_support(support)?;
        Ok(self.mean_loss(support, learned))
    }

    /// The mean loss of what judges an adaptation: samples held back, or those learned from where there are none.
    pub(super) fn judged_loss(&self, support: &mut SupportCache) -> f32 {
        let held_back = self.labels.iter().take(support.samples()).any(|&label| judging(label).is_some());
        self.mean_loss(support, if held_back { judging } else { learned })
    }

    #[inline(never)]
    fn mean_loss(&self, support: &mut SupportCache, of: fn(u16) -> Option<usize>) -> f32 {
        let way = self.way;
        let (inputs, work) = support.parts();
        let mut work = self.layout.share(work, inputs.samples(), way);
        self.forward(&inputs, &mut work);
        let (mut sum, mut count) = (0.0, 0);
        let samples = work.outputs.chunks_exact_mut(way.max(1)).zip(&*self.labels).enumerate();
        for (sample, (outputs, &label)) in samples {
            let Some(class) = of(label) else { continue };
            count += 1;
            if self.task == HeadTask::Numbers {
                let targets = self.targets.get(sample * way..).unwrap_or_default();
                for (output, target) in outputs.iter().zip(targets) {
                    let error = output - target;
                    sum += error * error;
                }
            } else {
                sum += cross_entropy(outputs, class);
            }
        }
        let numbers = if self.task == HeadTask::Numbers { way } else { 1 };
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
