//! What an adapted head is compared with, on the same episodes and features.

use std::path::{Path, PathBuf};

use rand::RngExt;
use rayon::prelude::*;
use supple_data::DataSet;
use supple_data::random::{Purpose, stream};
use supple_data::tasks::TaskEpisode;
use supple_pack::{AlignedBytes, Head, Pack};

use super::cast::Cast;
use super::features::{self, Features};
use super::fine_tuned::Start;
use super::result::Baseline;
use super::trace::{Plan, Trace, TraceError};
use super::{EvalError, check, judge, ridge};
use crate::arguments::{EvalArguments, Kind};
use crate::files;

/// What baselines need besides the episodes.
pub struct Others<'a> {
    /// The start that was trained on all classes at once.
    pub fine_tuned: Option<Start>,
    /// Other packs.
    pub rivals: Vec<Rival<'a>>,
    /// Of random starts.
    pub seed: u64,
}

/// Another pack on the same samples.
pub struct Rival<'a> {
    name: String,
    head: Head<'a>,
    steps: usize,
    own_rows: bool,
    features: Features,
}

/// Reads the packs to compare with.
pub fn read(arguments: &EvalArguments) -> Result<Vec<(PathBuf, AlignedBytes)>, EvalError> {
    arguments.compare.iter().map(|path| Ok((path.clone(), files::read_pack(path)?))).collect()
}

/// Checks the packs to compare with and runs their trunks.
pub fn rivals<'a>(
    arguments: &EvalArguments,
    packs: &'a [(PathBuf, AlignedBytes)],
    kind: Kind,
    set: &DataSet,
    samples: &[usize],
) -> Result<Vec<Rival<'a>>, EvalError> {
    let mut rivals: Vec<Rival> = Vec::new();
    for (path, bytes) in packs {
        let (pack, head) = parse(path, bytes)?;
        check::head(arguments, path, &head)?;
        check::input(path, &pack, set)?;
        let own_rows = check::own_rows(kind, path, &head, set)?;
        let stem = path.file_stem().unwrap_or_default().to_string_lossy().into_owned();
        // Two files of one name, in two folders.
        let taken = rivals.iter().filter(|rival| rival.name.starts_with(&stem)).count();
        let name = if taken == 0 { stem } else { format!("{stem}_{}", taken + 1) };
        let steps = arguments.steps.unwrap_or(head.spec.steps.into());
        let features = features::twin(&pack, set, samples.to_vec())?;
        rivals.push(Rival { name, head, steps, own_rows, features });
    }
    Ok(rivals)
}

/// A pack and its first head.
pub fn parse<'a>(path: &Path, bytes: &'a AlignedBytes) -> Result<(Pack<'a>, Head<'a>), EvalError> {
    let pack = files::parse_pack(path, bytes)?;
    let head = pack.heads().next().ok_or_else(|| EvalError::NoHead(path.to_owned()))?;
    Ok((pack, head))
}

/// Each baseline beside ours: the accuracies of the adapted head, by episode.
pub fn all(
    plan: &Plan,
    cast: &Cast,
    features: &Features,
    others: &Others,
    ours: &[f64],
) -> Result<Vec<Baseline>, TraceError> {
    let closed = |name: &str, accuracy: fn(&TaskEpisode, &Features) -> f64| {
        let values: Vec<f64> = cast.episodes.par_iter().map(|episode| accuracy(episode, features)).collect();
        Baseline::of(name, 0, &values, ours)
    };
    let mut baselines = vec![closed("prototypes", prototypes), closed("ridge", ridge::accuracy)];
    let random: Vec<f64> = cast
        .episodes
        .par_iter()
        .enumerate()
        .map(|(index, episode)| random_start(plan, index as u64, episode, features, others.seed))
        .collect::<Result<_, _>>()?;
    baselines.push(Baseline::of("random_start", plan.steps, &random, ours));
    if let Some(Start { weights, bias }) = &others.fine_tuned {
        let head = Head { weights, bias, ..plan.head.clone() };
        let last = last(judge::accuracies(&plan.of(&head), cast, features)?);
        baselines.push(Baseline::of("fine_tuned", plan.steps, &last, ours));
    }
    for Rival { name, head, steps, own_rows, features } in &others.rivals {
        let plan = Plan { steps: *steps, head, own_rows: *own_rows };
        let last = last(judge::accuracies(&plan, cast, features)?);
        baselines.push(Baseline::of(name, *steps, &last, ours));
    }
    Ok(baselines)
}

/// The accuracies after the last step.
pub fn last(accuracies: Vec<Vec<f64>>) -> Vec<f64> {
    accuracies.iter().map(|steps| steps.last().copied().unwrap_or_default()).collect()
}

/// Prototypical networks without their training (Snell, Swersky, Zemel 2017): each query goes to the class whose
/// mean support feature is nearest.
fn prototypes(episode: &TaskEpisode, features: &Features) -> f64 {
    let length = features.length();
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
    episode: &TaskEpisode,
    features: &Features,
    seed: u64,
) -> Result<f64, TraceError> {
    let mut random = stream(seed, Purpose::Baseline, index, 0);
    let limit = 1.0 / f32::from(plan.head.spec.features).sqrt();
    let weights: Vec<f32> =
        plan.head.weights.iter().map(|_| limit * (2.0 * random.random::<f32>() - 1.0)).collect();
    let bias = vec![0.0; plan.head.bias.len()];
    let head = Head { weights: &weights, bias: &bias, ..plan.head.clone() };
    let trace: Trace = plan.of(&head).trace(episode, |sample| features.of(sample))?;
    Ok(trace.accuracies(episode).last().copied().unwrap_or_default())
}
