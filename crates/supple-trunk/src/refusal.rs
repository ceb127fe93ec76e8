//! Nodes of a model that cannot be compiled, all named in one error.

use std::fmt;

/// What a node of a model may be. Each stands for one ONNX operator.
pub const SUPPORTED_OPERATORS: &[&str] = &[
    "Add",
    "AveragePool (over the whole image)",
    "BatchNormalization",
    "Constant",
    "Conv (1-d and 2-d, group 1, dilation 1)",
    "Div",
    "Dropout",
    "Flatten",
    "Gemm",
    "GlobalAveragePool",
    "Identity",
    "MatMul",
    "MaxPool",
    "Mul",
    "ReduceMean (over height and width)",
    "Relu",
    "Reshape",
    "Squeeze",
    "Sub",
    "Unsqueeze",
];

/// One node and what is wrong with it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refusal {
    /// The node's name, or that of its first output where it has none.
    pub node: String,
    /// Its operator.
    pub operator: String,
    /// Why it is refused.
    pub reason: String,
}

/// Every refused node of a model, each once, in the model's order.
#[derive(Debug, Clone, PartialEq, Eq)]
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
