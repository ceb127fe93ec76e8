//! Writes a pack of `i8` layers of odd shapes, chosen by a seed, and prints the bits of its features as this processor
//! computes them. A board that runs the same pack must print the same: so kernels in assembly are checked.
//!
//! `cargo run --release --package supple-runtime --example int8_shapes -- SEED FILE`, then run FILE on the image of
//! `firmware/bench`, whose input is the same, and compare its line `trunk.bits`.

use std::error::Error;
use std::{env, fs};

use supple_pack::op::{Epilogue, Layer, Requantise};
use supple_pack::write::{AlignedBytes, TrunkParts, pack};
use supple_pack::{Element, Op, Pack, Shape, Value, Window};
use supple_runtime::PlanTrunk;

/// A stream of random numbers.
struct Random(u64);

impl Random {
    fn bits(&mut self) -> u32 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) as u32
    }

    /// From `low` to `high`, both included.
    fn within(&mut self, low: u32, high: u32) -> u32 {
        low + self.bits() % (high - low + 1)
    }
}

/// A plan that is being written: values lie one behind the other.
struct Plan {
    random: Random,
    parts: TrunkParts,
}

impl Plan {
    fn value(&mut self, shape: Shape, element: Element) -> Value {
        let value = Value::whole(self.parts.arena, shape, element);
        self.parts.arena += element.words(shape.elements()) as u32;
        value
    }

    fn constants(&mut self, count: u64, of: impl Fn(&mut Random) -> u32) -> u32 {
        let at = self.parts.weights.len() as u32;
        self.parts.weights.extend((0..count).map(|_| f32::from_bits(of(&mut self.random))));
        at
    }

    /// A layer without its weights, of so many products an output.
    fn layer(&mut self, input: Value, shape: Shape, products: u64) -> Layer {
        let output = self.value(shape, Element::I8);
        let outputs = u64::from(shape.channels);
        let bias = self.constants(outputs, |random| random.within(0, 4000).wrapping_sub(2000));
        // A multiplier and a shift that bring most sums into range; one layer in three has none of the usual shifts.
        let size = 8 + products.ilog2() / 2;
        let (large, shift) =
            if self.random.within(0, 2) > 0 { (1 << 29, 30 + size) } else { (1 << 9, 10 + size) };
        let multipliers = self.constants(outputs, |random| random.within(large, 2 * large));
        let limited = self.random.within(0, 3) == 0;
        let mut any = || self.random.bits() as i8;
        let requantise = Requantise {
            multipliers,
            shift: shift as u8,
            input_zero: any(),
            output_zero: any() / 4,
            low: if limited { -any().unsigned_abs().min(100).cast_signed() } else { i8::MIN },
            high: if limited { 90 } else { i8::MAX },
        };
        Layer { input, output, weights: 0, bias, epilogue: Epilogue::Int8(requantise) }
    }

    /// Writes the weights, as many as the operation reads.
    fn push(&mut self, mut op: Op) {
        let bytes = op.constants()[0].map_or(0, |weights| weights.count);
        let at = self.constants(bytes.div_ceil(4), Random::bits);
        if let Op::Convolution { layer, .. } | Op::Dense { layer } = &mut op {
            layer.weights = at;
        }
        self.parts.ops.push(op);
    }
}

fn trunk(seed: u64) -> TrunkParts {
    let shape = |height: u32, width: u32, channels: u32| {
        let [height, width, channels] = [height, width, channels].map(|of| of as u16);
        Shape { height, width, channels }
    };
    let nothing = Value::whole(0, shape(1, 1, 1), Element::F32);
    let parts = TrunkParts {
        name: "odd shapes".to_owned(),
        input: nothing,
        output: nothing,
        arena: 0,
        ops: Vec::new(),
        weights: Vec::new(),
    };
    let mut plan = Plan { random: Random(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15)), parts };
    let first = shape(plan.random.within(1, 9), plan.random.within(1, 12), plan.random.within(1, 9));
    plan.parts.input = plan.value(first, Element::F32);
    let mut value = plan.value(first, Element::I8);
    let (input, output) = (plan.parts.input, value);
    plan.push(Op::Quantise { input, output, inverse_scale: 250.0, zero: -100 });
    for _ in 0..4 {
        let channels = u32::from(value.shape.channels);
        let random = &mut plan.random;
        let groups = if random.within(0, 2) == 0 { channels } else { 1 };
        let outputs = groups * random.within(1, if groups == 1 { 40 } else { 3 });
        let to = shape(random.within(1, 5), random.within(1, 9), outputs);
        let mut pair = |low, high| [random.within(low, high) as u8, random.within(low, high) as u8];
        let window = Window { kernel: pair(1, 4), stride: pair(1, 2), pad: pair(0, 3), dilation: pair(1, 2) };
        let layer = plan.layer(value, to, window.taps() * u64::from(channels / groups));
        value = layer.output;
        plan.push(Op::Convolution { layer, window, groups: groups as u16 });
    }
    let to = shape(1, 1, plan.random.within(1, 90));
    let layer = plan.layer(value, to, value.shape.elements());
    plan.push(Op::Dense { layer });
    plan.parts.output = plan.value(to, Element::F32);
    let (input, output) = (layer.output, plan.parts.output);
    plan.push(Op::Dequantise { input, output, scale: 0.5, zero: 3 });
    plan.parts
}

fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = env::args().skip(1);
    let (Some(seed), Some(file)) = (arguments.next(), arguments.next()) else {
        return Err("usage: int8_shapes SEED FILE".into());
    };
    let bytes = pack(&trunk(seed.parse()?), &[])?;
    fs::write(file, &bytes)?;
    let bytes = AlignedBytes::copy_of(&bytes);
    let pack = Pack::parse(&bytes)?;
    let mut arena = vec![0.0; pack.trunk().arena as usize];
    let mut trunk = PlanTrunk::new(&pack, &mut arena)?;
    trunk.input_mut().iter_mut().enumerate().for_each(|(at, place)| *place = (at % 17) as f32 / 17.0);
    let features = trunk.run()?;
    let bits = features.iter().fold(0, |sum: u32, value| sum.rotate_left(5) ^ value.to_bits());
    let mut different: Vec<u32> = features.iter().map(|value| value.to_bits()).collect();
    different.sort_unstable();
    different.dedup();
    println!("trunk.bits={bits}");
    println!("{} features, {} different values", features.len(), different.len());
    Ok(())
}
