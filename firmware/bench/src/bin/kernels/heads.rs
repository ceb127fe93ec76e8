//! Layers of heads, by the definition that the runtime's own tests use on the host.

use core::fmt::Write;

use supple_runtime::kernels::head::forward::forward;
use supple_runtime::kernels::head::{LayerMut, descent, rows};

use crate::Host;
use crate::pool::Pool;
use crate::random::Random;
use descent::{Descent, descend, descend_and_pass};
use rows::{Int8, Rows};

// It is no part of the runtime's library.
#[path = "../../../../../crates/supple-runtime/src/kernels/head/definition.rs"]
mod definition;

/// Cached features.
struct Features<'a> {
    length: usize,
    values: &'a [f32],
    bytes: &'a [i8],
    scales: &'a [f32],
}

impl<'a> Features<'a> {
    fn new(pool: &mut Pool<'a>, random: &mut Random, samples: usize, length: usize) -> Self {
        let bytes = pool.bytes(samples * length);
        random.fill_bytes(bytes);
        let values = floats(pool, random, samples * length);
        let scales = pool.floats(samples);
        scales.iter_mut().for_each(|scale| *scale = random.within(1, 1000) as f32 / 65_536.0);
        Self { length, values, bytes, scales }
    }

    /// In both forms.
    fn kinds(&self) -> impl Iterator<Item = Rows<'_>> {
        let Self { length, values, bytes, scales } = *self;
        let int8 = Int8::built().map(|built| Rows::I8 { values: bytes, scales, length, built });
        [Some(Rows::F32 { values, length }), int8].into_iter().flatten()
    }
}

/// Numbers that are often 0, as behind relu.
fn floats<'a>(pool: &mut Pool<'a>, random: &mut Random, count: usize) -> &'a mut [f32] {
    let numbers = pool.floats(count);
    random.fill(numbers, false);
    numbers
}

fn copy<'a>(pool: &mut Pool<'a>, numbers: &[f32]) -> &'a mut [f32] {
    let copy = pool.floats(numbers.len());
    copy.copy_from_slice(numbers);
    copy
}

/// Outputs, samples and inputs.
fn sizes(random: &mut Random) -> [usize; 3] {
    [(); 3].map(|()| random.within(1, 39) as usize)
}

/// The outputs of a layer.
pub fn forward_is_right(pool: &mut Pool, random: &mut Random) -> bool {
    let [outs, samples, length] = sizes(random);
    let relu = random.once_in(2);
    let features = Features::new(pool, random, samples, length);
    let (weights, bias) = (floats(pool, random, outs * length), floats(pool, random, outs));
    let [found, expected] = [(); 2].map(|()| floats(pool, random, samples * outs));
    for (kind, rows) in features.kinds().enumerate() {
        forward(weights, bias, &rows, found, relu);
        definition::forward(weights, bias, &rows, expected, relu);
        if !same(found, expected) {
            let _ = writeln!(Host, "{outs} outputs of {length} inputs, {samples} samples, kind {kind}");
            return false;
        }
    }
    true
}

/// A gradient step of a layer on features of both forms, and behind a hidden layer.
pub fn step_is_right(pool: &mut Pool, random: &mut Random) -> bool {
    let [outs, samples, length] = sizes(random);
    let with_velocity = random.once_in(2);
    let work = if random.once_in(2) { 4 * outs } else { outs };
    let features = Features::new(pool, random, samples, length);
    let deltas = floats(pool, random, samples * outs);
    let start = [outs * length, outs, outs * length, outs, samples * length];
    let start = start.map(|count| floats(pool, random, count));
    let work = floats(pool, random, work);
    let mut made = [(); 2].map(|()| start.each_ref().map(|numbers| copy(pool, numbers)));
    for (kind, name) in ["f32", "i8", "hidden"].into_iter().enumerate() {
        for (at, made) in made.iter_mut().enumerate() {
            made.iter_mut().zip(&start).for_each(|(made, start)| made.copy_from_slice(start));
            let [weights, bias, weights_before, bias_before, hidden] = made;
            let velocity = LayerMut { weights: weights_before, bias: bias_before };
            let velocity = with_velocity.then_some(velocity);
            let mut descent = Descent { rates: [0.3, 0.7], momentum: 0.9, velocity };
            let mut layer = LayerMut { weights, bias };
            let (layer, descent) = (&mut layer, &mut descent);
            match (features.kinds().nth(kind), at) {
                (Some(rows), 0) => descend(layer, &rows, deltas, descent),
                (Some(rows), _) => definition::descend(layer, &rows, deltas, descent),
                (None, 0) => descend_and_pass(layer, hidden, length, deltas, work, descent),
                (None, _) => definition::descend_and_pass(layer, hidden, length, deltas, work, descent),
            }
        }
        let [found, expected] = &made;
        if !found.iter().zip(expected).all(|(found, expected)| same(found, expected)) {
            let _ = writeln!(Host, "{outs} outputs of {length} inputs, {samples} samples, {name}");
            return false;
        }
    }
    true
}

/// The same bits, any NaN like any other.
fn same(found: &[f32], expected: &[f32]) -> bool {
    let same = |(a, b): (&f32, &f32)| a.to_bits() == b.to_bits() || a.is_nan() && b.is_nan();
    found.len() == expected.len() && found.iter().zip(expected).all(same)
}
