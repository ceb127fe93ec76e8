//! What an adapted head is compared with, on the same episodes and features.

use std::path::{Path, PathBuf};

use rand::RngExt;
use rayon::prelude::*;
use supple_data::DataSet;
use supple_data::random::{Purpose, stream};
use supple_data::tasks::TaskEpisode;
use supple_pack::{AlignedBytes, Head, HeadSpec, Pack, Start as Begin};

use super::cast::Cast;
use super::features::{self, Features};
use super::fine_tuned::Start;
use super::result::Baseline;
use super::trace::{Answers, Plan, Trace, TraceError};
use super::{EvalError, check, judge, ridge};
use crate::arguments::EvalArguments;
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
    answers: Answers<'a>,
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
    task: &check::Task<'a>,
    set: &DataSet,
    samples: &[usize],
) -> Result<Vec<Rival<'a>>, EvalError> {
    let mut rivals: Vec<Rival> = Vec::new();
    for (path, bytes) in packs {
        let (pack, head, _) = parse(path, bytes, None)?;
        check::head(arguments, path, &head)?;
        check::input(path, &pack, set)?;
        let answers = task.answers(path, &head, set)?;
        let stem = path.file_stem().unwrap_or_default().to_string_lossy().into_owned();
        // Two files of one name, in two folders.
        let taken = rivals.iter().filter(|rival| rival.name.starts_with(&stem)).count();
        let name = if taken == 0 { stem } else { format!("{stem}_{}", taken + 1) };
        let steps = arguments.steps.unwrap_or(head.spec.steps.into());
        let features = features::twin(&pack, set, samples.to_vec())?;
        rivals.push(Rival { name, head, steps, answers, features });
    }
    Ok(rivals)
}

/// A pack and one of its heads with its number: the first, or the one of a name.
pub fn parse<'a>(
    path: &Path,
    bytes: &'a AlignedBytes,
    name: Option<&str>,
) -> Result<(Pack<'a>, Head<'a>, u16), EvalError> {
    let pack = files::parse_pack(path, bytes)?;
    let wanted = |head: &Head| name.is_none_or(|name| head.spec.name == name);
    match (0..).zip(pack.heads()).find(|(_, head)| wanted(head)) {
        Some((index, head)) => Ok((pack, head, index)),
        None => {
            let known: Vec<String> = pack.heads().map(|head| format!("`{}`", head.spec.name)).collect();
            Err(match name.filter(|_| !known.is_empty()) {
                None => EvalError::NoHead(path.to_owned()),
                Some(name) => EvalError::UnknownHead {
                    pack: path.to_owned(),
                    name: name.to_owned(),
                    known: known.join(", "),
                },
            })
        }
    }
}

/// Each baseline beside ours: the scores of the adapted head, by episode.
pub fn all(
    plan: &Plan,
    cast: &Cast,
    features: &Features,
    others: &Others,
    ours: &[f64],
) -> Result<Vec<Baseline>, TraceError> {
    let closed = |name: &str, score: fn(&TaskEpisode, &Features, Answers) -> f64| {
        let values: Vec<f64> =
            cast.episodes.par_iter().map(|episode| score(episode, features, plan.answers)).collect();
        Baseline::of(name, 0, &values, ours)
    };
    let simplest = match plan.answers {
        Answers::Classes { .. } => closed("prototypes", prototypes),
        Answers::Numbers { .. } => closed("support_mean", support_mean),
    };
    let mut baselines = vec![simplest, closed("ridge", ridge::score)];
    let random: Vec<f64> = cast
        .episodes
        .par_iter()
        .enumerate()
        .map(|(index, episode)| random_start(plan, index as u64, episode, features, others.seed))
        .collect::<Result<_, _>>()?;
    baselines.push(Baseline::of("random_start", plan.steps, &random, ours));
    if let Some(Start { weights, bias }) = &others.fine_tuned {
        let parameters = [&weights[..], bias].concat();
        let head = starting(plan.head, &parameters);
        let last = last(judge::scores(&plan.of(&head), cast, features)?);
        baselines.push(Baseline::of("fine_tuned", plan.steps, &last, ours));
    }
    for Rival { name, head, steps, answers, features } in &others.rivals {
        let plan = Plan { steps: *steps, head, answers: *answers };
        let last = last(judge::scores(&plan, cast, features)?);
        baselines.push(Baseline::of(name, *steps, &last, ours));
    }
    Ok(baselines)
}

/// A head that starts from other values.
fn starting<'a>(head: &Head<'a>, parameters: &'a [f32]) -> Head<'a> {
    let spec = HeadSpec { start: Begin::Learned, ..head.spec.clone() };
    Head { spec, parameters, ..head.clone() }
}

/// The scores after the last step.
pub fn last(scores: Vec<Vec<f64>>) -> Vec<f64> {
    scores.iter().map(|steps| steps.last().copied().unwrap_or_default()).collect()
}

/// Prototypical networks without their training (Snell, Swersky, Zemel 2017): each query goes to the class whose
/// mean support feature is nearest.
fn prototypes(episode: &TaskEpisode, features: &Features, _: Answers) -> f64 {
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

/// The mean of the support's numbers, whatever is asked.
fn support_mean(episode: &TaskEpisode, _: &Features, answers: Answers) -> f64 {
    let targets = answers.targets(&episode.support, episode.way);
    let mean: Vec<f64> =
        targets.iter().map(|target| target.iter().sum::<f64>() / target.len() as f64).collect();
    episode.query.iter().map(|query| answers.score(query, &mean)).sum::<f64>() / episode.query.len() as f64
}

/// The untrained start: weights drawn evenly within ±1/√inputs of each layer, biases zero, then the same steps at the
/// same rates.
fn random_start(
    plan: &Plan,
    index: u64,
    episode: &TaskEpisode,
    features: &Features,
    seed: u64,
) -> Result<f64, TraceError> {
    let mut random = stream(seed, Purpose::Baseline, index, 0);
    let (hidden, last) = (plan.head.hidden(), plan.head.last());
    let mut parameters = Vec::with_capacity(plan.head.parameters.len());
    for layer in hidden.into_iter().chain([last]) {
        let limit = 1.0 / ((layer.weights.len() / layer.bias.len()) as f32).sqrt();
        parameters.extend(layer.weights.iter().map(|_| limit * (2.0 * random.random::<f32>() - 1.0)));
        parameters.extend(layer.bias.iter().map(|_| 0.0));
    }
    let head = starting(plan.head, &parameters);
    let trace: Trace = plan.of(&head).trace(episode, |sample| features.of(sample))?;
    Ok(trace.scores(episode, plan.answers).last().copied().unwrap_or_default())
}
