//! The cases and their fixed numbers: those of every program compared.

use std::fmt;

use clap::ValueEnum;

/// A case.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum CaseName {
    /// Second-order MAML on sinusoids.
    SineMaml,
    /// First-order MAML on sinusoids.
    SineFomaml,
    /// Reptile on sinusoids.
    SineReptile,
    /// Second-order MAML of a linear head on frozen features.
    HeadMaml,
    /// First-order MAML of a linear head on frozen features.
    HeadFomaml,
    /// Second-order MAML of a convolutional network.
    ConvMaml,
    /// First-order MAML of a convolutional network.
    ConvFomaml,
    /// ANIL on a convolutional network: only its linear layer adapts.
    ConvAnil,
}

impl fmt::Display for CaseName {
    fn fmt(&self, formatter: &mut fmt::Formatter) -> fmt::Result {
        let value = self.to_possible_value();
        formatter.write_str(value.as_ref().map_or("", |value| value.get_name()))
    }
}

/// Numbers of a case.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Protocol {
    /// Tasks in an outer iteration.
    pub tasks: usize,
    /// Classes; 1 for regression.
    pub way: usize,
    /// Support samples a class.
    pub shots: usize,
    /// Query samples a class.
    pub queries: usize,
    /// Rate of the inner steps.
    pub inner_rate: f32,
    /// Inner steps.
    pub inner_steps: usize,
    /// Rate of Adam outside.
    pub outer_rate: f32,
}

/// MAML on sinusoids.
pub const SINE: Protocol = Protocol {
    tasks: 25,
    way: 1,
    shots: 10,
    queries: 10,
    inner_rate: 0.01,
    inner_steps: 1,
    outer_rate: 1e-3,
};

/// Reptile on sinusoids: MAML's 20 points as two batches of 10, taken in turn, the support set first.
///
/// Outside is no Adam: parameters move to the mean of the adapted ones by [`Protocol::outer_rate`], which sinks to 0
/// in a straight line where the number of iterations is given.
pub const REPTILE: Protocol = Protocol { inner_steps: 5, outer_rate: 1.0, ..SINE };

/// Convolutional networks.
pub const CONV: Protocol =
    Protocol { tasks: 32, way: 5, shots: 1, queries: 1, inner_rate: 0.1, inner_steps: 5, outer_rate: 1e-3 };

/// Heads on frozen features.
pub const HEAD: Protocol = Protocol { shots: 5, queries: 15, ..CONV };

/// Widths of the network for sinusoids.
pub const HIDDEN: usize = 40;
/// Channels of each of the four convolutions.
pub const FILTERS: usize = 64;
/// Convolutions: 3×3, stride 2, padding 1, no bias; each with batch normalisation and relu behind it. The mean over
/// what is left of the image goes into the linear layer.
pub const BLOCKS: usize = 4;
/// Added to a batch's variance before the root is taken.
pub const BATCH_NORM_EPSILON: f32 = 1e-5;
/// Width and height of an image.
pub const SIDE: usize = 28;
/// Length of a frozen feature vector.
pub const FEATURES: usize = 64;

/// Drawn anew for each sinusoid of the evaluation.
pub const EVALUATION_QUERIES: usize = 100;
/// Held-out tasks of sinusoids and heads.
pub const EVALUATION_TASKS: usize = 600;
/// Held-out tasks of images.
pub const EVALUATION_IMAGE_TASKS: usize = 32;

impl CaseName {
    /// The case's numbers.
    pub fn protocol(self) -> &'static Protocol {
        match self {
            Self::SineMaml | Self::SineFomaml => &SINE,
            Self::SineReptile => &REPTILE,
            Self::HeadMaml | Self::HeadFomaml => &HEAD,
            Self::ConvMaml | Self::ConvFomaml | Self::ConvAnil => &CONV,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cases_are_named_as_in_the_other_programs() {
        let names: Vec<String> = CaseName::value_variants().iter().map(ToString::to_string).collect();
        let expected = [
            "sine-maml",
            "sine-fomaml",
            "sine-reptile",
            "head-maml",
            "head-fomaml",
            "conv-maml",
            "conv-fomaml",
            "conv-anil",
        ];
        assert_eq!(names, expected);
    }
}
