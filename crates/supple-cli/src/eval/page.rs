//! What the page of an evaluation shows.

use supple_data::tasks::TaskEpisode;
use supple_data::{DataSet, Orientation, Sample};
use supple_pack::Pack;

use super::check::Task;
use super::result::{EvalResult, Point, separation};
use super::trace::Trace;
use crate::arguments::{EvalArguments, Kind};
use crate::data;
use crate::report::{self, DeviceFigures, Example, Judged, Look, Page, Shots, Shown};

/// What the example is taken from.
pub struct Scene<'a> {
    /// The data.
    pub set: &'a DataSet,
    /// The first episode.
    pub episode: &'a TaskEpisode,
    /// What the head did in it.
    pub trace: &'a Trace,
    /// What is new in it, and names of classes.
    pub task: &'a Task<'a>,
    /// Whether training never saw what is new.
    pub unseen: bool,
}

/// Puts the page together; the example is the first episode.
pub fn page(arguments: &EvalArguments, result: &EvalResult, scene: &Scene, pack: &Pack) -> Page {
    Page {
        title: format!("{}-way {}-shot on {}", result.way, result.shot, result.data),
        summary: summary(result, scene),
        facts: facts(arguments, result, pack),
        steps: result.steps.iter().map(point).collect(),
        baselines: result.baselines.iter().map(|b| (b.name.replace('_', " "), point(&b.point))).collect(),
        separation: separation(&result.baselines, result.metric),
        shots: shots(result),
        example: example(result, scene),
        device: result.device.as_ref().map(|figures| DeviceFigures {
            board: figures.board.to_owned(),
            ram: (figures.ram().into_iter().filter(|(_, bytes)| *bytes > 0))
                .map(|(name, bytes)| (name.to_owned(), bytes))
                .collect(),
            ram_bytes: figures.ram_bytes(),
            flash: vec![("code".to_owned(), figures.code_bytes), ("pack".to_owned(), figures.pack_bytes)],
            flash_bytes: figures.flash_bytes(),
            inference_instructions: figures.inference_instructions,
            step_instructions: figures.step_instructions,
            bit_equal: result.bit_equal.map(|equal| (equal.equal, equal.episodes)),
        }),
        command: command(arguments, result),
    }
}

fn summary(result: &EvalResult, scene: &Scene) -> String {
    let (before, after) = (result.steps[0], result.steps[result.steps.len() - 1]);
    let plural = |count: usize| if count == 1 { "" } else { "s" };
    let (sample, class) = match scene.set.drawings() {
        Some(_) => ("drawing", "character"),
        None => ("sample", "class"),
    };
    let unseen = if scene.unseen { " never seen in training" } else { "" };
    let classes = if class == "class" { "classes" } else { "characters" };
    let what = match scene.task.kind {
        Kind::NewClasses => format!("{classes}{unseen}"),
        Kind::NewDomain if scene.unseen => format!("{classes}, from a domain{unseen}"),
        Kind::NewDomain => format!("{classes} of one domain"),
    };
    format!(
        "With {} {sample}{} of each of {} {what}, {} gradient step{} take the head from {:.1} % to {:.1} % right.",
        result.shot,
        plural(result.shot),
        result.way,
        after.step,
        plural(after.step),
        100.0 * before.mean,
        100.0 * after.mean,
    )
}

fn example(result: &EvalResult, scene: &Scene) -> Example {
    let Scene { set, episode, trace, .. } = scene;
    let queries = episode.query.len();
    let (before, after) = (trace.chosen(0, queries), trace.chosen(result.steps.len() - 1, queries));
    let judged = episode.query.iter().zip(before).zip(after);
    // Classes that are new each time are called by letters.
    let names = match scene.task.kind {
        Kind::NewClasses => Vec::new(),
        Kind::NewDomain => {
            let names = scene.task.class_names();
            episode.classes.iter().filter_map(|class| names.get(*class as usize).cloned()).collect()
        }
    };
    Example {
        support: episode.support.iter().map(|sample| shown(set, sample)).collect(),
        queries: judged
            .map(|((sample, before), after)| Judged { shown: shown(set, sample), before, after })
            .collect(),
        names,
        noun: if set.drawings().is_some() { "drawings" } else { "samples" }.to_owned(),
    }
}

fn shots(result: &EvalResult) -> Option<Shots> {
    let curves = result.curves.as_ref()?;
    let at = |shot: usize, point: &Point| report::Point { step: shot, mean: point.mean, ci95: point.ci95 };
    let baselines = result.baselines.iter().enumerate().map(|(index, baseline)| {
        let points =
            curves.iter().filter_map(|curve| Some(at(curve.shot, &curve.baselines.get(index)?.point)));
        (baseline.name.clone(), points.collect())
    });
    Some(Shots {
        steps: result.steps.len() - 1,
        main: curves.iter().map(|curve| at(curve.shot, &curve.after())).collect(),
        baselines: baselines.collect(),
    })
}

/// How to get the page again.
fn command(arguments: &EvalArguments, result: &EvalResult) -> String {
    let mut text = format!(
        "supple eval {} --split {} --kind {} --way {} --shot {} --queries {} --episodes {} --seed {} --on {}",
        arguments.pack.display(),
        result.split,
        result.kind,
        result.way,
        result.shot,
        result.queries,
        result.episodes,
        result.seed,
        result.on,
    );
    if let Some(data) = &arguments.data {
        text += &format!(" --data {}", data.display());
    }
    if let Some(source) = arguments.source {
        text += &format!(" --source {}", data::name(source.0));
    }
    if arguments.skip_broken {
        text += " --skip-broken";
    }
    if let Some(hold_back) = &arguments.hold_back {
        text += &format!(" --hold-back {hold_back}");
    }
    if !arguments.shots.is_empty() {
        let shots: Vec<String> = arguments.shots.iter().map(ToString::to_string).collect();
        text += &format!(" --shots {}", shots.join(","));
    }
    for pack in &arguments.compare {
        text += &format!(" --compare {}", pack.display());
    }
    if let Some(head) = &arguments.head {
        text += &format!(" --head {head}");
    }
    if arguments.stream_features {
        text += " --stream-features";
    }
    if let Some(steps) = arguments.steps {
        text += &format!(" --steps {steps}");
    }
    if result.device.is_some() {
        text += &format!(" --board {}", arguments.board);
    }
    if let Some(firmware) = &arguments.firmware {
        text += &format!(" --firmware {}", firmware.display());
    }
    if let Some(report) = &arguments.report {
        text += &format!(" --report {}", report.display());
    }
    text
}

fn facts(arguments: &EvalArguments, result: &EvalResult, pack: &Pack) -> Vec<(String, String)> {
    let macs: u64 = pack.ops().map(|op| op.macs()).sum();
    [
        ("pack", arguments.pack.display().to_string()),
        ("trunk", format!("{}, {macs} multiply-accumulates", pack.trunk().name)),
        ("data", format!("{}, {}", result.data, result.split)),
        (
            "new in each episode",
            if result.kind == Kind::NewDomain.name() { "the domain" } else { "the classes" }.to_owned(),
        ),
        ("episodes", format!("{}, {} queries a class", result.episodes, result.queries)),
        ("seed", result.seed.to_string()),
        ("computed on", result.on.to_owned()),
    ]
    .into_iter()
    .map(|(name, value)| (name.to_owned(), value))
    .collect()
}

fn point(point: &Point) -> report::Point {
    report::Point { step: point.step, mean: point.mean, ci95: point.ci95 }
}

fn shown(set: &DataSet, sample: &Sample) -> Shown {
    let shape = set.shape();
    let mut values = vec![0.0; shape.len()];
    set.render(sample.drawing, Orientation::UPRIGHT, &mut values);
    let look = match (shape.height, shape.width) {
        (1, 1) => Look::Vector(values),
        (1, _) => Look::Signal { channels: shape.channels, values },
        // Of a picture in colours, the first is shown.
        (_, width) => Look::Drawing {
            width,
            // Inputs are whole levels over 255.
            pixels: values
                .iter()
                .step_by(shape.channels)
                .map(|value| (value * 255.0).round() as u8)
                .collect(),
        },
    };
    Shown { label: sample.label, look }
}
