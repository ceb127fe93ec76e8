//! Layers of heads: sums of products in sixteen registers.
//!
//! A product and its sum are two instructions: on a Cortex-M4 they take 2 cycles, `vmla` takes 3. Four products come
//! before their four sums, so that no sum waits for its product.

//!
//! | module | computes |
//! |---|---|
//! | `sums` | outputs, four samples at a time |
//! | `steps` | gradients, and the weights that they change |

use crate::kernels::head::sums::Grid;

/// One instruction.
macro_rules! three {
    ($name:literal $to:literal $a:literal $b:literal) => {
        concat!($name, ".f32 ", $to, ", ", $a, ", ", $b, "\n")
    };
}

/// Four products of one number with four, then their sums.
macro_rules! products {
    ($by:literal: $a:literal $x:literal, $b:literal $y:literal, $c:literal $z:literal, $d:literal $w:literal) => {
        concat!(
            three!("vmul" "s28" $by $x),
            three!("vmul" "s29" $by $y),
            three!("vmul" "s30" $by $z),
            three!("vmul" "s31" $by $w),
            three!("vadd" $a $a "s28"),
            three!("vadd" $b $b "s29"),
            three!("vadd" $c $c "s30"),
            three!("vadd" $d $d "s31"),
        )
    };
}

mod steps;
mod sums;

pub use steps::Steps;
pub use sums::{four_by_four, four_by_one};

/// A grid as assembly reaches it.
#[repr(C)]
#[derive(Clone, Copy)]
struct Pointer {
    /// Written through only where it is an output's.
    first: *mut f32,
    /// Bytes from row to row.
    stride: usize,
}

impl Grid<'_> {
    fn pointer(&self) -> Pointer {
        Pointer { first: self.values.as_ptr().cast_mut(), stride: self.stride.wrapping_mul(4) }
    }
}
