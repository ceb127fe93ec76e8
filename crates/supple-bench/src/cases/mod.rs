//! One outer iteration of each case.

mod classes;
mod sines;
mod training;

use supple_meta::adam::Adam;
use supple_meta::algorithm::{Adapts, Algorithm, anil, fomaml, maml, reptile};

use self::classes::Classes;
use self::sines::SineCase;
use self::training::{Outer, Training, channels_last, conv_learner, head_learner, sine_learner};
use crate::measure::WARM_UP;
use crate::parameters;
use crate::protocol::CaseName;
use crate::tasks::{Pool, Sines};

/// A training under way.
pub trait Case {
    /// So many outer iterations, one after the other.
    fn iterate(&mut self, count: usize);

    /// What was learned, on held-out tasks, and what the figure is called.
    fn final_metric(&mut self) -> (f64, &'static str);
}

/// What a case is started with.
#[derive(Debug, Clone, Copy)]
pub struct Settings {
    /// Of tasks and starting parameters.
    pub seed: u64,
    /// How many outer iterations are to come after [`crate::measure::WARM_UP`], where that is known.
    pub iterations: Option<u64>,
}

/// Draws the starting parameters, compiles what is needed and fills pools of tasks: none of it is measured.
///
/// Work is spread over rayon's global threads.
pub fn start(name: CaseName, settings: &Settings) -> Box<dyn Case> {
    let protocol = name.protocol();
    let (steps, rate) = (protocol.inner_steps, f64::from(protocol.inner_rate));
    let algorithm: Box<dyn Algorithm> = match name {
        CaseName::SineMaml | CaseName::HeadMaml | CaseName::ConvMaml => Box::new(maml::maml(steps, rate)),
        CaseName::SineFomaml | CaseName::HeadFomaml | CaseName::ConvFomaml => {
            Box::new(fomaml::fomaml(steps, rate))
        }
        CaseName::ConvAnil => Box::new(anil::anil(steps, rate)),
        CaseName::SineReptile => Box::new(reptile::reptile(steps, rate, protocol.shots)),
    };
    let adam = |count: usize| Outer::Adam(Adam::new(count), protocol.outer_rate);
    let seed = settings.seed;
    match name {
        CaseName::SineMaml | CaseName::SineFomaml | CaseName::SineReptile => {
            let outer = |count: usize| match name {
                CaseName::SineReptile => {
                    let iterations = settings.iterations.map(|iterations| iterations + WARM_UP);
                    Outer::Share { share: protocol.outer_rate, iterations, done: 0 }
                }
                _ => adam(count),
            };
            let training = Training::new(sine_learner(), algorithm, protocol, parameters::sine(seed), outer);
            Box::new(SineCase::new(training, Sines::new(seed)))
        }
        CaseName::HeadMaml | CaseName::HeadFomaml => {
            let start = parameters::head(seed);
            let training = Training::new(head_learner(protocol.way), algorithm, protocol, start, adam);
            Box::new(Classes::new(name, training, Pool::features(seed)))
        }
        CaseName::ConvMaml | CaseName::ConvFomaml | CaseName::ConvAnil => {
            let adapts = if name == CaseName::ConvAnil { Adapts::Head } else { Adapts::Everything };
            let learner = conv_learner(protocol.way, adapts);
            let start = channels_last(parameters::conv(seed));
            let training = Training::new(learner, algorithm, protocol, start, adam);
            Box::new(Classes::new(name, training, Pool::images(seed)))
        }
    }
}
