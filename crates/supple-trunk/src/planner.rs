//! Places values in the arena so that those which live at once do not overlap.
//!
//! Greedy by size (Pisarchyk and Lee 2020, <https://arxiv.org/abs/2001.03288>): the longest value first, each
//! at the lowest offset free during its whole life. On a chain of layers this meets the lower bound or comes
//! close; the report gives both figures.

/// From when to when a value is needed, both ends included.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Lifetime {
    /// Length in elements.
    pub length: usize,
    /// The step that writes it.
    pub first: usize,
    /// The last step that reads it.
    pub last: usize,
}

impl Lifetime {
    /// Whether both are needed at one step.
    pub fn overlaps(&self, other: &Self) -> bool {
        self.first <= other.last && other.first <= self.last
    }
}

/// Where each value went.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Placement {
    /// Offset of each value, in elements.
    pub offsets: Vec<usize>,
    /// Elements the arena needs.
    pub arena: usize,
    /// The largest sum of lengths at one step: no placement needs less.
    pub lower_bound: usize,
}

/// Places all values. The same lifetimes always give the same placement.
pub fn place(lifetimes: &[Lifetime]) -> Placement {
    let mut by_size: Vec<usize> = (0..lifetimes.len()).collect();
    by_size.sort_by_key(|&index| (std::cmp::Reverse(lifetimes[index].length), index));
    let mut offsets = vec![0; lifetimes.len()];
    let mut placed: Vec<usize> = Vec::with_capacity(lifetimes.len());
    let mut arena = 0;
    for index in by_size {
        let value = &lifetimes[index];
        let mut taken: Vec<(usize, usize)> = placed
            .iter()
            .filter(|&&other| lifetimes[other].overlaps(value))
            .map(|&other| (offsets[other], offsets[other] + lifetimes[other].length))
            .collect();
        taken.sort_unstable();
        let mut offset = 0;
        for (start, end) in taken {
            if offset + value.length <= start {
                break;
            }
            offset = offset.max(end);
        }
        offsets[index] = offset;
        arena = arena.max(offset + value.length);
        placed.push(index);
    }
    Placement { offsets, arena, lower_bound: lower_bound(lifetimes) }
}

/// A set of live values only grows where one is born, so those steps are enough.
fn lower_bound(lifetimes: &[Lifetime]) -> usize {
    let live_at = |step: usize| -> usize {
        lifetimes.iter().filter(|l| (l.first..=l.last).contains(&step)).map(|l| l.length).sum()
    };
    lifetimes.iter().map(|l| live_at(l.first)).max().unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn life(length: usize, first: usize, last: usize) -> Lifetime {
        Lifetime { length, first, last }
    }

    #[test]
    fn a_chain_alternates_between_the_ends() {
        let placement = place(&[life(10, 0, 1), life(100, 1, 2), life(50, 2, 3), life(5, 3, 4)]);
        assert_eq!(placement.offsets, [100, 0, 100, 0]);
        assert_eq!((placement.arena, placement.lower_bound), (150, 150));
    }

    #[test]
    fn nothing_needs_nothing() {
        assert_eq!(place(&[]), Placement { offsets: vec![], arena: 0, lower_bound: 0 });
    }

    proptest! {
        #[test]
        fn values_alive_at_once_never_overlap(
            raw in prop::collection::vec((1usize..200, 0usize..12, 0usize..6), 0..24)
        ) {
            let lifetimes: Vec<Lifetime> = raw.iter().map(|&(l, f, d)| life(l, f, f + d)).collect();
            let placement = place(&lifetimes);
            for (i, a) in lifetimes.iter().enumerate() {
                let end = placement.offsets[i] + a.length;
                prop_assert!(end <= placement.arena);
                for (j, b) in lifetimes.iter().enumerate().skip(i + 1) {
                    let apart =
                        end <= placement.offsets[j] || placement.offsets[j] + b.length <= placement.offsets[i];
                    prop_assert!(apart || !a.overlaps(b), "{a:?} at {} and {b:?} at {}",
                        placement.offsets[i], placement.offsets[j]);
                }
            }
            prop_assert!(placement.arena >= placement.lower_bound);
            prop_assert_eq!(place(&lifetimes), placement);
        }
    }
}
