//! What support samples are to a head.

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
