//! Nodes of a model that cannot be compiled, all named in one error.

use std::fmt;

/// Operators that are read, each an ONNX operator's name and what limits it. Not every use of them can be
/// expressed by a plan.
pub const SUPPORTED_OPERATORS: &[&str] = &[
    "Abs",
    "Add",
    "AveragePool",
    "BatchNormalization",
    "Cast (of constants)",
    "Clip",
    "Concat",
    "Constant",
    "ConstantOfShape (of a stored shape)",
    "Conv (1-d and 2-d)",
    "DepthToSpace",
    "Div",
    "Dropout",
    "Erf",
    "Exp",
    "Expand (by a stored shape)",
    "Flatten",
    "Floor",
    "Gather",
    "Gemm",
    "GlobalAveragePool",
    "GlobalMaxPool",
    "HardSigmoid",
    "HardSwish",
    "Identity",
    "LeakyRelu",
    "Log",
    "LogSoftmax",
    "MatMul",
    "Max",
    "MaxPool",
    "Min",
    "Mul",
    "Neg",
    "Pad",
    "Pow (with a stored exponent)",
    "Reciprocal",
    "ReduceMax",
    "ReduceMean",
    "ReduceSum",
    "Relu",
    "Reshape",
    "Resize (nearest)",
    "Shape",
    "Sigmoid",
    "Slice",
    "Softmax",
    "Softplus",
    "Softsign",
    "SpaceToDepth",
    "Split",
    "Sqrt",
    "Squeeze",
    "Sub",
    "Tanh",
    "Tile (by a stored shape)",
    "Transpose",
    "Unsqueeze",
    "Upsample (nearest)",
];

/// One node and what is wrong with it.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Refusal {
    /// The node's name, or that of its first output where it has none.
    pub node: String,
    /// Its operator.
    pub operator: String,
    /// Why it is refused.
    pub reason: String,
}

/// Every refused node of a model, each once, in the model's order.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Refusals(pub Vec<Refusal>);

impl fmt::Display for Refusals {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for refusal in &self.0 {
            writeln!(f, "  node `{}` ({}): {}", refusal.node, refusal.operator, refusal.reason)?;
        }
        write!(f, "supported operators: {}", SUPPORTED_OPERATORS.join(", "))
    }
}

/// Room for a name in an error message: a hostile model's may be megabytes long.
const SHOWN: usize = 80;

/// Room for another program's words in an error message.
const WORDS: usize = 600;

/// Words of tract, which may quote a model's names, fit to be printed.
pub fn printable(words: &str) -> String {
    let mut text: String = words
        .chars()
        .take(WORDS)
        .map(|letter| if letter.is_control() && letter != '\n' { '\u{fffd}' } else { letter })
        .collect();
    if words.chars().nth(WORDS).is_some() {
        text.push('…');
    }
    text
}

/// A name out of a model, fit to be printed.
pub fn shown(name: &str) -> String {
    let mut text: String = name.chars().take(SHOWN).flat_map(char::escape_debug).collect();
    if name.chars().nth(SHOWN).is_some() {
        text.push('…');
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_cut_and_escaped() {
        assert_eq!(shown("conv\n1"), "conv\\n1");
        assert_eq!(shown(&"x".repeat(81)), format!("{}…", "x".repeat(80)));
    }
}
