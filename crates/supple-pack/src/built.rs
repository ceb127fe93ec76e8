//! Which operations this build can read, check and run: flash holds nothing for those that its pack does not use.
//!
//! The crate's features name them, by kind of operation and by kind of element. Code that a feature leaves out is behind
//! these constants, so that all of it is compiled and checked in every build, and the compiler then drops it.

use crate::op::{Element, Op};

/// A constant for each feature.
macro_rules! features {
    ($($constant:ident = $name:literal;)*) => {
        $(pub(crate) const $constant: Feature = Feature { name: $name, built: cfg!(feature = $name) };)*
    };
}

features! {
    FLOAT = "float";
    INT8 = "int8";
    CONVOLUTION = "convolution";
    DEPTHWISE = "depthwise";
    DENSE = "dense";
    POOL = "pool";
    ELEMENT = "element";
    MOVEMENT = "movement";
    ROWS = "rows";
}

/// A feature of the crate.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Feature {
    /// As in `Cargo.toml`.
    pub name: &'static str,
    /// Whether this build has it.
    pub built: bool,
}

/// What an operation needs by its number in the format; an unknown one needs nothing.
pub(crate) const fn kind(variant: u32) -> Option<Feature> {
    Some(match variant {
        0 => CONVOLUTION,
        1 => DEPTHWISE,
        2 => DENSE,
        3..=6 => POOL,
        7..=11 | 16 => ELEMENT,
        12 | 13 => MOVEMENT,
        14 | 15 => INT8,
        17 => ROWS,
        _ => return None,
    })
}

/// What an operation needs by its elements, for kernels are by elements too.
pub(crate) fn element(op: &Op) -> Option<Feature> {
    match op {
        Op::Quantise { .. } | Op::Dequantise { .. } => None,
        _ => Some(if op.output()?.element == Element::I8 { INT8 } else { FLOAT }),
    }
}

#[cfg(test)]
mod tests {
    use crate::op::{Shape, Value};

    use super::*;

    #[test]
    fn an_operation_needs_what_its_kind_and_its_elements_need() {
        let shape = Shape { height: 1, width: 1, channels: 4 };
        let float = Value::whole(0, shape, Element::F32);
        let int8 = Value::whole(4, shape, Element::I8);
        for (op, by_kind, by_element) in [
            (Op::GlobalMaximum { input: float, output: float }, POOL, Some(FLOAT)),
            (Op::GlobalMaximum { input: int8, output: int8 }, POOL, Some(INT8)),
            (Op::Softmax { input: float, output: float }, ELEMENT, Some(FLOAT)),
            (Op::Table { input: int8, output: int8, table: 0 }, ELEMENT, Some(INT8)),
            (Op::Fill { output: int8, bits: 0 }, MOVEMENT, Some(INT8)),
            // A trunk of `i8` begins with one, and needs no kernel of `f32` for it.
            (Op::Quantise { input: float, output: int8, inverse_scale: 1.0, zero: 0 }, INT8, None),
            (Op::Rows { ops: 2 }, ROWS, None),
        ] {
            // Postcard begins with the variant's number.
            let bytes = postcard::to_allocvec(&op).expect("no limit");
            assert_eq!(kind(bytes[0].into()), Some(by_kind), "{op:?}");
            assert_eq!(element(&op), by_element, "{op:?}");
        }
        assert_eq!(kind(18), None);
    }
}
