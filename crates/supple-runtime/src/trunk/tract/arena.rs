//! Which of tract's values lies where in the arena.
//!
//! A plan knows its values by their places alone: one may be written in parts, or read in parts, and what lies over
//! another takes its place.

use std::ops::Range;

use tract_onnx::prelude::OutletId;

/// A stretch of the arena, counted in elements.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Part {
    /// Where it lies.
    pub place: Range<usize>,
    /// The value whose elements lie there, and the first of them; `None` where nothing was written.
    pub value: Option<(OutletId, usize)>,
}

/// The parts that were written, in the order of their places, none over another.
#[derive(Debug, Default)]
pub(super) struct Arena {
    parts: Vec<Part>,
}

impl Arena {
    /// All elements of a value now lie at this place.
    pub fn write(&mut self, place: Range<usize>, value: OutletId) {
        self.forget(&place);
        let at = self.parts.partition_point(|part| part.place.start < place.start);
        self.parts.insert(at, Part { place, value: Some((value, 0)) });
    }

    /// What lay at this place is gone.
    pub fn forget(&mut self, place: &Range<usize>) {
        let parts = std::mem::take(&mut self.parts);
        let around = parts
            .into_iter()
            .flat_map(|part| [part.within(&(0..place.start)), part.within(&(place.end..usize::MAX))]);
        self.parts = around.flatten().collect();
    }

    /// What lies at this place, gaps included.
    pub fn read(&self, place: &Range<usize>) -> Vec<Part> {
        let mut found = Vec::new();
        let mut at = place.start;
        for part in self.parts.iter().filter_map(|part| part.within(place)) {
            if at < part.place.start {
                found.push(Part { place: at..part.place.start, value: None });
            }
            at = part.place.end;
            found.push(part);
        }
        if at < place.end {
            found.push(Part { place: at..place.end, value: None });
        }
        found
    }
}

impl Part {
    /// As much of it as lies within `place`.
    fn within(&self, place: &Range<usize>) -> Option<Self> {
        let (start, end) = (self.place.start.max(place.start), self.place.end.min(place.end));
        let value = self.value.map(|(value, first)| (value, first + start.saturating_sub(self.place.start)));
        (start < end).then_some(Self { place: start..end, value })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_and_gaps() {
        let [a, b, c] = [0, 1, 2].map(|node| OutletId::new(node, 0));
        let mut arena = Arena::default();
        let part = |place, value| Part { place, value };
        arena.write(2..10, a);
        arena.write(12..14, b);
        assert_eq!(arena.read(&(2..10)), [part(2..10, Some((a, 0)))]);
        assert_eq!(
            arena.read(&(0..20)),
            [
                part(0..2, None),
                part(2..10, Some((a, 0))),
                part(10..12, None),
                part(12..14, Some((b, 0))),
                part(14..20, None)
            ]
        );
        arena.write(4..6, c);
        let expected = [part(3..4, Some((a, 1))), part(4..6, Some((c, 0))), part(6..8, Some((a, 4)))];
        assert_eq!(arena.read(&(3..8)), expected);
        arena.forget(&(5..13));
        assert_eq!(
            arena.read(&(3..14)),
            [
                part(3..4, Some((a, 1))),
                part(4..5, Some((c, 0))),
                part(5..13, None),
                part(13..14, Some((b, 1)))
            ]
        );
        arena.write(0..20, b);
        assert_eq!(arena.read(&(5..6)), [part(5..6, Some((b, 5)))]);
    }
}
