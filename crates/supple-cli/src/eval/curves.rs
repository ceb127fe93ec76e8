//! Scores over steps at several shots, on the twin. At each shot the episodes are those of an evaluation at that
//! shot alone.

use serde_json::{Value, json};

use super::EvalError;
use super::baselines::{self, Others};
use super::cast::Cast;
use super::features::Features;
use super::judge;
use super::result::{Baseline, Point, by_name};
use super::trace::Plan;

/// Steps of a curve, where neither the command line nor the head says more.
const STEPS: usize = 10;

/// A curve over steps at one shot, and the baselines at the steps of the main result.
#[derive(Debug, Clone)]
pub struct ShotCurve {
    /// Support samples a class.
    pub shot: usize,
    /// One point a step, from step 0.
    pub steps: Vec<Point>,
    /// After as many steps as the main result.
    pub baselines: Vec<Baseline>,
    /// How many those are.
    after: usize,
}

impl ShotCurve {
    /// Ours, beside the baselines.
    pub fn after(&self) -> Point {
        self.steps[self.after]
    }

    /// The JSON object.
    pub fn object(&self) -> Value {
        json!({ "shot": self.shot, "steps": self.steps, "baselines": by_name(&self.baselines) })
    }
}

/// A curve for each shot with its episodes.
pub fn all(
    plan: &Plan,
    casts: &[(usize, Cast)],
    features: &Features,
    others: &Others,
) -> Result<Vec<ShotCurve>, EvalError> {
    let longer = Plan { steps: plan.steps.max(STEPS), head: plan.head, answers: plan.answers };
    let curve = |(shot, cast): &(usize, Cast)| {
        let scores = judge::scores(&longer, cast, features)?;
        let ours: Vec<f64> = scores.iter().map(|steps| steps[plan.steps]).collect();
        let baselines = baselines::all(plan, cast, features, others, &ours)?;
        Ok(ShotCurve { shot: *shot, steps: Point::of_steps(&scores), baselines, after: plan.steps })
    };
    casts.iter().map(curve).collect()
}
