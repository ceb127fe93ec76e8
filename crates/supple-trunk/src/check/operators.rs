//! The operators that are read: inputs, outputs and attributes of each, by operator set.
//!
//! What is listed here is well-formed and harmless; whether a plan can express it is for the lowering to say.

use std::ops::RangeInclusive;

use super::rule::Rule;
use super::{MOST_AXES, MOST_PADDING, MOST_WINDOW, OPERATOR_SETS};

/// What becomes of an operator that reads constants alone. tract computes it at once, so its output must be
/// bounded before.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Folding {
    /// Refused: it may take long, or its output may be huge.
    Never,
    /// No more elements than the first input.
    Keeps,
    /// The inputs broadcast against each other.
    Broadcasts,
    /// As many elements as all inputs together.
    Joins,
    /// At most the elements of the first input for each of the second.
    Gathers,
    /// The axes of the input: constant even where the input is not.
    Measures,
    /// As large as a stored shape says.
    Fills,
}

/// One operator as a range of operator sets has it.
pub struct Operator {
    pub name: &'static str,
    pub sets: RangeInclusive<i64>,
    pub inputs: RangeInclusive<usize>,
    /// Most outputs that may be read; further ones may be there, unread.
    pub outputs: usize,
    pub attributes: &'static [(&'static str, Rule)],
    pub folding: Folding,
}

type Attributes = &'static [(&'static str, Rule)];

const ANY: RangeInclusive<i64> = OPERATOR_SETS;
const LAST: i64 = *OPERATOR_SETS.end();
const AXES_END: i64 = MOST_AXES as i64;

const KERNEL: Rule = Rule::Ints(2, 1..=MOST_WINDOW);
const PADS: Rule = Rule::Ints(4, 0..=MOST_PADDING);
const AXIS: Rule = Rule::Int(-AXES_END..=AXES_END - 1);
const AXES: Rule = Rule::Ints(MOST_AXES, -AXES_END..=AXES_END - 1);
const FLAG: Rule = Rule::Int(0..=1);
const OFF: Rule = Rule::Int(0..=0);
const AUTO_PAD: Rule = Rule::Text(&["NOTSET", "VALID", "SAME_UPPER", "SAME_LOWER"]);
const BLOCK: Rule = Rule::Int(1..=16);
const ANY_INT: Rule = Rule::Int(i64::MIN..=i64::MAX);
const BOUND: Rule = Rule::Ints(MOST_AXES, i64::MIN..=i64::MAX);

/// Most inputs of an operator that takes any number, and most outputs of one that gives any number.
pub const MANY: usize = 64;

const fn row(
    name: &'static str,
    sets: RangeInclusive<i64>,
    inputs: RangeInclusive<usize>,
    attributes: Attributes,
    folding: Folding,
) -> Operator {
    Operator { name, sets, inputs, outputs: 1, attributes, folding }
}

/// One input, an output of its shape.
const fn unary(name: &'static str, attributes: Attributes) -> Operator {
    row(name, ANY, 1..=1, attributes, Folding::Keeps)
}

/// Operator set 6 asks for broadcasting, later ones always do it.
const fn binary(name: &'static str) -> Operator {
    row(name, ANY, 2..=2, &[("broadcast", FLAG)], Folding::Broadcasts)
}

const AVERAGE_POOL: Attributes = &[
    ("auto_pad", AUTO_PAD),
    ("ceil_mode", FLAG),
    ("count_include_pad", FLAG),
    ("dilations", KERNEL),
    ("kernel_shape", KERNEL),
    ("pads", PADS),
    ("strides", KERNEL),
];
const BATCH_NORMALIZATION: Attributes = &[
    ("epsilon", Rule::Float),
    // Of operator set 6.
    ("is_test", Rule::Int(1..=1)),
    ("momentum", Rule::Float),
    ("spatial", Rule::Int(1..=1)),
    ("training_mode", OFF),
];
const CONV: Attributes = &[
    ("auto_pad", AUTO_PAD),
    ("dilations", KERNEL),
    ("group", Rule::Int(1..=u16::MAX as i64)),
    ("kernel_shape", KERNEL),
    ("pads", PADS),
    ("strides", KERNEL),
];
const GEMM: Attributes =
    &[("alpha", Rule::Float), ("beta", Rule::Float), ("broadcast", FLAG), ("transA", FLAG), ("transB", FLAG)];
const MAX_POOL: Attributes = &[
    ("auto_pad", AUTO_PAD),
    ("ceil_mode", FLAG),
    ("dilations", KERNEL),
    ("kernel_shape", KERNEL),
    ("pads", PADS),
    ("storage_order", FLAG),
    ("strides", KERNEL),
];
const PAD_MODE: Rule = Rule::Text(&["constant", "reflect", "edge"]);
const REDUCE: Attributes = &[("axes", AXES), ("keepdims", FLAG)];
const REDUCE_BY_INPUT: Attributes = &[("keepdims", FLAG), ("noop_with_empty_axes", FLAG)];
const RESIZE_MODE: Rule = Rule::Text(&["nearest", "linear"]);
const RESIZE: Attributes = &[
    ("antialias", OFF),
    ("axes", AXES),
    (
        "coordinate_transformation_mode",
        Rule::Text(&[
            "half_pixel",
            "half_pixel_symmetric",
            "pytorch_half_pixel",
            "align_corners",
            "asymmetric",
        ]),
    ),
    ("cubic_coeff_a", Rule::Float),
    ("exclude_outside", OFF),
    ("extrapolation_value", Rule::Float),
    ("keep_aspect_ratio_policy", Rule::Text(&["stretch", "not_larger", "not_smaller"])),
    ("mode", RESIZE_MODE),
    ("nearest_mode", Rule::Text(&["round_prefer_floor", "round_prefer_ceil", "floor", "ceil"])),
];

/// Sorted by name; an operator whose form changed has a row for each.
pub const OPERATORS: &[Operator] = &[
    unary("Abs", &[]),
    binary("Add"),
    row("AveragePool", ANY, 1..=1, AVERAGE_POOL, Folding::Never),
    row("BatchNormalization", ANY, 5..=5, BATCH_NORMALIZATION, Folding::Never),
    unary("Cast", &[("saturate", FLAG), ("to", Rule::Int(1..=16))]),
    row("Clip", 6..=10, 1..=1, &[("max", Rule::Float), ("min", Rule::Float)], Folding::Keeps),
    row("Clip", 11..=LAST, 1..=3, &[], Folding::Keeps),
    row("Concat", ANY, 1..=MANY, &[("axis", AXIS)], Folding::Joins),
    // Its attributes are read where it becomes a constant.
    row("Constant", ANY, 0..=0, &[], Folding::Keeps),
    row("ConstantOfShape", 9..=LAST, 1..=1, &[("value", Rule::Tensor)], Folding::Fills),
    row("Conv", ANY, 2..=3, CONV, Folding::Never),
    row(
        "DepthToSpace",
        ANY,
        1..=1,
        &[("blocksize", BLOCK), ("mode", Rule::Text(&["DCR", "CRD"]))],
        Folding::Keeps,
    ),
    binary("Div"),
    row("Dropout", 6..=11, 1..=1, &[("ratio", Rule::Float), ("seed", ANY_INT)], Folding::Keeps),
    row("Dropout", 12..=LAST, 1..=3, &[("seed", ANY_INT)], Folding::Keeps),
    row("Erf", 9..=LAST, 1..=1, &[], Folding::Keeps),
    unary("Exp", &[]),
    row("Expand", 8..=LAST, 2..=2, &[], Folding::Fills),
    unary("Flatten", &[("axis", Rule::Int(-AXES_END..=AXES_END))]),
    unary("Floor", &[]),
    row("Gather", ANY, 2..=2, &[("axis", AXIS)], Folding::Gathers),
    row("Gemm", ANY, 2..=3, GEMM, Folding::Never),
    row("GlobalAveragePool", ANY, 1..=1, &[], Folding::Never),
    row("GlobalMaxPool", ANY, 1..=1, &[], Folding::Never),
    unary("HardSigmoid", &[("alpha", Rule::Float), ("beta", Rule::Float)]),
    row("HardSwish", 14..=LAST, 1..=1, &[], Folding::Keeps),
    unary("Identity", &[]),
    unary("LeakyRelu", &[("alpha", Rule::Float)]),
    unary("Log", &[]),
    row("LogSoftmax", ANY, 1..=1, &[("axis", AXIS)], Folding::Never),
    row("MatMul", ANY, 2..=2, &[], Folding::Never),
    row("Max", ANY, 1..=MANY, &[], Folding::Broadcasts),
    row("MaxPool", ANY, 1..=1, MAX_POOL, Folding::Never),
    row("Min", ANY, 1..=MANY, &[], Folding::Broadcasts),
    binary("Mul"),
    unary("Neg", &[]),
    row(
        "Pad",
        6..=10,
        1..=1,
        &[("mode", PAD_MODE), ("pads", Rule::Ints(2 * MOST_AXES, 0..=MOST_PADDING)), ("value", Rule::Float)],
        Folding::Never,
    ),
    row("Pad", 11..=LAST, 2..=4, &[("mode", PAD_MODE)], Folding::Never),
    binary("Pow"),
    unary("Reciprocal", &[]),
    row("ReduceMax", 6..=17, 1..=1, REDUCE, Folding::Keeps),
    row("ReduceMax", 18..=LAST, 1..=2, REDUCE_BY_INPUT, Folding::Keeps),
    row("ReduceMean", 6..=17, 1..=1, REDUCE, Folding::Keeps),
    row("ReduceMean", 18..=LAST, 1..=2, REDUCE_BY_INPUT, Folding::Keeps),
    row("ReduceSum", 6..=12, 1..=1, REDUCE, Folding::Keeps),
    row("ReduceSum", 13..=LAST, 1..=2, REDUCE_BY_INPUT, Folding::Keeps),
    unary("Relu", &[]),
    row("Reshape", ANY, 2..=2, &[("allowzero", OFF)], Folding::Keeps),
    row("Resize", 10..=10, 2..=2, &[("mode", RESIZE_MODE)], Folding::Never),
    row("Resize", 11..=12, 3..=4, RESIZE, Folding::Never),
    row("Resize", 13..=LAST, 1..=4, RESIZE, Folding::Never),
    row("Shape", ANY, 1..=1, &[("end", AXIS), ("start", AXIS)], Folding::Measures),
    unary("Sigmoid", &[]),
    row("Slice", 6..=9, 1..=1, &[("axes", AXES), ("ends", BOUND), ("starts", BOUND)], Folding::Keeps),
    row("Slice", 10..=LAST, 3..=5, &[], Folding::Keeps),
    row("Softmax", ANY, 1..=1, &[("axis", AXIS)], Folding::Never),
    unary("Softplus", &[]),
    unary("Softsign", &[]),
    row("SpaceToDepth", ANY, 1..=1, &[("blocksize", BLOCK)], Folding::Keeps),
    Operator {
        outputs: MANY,
        ..row(
            "Split",
            6..=12,
            1..=1,
            &[("axis", AXIS), ("split", Rule::Ints(MANY, 1..=MOST_LENGTH))],
            Folding::Keeps,
        )
    },
    Operator {
        outputs: MANY,
        ..row(
            "Split",
            13..=LAST,
            1..=2,
            &[("axis", AXIS), ("num_outputs", Rule::Int(1..=MANY as i64))],
            Folding::Keeps,
        )
    },
    unary("Sqrt", &[]),
    row("Squeeze", 6..=12, 1..=1, &[("axes", AXES)], Folding::Keeps),
    row("Squeeze", 13..=LAST, 1..=2, &[], Folding::Keeps),
    binary("Sub"),
    unary("Tanh", &[]),
    row("Tile", ANY, 2..=2, &[], Folding::Fills),
    unary("Transpose", &[("perm", Rule::Ints(MOST_AXES, 0..=AXES_END - 1))]),
    row("Unsqueeze", 6..=12, 1..=1, &[("axes", AXES)], Folding::Keeps),
    row("Unsqueeze", 13..=LAST, 2..=2, &[], Folding::Keeps),
    row(
        "Upsample",
        7..=8,
        1..=1,
        &[("mode", Rule::Text(&["nearest"])), ("scales", Rule::Floats(MOST_AXES))],
        Folding::Never,
    ),
    row("Upsample", 9..=9, 2..=2, &[("mode", Rule::Text(&["nearest"]))], Folding::Never),
];

/// Longest part of a split.
const MOST_LENGTH: i64 = u16::MAX as i64;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::refusal::SUPPORTED_OPERATORS;

    #[test]
    fn the_list_shown_is_the_list_held() {
        let shown: Vec<&str> =
            SUPPORTED_OPERATORS.iter().map(|text| text.split(' ').next().unwrap_or(text)).collect();
        let mut held: Vec<&str> = OPERATORS.iter().map(|operator| operator.name).collect();
        held.dedup();
        assert_eq!(shown, held);
        assert!(held.is_sorted());
    }

    #[test]
    fn forms_of_an_operator_do_not_overlap() {
        for pair in OPERATORS.windows(2).filter(|pair| pair[0].name == pair[1].name) {
            assert!(pair[0].sets.end() < pair[1].sets.start(), "{}", pair[0].name);
        }
    }
}
