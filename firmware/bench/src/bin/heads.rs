//! Holds the kernels of heads of this core, which may be in assembly, against what they must give, number by number: many
//! small layers, drawn at random but the same at every run, on the emulated board. Prints how many cases there were, or
//! the first that differs.
#![no_std]
#![no_main]

use core::arch::asm;
use core::fmt::{self, Write};
use core::panic::PanicInfo;

use cortex_m_rt::entry;
use supple_runtime::kernels::head::LayerMut;
use supple_runtime::kernels::head::descent::{Descent, descend, descend_and_pass};
use supple_runtime::kernels::head::forward::forward;
use supple_runtime::kernels::head::rows::Rows;

const CASES: u32 = 3000;
/// What lies around that which a kernel is given, and must lie there after: a read of it would show, too.
const OUTSIDE: u32 = 0x7fc1_2345;
const MARGIN: usize = 24;

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
    fn within(&mut self, first: u32, last: u32) -> usize {
        (first + self.next() % (last - first + 1)) as usize
    }

    /// Zeros and numbers of both signs.
    fn number(&mut self) -> f32 {
        match self.next() % 16 {
            0 => 0.0,
            1 => -0.0,
            _ => (self.next() % 65_536) as f32 / 16_384.0 - 2.0,
        }
    }
}

/// Numbers with a margin on either side.
struct Guarded<const N: usize> {
    all: [f32; N],
    length: usize,
}

impl<const N: usize> Guarded<N> {
    const NEW: Self = Self { all: [0.0; N], length: 0 };

    fn draw(&mut self, length: usize, random: &mut Random) {
        self.all.fill(f32::from_bits(OUTSIDE));
        self.length = length;
        self.get().fill_with(|| random.number());
    }

    fn get(&mut self) -> &mut [f32] {
        &mut self.all[MARGIN..MARGIN + self.length]
    }

    fn is_intact(&self) -> bool {
        let (before, after) = (&self.all[..MARGIN], &self.all[MARGIN + self.length..]);
        before.iter().chain(after).all(|number| number.to_bits() == OUTSIDE)
    }
}

struct Memory {
    weights: Guarded<800>,
    velocity: Guarded<800>,
    bias: Guarded<80>,
    bias_velocity: Guarded<80>,
    inputs: Guarded<600>,
    scales: Guarded<80>,
    deltas: Guarded<300>,
    outputs: Guarded<300>,
    before: Guarded<120>,
    bytes: [i8; 600],
    expected: [[f32; 800]; 4],
}

#[entry]
fn main() -> ! {
    static mut MEMORY: Memory = Memory {
        weights: Guarded::NEW,
        velocity: Guarded::NEW,
        bias: Guarded::NEW,
        bias_velocity: Guarded::NEW,
        inputs: Guarded::NEW,
        scales: Guarded::NEW,
        deltas: Guarded::NEW,
        outputs: Guarded::NEW,
        before: Guarded::NEW,
        bytes: [0; 600],
        expected: [[0.0; 800]; 4],
    };
    let mut random = Random(2_463_534_242);
    for case in 0..CASES {
        if let Err(what) = layer_is_right(MEMORY, &mut random) {
            let _ = writeln!(Host, "heads.wrong={case} {what}");
            exit(1);
        }
    }
    let _ = writeln!(Host, "heads.cases={CASES}");
    exit(0)
}

/// A layer's outputs, a step on features in `f32` or `i8`, and one behind a hidden layer.
fn layer_is_right(memory: &mut Memory, random: &mut Random) -> Result<(), &'static str> {
    let (outs, length, samples) = (random.within(1, 14), random.within(1, 40), random.within(1, 9));
    let bytes = random.within(0, 2) == 0;
    let (relu, momentum) = (random.within(0, 1) == 0, if random.within(0, 1) == 0 { 0.0 } else { 0.75 });
    let passes = !bytes && random.within(0, 1) == 0;
    memory.weights.draw(outs * length, random);
    memory.velocity.draw(outs * length, random);
    memory.bias.draw(outs, random);
    memory.bias_velocity.draw(outs, random);
    memory.inputs.draw(samples * length, random);
    memory.scales.draw(samples, random);
    memory.deltas.draw(samples * outs, random);
    memory.outputs.draw(samples * outs, random);
    memory.before.draw(if random.within(0, 1) == 0 { outs } else { 4 * outs }, random);
    memory.bytes.fill_with(|| random.next() as i8);
    let Memory { weights, velocity, bias, bias_velocity, inputs, scales, deltas, outputs, before, .. } =
        memory;

    let input = |inputs: &[f32], scales: &[f32], held: &[i8], sample: usize, j: usize| match bytes {
        true => scales[sample] * f32::from(held[sample * length + j]),
        false => inputs[sample * length + j],
    };
    let held = &memory.bytes[..samples * length];
    let [made, expected_velocity, expected_bias, expected_hidden] = &mut memory.expected;

    for sample in 0..samples {
        for out in 0..outs {
            let mut sum = bias.get()[out];
            for j in 0..length {
                sum += input(inputs.get(), scales.get(), held, sample, j) * weights.get()[out * length + j];
            }
            let cut = if sum > 0.0 { sum } else { 0.0 };
            made[sample * outs + out] = if relu { cut } else { sum };
        }
    }
    let rows = match bytes {
        true => Rows::I8 { values: held, scales: scales.get(), length },
        false => Rows::F32 { values: inputs.get(), length },
    };
    forward(weights.get(), bias.get(), &rows, outputs.get(), relu);
    same(outputs.get(), made, "forward")?;

    let rates = [0.3, 0.2];
    let has_velocity = momentum > 0.0;
    let step = |value: f32, gradient: f32, rate: f32, velocity: &mut f32| {
        if has_velocity {
            *velocity = momentum * *velocity + gradient;
            value - rate * *velocity
        } else {
            value - rate * gradient
        }
    };
    for out in 0..outs {
        for j in 0..length {
            let mut gradient = 0.0;
            for sample in 0..samples {
                gradient +=
                    deltas.get()[sample * outs + out] * input(inputs.get(), scales.get(), held, sample, j);
            }
            let at = out * length + j;
            expected_velocity[at] = velocity.get()[at];
            made[at] = step(weights.get()[at], gradient, rates[0], &mut expected_velocity[at]);
        }
        let gradient = (0..samples).fold(0.0, |sum, sample| sum + deltas.get()[sample * outs + out]);
        let mut velocity = bias_velocity.get()[out];
        expected_bias[out] = step(bias.get()[out], gradient, rates[1], &mut velocity);
    }
    for sample in 0..samples {
        for j in 0..length {
            let sum = (0..outs).fold(0.0, |sum, out| {
                sum + weights.get()[out * length + j] * deltas.get()[sample * outs + out]
            });
            let at = sample * length + j;
            expected_hidden[at] = if inputs.get()[at] > 0.0 { sum } else { 0.0 };
        }
    }
    let mut layer = LayerMut { weights: weights.get(), bias: bias.get() };
    let moving = has_velocity.then(|| LayerMut { weights: velocity.get(), bias: bias_velocity.get() });
    let mut descent = Descent { rates, momentum, velocity: moving };
    if passes {
        descend_and_pass(&mut layer, inputs.get(), length, deltas.get(), before.get(), &mut descent);
        same(inputs.get(), expected_hidden, "passed")?;
    } else {
        let rows = match bytes {
            true => Rows::I8 { values: held, scales: scales.get(), length },
            false => Rows::F32 { values: inputs.get(), length },
        };
        descend(&mut layer, &rows, deltas.get(), &mut descent);
    }
    same(weights.get(), made, "weights")?;
    same(velocity.get(), expected_velocity, "velocity")?;
    same(bias.get(), expected_bias, "bias")?;
    let intact = weights.is_intact()
        && velocity.is_intact()
        && bias.is_intact()
        && bias_velocity.is_intact()
        && inputs.is_intact()
        && outputs.is_intact()
        && before.is_intact();
    if intact { Ok(()) } else { Err("written outside") }
}

/// The same bits; a margin that was read shows as a NaN.
fn same(found: &[f32], expected: &[f32], what: &'static str) -> Result<(), &'static str> {
    let same = found.iter().zip(expected).all(|(found, expected)| found.to_bits() == expected.to_bits());
    if same { Ok(()) } else { Err(what) }
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
