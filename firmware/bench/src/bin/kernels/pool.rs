//! Memory for one case.

use core::mem::take;
use core::slice;

/// All there is.
pub const FLOATS: usize = 56 * 1024;

/// What is left of it.
pub struct Pool<'a>(&'a mut [f32]);

impl<'a> Pool<'a> {
    pub fn new(memory: &'a mut [f32]) -> Self {
        Self(memory)
    }

    pub fn floats(&mut self, count: usize) -> &'a mut [f32] {
        let (taken, left) = take(&mut self.0).split_at_mut(count);
        self.0 = left;
        taken
    }

    pub fn words(&mut self, count: usize) -> &'a mut [i32] {
        let taken = self.floats(count);
        // SAFETY: any bits are an `i32`, which is as long as an `f32` and lies where one may lie.
        unsafe { slice::from_raw_parts_mut(taken.as_mut_ptr().cast(), count) }
    }

    /// The first of them lies at a word.
    pub fn bytes(&mut self, count: usize) -> &'a mut [i8] {
        let taken = self.floats(count.div_ceil(4));
        // SAFETY: any bits are four `i8`, and no more are taken than there are.
        unsafe { slice::from_raw_parts_mut(taken.as_mut_ptr().cast(), count) }
    }
}
