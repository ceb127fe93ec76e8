//! What the page of an evaluation shows.

use supple_data::render::{INPUT_LENGTH, Orientation};
use supple_data::{Drawings, Episode, Sample};
use supple_pack::Pack;

use super::result::{EvalResult, Point};
use super::trace::Trace;
use crate::arguments::EvalArguments;
use crate::report::{self, DeviceFigures, Drawing, Example, Judged, Page};

/// Puts the page together; the example is the first episode.
pub fn page(
    arguments: &EvalArguments,
    result: &EvalResult,
    set: &Drawings,
    episode: &Episode,
    trace: &Trace,
    pack: &Pack,
    unseen: bool,
) -> Page {
    let (before, after) = (result.steps[0], result.steps[result.steps.len() - 1]);
    let last = result.steps.len() - 1;
    let queries = episode.query.len();
    let (chosen_before, chosen_after) = (trace.chosen(0, queries), trace.chosen(last, queries));
    let judged = episode.query.iter().zip(chosen_before).zip(chosen_after);
    let plural = |count: usize| if count == 1 { "" } else { "s" };
    Page {
        title: format!("{}-way {}-shot on {}", result.way, result.shot, result.data),
        summary: format!(
            "With {} drawing{} of each of {} characters{}, {} gradient step{} take the head from {:.1} % to {:.1} % right.",
            result.shot,
            plural(result.shot),
            result.way,
            if unseen { " never seen in training" } else { "" },
            last,
            plural(last),
            100.0 * before.mean,
            100.0 * after.mean,
        ),
        facts: facts(arguments, result, pack),
        steps: result.steps.iter().map(point).collect(),
        baselines: result.baselines.iter().map(|(name, p)| (name.replace('_', " "), point(p))).collect(),
        example: Example {
            support: episode.support.iter().map(|sample| drawing(set, sample)).collect(),
            queries: judged
                .map(|((sample, before), after)| Judged { drawing: drawing(set, sample), before, after })
                .collect(),
        },
        device: result.device.as_ref().map(|figures| DeviceFigures {
            board: figures.board.to_owned(),
            ram: figures.ram().into_iter().map(|(name, bytes)| (name.to_owned(), bytes)).collect(),
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

/// How to get the page again.
fn command(arguments: &EvalArguments, result: &EvalResult) -> String {
    let mut text = format!(
        "supple eval {} --data {} --split {} --way {} --shot {} --queries {} --episodes {} --seed {} --on {}",
        arguments.pack.display(),
        arguments.data.display(),
        result.split,
        result.way,
        result.shot,
        result.queries,
        result.episodes,
        result.seed,
        result.on,
    );
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

fn drawing(set: &Drawings, sample: &Sample) -> Drawing {
    let mut input = [0.0; INPUT_LENGTH];
    set.render(sample.drawing, Orientation::UPRIGHT, &mut input);
    // Inputs are whole levels over 255.
    Drawing { label: sample.label, pixels: input.iter().map(|value| (value * 255.0).round() as u8).collect() }
}
