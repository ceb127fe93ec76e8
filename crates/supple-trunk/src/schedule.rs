//! Which operations run row by row together, which write in place, and where every value lies.
//!
//! The arena is as large as its worst moment. A convolution of stride 2 needs three rows of its input at a time, not
//! the whole image; so where the worst moment is the value between two operations, those two run row by row, and only
//! a few rows of it are held. Which to join is searched for greedily: as long as some join makes the arena smaller.

use std::ops::Range;

use supple_pack::op::{MOST_ROWS_OPS, Window};

use crate::lower::Lowered;
use crate::lower::draft::{Draft, Kind, Source, Step, ValueId, elements};
use crate::planner::{Lifetime, Placement, place};

/// When and where.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Schedule {
    /// Steps that run row by row together, in order.
    pub groups: Vec<Range<usize>>,
    /// First word of each value.
    pub offsets: Vec<usize>,
    /// Rows of each value that are held at once.
    pub rows: Vec<u16>,
    /// Words the arena needs.
    pub arena: usize,
    /// The most words that are needed at one moment: no placement of these values needs less.
    pub lower_bound: usize,
    /// The same if no operations ran row by row together.
    pub lower_bound_whole: usize,
}

/// Finds a schedule of a small arena. The same draft always gives the same schedule.
pub fn schedule(lowered: &Lowered) -> Schedule {
    let planner = Planner::of(lowered);
    let candidates = planner.candidates();
    let mut best = planner.plan(vec![]);
    let whole = best.lower_bound;
    loop {
        // Replacing groups that are there by a longer one counts too.
        let improved = candidates
            .iter()
            .filter_map(|candidate| {
                let apart =
                    |taken: &Range<usize>| candidate.end <= taken.start || taken.end <= candidate.start;
                let inside =
                    |taken: &Range<usize>| candidate.start <= taken.start && taken.end <= candidate.end;
                if !best.groups.iter().all(|taken| apart(taken) || inside(taken)) {
                    return None;
                }
                let mut groups: Vec<Range<usize>> =
                    best.groups.iter().filter(|taken| apart(taken)).cloned().collect();
                groups.push(candidate.clone());
                groups.sort_by_key(|range| range.start);
                Some(planner.plan(groups))
            })
            .min_by_key(|plan| (plan.cost(), plan.schedule.groups.len()));
        match improved {
            Some(plan) if plan.cost() < best.cost() => best = plan,
            _ => break,
        }
    }
    // What does not make the arena smaller only costs time.
    for index in (0..best.groups.len()).rev() {
        let mut groups = best.groups.clone();
        groups.remove(index);
        let without = planner.plan(groups);
        if without.arena <= best.arena {
            best = without;
        }
    }
    Schedule { lower_bound_whole: whole, ..best.schedule }
}

impl Schedule {
    /// Every value whole and in a place of its own, so that all can be looked at.
    pub fn apart(lowered: &Lowered) -> Self {
        let values = &lowered.draft.values;
        let mut arena = 0;
        let mut offsets = Vec::with_capacity(values.len());
        for value in values {
            offsets.push(arena);
            arena += value.element.words(elements(value.shape) as u64) as usize;
        }
        let rows = values.iter().map(|value| value.shape.height).collect();
        Self { groups: vec![], offsets, rows, arena, lower_bound: arena, lower_bound_whole: arena }
    }
}

struct Planner<'l> {
    draft: &'l Draft,
    input: ValueId,
    output: ValueId,
    /// How many steps read each value.
    readers: Vec<usize>,
}

struct Plan {
    schedule: Schedule,
    /// The sum over all moments of the square of the words needed: where several moments are the worst, it shows
    /// that one of them got better.
    crowding: u128,
}

impl std::ops::Deref for Plan {
    type Target = Schedule;

    fn deref(&self) -> &Schedule {
        &self.schedule
    }
}

impl Plan {
    fn cost(&self) -> (usize, u128) {
        (self.schedule.arena, self.crowding)
    }
}

fn works_by_rows(step: &Step) -> bool {
    matches!(
        step.kind,
        Kind::Convolution { .. }
            | Kind::Depthwise { .. }
            | Kind::MaxPool { .. }
            | Kind::AveragePool { .. }
            | Kind::Unary(_)
            | Kind::Quantise
            | Kind::Dequantise
            | Kind::Table(_)
    )
}

fn works_in_place(step: &Step) -> bool {
    matches!(
        step.kind,
        Kind::Unary(_)
            | Kind::Binary(..)
            | Kind::SumInt8(_)
            | Kind::ProductInt8(_)
            | Kind::Softmax
            | Kind::Table(_)
    )
}

fn window(step: &Step) -> Option<&Window> {
    match &step.kind {
        Kind::Convolution { window, .. }
        | Kind::Depthwise { window, .. }
        | Kind::MaxPool { window }
        | Kind::AveragePool { window, .. } => Some(window),
        _ => None,
    }
}

impl<'l> Planner<'l> {
    fn of(lowered: &'l Lowered) -> Self {
        let draft = &lowered.draft;
        let mut readers = vec![0; draft.values.len()];
        for step in &draft.steps {
            let mut read: Vec<ValueId> = step.inputs.iter().filter_map(Source::value).collect();
            read.dedup();
            read.into_iter().for_each(|value| readers[value] += 1);
        }
        Self { draft, input: lowered.input.0, output: lowered.output.0, readers }
    }

    /// Whether a step hands its output to the next one alone, row by row.
    fn hands_over(&self, at: usize) -> bool {
        let [before, after] = &self.draft.steps[at..at + 2] else { return false };
        let [Source::Value(taken, view)] = after.inputs[..] else { return false };
        let (handed, shape) = before.output;
        works_by_rows(before)
            && works_by_rows(after)
            && taken == handed
            && view == shape
            && shape.height > 1
            && handed != self.output
            && self.readers[handed] == 1
    }

    fn candidates(&self) -> Vec<Range<usize>> {
        let mut found = Vec::new();
        for start in 0..self.draft.steps.len() {
            let mut end = start + 1;
            while end < self.draft.steps.len() && end - start < MOST_ROWS_OPS && self.hands_over(end - 1) {
                end += 1;
                found.push(start..end);
            }
        }
        found
    }

    fn plan(&self, groups: Vec<Range<usize>>) -> Plan {
        let steps = &self.draft.steps;
        let mut rows: Vec<u16> = self.draft.values.iter().map(|value| value.shape.height).collect();
        // Moment 0 is the caller writing the input; the steps of a group share one.
        let mut moments = Vec::with_capacity(steps.len());
        let mut moment = 0;
        for index in 0..steps.len() {
            let group = groups.iter().find(|range| range.contains(&index));
            let continues = group.is_some_and(|range| range.start < index);
            moment += usize::from(!continues);
            moments.push(moment);
            if continues {
                let (value, shape) = steps[index - 1].output;
                let span = window(&steps[index]).map_or(1, Window::span);
                rows[value] = u16::try_from(span).unwrap_or(u16::MAX).min(shape.height);
            }
        }
        let words = |value: ValueId| -> usize {
            let info = &self.draft.values[value];
            let whole = elements(info.shape);
            let held = whole / usize::from(info.shape.height).max(1) * usize::from(rows[value]);
            info.element.words(held as u64) as usize
        };
        let mut lives: Vec<Lifetime> = (0..self.draft.values.len())
            .map(|value| Lifetime { length: words(value), first: usize::MAX, last: 0 })
            .collect();
        let mut touch = |value: ValueId, at: usize| {
            lives[value].first = lives[value].first.min(at);
            lives[value].last = lives[value].last.max(at);
        };
        touch(self.input, 0);
        for (step, at) in steps.iter().zip(&moments) {
            step.inputs.iter().filter_map(Source::value).for_each(|value| touch(value, *at));
            touch(step.output.0, *at);
        }
        touch(self.output, moment + 1);
        let shared = self.in_place(&groups, &moments, &lives);
        // A value in place of another lengthens that one's life.
        let mut buffers: Vec<Lifetime> = Vec::new();
        let mut buffer_of = vec![usize::MAX; lives.len()];
        for value in 0..lives.len() {
            if lives[value].first == usize::MAX {
                continue;
            }
            let root = shared[value];
            if buffer_of[root] == usize::MAX {
                buffer_of[root] = buffers.len();
                buffers.push(lives[root]);
            }
            let buffer = &mut buffers[buffer_of[root]];
            buffer.first = buffer.first.min(lives[value].first);
            buffer.last = buffer.last.max(lives[value].last);
            buffer_of[value] = buffer_of[root];
        }
        let Placement { offsets, arena, lower_bound } = place(&buffers);
        let crowding = (0..=moment + 1)
            .map(|at| {
                let live = buffers.iter().filter(|life| (life.first..=life.last).contains(&at));
                (live.map(|life| life.length).sum::<usize>() as u128).pow(2)
            })
            .sum();
        let offsets = buffer_of.iter().map(|buffer| offsets.get(*buffer).copied().unwrap_or(0)).collect();
        let schedule = Schedule { groups, offsets, rows, arena, lower_bound, lower_bound_whole: lower_bound };
        Plan { schedule, crowding }
    }

    /// By value, the first value that it lies in place of.
    fn in_place(&self, groups: &[Range<usize>], moments: &[usize], lives: &[Lifetime]) -> Vec<ValueId> {
        let mut shared: Vec<ValueId> = (0..lives.len()).collect();
        for (index, step) in self.draft.steps.iter().enumerate() {
            if !works_in_place(step) || groups.iter().any(|range| range.contains(&index)) {
                continue;
            }
            let (output, shape) = step.output;
            let dies_here = step.inputs.iter().find_map(|source| match source {
                Source::Value(value, view) => {
                    let (from, to) = (&self.draft.values[*value], &self.draft.values[output]);
                    let last = lives[*value].last == moments[index] && *value != self.output;
                    let same = *view == shape
                        && from.shape.height == to.shape.height
                        && from.element == to.element
                        && elements(from.shape) == elements(to.shape);
                    (last && same).then_some(*value)
                }
                Source::Constant(_) => None,
            });
            if let Some(value) = dies_here {
                shared[output] = shared[value];
            }
        }
        shared
    }
}
