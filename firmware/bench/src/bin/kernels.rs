//! Holds the `f32` kernels of this core, which may be in assembly, against what they must give, tap by tap: many small
//! convolutions and dense layers, drawn at random but the same at every run, on the emulated board. Prints how many
//! cases there were, or the first that differs.
#![no_std]
#![no_main]

use core::arch::asm;
use core::fmt::{self, Write};
use core::hint::black_box;
use core::panic::PanicInfo;

use cortex_m_rt::entry;
#[cfg(feature = "copy")]
use supple_copy as _;
use supple_pack::{Activation, Shape, Window};
use supple_runtime::kernels::activate;
use supple_runtime::kernels::convolution::convolution_row;
use supple_runtime::kernels::dense::dense;
use supple_runtime::kernels::image::Image;

const CASES: u32 = 3000;
/// What an output holds before, and must hold after where a kernel may not write.
const UNTOUCHED: f32 = 1234.5;
/// Of outputs before and after those that a kernel is given.
const MARGIN: usize = 32;

/// The same numbers at every run.
struct Random(u32);

impl Random {
    fn next(&mut self) -> u32 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 17;
        self.0 ^= self.0 << 5;
        self.0 >> 4
    }

    /// From `first` to `last`.
    fn within(&mut self, first: u32, last: u32) -> u32 {
        first + self.next() % (last - first + 1)
    }

    /// Zeros of both signs, numbers of both signs; infinities and so NaN only if `wild`.
    fn fill(&mut self, numbers: &mut [f32], wild: bool) {
        for number in numbers {
            *number = match self.next() % 64 {
                0..4 => 0.0,
                4..8 => -0.0,
                8 if wild => f32::INFINITY,
                9 if wild => f32::NEG_INFINITY,
                _ => (self.next() % 65_536) as f32 / 16_384.0 - 2.0,
            };
        }
    }
}

struct Memory {
    input: [f32; 4096],
    ring: [f32; 4096],
    weights: [f32; 16_384],
    bias: [f32; 64],
    output: [f32; 1024],
}

#[entry]
fn main() -> ! {
    static mut MEMORY: Memory = Memory {
        input: [0.0; 4096],
        ring: [0.0; 4096],
        weights: [0.0; 16_384],
        bias: [0.0; 64],
        output: [0.0; 1024],
    };
    let mut random = Random(2_463_534_242);
    for case in 0..CASES {
        let right = convolution_is_right(MEMORY, &mut random) && dense_is_right(MEMORY, &mut random);
        if !right || !copies_are_right(&mut random) {
            let _ = writeln!(Host, "kernels.wrong={case}");
            exit(1);
        }
    }
    let _ = writeln!(Host, "kernels.cases={CASES}");
    exit(0)
}

/// A convolution, row by row, from the whole input and from as few rows of it as it may read.
fn convolution_is_right(memory: &mut Memory, random: &mut Random) -> bool {
    let groups = if random.next().is_multiple_of(4) { random.within(2, 3) as u16 } else { 1 };
    let mut pair = |first, last| [random.within(first, last) as u8, random.within(first, last) as u8];
    let window = Window { kernel: pair(1, 4), stride: pair(1, 3), pad: pair(0, 3), dilation: pair(1, 2) };
    let most = 20 / u32::from(groups);
    let [inputs, outputs] = [random.within(1, most) as u16, random.within(1, most) as u16];
    let mut shape =
        |channels| Shape { height: random.within(1, 9) as u16, width: random.within(1, 9) as u16, channels };
    let (from, to) = (shape(inputs * groups), shape(outputs * groups));
    let activation = activation(random);
    let wild = random.next().is_multiple_of(8);
    let length = usize::from(from.width) * usize::from(from.channels);
    let input = &mut memory.input[..length * usize::from(from.height)];
    random.fill(input, wild);
    let taps = window.taps() as usize;
    let block = taps * usize::from(inputs) * 8;
    let weights = &mut memory.weights[..block * usize::from(outputs).div_ceil(8) * usize::from(groups)];
    random.fill(weights, false);
    let bias = &mut memory.bias[..usize::from(to.channels)];
    random.fill(bias, false);
    let rows = (window.span() as u16).min(from.height);
    let row = usize::from(to.width) * usize::from(to.channels);
    for y in 0..usize::from(to.height) {
        let ring = &mut memory.ring[..length * usize::from(rows)];
        ring.fill(f32::NAN);
        let start = y * usize::from(window.stride[0]);
        let first = start.saturating_sub(window.pad[0].into());
        let past = (start + window.span() as usize).saturating_sub(window.pad[0].into());
        for y in first..past.min(from.height.into()) {
            let place = y % usize::from(rows) * length;
            ring[place..place + length].copy_from_slice(&input[y * length..][..length]);
        }
        let whole = Image { elements: &*input, shape: from, rows: from.height };
        for image in [whole, Image { elements: &*ring, shape: from, rows }] {
            memory.output.fill(UNTOUCHED);
            let made = &mut memory.output[MARGIN..MARGIN + row];
            convolution_row(&image, y, made, &to, &window, groups, weights, bias, activation);
            let expected = |at: usize| {
                let (x, channel) = (at / usize::from(to.channels), at % usize::from(to.channels));
                let (group, output) = (channel / usize::from(outputs), channel % usize::from(outputs));
                let blocks = usize::from(outputs).div_ceil(8);
                let weights = &weights[(group * blocks + output / 8) * block..][..block];
                let mut sum = bias[channel];
                for tap in 0..taps {
                    let across = usize::from(window.kernel[1]);
                    let Some(place) = position(&from, &window, [y, x], [tap / across, tap % across]) else {
                        continue;
                    };
                    for input_channel in 0..usize::from(inputs) {
                        let x = input[place + group * usize::from(inputs) + input_channel];
                        sum += x * weights[(tap * usize::from(inputs) + input_channel) * 8 + output % 8];
                    }
                }
                activate(sum, activation)
            };
            if !is_right(&memory.output, row, expected) {
                let _ = writeln!(Host, "{window:?} {from:?} {to:?} groups {groups} {activation:?} row {y}");
                return false;
            }
        }
    }
    true
}

/// Where the input under a tap begins, if it lies inside.
fn position(from: &Shape, window: &Window, at: [usize; 2], tap: [usize; 2]) -> Option<usize> {
    let along = |axis: usize, length: u16| {
        let place =
            at[axis] * usize::from(window.stride[axis]) + tap[axis] * usize::from(window.dilation[axis]);
        place.checked_sub(window.pad[axis].into()).filter(|place| *place < length.into())
    };
    let (row, column) = (along(0, from.height)?, along(1, from.width)?);
    Some((row * usize::from(from.width) + column) * usize::from(from.channels))
}

fn dense_is_right(memory: &mut Memory, random: &mut Random) -> bool {
    let (inputs, outputs) = (random.within(1, 200) as usize, random.within(1, 40) as usize);
    let activation = activation(random);
    let input = &mut memory.input[..inputs];
    random.fill(input, false);
    let weights = &mut memory.weights[..outputs.div_ceil(8) * inputs * 8];
    random.fill(weights, false);
    let bias = &mut memory.bias[..outputs];
    random.fill(bias, false);
    memory.output.fill(UNTOUCHED);
    dense(input, &mut memory.output[MARGIN..MARGIN + outputs], weights, bias, activation);
    let expected = |output: usize| {
        let weights = &weights[output / 8 * inputs * 8..][..inputs * 8];
        let products = input.iter().zip(weights.chunks_exact(8));
        let sum = products.fold(bias[output], |sum, (x, block)| sum + x * block[output % 8]);
        activate(sum, activation)
    };
    let right = is_right(&memory.output, outputs, expected);
    if !right {
        let _ = writeln!(Host, "dense {inputs} {outputs} {activation:?}");
    }
    right
}

/// Copies, fills and compares a few bytes from any place to any other, overlapping or not. With the bench's feature `copy`
/// the code for it is `supple-copy`.
fn copies_are_right(random: &mut Random) -> bool {
    let mut bytes: [u8; 96] = core::array::from_fn(|_| random.next() as u8);
    let before = bytes;
    let count = random.within(0, 40) as usize;
    let [from, to] = [random.within(0, 50) as usize, random.within(0, 50) as usize];
    let filled = random.next() as u8;
    let inside = |at: usize| (to..to + count).contains(&at);
    bytes.copy_within(black_box(from..from + count), black_box(to));
    let moved = (0..96).all(|at| bytes[at] == before[if inside(at) { at - to + from } else { at }]);
    bytes = before;
    bytes[to..to + count].copy_from_slice(black_box(&before[from..from + count]));
    let copied = (0..96).all(|at| bytes[at] == before[if inside(at) { at - to + from } else { at }]);
    bytes = before;
    bytes[to..to + count].fill(black_box(filled));
    let set = (0..96).all(|at| bytes[at] == if inside(at) { filled } else { before[at] });
    bytes = before;
    bytes[to] = filled;
    let compared = black_box(&bytes[..]).cmp(black_box(&before[..])) == filled.cmp(&before[to]);
    moved && copied && set && compared
}

fn activation(random: &mut Random) -> Activation {
    match random.next() % 3 {
        0 => Activation::None,
        1 => Activation::Relu,
        _ => Activation::Clip { low: -1.5, high: 6.0 },
    }
}

/// The same bits, any NaN like any other, and nothing written beside.
fn is_right(output: &[f32], count: usize, expected: impl Fn(usize) -> f32) -> bool {
    let (before, made) = output.split_at(MARGIN);
    let (made, after) = made.split_at(count);
    let untouched = |numbers: &[f32]| numbers.iter().all(|number| *number == UNTOUCHED);
    let same = |(at, found): (usize, &f32)| {
        let expected = expected(at);
        found.to_bits() == expected.to_bits() || found.is_nan() && expected.is_nan()
    };
    untouched(before) && untouched(after) && made.iter().enumerate().all(same)
}

/// The host's console, through semihosting.
struct Host;

impl Write for Host {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        text.bytes().for_each(|byte| call(3, &raw const byte as u32));
        Ok(())
    }
}

fn call(operation: u32, argument: u32) {
    // SAFETY: semihosting; the emulator reads what the argument points to.
    unsafe { asm!("bkpt #0xab", inout("r0") operation => _, in("r1") argument) }
}

/// Ends the emulator with this code.
fn exit(code: u32) -> ! {
    let block = [0x20026, code];
    call(0x20, block.as_ptr() as u32);
    loop {
        // SAFETY: waits for an interrupt; none has a handler.
        unsafe { asm!("wfi") }
    }
}

#[panic_handler]
fn panic(info: &PanicInfo) -> ! {
    let _ = writeln!(Host, "{info}");
    exit(2)
}
