//! Heads learn.

use serde_json::json;
use supple_link::Adaptation;

use super::arguments::{AdaptArguments, HeadChoice};
use super::feed::{Feed, Twin};
use super::predict::Score;
use super::samples::{self, Drawn, Start};
use super::{Device, DeviceCommandError, bar, pack_of, select};

/// `adapt`.
pub fn adapt(device: &mut Device, arguments: &AdaptArguments, json: bool) -> Result<(), DeviceCommandError> {
    let draw = &arguments.draw;
    let info = device.info()?;
    let facts = pack_of(&info)?;
    let (_, head) = select(device, &facts, draw.head.head.as_deref())?;
    let twin = Twin::read(draw.pack.as_deref())?;
    let pack = twin.pack(draw.pack.as_deref(), &head.name)?;
    let drawn = samples::draw(draw, &head, pack.as_ref(), arguments.queries)?;
    let feed = Feed::of(draw, pack, &facts)?;
    feed.check(drawn.set.name(), drawn.set.shape().len(), &facts)?;
    let samples = drawn.support.len();
    if samples > facts.max_support.into() {
        return Err(DeviceCommandError::Samples { samples, most: facts.max_support });
    }
    match &drawn.start {
        Start::Way(way) => device.begin(*way)?,
        Start::Rows(rows) => device.begin_rows(rows)?,
    }
    device.clear_support()?;
    let progress = bar(samples as u64, "support samples", false);
    for sample in &drawn.support {
        feed.sample(device, &drawn.set, *sample)?;
        device.push_sample(drawn.label(*sample), sample.held_back)?;
        progress.inc(1);
    }
    progress.finish_and_clear();
    let before = judge(device, &feed, &drawn)?;
    let steps = arguments.steps.unwrap_or(head.steps);
    let adapted = device.adapt(steps)?;
    let after = judge(device, &feed, &drawn)?;
    let (outcome, loss_before, loss_after) = match adapted.outcome {
        Adaptation::Adapted { before, after } => ("adapted", before, after),
        Adaptation::Refused { before, after } => ("refused", before, after),
    };
    let milliseconds = 1e3 * f64::from(adapted.ticks) / f64::from(info.clock.hertz.max(1));
    let judges = drawn.support.iter().filter(|sample| sample.held_back).count();
    let object = json!({
        "head": head.name.as_str(),
        "outcome": outcome,
        "loss_before": loss_before,
        "loss_after": loss_after,
        "steps": steps,
        "way": drawn.start.way(),
        "samples": samples - judges,
        "judges": judges,
        "seed": draw.seed,
        "data": drawn.set.name(),
        "ticks": adapted.ticks,
        "milliseconds": milliseconds,
        "metric": before.as_ref().map(Score::metric),
        "queries": drawn.queries.len(),
        "before": before.as_ref().map(|score| score.mean),
        "after": after.as_ref().map(|score| score.mean),
    });
    let mut text = format!(
        "head `{}` took {steps} steps on {} samples of {}: loss {loss_before:.4} before, {loss_after:.4} after",
        head.name,
        samples - judges,
        drawn.set.name()
    );
    if outcome == "refused" {
        text += "; that is no better, so it was undone and the head is at its start: give more or other samples, or go \
                 back to what was saved with `supple device restore`";
    }
    if let Some((before, after)) = before.zip(after) {
        text += &format!(
            "\n  {} queries: {} {} before, {} after",
            drawn.queries.len(),
            before.metric(),
            before.text(),
            after.text()
        );
    }
    if outcome == "adapted" {
        text += "\n  not saved yet: `supple device save` keeps it through a loss of power";
    }
    crate::print(json, &object, &text);
    Ok(())
}

/// How good the head is on the queries; `None` without any.
fn judge(device: &mut Device, feed: &Feed, drawn: &Drawn) -> Result<Option<Score>, DeviceCommandError> {
    let mut scores = Vec::new();
    for query in &drawn.queries {
        feed.sample(device, &drawn.set, *query)?;
        let outputs = device.logits()?;
        scores.push(Score::of(drawn.label(*query), &outputs));
    }
    Ok(Score::mean(&scores))
}

/// `reset`.
pub fn reset(device: &mut Device, choice: &HeadChoice, json: bool) -> Result<(), DeviceCommandError> {
    let head = chosen(device, choice)?;
    device.reset()?;
    let object = json!({ "head": head, "reset": true });
    crate::print(json, &object, &format!("head `{head}` is at its start again"));
    Ok(())
}

/// `enrol`.
pub fn enrol(device: &mut Device, choice: &HeadChoice, json: bool) -> Result<(), DeviceCommandError> {
    let head = chosen(device, choice)?;
    let class = device.enrol()?;
    let object = json!({ "head": head, "class": class });
    crate::print(json, &object, &format!("head `{head}` has a class more, number {class}"));
    Ok(())
}

/// `forget`.
pub fn forget(
    device: &mut Device,
    class: u16,
    choice: &HeadChoice,
    json: bool,
) -> Result<(), DeviceCommandError> {
    let head = chosen(device, choice)?;
    device.forget(class)?;
    let object = json!({ "head": head, "forgotten": class });
    crate::print(json, &object, &format!("head `{head}` has forgotten class {class}; later ones moved down"));
    Ok(())
}

fn chosen(device: &mut Device, choice: &HeadChoice) -> Result<String, DeviceCommandError> {
    let facts = pack_of(&device.info()?)?;
    let (_, head) = select(device, &facts, choice.head.as_deref())?;
    Ok(head.name.as_str().to_owned())
}
