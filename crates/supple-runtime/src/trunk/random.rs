//! Random plans for tests: some that must run, some that nobody would write.

use supple_pack::op::{Epilogue, Function, Layer, Operand, Operation, Requantise, Rescale, Walk};
use supple_pack::{Activation, Element, Op, Shape, Value, Window};

/// Words of random weights; none is an infinity or a NaN, for they may be read as `f32`.
pub const WEIGHTS: u32 = 2048;

/// A stream of random numbers.
pub struct Random(u64);

impl Random {
    pub fn new(seed: u64) -> Self {
        Self(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1)
    }

    pub fn bits(&mut self) -> u32 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 >> 20) as u32
    }

    /// From `low` to `high`, both included.
    pub fn within(&mut self, low: u16, high: u16) -> u16 {
        low + (self.bits() % (u32::from(high - low) + 1)) as u16
    }

    pub fn chance(&mut self, of: u32) -> bool {
        self.bits().is_multiple_of(of)
    }

    fn byte(&mut self, low: u8, high: u8) -> u8 {
        self.within(low.into(), high.into()) as u8
    }

    pub fn weights(&mut self) -> Vec<f32> {
        let small = |bits: u32| (bits >> 8) as f32 / 16_777_216.0 - 0.5;
        let weight = |random: &mut Self| {
            let bits = random.bits();
            // Mostly of the size of weights; some of any size.
            let any = f32::from_bits(bits);
            if random.chance(8) && any.is_finite() { any } else { small(bits) }
        };
        (0..WEIGHTS).map(|_| weight(self)).collect()
    }

    pub fn window(&mut self) -> Window {
        let [kernel, stride, dilation] =
            [[4, 4], [3, 3], [2, 2]].map(|most| most.map(|most| self.byte(1, most)));
        let pad = kernel.map(|kernel| self.byte(0, kernel));
        Window { kernel, stride, pad, dilation }
    }

    fn activation(&mut self) -> Activation {
        match self.bits() % 3 {
            0 => Activation::None,
            1 => Activation::Relu,
            _ => Activation::Clip { low: -0.25, high: 1.0 },
        }
    }

    pub fn function(&mut self) -> Function {
        match self.bits() % 12 {
            0 => Function::Activation(self.activation()),
            1 => Function::LeakyRelu { slope: 0.1 },
            2 => Function::Sigmoid,
            3 => Function::HardSigmoid { slope: 0.2, offset: 0.5 },
            4 => Function::Tanh,
            5 => Function::HardSwish,
            6 => Function::Absolute,
            7 => Function::Exponential,
            8 => Function::Logarithm,
            9 => Function::SquareRoot,
            10 => Function::ErrorFunction,
            _ => Function::Reciprocal,
        }
    }

    fn zero(&mut self) -> i8 {
        self.bits() as i8
    }

    fn rescale(&mut self) -> Rescale {
        let [a, b] = [self.zero(), self.zero()];
        Rescale {
            multiplier: self.bits() as i32,
            shift: self.byte(1, 62),
            output_zero: self.zero(),
            low: a.min(b),
            high: a.max(b),
        }
    }

    fn at(&mut self) -> u32 {
        self.bits() % (WEIGHTS / 2)
    }

    pub fn layer(&mut self, input: Value, output: Value) -> Layer {
        let epilogue = if input.element == Element::F32 {
            Epilogue::Float(self.activation())
        } else {
            let Rescale { shift, output_zero, low, high, .. } = self.rescale();
            let (multipliers, input_zero) = (self.at(), self.zero());
            Epilogue::Int8(Requantise { multipliers, shift, input_zero, output_zero, low, high })
        };
        Layer { input, output, weights: self.at(), bias: self.at(), epilogue }
    }

    fn shape(&mut self) -> Shape {
        let mut length = |most| if self.chance(40) { self.bits() as u16 } else { self.within(1, most) };
        Shape { height: length(6), width: length(6), channels: length(9) }
    }

    /// Any value; most fit in an arena of so many words.
    fn value(&mut self, arena: u32, shape: Shape, element: Element) -> Value {
        let offset = if self.chance(50) { self.bits() } else { self.bits() % arena };
        let rows = if self.chance(50) { self.within(0, 7) } else { shape.height };
        Value { offset, shape, element, rows }
    }

    fn operand(&mut self, arena: u32, shape: Shape, element: Element) -> Operand {
        let mut spread = |length| if self.chance(3) { 1 } else { length };
        let Shape { height, width, channels } = shape;
        let part = Shape { height: spread(height), width: spread(width), channels: spread(channels) };
        if self.chance(3) {
            return Operand::Constant { at: self.at(), shape: part };
        }
        Operand::Value(self.value(arena, part, element))
    }

    fn walk(&mut self, from: Shape, to: Shape) -> Walk {
        let mut steps = || [0; 5].map(|_| self.within(0, 12) as i32 - 4);
        let (from_steps, to_steps) = (steps(), steps());
        let lengths = [0; 5].map(|_| self.within(1, 3));
        let mut start = |shape: Shape| self.bits() % (shape.elements() as u32).max(1);
        Walk { lengths, from: start(from), from_steps, to: start(to), to_steps }
    }

    /// Any operation; a good part of them could run in an arena of so many words.
    pub fn op(&mut self, arena: u32) -> Op {
        let element = if self.chance(2) { Element::F32 } else { Element::I8 };
        let (from, mut to) = (self.shape(), self.shape());
        if self.chance(2) {
            to.channels = from.channels.saturating_mul(self.within(1, 3));
        }
        let input = self.value(arena, from, element);
        let mut same = self.value(arena, from, element);
        if self.chance(2) {
            same = input;
        }
        let output = self.value(arena, to, element);
        let vector = Shape { height: 1, width: 1, channels: to.channels };
        let channels = Shape { channels: from.channels, ..vector };
        let pooled = self.value(arena, Shape { channels: from.channels, ..to }, element);
        let window = self.window();
        match self.bits() % 17 {
            0 => Op::Convolution { layer: self.layer(input, output), window, groups: 1 },
            1 => Op::Convolution { layer: self.layer(input, output), window, groups: self.within(0, 4) },
            2 => Op::Depthwise { layer: self.layer(input, output), window },
            3 => {
                let output = self.value(arena, vector, element);
                Op::Dense { layer: self.layer(input, output) }
            }
            4 => Op::MaxPool { input, output: pooled, window },
            5 => {
                let padding = [None, Some(0), Some(self.zero())][self.bits() as usize % 3];
                Op::AveragePool { input, output: pooled, window, padding }
            }
            6 => {
                let rescale = (element == Element::I8).then(|| (self.zero(), self.rescale()));
                Op::GlobalAverage { input, output: self.value(arena, channels, element), rescale }
            }
            7 => Op::GlobalMaximum { input, output: self.value(arena, channels, element) },
            8 => Op::Unary { input, output: same, function: self.function() },
            9 => self.binary(arena, output),
            10 | 11 => self.int8_binary(arena, output),
            12 => Op::Softmax { input, output: same },
            13 => Op::Copy { input, output, walk: self.walk(from, to) },
            14 => Op::Fill { output, bits: self.bits() },
            15 => Op::Table { input, output: same, table: self.at() },
            _ => {
                let other = if element == Element::F32 { Element::I8 } else { Element::F32 };
                let output = self.value(arena, from, other);
                self.conversion(input, output)
            }
        }
    }

    /// `f32` to `i8` or back.
    pub fn conversion(&mut self, input: Value, output: Value) -> Op {
        let zero = self.zero();
        let scale = f32::from_bits(self.bits());
        let scale = if self.chance(4) { scale } else { 8.0 };
        if output.element == Element::I8 {
            Op::Quantise { input, output, inverse_scale: scale, zero }
        } else {
            Op::Dequantise { input, output, scale, zero }
        }
    }

    fn binary(&mut self, arena: u32, output: Value) -> Op {
        let operations = [
            Operation::Add,
            Operation::Subtract,
            Operation::Multiply,
            Operation::Divide,
            Operation::Maximum,
            Operation::Minimum,
        ];
        let operation = operations[self.bits() as usize % operations.len()];
        let [left, right] = [0; 2].map(|_| self.operand(arena, output.shape, Element::F32));
        Op::Binary { left, right, output, operation, activation: self.activation() }
    }

    fn int8_binary(&mut self, arena: u32, output: Value) -> Op {
        let [left, right] = [0; 2].map(|_| self.operand(arena, output.shape, Element::I8));
        let zeros = [self.zero(), self.zero()];
        let rescale = self.rescale();
        if self.chance(2) {
            return Op::ProductInt8 { left, right, output, zeros, rescale };
        }
        let multipliers = [0; 2].map(|_| (self.bits() % (1 << 22)) as i32 - (1 << 21));
        let rescale = Rescale { multiplier: 1, ..rescale };
        Op::SumInt8 { left, right, output, zeros, multipliers, rescale }
    }
}
