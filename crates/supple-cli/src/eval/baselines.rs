//! What an adapted head is compared with, on the same episodes and features.

use rand::RngExt;
use rayon::prelude::*;
use supple_data::Episode;
use supple_data::random::{Purpose, stream};
use supple_pack::Head;

use super::cast::Cast;
use super::features::Features;
use super::result::Point;
use super::trace::{Plan, TraceError};

/// Each baseline with its name.
pub fn all(
    plan: &Plan,
    cast: &Cast,
    features: &Features,
    seed: u64,
) -> Result<Vec<(&'static str, Point)>, TraceError> {
    let nearest: Vec<f64> = cast.episodes.par_iter().map(|episode| prototypes(episode, features)).collect();
    let random: Vec<f64> = cast
        .episodes
        .par_iter()
        .enumerate()
        .map(|(index, episode)| random_start(plan, index as u64, episode, features, seed))
        .collect::<Result<_, _>>()?;
    Ok(vec![("prototypes", Point::of(0, &nearest)), ("random_start", Point::of(plan.steps, &random))])
}

/// Prototypical networks without their training (Snell, Swersky, Zemel 2017): each query goes to the class whose
/// mean support feature is nearest.
fn prototypes(episode: &Episode, features: &Features) -> f64 {
    let length = episode.support.first().map_or(0, |sample| features.of(sample.drawing).len());
    let mut means = vec![0.0f32; episode.way * length];
    let shot = (episode.support.len() / episode.way) as f32;
    for sample in &episode.support {
        let mean = &mut means[sample.label * length..][..length];
        mean.iter_mut().zip(features.of(sample.drawing)).for_each(|(sum, x)| *sum += x / shot);
    }
    let right = episode.query.iter().filter(|query| {
        let feature = features.of(query.drawing);
        let distance = |class: usize| -> f32 {
            means[class * length..][..length].iter().zip(feature).map(|(m, x)| (m - x) * (m - x)).sum()
        };
        let distances: Vec<f32> = (0..episode.way).map(distance).collect();
        let nearest = (1..episode.way)
            .fold(0, |best, class| if distances[class] < distances[best] { class } else { best });
        nearest == query.label
    });
    right.count() as f64 / episode.query.len() as f64
}

/// The untrained start: weights drawn evenly within ±1/√features, biases zero, then the same steps at the same rates.
fn random_start(
    plan: &Plan,
    index: u64,
    episode: &Episode,
    features: &Features,
    seed: u64,
) -> Result<f64, TraceError> {
    let mut random = stream(seed, Purpose::Baseline, index, 0);
    let limit = 1.0 / f32::from(plan.head.spec.features).sqrt();
    let weights: Vec<f32> =
        plan.head.weights.iter().map(|_| limit * (2.0 * random.random::<f32>() - 1.0)).collect();
    let bias = vec![0.0; plan.head.bias.len()];
    let head = Head { spec: plan.head.spec.clone(), weights: &weights, bias: &bias, rates: plan.head.rates };
    let trace = Plan { steps: plan.steps, head: &head }.trace(episode, |drawing| features.of(drawing))?;
    Ok(trace.accuracies(episode).last().copied().unwrap_or_default())
}
