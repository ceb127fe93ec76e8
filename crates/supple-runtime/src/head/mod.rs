//! Heads, the support samples they share, and their gradient steps.
//!
//! | file | holds |
//! |---|---|
//! | `built` | which heads this build can adapt |
//! | `cache` | features of support samples, shared by all heads of a pack |
//! | `labels` | what those samples are to a head |
//! | `layout` | where a head's layers lie among its numbers |
//! | `step` | gradient steps and the support loss |
//! | `prototypes` | starts from the mean of a class's samples |
//! | `adapt` | several steps, undone when they make things worse |
//! | `classes` | one class more, one class less |
//! | `kept` | what has been learned, to be kept elsewhere and put back |

mod adapt;
mod built;
mod cache;
mod classes;
mod error;
mod kept;
mod labels;
mod layout;
mod prototypes;
mod step;

pub use adapt::Adaptation;
pub use built::missing;
pub use cache::SupportCache;
pub use error::{AdaptError, CacheError};
pub use kept::{CacheMut, Kept, KeptMut};
pub use labels::{Label, Use};

use supple_pack::{Head, HeadTask, LayerRef, Start};

use crate::kernels::head::forward::forward;
use crate::kernels::head::rows::Rows;
use crate::memory::MemoryNeed;
use layout::Layout;

/// Set in a class's row while it waits for samples to take its prototype from.
const WAITING: u16 = 0x8000;
/// Set in a class's row when the adaptation under way has placed its prototype.
const PLACED: u16 = 0x4000;
/// What is left is a row of the learned start: a pack has no more than these.
const ROW: u16 = supple_pack::head::MOST_OUTPUTS;

/// The memory that a learner works in; how much is what [`MemoryNeed::of_head`] says.
#[derive(Debug)]
pub struct HeadMemory<'m> {
    /// [`MemoryNeed::learner`] of them, or more.
    pub floats: &'m mut [f32],
    /// [`MemoryNeed::labels`] of them, or more.
    pub labels: &'m mut [u16],
}

/// A head that learns from the cached features of support samples.
///
/// Steps are counted from the start: step `t` uses the `t`-th learned rates, steps beyond the last reuse the last.
#[derive(Debug)]
pub struct Learner<'p, 'm> {
    learned: &'p [f32],
    rates: &'p [f32],
    layout: Layout,
    task: HeadTask,
    start: Start,
    momentum: f32,
    way: usize,
    steps: usize,
    parameters: &'m mut [f32],
    /// Shaped as the parameters; empty where steps have no momentum.
    velocity: &'m mut [f32],
    /// Hidden units and outputs of the last call of [`outputs`](Self::outputs).
    place: &'m mut [f32],
    /// By sample and number, where the head predicts numbers.
    targets: &'m mut [f32],
    /// By sample.
    labels: &'m mut [u16],
    /// By class, the row of the learned start, and what is said above.
    rows: &'m mut [u16],
}

impl<'p, 'm> Learner<'p, 'm> {
    /// A learner that has not begun.
    pub fn new(head: Head<'p>, memory: HeadMemory<'m>) -> Result<Self, AdaptError> {
        if let Some(feature) = missing(&head.spec) {
            return Err(AdaptError::NotBuilt { feature });
        }
        let need = MemoryNeed::of_head(&head.spec);
        let too_small = AdaptError::MemoryTooSmall { floats: need.learner(), labels: need.labels };
        let layout = Layout::of(&head.spec);
        let (labels, rows) = memory
            .labels
            .get_mut(..need.labels)
            .and_then(|labels| labels.split_at_mut_checked(head.spec.max_support.into()))
            .ok_or(too_small)?;
        let mut rest = memory.floats.get_mut(..need.learner()).ok_or(too_small)?;
        let mut part = |size| part(&mut rest, size);
        let place = layout.units() + layout.capacity;
        Ok(Self {
            learned: head.parameters,
            rates: head.rates,
            layout,
            task: head.spec.task,
            start: head.spec.start,
            momentum: head.spec.momentum,
            way: 0,
            steps: 0,
            parameters: part(need.head - place),
            velocity: part(need.velocity),
            place: part(place),
            targets: part(need.targets),
            labels,
            rows,
        })
    }

    /// What it predicts.
    pub fn task(&self) -> HeadTask {
        self.task
    }

    /// The number of classes, or of numbers; 0 before it has begun.
    pub fn way(&self) -> usize {
        self.way
    }

    /// Steps taken since the start.
    pub fn steps(&self) -> usize {
        self.steps
    }

    /// The hidden layer; empty where there is none.
    pub fn hidden(&self) -> LayerRef<'_> {
        self.layout.hidden(self.parameters)
    }

    /// The last layer, weights `[way][inputs]` and biases `[way]`.
    pub fn last(&self) -> LayerRef<'_> {
        self.layout.last(self.parameters, self.way)
    }

    /// All numbers in use, layer after layer: weights, biases.
    pub fn parameters(&self) -> [&[f32]; 4] {
        self.layout.parts(self.parameters, self.way)
    }

    /// Clears the labels and sets the head to its start, for the first `way` rows of the learned start. A head for
    /// numbers begins with all of them.
    pub fn begin(&mut self, way: usize) -> Result<(), AdaptError> {
        self.begin_each(0..u16::try_from(way).unwrap_or(u16::MAX))
    }

    /// Like [`begin`](Self::begin), from chosen rows of the learned start: class `c` starts from row `rows[c]`.
    pub fn begin_rows(&mut self, rows: &[u16]) -> Result<(), AdaptError> {
        self.begin_each(rows.iter().copied())
    }

    /// Like [`begin_rows`](Self::begin_rows), for rows that lie in no slice.
    pub fn begin_each(&mut self, rows: impl ExactSizeIterator<Item = u16> + Clone) -> Result<(), AdaptError> {
        let capacity = self.layout.capacity;
        let way = rows.len();
        if self.predicts_numbers() && way != capacity {
            return Err(AdaptError::NotAllNumbers { way, capacity });
        }
        if !(1..=capacity).contains(&way) {
            return Err(AdaptError::WayOutOfRange { way, capacity });
        }
        if let Some(row) = rows.clone().map(usize::from).find(|&row| row >= capacity) {
            return Err(AdaptError::RowOutOfRange { row, capacity });
        }
        self.rows.iter_mut().zip(rows).for_each(|(place, row)| *place = row);
        self.way = way;
        self.clear_labels();
        self.reset()
    }

    /// Sets the head to the start that it began with; the labels stay.
    pub fn reset(&mut self) -> Result<(), AdaptError> {
        self.begun()?;
        self.steps = 0;
        self.velocity.fill(0.0);
        let hidden = self.layout.hidden_parameters();
        copy(self.parameters.get_mut(..hidden).unwrap_or_default(), self.learned);
        (0..self.way).for_each(|class| self.start_class(class));
        Ok(())
    }

    /// Sets a class to its row of the learned start, with a velocity of zero.
    fn start_class(&mut self, class: usize) {
        let Some(place) = self.rows.get_mut(class) else { return };
        let row = usize::from(*place & ROW);
        *place &= ROW;
        if cfg!(feature = "prototypes") && matches!(self.start, Start::Prototypes { .. }) {
            *place |= WAITING;
        }
        let inputs = self.layout.last_inputs();
        let learned = self.layout.last(self.learned, self.layout.capacity);
        let last = self.layout.last_mut(self.parameters, self.layout.capacity);
        copy(row_mut(last.weights, class, inputs), learned.weights.get(row * inputs..).unwrap_or_default());
        if let (Some(bias), Some(start)) = (last.bias.get_mut(class), learned.bias.get(row)) {
            *bias = *start;
        }
        if !cfg!(feature = "momentum") {
            return;
        }
        let velocity = self.layout.last_mut(self.velocity, self.layout.capacity);
        row_mut(velocity.weights, class, inputs).fill(0.0);
        velocity.bias.iter_mut().skip(class).take(1).for_each(|velocity| *velocity = 0.0);
    }

    /// Runs the head on a feature vector: logits `[way]`, or numbers.
    pub fn outputs(&mut self, feature: &[f32]) -> Result<&[f32], AdaptError> {
        self.begun()?;
        let (expected, got) = (self.layout.features, feature.len());
        if expected != got {
            return Err(AdaptError::FeatureLength { expected, got });
        }
        let rows = Rows::F32 { values: feature, length: got };
        let layout = self.layout;
        let (hidden, last) = (layout.hidden(self.parameters), layout.last(self.parameters, self.way));
        let (units, rest) = self.place.split_at_mut_checked(self.layout.units()).unwrap_or_default();
        let outputs = rest.get_mut(..self.way).unwrap_or_default();
        if units.is_empty() {
            forward(last.weights, last.bias, &rows, outputs, false);
        } else {
            forward(hidden.weights, hidden.bias, &rows, units, true);
            let units = Rows::F32 { length: units.len(), values: units };
            forward(last.weights, last.bias, &units, outputs, false);
        }
        Ok(outputs)
    }

    /// What the last call of [`outputs`](Self::outputs) gave.
    pub fn last_outputs(&self) -> &[f32] {
        self.place.get(self.layout.units()..).and_then(|rest| rest.get(..self.way)).unwrap_or_default()
    }

    /// Whether it predicts numbers, as no head does in a build without them.
    fn predicts_numbers(&self) -> bool {
        cfg!(feature = "numbers") && self.task == HeadTask::Numbers
    }

    fn begun(&self) -> Result<(), AdaptError> {
        if self.way == 0 { Err(AdaptError::NotBegun) } else { Ok(()) }
    }
}

/// A row of a layer's weights.
fn row_mut(weights: &mut [f32], row: usize, inputs: usize) -> &mut [f32] {
    weights.get_mut(row * inputs..).and_then(|rows| rows.get_mut(..inputs)).unwrap_or_default()
}

/// Cuts so many floats off.
#[inline(never)]
fn part<'m>(rest: &mut &'m mut [f32], size: usize) -> &'m mut [f32] {
    let (part, after) = core::mem::take(rest).split_at_mut_checked(size).unwrap_or_default();
    *rest = after;
    part
}

/// Copies as much as there is on both sides.
#[inline(never)]
fn copy(to: &mut [f32], from: &[f32]) {
    to.iter_mut().zip(from).for_each(|(to, from)| *to = *from);
}

#[cfg(test)]
mod tests;
