//! `supple eval`: adapt to episodes of unseen classes and judge.

mod baselines;
mod cast;
mod features;
mod page;
mod qemu;
mod result;
mod trace;

use std::path::PathBuf;

use rayon::prelude::*;
use supple_data::{Drawings, Episode, EpisodeError, Split, SplitError};
use supple_pack::{Head, Pack};

use self::cast::Cast;
use self::features::{Features, FeaturesError};
use self::qemu::QemuEvalError;
use self::result::{BitEqual, EvalResult, FeatureDifference, Point};
use self::trace::{Plan, Trace, TraceError};
use crate::arguments::{EvalArguments, On};
use crate::boards::{Board, UnknownBoard};
use crate::data::{self, DataError};
use crate::files::{self, FileError};
use crate::report;

/// All episodes are drawn before the first is run.
const MOST_EPISODES: usize = 100_000;
/// The logits of every step are kept.
const MOST_STEPS: usize = 1000;

/// Why there is no result.
#[derive(Debug, thiserror::Error)]
pub enum EvalError {
    /// The pack cannot be used, or the page not written.
    #[error(transparent)]
    File(#[from] FileError),
    /// The pack has no head.
    #[error("{0} holds no head: pack a training's output (`supple pack`), not a trunk alone")]
    NoHead(PathBuf),
    /// The data cannot be used.
    #[error(transparent)]
    Data(#[from] DataError),
    /// The split is not one, or does not fit the data.
    #[error(transparent)]
    Split(#[from] SplitError),
    /// On the data it was trained on, the part must be named.
    #[error(
        "the pack was trained on {0}: say which part with --split (`validation` was held back; `train` and `all` \
         hold what it was trained on)"
    )]
    SplitNeeded(String),
    /// The data does not give such episodes.
    #[error(transparent)]
    Episode(#[from] EpisodeError),
    /// No episode, or more than memory holds.
    #[error("--episodes must be within 1..={MOST_EPISODES}, not {0}")]
    Episodes(usize),
    /// More steps than any adaptation takes.
    #[error("--steps must be at most {MOST_STEPS}, not {0}")]
    Steps(usize),
    /// The page has no folder.
    #[error("the folder of {0} does not exist: make it, or give --report another path")]
    NoReportFolder(PathBuf),
    /// More classes than the head holds.
    #[error(
        "--way {way} is above the pack's capacity of {capacity} classes: lower it, or train a head of larger capacity"
    )]
    WayAboveCapacity {
        /// As asked.
        way: usize,
        /// As the pack says.
        capacity: usize,
    },
    /// More support samples than the head caches.
    #[error(
        "{support} support samples (--way times --shot) are above the pack's {max_support}: lower --shot, or train a \
         head with a larger `max_support`"
    )]
    SupportAboveMost {
        /// As asked.
        support: usize,
        /// As the pack says.
        max_support: usize,
    },
    /// Inputs of another size.
    #[error(
        "the pack's trunk takes {0} values, drawings have {1}: evaluate a pack of a trunk for 28 × 28 drawings"
    )]
    Input(usize, usize),
    /// A trunk did not run.
    #[error(transparent)]
    Features(#[from] FeaturesError),
    /// A head did not adapt.
    #[error(transparent)]
    Trace(#[from] TraceError),
    /// No such board.
    #[error(transparent)]
    Board(#[from] UnknownBoard),
    /// The emulated board failed.
    #[error(transparent)]
    Qemu(#[from] QemuEvalError),
}

impl EvalError {
    /// Whether Ctrl-C ended it.
    pub fn is_interruption(&self) -> bool {
        matches!(self, Self::Qemu(QemuEvalError::Interrupted))
    }
}

/// What an engine gave: accuracies of each episode by step, and all of the first episode.
struct Judged {
    accuracies: Vec<Vec<f64>>,
    first: Trace,
}

/// Runs the verb.
pub fn run(arguments: &EvalArguments) -> Result<(), EvalError> {
    let bytes = files::read_pack(&arguments.pack)?;
    let pack = files::parse_pack(&arguments.pack, &bytes)?;
    let head = pack.heads().next().ok_or_else(|| EvalError::NoHead(arguments.pack.clone()))?;
    check(arguments, &pack, &head)?;
    let set = data::load(&arguments.data)?;
    let split = split(arguments, &set, &head)?;
    let cast = Cast::draw(&set, split, arguments)?;
    let plan = Plan { steps: arguments.steps.unwrap_or(head.spec.steps.into()), head: &head };
    // Before anything else that takes long: is there a board to run on?
    let device = match arguments.on {
        On::Qemu => Some(qemu::measure(arguments, &Board::named(&arguments.board)?, &pack, &set, &cast)?),
        On::Twin | On::Tract => None,
    };

    let twin = features::twin(&pack, &set, &cast)?;
    let mut feature_difference = None;
    let mut bit_equal = None;
    let judged = match arguments.on {
        On::Twin => judge(&plan, &cast, &twin)?,
        On::Tract => {
            let tract = features::tract(&pack, &set, &cast)?;
            feature_difference = Some(FeatureDifference::between(&twin, &tract));
            judge(&plan, &cast, &tract)?
        }
        On::Qemu => {
            let traces = qemu::run(arguments, &set, &cast, &plan)?;
            let equal = equal_to_twin(&plan, &cast, &twin, &traces)?;
            bit_equal = Some(BitEqual { episodes: traces.len(), equal });
            let accuracies = traces.iter().zip(&cast.episodes).map(|(t, episode)| t.accuracies(episode));
            Judged { accuracies: accuracies.collect(), first: traces[0].clone() }
        }
    };
    let result = EvalResult {
        way: arguments.way,
        shot: arguments.shot,
        queries: arguments.queries,
        episodes: arguments.episodes,
        seed: arguments.seed,
        on: arguments.on.name(),
        data: set.name().to_owned(),
        split: split.name(),
        steps: Point::of_steps(&judged.accuracies),
        baselines: baselines::all(&plan, &cast, &twin, arguments.seed)?,
        bit_equal,
        feature_difference,
        device,
    };
    crate::print(arguments.json, &result.object(), &result.lines());
    if let Some(path) = &arguments.report {
        let unseen = split == Split::Validation && head.spec.data == set.fingerprint();
        let page = page::page(arguments, &result, &set, &cast.episodes[0], &judged.first, &pack, unseen);
        files::write(path, report::render(&page).as_bytes())?;
    }
    Ok(())
}

/// What the pack must have room for.
fn check(arguments: &EvalArguments, pack: &Pack, head: &Head) -> Result<(), EvalError> {
    let EvalArguments { way, shot, episodes, .. } = *arguments;
    let (capacity, max_support) = (usize::from(head.spec.capacity), usize::from(head.spec.max_support));
    let support = way.saturating_mul(shot);
    let (input, drawing) = (pack.trunk().input.elements(), supple_data::INPUT_LENGTH);
    if !(1..=MOST_EPISODES).contains(&episodes) {
        return Err(EvalError::Episodes(episodes));
    }
    if let Some(steps) = arguments.steps.filter(|steps| *steps > MOST_STEPS) {
        return Err(EvalError::Steps(steps));
    }
    if let Some(page) = &arguments.report
        && page.parent().is_some_and(|folder| !folder.as_os_str().is_empty() && !folder.is_dir())
    {
        return Err(EvalError::NoReportFolder(page.clone()));
    }
    if way > capacity {
        return Err(EvalError::WayAboveCapacity { way, capacity });
    }
    if support > max_support {
        return Err(EvalError::SupportAboveMost { support, max_support });
    }
    if input != drawing {
        return Err(EvalError::Input(input, drawing));
    }
    Ok(())
}

/// All, unless the pack was trained on this data: then the part must be named.
fn split(arguments: &EvalArguments, set: &Drawings, head: &Head) -> Result<Split, EvalError> {
    match &arguments.split {
        Some(name) => Ok(name.parse()?),
        None if head.spec.data == set.fingerprint() => Err(EvalError::SplitNeeded(set.name().to_owned())),
        None => Ok(Split::All),
    }
}

/// Adapts to every episode and judges; of all but the first, only the accuracies are kept.
fn judge(plan: &Plan, cast: &Cast, features: &Features) -> Result<Judged, TraceError> {
    let trace = |episode: &Episode| plan.trace(episode, |drawing| features.of(drawing));
    let accuracies = cast
        .episodes
        .par_iter()
        .map(|episode| Ok(trace(episode)?.accuracies(episode)))
        .collect::<Result<_, TraceError>>();
    Ok(Judged { accuracies: accuracies?, first: trace(&cast.episodes[0])? })
}

/// How many episodes are the twin's, bit for bit.
fn equal_to_twin(plan: &Plan, cast: &Cast, twin: &Features, traces: &[Trace]) -> Result<usize, TraceError> {
    let equal = cast.episodes.par_iter().zip(traces).map(|(episode, found)| {
        let expected = plan.trace(episode, |drawing| twin.of(drawing))?;
        Ok(usize::from(found.same_bits(&expected)))
    });
    equal.sum()
}
