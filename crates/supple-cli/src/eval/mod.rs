//! `supple eval`: adapt to episodes of unseen classes, or of unseen domains, and judge.
//!
//! | module | what |
//! |---|---|
//! | `chosen` | which part of the data |
//! | `cast` | the episodes |
//! | `features`, `qemu` | what computes |
//! | `trace`, `judge` | what heads do in episodes |
//! | `baselines`, `ridge`, `fine_tuned` | what they are compared with |
//! | `curves` | over shots |
//! | `metric`, `interval`, `result`, `page` | what is told |

mod baselines;
mod cast;
mod check;
mod chosen;
mod curves;
mod error;
mod features;
mod fine_tuned;
mod interval;
mod judge;
mod metric;
mod page;
mod qemu;
mod result;
mod ridge;
mod trace;

use std::collections::BTreeSet;

use supple_data::broken::OnBroken;
use supple_data::tasks::{TaskKind, TaskOptions, TaskShape};
use supple_data::{DataSet, Labels, Orientation};
use supple_pack::Pack;

use self::baselines::Others;
use self::cast::Cast;
use self::check::Task;
use self::chosen::{Chosen, Split};
pub use self::error::EvalError;
pub use self::features::FeaturesError;
use self::judge::Judged;
use self::page::Scene;
use self::qemu::Given;
pub use self::qemu::default_firmware;
use self::result::{BitEqual, EvalResult, FeatureDifference, Point};
use self::trace::{Answers, Plan};
use crate::arguments::{EvalArguments, HoldBackSpec, Kind, On};
use crate::boards::Board;
use crate::data::{self, Loaded};
use crate::{files, report};

/// All episodes are drawn before the first is run.
const MOST_EPISODES: usize = 100_000;
/// The logits of every step are kept.
const MOST_STEPS: usize = 1000;

/// Runs the verb.
pub fn run(arguments: &EvalArguments) -> Result<(), EvalError> {
    let bytes = files::read_pack(&arguments.pack)?;
    let (pack, head, head_index) = baselines::parse(&arguments.pack, &bytes, arguments.head.as_deref())?;
    check::arguments(arguments)?;
    check::head(arguments, &arguments.pack, &head)?;
    let packs = baselines::read(arguments)?;
    let on_broken = if arguments.skip_broken { OnBroken::Skip } else { OnBroken::Refuse };
    let source = arguments.source.map(|name| name.0);
    let Loaded { set, source } = data::load_set(arguments.data.as_deref(), source, None, on_broken)?;
    let task = Task::of(arguments, &head, &set)?;
    let chosen = chosen::choose(arguments, (&set, source), &head)?;
    let (cast, casts) = draw(arguments, &set, &chosen, &task)?;
    check::input(&arguments.pack, &pack, &set)?;
    let plan = Plan {
        steps: arguments.steps.unwrap_or(head.spec.steps.into()),
        head: &head,
        answers: task.answers(&arguments.pack, &head, &set)?,
    };
    let all: BTreeSet<usize> =
        casts.iter().map(|(_, cast)| cast).chain([&cast]).flat_map(|cast| &cast.samples).copied().collect();
    let all: Vec<usize> = all.into_iter().collect();
    let board = (arguments.on == On::Qemu).then(|| Board::named(&arguments.board)).transpose()?;
    let measure = |given: &Given| board.map(|board| qemu::measure(given, &board, &cast, &plan)).transpose();
    let mut given = Given::samples(arguments, &pack, head_index, &set);
    // Before anything else that takes long: is there a board to run on?
    let mut device = if arguments.stream_features { None } else { measure(&given)? };
    let twin = features::twin(&pack, &set, all.clone())?;
    if arguments.stream_features {
        given = Given::features(arguments, &bytes, head_index, &twin)?;
        device = measure(&given)?;
    }
    let mut feature_difference = None;
    let mut bit_equal = None;
    let judged = match arguments.on {
        On::Twin => judge::judge(&plan, &cast, &twin)?,
        On::Tract => {
            let tract = features::tract(&pack, &set, cast.samples.clone())?;
            feature_difference = Some(FeatureDifference::between(&twin, &tract));
            judge::judge(&plan, &cast, &tract)?
        }
        On::Qemu => {
            let traces = qemu::run(&given, &cast, &plan)?;
            let equal = judge::equal_to_twin(&plan, &cast, &twin, &traces)?;
            bit_equal = Some(BitEqual { episodes: traces.len(), equal });
            let scores =
                traces.iter().zip(&cast.episodes).map(|(trace, episode)| trace.scores(episode, plan.answers));
            Judged { scores: scores.collect(), first: traces[0].clone() }
        }
    };
    let others = Others {
        fine_tuned: fine_tuned(&pack, &set, &chosen, &task, &plan)?,
        rivals: baselines::rivals(arguments, &packs, &task, &set, &all)?,
        seed: arguments.seed,
    };
    let ours = baselines::last(judged.scores.clone());
    let curves = match casts.is_empty() {
        true => None,
        false => Some(curves::all(&plan, &casts, &twin, &others)?),
    };
    let result = EvalResult {
        head: head.spec.name.as_str().to_owned(),
        metric: plan.answers.metric(),
        way: plan.answers.width(arguments.way),
        shot: arguments.shot,
        queries: arguments.queries,
        episodes: arguments.episodes,
        seed: arguments.seed,
        on: arguments.on.name(),
        data: set.name().to_owned(),
        split: chosen.split.name(),
        kind: task.kind.name(),
        hold_back: chosen.validation.as_ref().map(|(rule, _)| HoldBackSpec(rule.clone()).to_string()),
        steps: Point::of_steps(&judged.scores),
        baselines: baselines::all(&plan, &cast, &twin, &others, &ours)?,
        curves,
        bit_equal,
        feature_difference,
        device,
    };
    crate::print(arguments.json, &result.object(), &result.lines());
    if let Some(path) = &arguments.report {
        let unseen = chosen.split == Split::Validation && head.spec.data == set.fingerprint();
        let scene =
            Scene { set: &set, episode: &cast.episodes[0], trace: &judged.first, task: &task, unseen };
        files::write(path, report::render(&page::page(arguments, &result, &scene, &pack)).as_bytes())?;
    }
    Ok(())
}

/// The episodes of the main result, and those of each further shot.
fn draw(
    arguments: &EvalArguments,
    set: &DataSet,
    chosen: &Chosen,
    task: &Task,
) -> Result<(Cast, Vec<(usize, Cast)>), EvalError> {
    let kind = match task.kind {
        Kind::NewClasses => TaskKind::NewClasses,
        Kind::NewDomain => TaskKind::NewDomain,
    };
    let EvalArguments { way, queries, episodes, seed, .. } = *arguments;
    let draw = |shot: usize| {
        let shape = TaskShape { way, shot, queries };
        let orientations = &[Orientation::UPRIGHT];
        let options = TaskOptions { task: task.index, kind, within_domain: false, shape, orientations };
        Cast::draw(set, &chosen.part, options, (episodes, seed))
    };
    let shots: BTreeSet<usize> = arguments.shots.iter().copied().collect();
    let casts = shots.into_iter().map(|shot| Ok((shot, draw(shot)?))).collect::<Result<_, EvalError>>()?;
    Ok((draw(arguments.shot)?, casts))
}

/// A start of a linear head trained on all classes at once, where labels keep their meaning and there is a part to train
/// on that the episodes do not come from.
fn fine_tuned(
    pack: &Pack,
    set: &DataSet,
    chosen: &Chosen,
    task: &Task,
    plan: &Plan,
) -> Result<Option<fine_tuned::Start>, EvalError> {
    let (Some((_, training)), Labels::Classes { of, .. }) = (&chosen.validation, task.labels) else {
        return Ok(None);
    };
    if !matches!(plan.answers, Answers::Classes { own_rows: true }) || plan.head.spec.hidden > 0 {
        return Ok(None);
    }
    let capacity = usize::from(plan.head.spec.capacity);
    let labelled = training.samples(set).filter_map(|sample| Some((sample, of[sample]?)));
    let samples = fine_tuned::choose(labelled, capacity);
    let features = features::twin(pack, set, samples.iter().map(|(sample, _)| *sample).collect())?;
    Ok(Some(fine_tuned::train(&features, &samples, capacity)))
}
