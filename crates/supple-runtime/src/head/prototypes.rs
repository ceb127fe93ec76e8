//! Starts from the mean of a class's samples.

use supple_pack::Start;

use super::labels::learned;
use super::{AdaptError, Learner, PLACED, SupportCache, WAITING};
use crate::kernels::head::rows::Rows;

impl Learner<'_, '_> {
    /// Places the prototypes of classes that have samples now and wait for theirs, where the pack's head starts from
    /// prototypes. A step does so itself; this is for looking at the head before its first step.
    ///
    /// Where `μ` is the mean of a class's samples as the last layer sees them, that is, their sum in the order of the
    /// samples, divided by their number, weight `j` becomes `2τ · μⱼ` and the bias `−(τ · Σ μⱼ²)`.
    pub fn prepare(&mut self, support: &mut SupportCache) -> Result<(), AdaptError> {
        self.has_support(support)?;
        self.place_prototypes(support);
        Ok(())
    }

    pub(super) fn place_prototypes(&mut self, support: &mut SupportCache) {
        let Start::Prototypes { temperature } = self.start else { return };
        if cfg!(feature = "prototypes") && self.rows.iter().take(self.way).any(|row| row & WAITING != 0) {
            self.place(support, temperature);
        }
    }

    #[inline(never)]
    fn place(&mut self, support: &mut SupportCache, temperature: f32) {
        let (layout, way) = (self.layout, self.way);
        let (mut inputs, mut work) = self.room(support);
        if layout.units() > 0 {
            self.forward(&inputs, &mut work);
            inputs = Rows::F32 { values: work.hidden, length: layout.units() };
        }
        let last = layout.last_mut(self.parameters, way);
        let classes =
            last.weights.chunks_exact_mut(inputs.length().max(1)).zip(last.bias).zip(&mut *self.rows);
        for (class, ((weights, bias), row)) in classes.enumerate() {
            let samples = || {
                let labels = self.labels.iter().take(inputs.samples()).enumerate();
                labels.filter(move |(_, label)| learned(**label) == Some(class)).map(|(sample, _)| sample)
            };
            let count = samples().count();
            if *row & WAITING == 0 || count == 0 {
                continue;
            }
            *row = *row & !WAITING | PLACED;
            let mut squares = 0.0;
            for (index, weight) in weights.iter_mut().enumerate() {
                let sum = samples().fold(0.0, |sum, sample| sum + inputs.at(sample, index));
                let mean = sum / count as f32;
                squares += mean * mean;
                *weight = 2.0 * temperature * mean;
            }
            *bias = -(temperature * squares);
            // Steps that were taken while the class waited are nothing to it.
            if !self.velocity.is_empty() {
                let velocity = layout.last_mut(self.velocity, way);
                let mut rows = velocity.weights.chunks_exact_mut(layout.last_inputs().max(1));
                rows.nth(class).unwrap_or_default().fill(0.0);
                velocity.bias.iter_mut().skip(class).take(1).for_each(|value| *value = 0.0);
            }
        }
    }
}
