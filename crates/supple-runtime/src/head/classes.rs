//! One class more, one class less.

use core::cell::Cell;

use super::labels::{HELD_BACK, NONE};
use super::{AdaptError, Learner, ROW};

impl Learner<'_, '_> {
    /// One class more; its number. It starts from the first row of the learned start that no class began from, or,
    /// where the head starts from prototypes, from its samples' prototype at the next step. The other classes stay as
    /// they are.
    pub fn enrol(&mut self) -> Result<usize, AdaptError> {
        self.has_classes()?;
        let class = self.way;
        let used = self.rows.get(..class).unwrap_or_default();
        let unused = (0..).find(|row| used.iter().all(|used| used & ROW != *row));
        let full = AdaptError::NoFurtherClass { capacity: self.layout.capacity };
        let (Some(place), Some(unused)) = (self.rows.get_mut(class), unused) else { return Err(full) };
        *place = unused;
        self.way += 1;
        self.start_class(class);
        Ok(class)
    }

    /// One class less: its row and its labels go, later classes move down by one.
    pub fn forget(&mut self, class: usize) -> Result<(), AdaptError> {
        self.has_classes()?;
        if class >= self.way {
            return Err(AdaptError::LabelOutOfRange { label: class, way: self.way });
        }
        if self.way == 1 {
            return Err(AdaptError::LastClass);
        }
        let inputs = self.layout.last_inputs();
        for numbers in [&mut *self.parameters, &mut *self.velocity] {
            let last = self.layout.last_mut(numbers, self.way);
            close(last.weights, class, inputs);
            close(last.bias, class, 1);
        }
        close(self.rows.get_mut(..self.way).unwrap_or_default(), class, 1);
        self.way -= 1;
        for label in self.labels.iter_mut().filter(|label| **label != NONE) {
            let held_back = *label & HELD_BACK;
            match usize::from(*label & !HELD_BACK) {
                of if of == class => *label = NONE,
                of if of > class => *label = (of - 1) as u16 | held_back,
                _ => {}
            }
        }
        Ok(())
    }

    fn has_classes(&self) -> Result<(), AdaptError> {
        self.begun()?;
        if self.predicts_numbers() { Err(AdaptError::OtherTask) } else { Ok(()) }
    }
}

/// Moves what lies behind a row down by one row.
fn close<T: Copy>(values: &mut [T], row: usize, length: usize) {
    let cells = Cell::from_mut(values).as_slice_of_cells();
    let (to, from) = (row * length, (row + 1) * length);
    cells.iter().skip(to).zip(cells.iter().skip(from)).for_each(|(to, from)| to.set(from.get()));
}
