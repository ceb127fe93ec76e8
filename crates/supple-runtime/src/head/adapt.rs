//! Several steps, undone when they make things worse.

use super::{AdaptError, Learner, PLACED, SupportCache, WAITING, copy};

/// What became of the head in an adaptation. Losses are means over the samples held back, or over the support samples
/// where none are: cross-entropy, or squared error.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Adaptation {
    /// The head was adapted.
    Adapted {
        /// Loss before.
        before: f32,
        /// Loss after.
        after: f32,
    },
    /// The loss got worse, or a number of the head was none: everything is as it was.
    Refused {
        /// Loss before.
        before: f32,
        /// Loss after.
        after: f32,
    },
}

impl Learner<'_, '_> {
    /// Several steps, undone when they make the loss worse or give what is no finite number. With no steps, classes
    /// that wait for their prototypes get them.
    pub fn adapt(&mut self, support: &mut SupportCache, steps: usize) -> Result<Adaptation, AdaptError> {
        self.has_support(support)?;
        let before = self.judged_loss(support);
        let steps_before = self.steps;
        self.save(support)?;
        self.prepare(support)?;
        for _ in 0..steps {
            self.step(support)?;
        }
        let after = self.judged_loss(support);
        let finite = self.parameters().iter().all(|part| part.iter().all(|number| number.is_finite()));
        // A loss that is no number compares as false; one that was and stays infinite tells nothing.
        if finite && after.is_finite() && after <= before {
            return Ok(Adaptation::Adapted { before, after });
        }
        self.restore(support);
        self.steps = steps_before;
        Ok(Adaptation::Refused { before, after })
    }

    /// Copies parameters and velocities behind the work space.
    fn save(&mut self, support: &mut SupportCache) -> Result<(), AdaptError> {
        let work = self.layout.work(self.labels.len());
        let (parameters, velocity) = (self.parameters.len(), self.velocity.len());
        let given = support.work.len();
        let guard = support.work.get_mut(work..).and_then(|guard| guard.get_mut(..parameters + velocity));
        let guard = guard.ok_or(AdaptError::WorkTooSmall { needed: work + parameters + velocity, given })?;
        copy(guard, self.parameters);
        copy(guard.get_mut(parameters..).unwrap_or_default(), self.velocity);
        self.rows.iter_mut().for_each(|row| *row &= !PLACED);
        Ok(())
    }

    /// Copies them back; classes whose prototypes were placed wait for them again.
    fn restore(&mut self, support: &SupportCache) {
        let guard = support.work.get(self.layout.work(self.labels.len())..).unwrap_or_default();
        copy(self.parameters, guard);
        copy(self.velocity, guard.get(self.parameters.len()..).unwrap_or_default());
        for row in self.rows.iter_mut().filter(|row| **row & PLACED != 0) {
            *row = *row & !PLACED | WAITING;
        }
    }
}
