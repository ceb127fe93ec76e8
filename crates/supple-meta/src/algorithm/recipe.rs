//! Algorithms as recipes name them.

use serde::{Deserialize, Serialize};

use super::inner::Order;
use super::multi_step::StepWeights;
use super::rates::Rates;
use super::{Algorithm, Maml, anil, cavia, fomaml, maml, meta_sgd, prototypes, reptile, ridge, step_rates};

/// An algorithm with its numbers.
///
/// ```
/// use supple_meta::algorithm::AlgorithmRecipe;
/// let recipe: AlgorithmRecipe = toml::from_str(
///     "name = 'anil'\nsteps = 5\ninner_learning_rate = 0.05\nrates = 'per-step'\nearly_step_share = 0.3",
/// )
/// .unwrap();
/// assert_eq!(recipe.build().name(), "anil");
/// let recipe: AlgorithmRecipe = toml::from_str("name = 'maml++'").unwrap();
/// assert_eq!(recipe.build().name(), "per-step-rates");
/// ```
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "name", rename_all = "kebab-case")]
pub enum AlgorithmRecipe {
    /// Gradient steps, differentiated through ([`maml`]).
    Maml(GradientSteps),
    /// Gradient steps taken as constants ([`fomaml`]).
    Fomaml(GradientSteps),
    /// Gradient steps on the head alone ([`anil`]).
    Anil(GradientSteps),
    /// A learned step size for each value ([`meta_sgd`]); `rates` are its own.
    MetaSgd(GradientSteps),
    /// A learned step size for each parameter and step ([`step_rates`]); `rates` are its own.
    #[serde(alias = "maml++")]
    PerStepRates(GradientSteps),
    /// Gradient steps on a context vector ([`cavia`]).
    Cavia(Context),
    /// Gradient steps from prototypes ([`prototypes`]).
    ProtoMaml(PrototypeSteps),
    /// Prototypes alone ([`prototypes`]).
    Prototypes(Temperature),
    /// Ridge regression on the features ([`ridge`]).
    Ridge(RidgeStart),
    /// Plain training on each task ([`reptile`]).
    Reptile(PlainSteps),
}

/// Gradient steps of the inner loop.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct GradientSteps {
    /// How many.
    pub steps: usize,
    /// Their size, or where learned sizes start.
    pub inner_learning_rate: f64,
    /// Where step sizes come from.
    pub rates: Rates,
    /// m of `v ← m v + gradient`, the velocity that a step goes along; 0 for plain gradient steps.
    pub momentum: f64,
    /// Whether inner gradients count as constants.
    pub first_order: bool,
    /// Share of the outer loss that falls on the steps before the last, evenly.
    pub early_step_share: f64,
    /// The share of the outer loop in which that fades to zero; by default it stays.
    pub early_steps_fade_until: Option<f64>,
    /// Share of the outer loss that falls on the start itself, before any step; the rest is shared as above.
    pub before_share: f64,
    /// Whether adapted layers have a scale and a shift of batch normalisation for each step.
    pub batch_norm_per_step: bool,
}

impl Default for GradientSteps {
    fn default() -> Self {
        Self {
            steps: 5,
            inner_learning_rate: 0.05,
            rates: Rates::Fixed,
            momentum: 0.0,
            first_order: false,
            early_step_share: 0.0,
            early_steps_fade_until: None,
            before_share: 0.0,
            batch_norm_per_step: false,
        }
    }
}

/// A context vector.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Context {
    /// Its length.
    pub context: usize,
    /// Steps on it.
    pub steps: usize,
    /// Their size.
    pub inner_learning_rate: f64,
    /// Whether inner gradients count as constants.
    pub first_order: bool,
}

impl Default for Context {
    fn default() -> Self {
        Self { context: 5, steps: 1, inner_learning_rate: 1.0, first_order: false }
    }
}

/// Gradient steps from prototypes.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct PrototypeSteps {
    /// How many.
    pub steps: usize,
    /// Their size, or where learned sizes start.
    pub inner_learning_rate: f64,
    /// Where step sizes come from.
    pub rates: Rates,
    /// m of `v ← m v + gradient`, the velocity that a step goes along; 0 for plain gradient steps.
    pub momentum: f64,
    /// Whether inner gradients count as constants.
    pub first_order: bool,
    /// Share of the outer loss that falls on the steps before the last, evenly.
    pub early_step_share: f64,
    /// Where the learned temperature starts.
    pub temperature: f64,
}

impl Default for PrototypeSteps {
    fn default() -> Self {
        Self {
            steps: 5,
            inner_learning_rate: 0.05,
            rates: Rates::Fixed,
            momentum: 0.0,
            first_order: false,
            early_step_share: 0.0,
            temperature: 1.0,
        }
    }
}

/// Prototypes alone.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Temperature {
    /// Where the learned temperature starts.
    pub temperature: f64,
}

impl Default for Temperature {
    fn default() -> Self {
        Self { temperature: 1.0 }
    }
}

/// Ridge regression.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct RidgeStart {
    /// Where the learned λ starts.
    pub lambda: f64,
    /// Where the learned scale of the outputs starts.
    pub scale: f64,
}

impl Default for RidgeStart {
    fn default() -> Self {
        Self { lambda: 1.0, scale: 1.0 }
    }
}

/// Plain training.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct PlainSteps {
    /// Steps.
    pub steps: usize,
    /// Their size.
    pub inner_learning_rate: f64,
    /// Samples of a step.
    pub minibatch: usize,
    /// m of `v ← m v + gradient`, the velocity that a step goes along; 0 for plain gradient steps.
    pub momentum: f64,
}

impl Default for PlainSteps {
    fn default() -> Self {
        Self { steps: 8, inner_learning_rate: 0.02, minibatch: 10, momentum: 0.0 }
    }
}

impl Default for AlgorithmRecipe {
    fn default() -> Self {
        Self::Anil(GradientSteps { rates: Rates::PerStep, early_step_share: 0.3, ..GradientSteps::default() })
    }
}

impl AlgorithmRecipe {
    /// The algorithm, whose [`Algorithm::check`] says whether the numbers make sense.
    pub fn build(&self) -> Box<dyn Algorithm> {
        let boxed = |algorithm: Maml| -> Box<dyn Algorithm> { Box::new(algorithm) };
        match self {
            Self::Maml(steps) => boxed(steps.on(maml::maml).with_rates(steps.rates)),
            Self::Fomaml(steps) => {
                boxed(steps.on(fomaml::fomaml).with_rates(steps.rates).with_order(Order::First))
            }
            Self::Anil(steps) => boxed(steps.on(anil::anil).with_rates(steps.rates)),
            Self::MetaSgd(steps) => boxed(steps.on(meta_sgd::meta_sgd)),
            Self::PerStepRates(steps) => boxed(steps.on(step_rates::per_step_rates)),
            Self::Cavia(own) => Box::new(
                cavia::cavia(own.context, own.steps, own.inner_learning_rate)
                    .with_order(order(own.first_order)),
            ),
            Self::ProtoMaml(own) => {
                let steps = Maml::new("proto-maml", own.steps, own.inner_learning_rate)
                    .with_rates(own.rates)
                    .with_momentum(own.momentum)
                    .with_order(order(own.first_order))
                    .with_step_weights(StepWeights::early(own.early_step_share));
                Box::new(prototypes::prototypes(own.temperature).with_steps(steps))
            }
            Self::Prototypes(own) => Box::new(prototypes::prototypes(own.temperature)),
            Self::Ridge(own) => Box::new(ridge::ridge(own.lambda, own.scale)),
            Self::Reptile(own) => Box::new(
                reptile::reptile(own.steps, own.inner_learning_rate, own.minibatch)
                    .with_momentum(own.momentum),
            ),
        }
    }
}

impl GradientSteps {
    /// An algorithm with these numbers, and step sizes of its own.
    fn on(&self, algorithm: impl Fn(usize, f64) -> Maml) -> Maml {
        algorithm(self.steps, self.inner_learning_rate)
            .with_order(order(self.first_order))
            .with_momentum(self.momentum)
            .with_step_weights(StepWeights {
                early_share: self.early_step_share,
                fades_until: self.early_steps_fade_until,
                before_share: self.before_share,
            })
            .with_batch_norm_per_step(self.batch_norm_per_step)
    }
}

fn order(first: bool) -> Order {
    if first { Order::First } else { Order::Second }
}
