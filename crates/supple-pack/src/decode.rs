//! Reads a pack's structure: postcard's bytes, without postcard.
//!
//! Serde builds a reader for each type, and a plan's operations are many types: three times this module's code, in
//! flash that users pay for. The bytes stay postcard's, for they are written by it, and a test holds the two together:
//! integers of 16 and 32 bits in groups of seven bits, the lowest first; signed ones folded onto unsigned ones; a
//! variant as its number; bytes and floats as they are.
//!
//! What cannot be read sets a flag that is looked at once, at the end: a branch behind every byte would be most of the
//! code.

use heapless::String;

use crate::built::{CONVOLUTION, DEPTHWISE, ELEMENT, INT8, MOVEMENT, POOL, ROWS};
use crate::head::{HeadSpec, HeadTask, LabelMeaning, Start, TrunkHash};
use crate::op::{
    Activation, Element, Epilogue, Function, Layer, Op, Operand, Operation, Requantise, Rescale, Shape,
    Value, Walk, Window,
};
use crate::read::TrunkSpec;

/// What a pack's structure is made of.
pub(crate) trait Decode {
    /// Reads one; what it gives counts only if the reader has not failed.
    fn decode(reader: &mut Reader) -> Self;
}

/// Decodes one item and leaves the bytes behind it; `None` where they are no such item. One copy for each kind of item.
#[inline(never)]
pub(crate) fn take<T: Decode>(bytes: &mut &[u8]) -> Option<T> {
    let mut reader = Reader { bytes, failed: false };
    let item = T::decode(&mut reader);
    *bytes = reader.bytes;
    if reader.failed { None } else { Some(item) }
}

/// The number of the operation that bytes begin with.
pub(crate) fn variant(bytes: &[u8]) -> u32 {
    Reader { bytes, failed: false }.u32()
}

/// The bytes still to be read.
pub(crate) struct Reader<'b> {
    bytes: &'b [u8],
    failed: bool,
}

impl Reader<'_> {
    /// Not inlined, as all that are called from many places: they are small, their callers are many.
    #[inline(never)]
    fn byte(&mut self) -> u8 {
        let Some((&byte, rest)) = self.bytes.split_first() else {
            self.failed = true;
            return 0;
        };
        self.bytes = rest;
        byte
    }

    #[inline(never)]
    fn integer(&mut self, bits: u32) -> u32 {
        let (mut value, mut shift) = (0, 0);
        while shift < bits {
            let byte = u32::from(self.byte());
            value |= (byte & 0x7f) << shift;
            if byte < 0x80 {
                // Beyond the integer's highest bit there must be nothing.
                self.failed |= byte >> (bits - shift).min(7) != 0;
                return value;
            }
            shift += 7;
        }
        self.failed = true;
        0
    }

    fn u16(&mut self) -> u16 {
        self.integer(16) as u16
    }

    fn u32(&mut self) -> u32 {
        self.integer(32)
    }

    fn i32(&mut self) -> i32 {
        let folded = self.u32();
        (folded >> 1) as i32 ^ -((folded & 1) as i32)
    }

    fn i8(&mut self) -> i8 {
        self.byte() as i8
    }

    #[inline(never)]
    fn f32(&mut self) -> f32 {
        f32::from_le_bytes(self.bytes_of())
    }

    #[inline(never)]
    fn bytes_of<const N: usize>(&mut self) -> [u8; N] {
        let Some((bytes, rest)) = self.bytes.split_first_chunk() else {
            self.failed = true;
            return [0; N];
        };
        self.bytes = rest;
        *bytes
    }

    fn pair(&mut self) -> [i8; 2] {
        self.bytes_of().map(|byte: u8| byte as i8)
    }

    /// For a variant's number that there is not.
    fn unknown<T>(&mut self, instead: T) -> T {
        self.failed = true;
        instead
    }

    /// Whether there is something, where there may be nothing.
    fn is_some(&mut self) -> bool {
        match self.byte() {
            0 => false,
            1 => true,
            _ => self.unknown(false),
        }
    }

    /// UTF-8, held against what its characters are written as: the library's own check takes a table and half a
    /// kilobyte.
    fn string(&mut self) -> String<32> {
        let mut text = String::new();
        let length = self.u32() as usize;
        let bytes = self.bytes.get(..length);
        let fits = bytes.is_some_and(|bytes| append(&mut text, bytes).is_some() && text.as_bytes() == bytes);
        self.failed |= !fits;
        self.bytes = self.bytes.get(length..).unwrap_or_default();
        text
    }

    fn shape(&mut self) -> Shape {
        Shape { height: self.u16(), width: self.u16(), channels: self.u16() }
    }

    fn element(&mut self) -> Element {
        match self.u32() {
            0 => Element::F32,
            1 => Element::I8,
            _ => self.unknown(Element::F32),
        }
    }

    #[inline(never)]
    fn value(&mut self) -> Value {
        Value { offset: self.u32(), shape: self.shape(), element: self.element(), rows: self.u16() }
    }

    #[inline(never)]
    fn activation(&mut self) -> Activation {
        match self.u32() {
            0 => Activation::None,
            1 => Activation::Relu,
            2 => Activation::Clip { low: self.f32(), high: self.f32() },
            _ => self.unknown(Activation::None),
        }
    }

    #[inline(never)]
    fn function(&mut self) -> Function {
        match self.u32() {
            0 => Function::Activation(self.activation()),
            1 => Function::LeakyRelu { slope: self.f32() },
            2 => Function::Sigmoid,
            3 => Function::HardSigmoid { slope: self.f32(), offset: self.f32() },
            4 => Function::Tanh,
            5 => Function::HardSwish,
            6 => Function::Absolute,
            7 => Function::Exponential,
            8 => Function::Logarithm,
            9 => Function::SquareRoot,
            10 => Function::Reciprocal,
            11 => Function::ErrorFunction,
            _ => self.unknown(Function::Tanh),
        }
    }

    fn operation(&mut self) -> Operation {
        match self.u32() {
            0 => Operation::Add,
            1 => Operation::Subtract,
            2 => Operation::Multiply,
            3 => Operation::Divide,
            4 => Operation::Maximum,
            5 => Operation::Minimum,
            _ => self.unknown(Operation::Add),
        }
    }

    #[inline(never)]
    fn window(&mut self) -> Window {
        Window {
            kernel: self.bytes_of(),
            stride: self.bytes_of(),
            pad: self.bytes_of(),
            dilation: self.bytes_of(),
        }
    }

    #[inline(never)]
    fn layer(&mut self) -> Layer {
        Layer {
            input: self.value(),
            output: self.value(),
            weights: self.u32(),
            bias: self.u32(),
            epilogue: match self.u32() {
                0 => Epilogue::Float(self.activation()),
                1 if INT8.built => Epilogue::Int8(Requantise {
                    multipliers: self.u32(),
                    shift: self.byte(),
                    input_zero: self.i8(),
                    output_zero: self.i8(),
                    low: self.i8(),
                    high: self.i8(),
                }),
                _ => self.unknown(Epilogue::Float(Activation::None)),
            },
        }
    }

    #[inline(never)]
    fn operand(&mut self) -> Operand {
        match self.u32() {
            0 => Operand::Value(self.value()),
            1 => Operand::Constant { at: self.u32(), shape: self.shape() },
            variant => {
                self.failed = true;
                Operand::Constant { at: variant, shape: Shape { height: 0, width: 0, channels: 0 } }
            }
        }
    }

    #[inline(never)]
    fn rescale(&mut self) -> Rescale {
        Rescale {
            multiplier: self.i32(),
            shift: self.byte(),
            output_zero: self.i8(),
            low: self.i8(),
            high: self.i8(),
        }
    }

    #[inline(never)]
    fn five<T: Copy + Default>(&mut self, one: impl Fn(&mut Self) -> T) -> [T; 5] {
        let mut all = [T::default(); 5];
        for place in &mut all {
            *place = one(self);
        }
        all
    }

    #[inline(never)]
    fn walk(&mut self) -> Walk {
        Walk {
            lengths: self.five(|reader| reader.u16()),
            from: self.u32(),
            from_steps: self.five(Self::i32),
            to: self.u32(),
            to_steps: self.five(Self::i32),
        }
    }
}

/// Appends the characters that bytes may stand for; `None` where they stand for none, or do not fit.
#[inline(never)]
fn append(text: &mut String<32>, mut bytes: &[u8]) -> Option<()> {
    while let Some((&first, rest)) = bytes.split_first() {
        let more = (first.leading_ones().saturating_sub(1) as usize).min(3);
        let (tail, after) = rest.split_at_checked(more)?;
        // What the first byte says about the length is cut off; a wrong length shows when the characters are compared.
        let lead = u32::from(first) & (0xff >> first.leading_ones().min(7));
        let code = tail.iter().fold(lead, |code, byte| code << 6 | u32::from(byte & 0x3f));
        text.push(char::from_u32(code)?).ok()?;
        bytes = after;
    }
    Some(())
}

/// The operations, by what they begin with.
impl Reader<'_> {
    /// A layer.
    fn layered(&mut self, variant: u32) -> Op {
        let layer = self.layer();
        match variant {
            0 if CONVOLUTION.built => Op::Convolution { layer, window: self.window(), groups: self.u16() },
            1 if DEPTHWISE.built => Op::Depthwise { layer, window: self.window() },
            _ => Op::Dense { layer },
        }
    }

    /// Two operands and a value.
    fn of_two(&mut self, variant: u32) -> Op {
        let (left, right, output) = (self.operand(), self.operand(), self.value());
        if variant == 8 {
            let (operation, activation) = (self.operation(), self.activation());
            return Op::Binary { left, right, output, operation, activation };
        }
        let zeros = self.pair();
        if variant == 10 {
            return Op::ProductInt8 { left, right, output, zeros, rescale: self.rescale() };
        }
        let multipliers = [self.i32(), self.i32()];
        Op::SumInt8 { left, right, output, zeros, multipliers, rescale: self.rescale() }
    }

    /// A value read and a value written.
    fn of_one(&mut self, variant: u32) -> Op {
        let (input, output) = (self.value(), self.value());
        match variant {
            3 if POOL.built => Op::MaxPool { input, output, window: self.window() },
            4 if POOL.built => {
                let window = self.window();
                let padding = if self.is_some() { Some(self.i8()) } else { None };
                Op::AveragePool { input, output, window, padding }
            }
            5 if POOL.built => {
                let rescale = if self.is_some() { Some((self.i8(), self.rescale())) } else { None };
                Op::GlobalAverage { input, output, rescale }
            }
            6 if POOL.built => Op::GlobalMaximum { input, output },
            7 if ELEMENT.built => Op::Unary { input, output, function: self.function() },
            11 if ELEMENT.built => Op::Softmax { input, output },
            12 if MOVEMENT.built => Op::Copy { input, output, walk: self.walk() },
            14 if INT8.built => Op::Quantise { input, output, inverse_scale: self.f32(), zero: self.i8() },
            15 if INT8.built => Op::Dequantise { input, output, scale: self.f32(), zero: self.i8() },
            16 if ELEMENT.built => Op::Table { input, output, table: self.u32() },
            _ => self.unknown(Op::Softmax { input, output }),
        }
    }
}

impl Decode for Op {
    fn decode(reader: &mut Reader) -> Self {
        match reader.u32() {
            variant @ 0..=2 => reader.layered(variant),
            variant @ 8..=10 if ELEMENT.built => reader.of_two(variant),
            13 if MOVEMENT.built => Self::Fill { output: reader.value(), bits: reader.u32() },
            17 if ROWS.built => Self::Rows { ops: reader.byte() },
            variant => reader.of_one(variant),
        }
    }
}

impl Decode for TrunkSpec {
    fn decode(reader: &mut Reader) -> Self {
        Self {
            name: reader.string(),
            hash: TrunkHash(reader.bytes_of()),
            input: reader.value(),
            output: reader.value(),
            arena: reader.u32(),
            weights: reader.u32(),
            ops: reader.u16(),
            heads: reader.u16(),
        }
    }
}

impl Decode for HeadSpec {
    fn decode(reader: &mut Reader) -> Self {
        Self {
            name: reader.string(),
            trunk: TrunkHash(reader.bytes_of()),
            data: reader.bytes_of(),
            features: reader.u16(),
            hidden: reader.u16(),
            capacity: reader.u16(),
            max_support: reader.u16(),
            cache: reader.element(),
            task: match reader.u32() {
                0 => HeadTask::Classes(match reader.u32() {
                    0 => LabelMeaning::Fresh,
                    1 => LabelMeaning::Kept,
                    _ => reader.unknown(LabelMeaning::Fresh),
                }),
                1 => HeadTask::Numbers,
                _ => reader.unknown(HeadTask::Numbers),
            },
            start: match reader.u32() {
                0 => Start::Learned,
                1 => Start::Prototypes { temperature: reader.f32() },
                _ => reader.unknown(Start::Learned),
            },
            momentum: reader.f32(),
            parameters: reader.u32(),
            steps: reader.u16(),
            rates: reader.u32(),
        }
    }
}

#[cfg(test)]
#[path = "decode_tests.rs"]
mod tests;
