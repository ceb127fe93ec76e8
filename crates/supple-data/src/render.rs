//! A drawing as the input of a trunk: 28 × 28, ink = 1, row by row.

use crate::drawings::Drawings;

/// Height and width of an input.
pub const INPUT_SIDE: usize = 28;
/// Elements of an input.
pub const INPUT_LENGTH: usize = INPUT_SIDE * INPUT_SIDE;

/// One of the eight ways to lay down a square: quarter turns, optionally after a mirroring.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Orientation {
    quarter_turns: u8,
    mirrored: bool,
}

impl Orientation {
    /// As drawn.
    pub const UPRIGHT: Self = Self { quarter_turns: 0, mirrored: false };
    /// The four quarter turns.
    pub const TURNS: &'static [Self] = Self::ALL.split_at(4).0;
    /// The quarter turns, plain and mirrored.
    pub const ALL: &'static [Self; 8] = &[
        Self { quarter_turns: 0, mirrored: false },
        Self { quarter_turns: 1, mirrored: false },
        Self { quarter_turns: 2, mirrored: false },
        Self { quarter_turns: 3, mirrored: false },
        Self { quarter_turns: 0, mirrored: true },
        Self { quarter_turns: 1, mirrored: true },
        Self { quarter_turns: 2, mirrored: true },
        Self { quarter_turns: 3, mirrored: true },
    ];

    /// The 2 × 2 matrix (row-major) from output offsets to source offsets about the centre.
    fn matrix(self) -> [f32; 4] {
        let [a, b, c, d] = match self.quarter_turns {
            0 => [1.0, 0.0, 0.0, 1.0],
            1 => [0.0, 1.0, -1.0, 0.0],
            2 => [-1.0, 0.0, 0.0, -1.0],
            _ => [0.0, -1.0, 1.0, 0.0],
        };
        if self.mirrored { [-a, -b, c, d] } else { [a, b, c, d] }
    }

    /// Where the value of output pixel (`row`, `column`) comes from.
    fn source(self, row: usize, column: usize) -> (usize, usize) {
        let last = INPUT_SIDE - 1;
        let (row, column) = match self.quarter_turns {
            0 => (row, column),
            1 => (last - column, row),
            2 => (last - row, last - column),
            _ => (column, last - row),
        };
        if self.mirrored { (row, last - column) } else { (row, column) }
    }
}

/// A small change of a drawing, as another hand would make it: rotation, scale, shear, shift.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Warp {
    /// 2 × 2 matrix (row-major, x before y) from output offsets to source offsets.
    matrix: [f32; 4],
    /// Shift in output pixels, x before y.
    shift: [f32; 2],
}

/// How far warps go: each quantity is drawn evenly from −limit to +limit.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct WarpLimits {
    /// Radians.
    pub rotation: f32,
    /// Of the logarithm of the scale, both axes together and one against the other.
    pub log_scale: f32,
    /// Horizontal offset per row.
    pub shear: f32,
    /// Output pixels.
    pub shift: f32,
}

impl Warp {
    /// Draws a warp within `limits`.
    pub fn sample(limits: &WarpLimits, random: &mut impl rand::Rng) -> Self {
        let mut even = |limit: f32| limit * (2.0 * rand::RngExt::random::<f32>(random) - 1.0);
        let (sine, cosine) = libm::sincosf(even(limits.rotation));
        let scale = libm::expf(even(limits.log_scale));
        let aspect = libm::expf(even(limits.log_scale) / 2.0);
        let shear = even(limits.shear);
        let (x, y) = (scale * aspect, scale / aspect);
        // rotation · (shear · scale)
        let matrix = [cosine * x, (cosine * shear - sine) * y, sine * x, (sine * shear + cosine) * y];
        Self { matrix, shift: [even(limits.shift), even(limits.shift)] }
    }
}

impl Drawings {
    /// Writes a drawing as the input of a trunk: mean ink over each of the 28 × 28 areas, in 256 levels (so that an
    /// input can be sent as bytes without loss), divided by 255.
    ///
    /// # Panics
    /// If `drawing` is out of range or `input` is not [`INPUT_LENGTH`] long.
    pub fn render(&self, drawing: usize, orientation: Orientation, input: &mut [f32]) {
        assert_eq!(input.len(), INPUT_LENGTH);
        let levels = &self.shrunk()[drawing * INPUT_LENGTH..][..INPUT_LENGTH];
        for (row, line) in input.chunks_exact_mut(INPUT_SIDE).enumerate() {
            for (column, value) in line.iter_mut().enumerate() {
                let (r, c) = orientation.source(row, column);
                *value = f32::from(levels[r * INPUT_SIDE + c]) / 255.0;
            }
        }
    }

    /// Like [`render`](Self::render), through a warp: for training. Each output pixel is a point of the full-size
    /// drawing, softened by the area of an output pixel and read between its pixels.
    pub fn render_warped(&self, drawing: usize, orientation: Orientation, warp: &Warp, input: &mut [f32]) {
        assert_eq!(input.len(), INPUT_LENGTH);
        let side = self.side();
        let pixels = &self.softened()[drawing * side * side..][..side * side];
        let unit = side as f32 / INPUT_SIDE as f32;
        let [a, b, c, d] = orientation.matrix();
        let [e, f, g, h] = warp.matrix;
        // source = warp · orientation · (output + shift), all about the centre.
        let matrix = [e * a + f * c, e * b + f * d, g * a + h * c, g * b + h * d].map(|factor| factor * unit);
        let centre = INPUT_SIDE as f32 / 2.0;
        // Pixels are points at their centres; one more row and column of nothing lies around them.
        let middle = side as f32 / 2.0 - 0.5 + 1.0;
        let at = |row: usize, column: usize| -> f32 {
            if (1..=side).contains(&row) && (1..=side).contains(&column) {
                f32::from(pixels[(row - 1) * side + column - 1])
            } else {
                0.0
            }
        };
        for (row, line) in input.chunks_exact_mut(INPUT_SIDE).enumerate() {
            let y = row as f32 + 0.5 - centre + warp.shift[1];
            for (column, value) in line.iter_mut().enumerate() {
                let x = column as f32 + 0.5 - centre + warp.shift[0];
                let column = middle + matrix[0] * x + matrix[1] * y;
                let row = middle + matrix[2] * x + matrix[3] * y;
                let (left, top) = (column as usize, row as usize);
                // A negative number became 0, a NaN as well.
                if !(column >= 0.0 && row >= 0.0) || left > side || top > side {
                    *value = 0.0;
                    continue;
                }
                let (right, below) = (column - left as f32, row - top as f32);
                let upper = at(top, left) + right * (at(top, left + 1) - at(top, left));
                let lower = at(top + 1, left) + right * (at(top + 1, left + 1) - at(top + 1, left));
                *value = (upper + below * (lower - upper)) / 255.0;
            }
        }
    }
}

/// The means over a square of `side / 28` pixels about each pixel: what [`Drawings::render_warped`] reads.
pub(crate) fn soften(pixels: &[u8], side: usize) -> Vec<u8> {
    let half = side as f32 / INPUT_SIDE as f32 / 2.0;
    let reach = (half + 0.5) as usize;
    let weights: Vec<f32> =
        (0..=reach).map(|offset| (half + 0.5 - offset as f32).clamp(0.0, 1.0) / (2.0 * half)).collect();
    let along = |from: &dyn Fn(usize) -> f32, at: usize| -> f32 {
        (1..=reach).fold(weights[0] * from(at), |sum, offset| {
            let before = if at >= offset { from(at - offset) } else { 0.0 };
            let after = if at + offset < side { from(at + offset) } else { 0.0 };
            sum + weights[offset] * (before + after)
        })
    };
    let mut rows = vec![0.0; side * side];
    for (index, value) in rows.iter_mut().enumerate() {
        let line = &pixels[index / side * side..];
        *value = along(&|column| f32::from(line[column]), index % side);
    }
    let soft = |index: usize| along(&|row| rows[row * side + index % side], index / side);
    (0..side * side).map(|index| (soft(index) + 0.5) as u8).collect()
}

/// Mean over areas, in whole numbers: pixel and area borders fall on a common grid of `side * 28` lines.
pub(crate) fn shrink(pixels: &[u8], side: usize) -> [u8; INPUT_LENGTH] {
    let mut levels = [0u8; INPUT_LENGTH];
    for (row, line) in levels.chunks_exact_mut(INPUT_SIDE).enumerate() {
        for (column, level) in line.iter_mut().enumerate() {
            let mut sum = 0u64;
            for (y, weight_y) in overlaps(row, side) {
                for (x, weight_x) in overlaps(column, side) {
                    sum += weight_y * weight_x * u64::from(pixels[y * side + x]);
                }
            }
            let area = (side * side) as u64;
            *level = ((sum + area / 2) / area) as u8;
        }
    }
    levels
}

/// The source pixels under one output pixel along an axis, each with the length of the overlap in units of 1/28
/// of a source pixel; the lengths add up to `side`.
fn overlaps(output: usize, side: usize) -> impl Iterator<Item = (usize, u64)> {
    let (start, end) = (output * side, (output + 1) * side);
    (start / INPUT_SIDE..end.div_ceil(INPUT_SIDE)).map(move |source| {
        let from = start.max(source * INPUT_SIDE);
        let to = end.min((source + 1) * INPUT_SIDE);
        (source, (to - from) as u64)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn one(side: usize, pixels: Vec<u8>) -> Drawings {
        let mut set = Drawings::new("test", side);
        set.push("a", "b", &[pixels]);
        set
    }

    #[test]
    fn a_full_drawing_is_all_ones_and_a_28_by_28_one_is_kept() {
        let mut input = [0.0; INPUT_LENGTH];
        one(105, vec![255; 105 * 105]).render(0, Orientation::UPRIGHT, &mut input);
        assert!(input.iter().all(|&v| v == 1.0));
        let levels: Vec<u8> = (0..INPUT_LENGTH).map(|i| (i % 256) as u8).collect();
        one(28, levels.clone()).render(0, Orientation::UPRIGHT, &mut input);
        for (value, level) in input.iter().zip(levels) {
            assert_eq!(*value, f32::from(level) / 255.0);
        }
    }

    #[test]
    fn shrinking_weighs_by_area() {
        // 105 / 28 = 3.75: the first output pixel covers source pixels 0, 1, 2 whole and 3 to three quarters.
        let mut pixels = vec![0; 105 * 105];
        pixels[3 * 105 + 3] = 255;
        let levels = shrink(&pixels, 105);
        // 0.75 · 0.75 / 3.75² of full ink = 10.2 in 255.
        assert_eq!(levels[0], 10);
        // 0.25 · 0.75 / 3.75² = 3.4
        assert_eq!(levels[1], 3);
        assert_eq!(levels[INPUT_SIDE + 1], 1);
        assert_eq!(levels.iter().filter(|&&l| l > 0).count(), 4);
    }

    #[test]
    fn four_quarter_turns_are_the_identity_and_all_eight_orientations_differ() {
        let levels: Vec<u8> = (0..INPUT_LENGTH).map(|i| (i * i % 251) as u8).collect();
        let set = one(28, levels);
        let mut seen = Vec::new();
        for orientation in Orientation::ALL {
            let mut input = vec![0.0; INPUT_LENGTH];
            set.render(0, *orientation, &mut input);
            assert!(!seen.contains(&input));
            seen.push(input);
        }
        assert_eq!(Orientation::TURNS.len(), 4);
    }

    #[test]
    fn a_warp_of_nothing_is_close_to_plain_rendering_in_every_orientation() {
        let mut pixels = vec![0u8; 105 * 105];
        for row in 20..60 {
            for column in 30..40 + row / 2 {
                pixels[row * 105 + column] = 255;
            }
        }
        let set = one(105, pixels);
        let still = Warp { matrix: [1.0, 0.0, 0.0, 1.0], shift: [0.0; 2] };
        for orientation in Orientation::ALL {
            let mut plain = vec![0.0; INPUT_LENGTH];
            let mut warped = vec![0.0; INPUT_LENGTH];
            set.render(0, *orientation, &mut plain);
            set.render_warped(0, *orientation, &still, &mut warped);
            let difference: f32 = plain.iter().zip(&warped).map(|(p, w)| (p - w).abs()).sum();
            let ink: f32 = plain.iter().sum();
            assert!(difference < 0.1 * ink, "{orientation:?}: {difference} of {ink}");
        }
    }
}
