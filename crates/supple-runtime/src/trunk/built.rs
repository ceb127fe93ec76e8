//! Which operations this build can run: flash holds no kernel that its pack does not use.
//!
//! The crate's features name the kernels, by kind of operation and by kind of element. Code that a feature leaves out
//! is behind `cfg!`, so that all of it is compiled and checked in every build, and the compiler then drops it.

use supple_pack::{Element, Op};

/// A feature and whether this build has it.
macro_rules! feature {
    ($name:literal) => {
        ($name, cfg!(feature = $name))
    };
}

/// The first feature that the operation needs and that this build has not.
pub(super) fn missing(op: &Op) -> Option<&'static str> {
    needed(op).into_iter().find(|(_, built)| !built).map(|(name, _)| name)
}

/// The features that the operation needs, for its kind and its elements, each with whether this build has it.
fn needed(op: &Op) -> [(&'static str, bool); 2] {
    let kind = match op {
        Op::Convolution { .. } => feature!("convolution"),
        Op::Depthwise { .. } => feature!("depthwise"),
        Op::Dense { .. } => feature!("dense"),
        Op::MaxPool { .. } | Op::AveragePool { .. } | Op::GlobalAverage { .. } | Op::GlobalMaximum { .. } => {
            feature!("pool")
        }
        Op::Unary { .. }
        | Op::Binary { .. }
        | Op::SumInt8 { .. }
        | Op::ProductInt8 { .. }
        | Op::Softmax { .. }
        | Op::Table { .. } => feature!("element"),
        Op::Copy { .. } | Op::Fill { .. } => feature!("movement"),
        Op::Quantise { .. } | Op::Dequantise { .. } => feature!("int8"),
        Op::Rows { .. } => feature!("rows"),
    };
    let element = match op {
        Op::Quantise { .. } | Op::Dequantise { .. } | Op::Rows { .. } => kind,
        _ if op.output().is_some_and(|output| output.element == Element::I8) => feature!("int8"),
        _ => feature!("float"),
    };
    [kind, element]
}

#[cfg(test)]
mod tests {
    use supple_pack::{Shape, Value};

    use super::*;

    #[test]
    fn an_operation_needs_the_kernels_of_its_kind_and_of_its_elements() {
        let shape = Shape { height: 1, width: 1, channels: 4 };
        let float = Value::whole(0, shape, Element::F32);
        let int8 = Value::whole(4, shape, Element::I8);
        for (op, expected) in [
            (Op::GlobalMaximum { input: float, output: float }, ["pool", "float"]),
            (Op::GlobalMaximum { input: int8, output: int8 }, ["pool", "int8"]),
            (Op::Softmax { input: float, output: float }, ["element", "float"]),
            (Op::Fill { output: int8, bits: 0 }, ["movement", "int8"]),
            // A trunk of `i8` begins with one, and needs no kernel of `f32` for it.
            (Op::Quantise { input: float, output: int8, inverse_scale: 1.0, zero: 0 }, ["int8", "int8"]),
            (Op::Rows { ops: 2 }, ["rows", "rows"]),
        ] {
            assert_eq!(needed(&op).map(|(name, _)| name), expected);
            // Tests run with all features.
            assert_eq!(missing(&op), None);
        }
    }
}
