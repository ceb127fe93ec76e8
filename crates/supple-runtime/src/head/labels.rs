//! What support samples are to a head.

use super::{AdaptError, Learner};

/// What a support sample is labelled with.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Label<'a> {
    /// Nothing: to this head the sample does not count.
    None,
    /// A class.
    Class(usize),
    /// Numbers, as many as the head predicts.
    Numbers(&'a [f32]),
}

/// What a labelled sample is used for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Use {
    /// Steps learn from it.
    Support,
    /// It only judges an adaptation.
    HeldBack,
}

/// Stands for a sample without label.
pub(super) const NONE: u16 = u16::MAX;
/// Set in the label of a sample that only judges.
pub(super) const HELD_BACK: u16 = 0x8000;

/// The class that a step learns from, if it does from this sample. For a head that predicts numbers it is 0.
#[inline]
pub(super) fn learned(label: u16) -> Option<usize> {
    (label & HELD_BACK == 0).then_some(label.into())
}

/// The class of a sample that only judges.
#[inline]
pub(super) fn judging(label: u16) -> Option<usize> {
    (label != NONE && label & HELD_BACK != 0).then_some((label & !HELD_BACK).into())
}

impl Learner<'_, '_> {
    /// Says what a sample of the support cache is to this head, before or after it is cached. A sample without a
    /// label does not count.
    pub fn label(&mut self, sample: usize, label: Label, purpose: Use) -> Result<(), AdaptError> {
        match label {
            Label::Numbers(numbers) => self.label_each(sample, numbers.iter().copied(), purpose),
            Label::None => self.set_label(sample, NONE),
            Label::Class(_) if self.predicts_numbers() => Err(AdaptError::OtherTask),
            Label::Class(label) if label < self.way => self.set_label(sample, mark(label as u16, purpose)),
            Label::Class(label) => {
                self.begun()?;
                Err(AdaptError::LabelOutOfRange { label, way: self.way })
            }
        }
    }

    /// Like [`label`](Self::label), for numbers that lie in no slice.
    pub fn label_each(
        &mut self,
        sample: usize,
        numbers: impl ExactSizeIterator<Item = f32> + Clone,
        purpose: Use,
    ) -> Result<(), AdaptError> {
        if !self.predicts_numbers() {
            return Err(AdaptError::OtherTask);
        }
        let (expected, got) = (self.layout.capacity, numbers.len());
        if expected != got {
            return Err(AdaptError::TargetLength { expected, got });
        }
        if let Some(index) = numbers.clone().position(|number| !number.is_finite()) {
            return Err(AdaptError::TargetNotFinite { index });
        }
        self.set_label(sample, mark(0, purpose))?;
        let places = self.targets.iter_mut().skip(sample * expected);
        places.zip(numbers).for_each(|(place, number)| *place = number);
        Ok(())
    }

    fn set_label(&mut self, sample: usize, label: u16) -> Result<(), AdaptError> {
        self.begun()?;
        let max_support = self.labels.len();
        let place =
            self.labels.get_mut(sample).ok_or(AdaptError::SampleOutOfRange { sample, max_support })?;
        *place = label;
        Ok(())
    }

    /// Takes the labels off all samples.
    pub fn clear_labels(&mut self) {
        self.labels.fill(NONE);
    }
}

fn mark(class: u16, purpose: Use) -> u16 {
    match purpose {
        Use::Support => class,
        Use::HeldBack => class | HELD_BACK,
    }
}
