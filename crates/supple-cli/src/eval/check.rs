//! What a pack must have room for, and what data must be like for it.

use std::path::Path;

use supple_data::{DataSet, Labels};
use supple_pack::{Head, LabelMeaning, Pack};

use super::{EvalError, MOST_EPISODES, MOST_STEPS};
use crate::arguments::{EvalArguments, Kind};

/// What the command line asks for, before anything is loaded.
pub fn arguments(arguments: &EvalArguments) -> Result<(), EvalError> {
    if !(1..=MOST_EPISODES).contains(&arguments.episodes) {
        return Err(EvalError::Episodes(arguments.episodes));
    }
    if let Some(steps) = arguments.steps.filter(|steps| *steps > MOST_STEPS) {
        return Err(EvalError::Steps(steps));
    }
    if let Some(page) = &arguments.report
        && page.parent().is_some_and(|folder| !folder.as_os_str().is_empty() && !folder.is_dir())
    {
        return Err(EvalError::NoReportFolder(page.clone()));
    }
    Ok(())
}

/// What a head must have room for.
pub fn head(arguments: &EvalArguments, pack: &Path, head: &Head) -> Result<(), EvalError> {
    let way = arguments.way;
    let (capacity, max_support) = (usize::from(head.spec.capacity), usize::from(head.spec.max_support));
    let most_shot = arguments.shots.iter().copied().fold(arguments.shot, usize::max);
    let support = way.saturating_mul(most_shot);
    let pack = pack.to_owned();
    if way > capacity {
        return Err(EvalError::WayAboveCapacity { pack, way, capacity });
    }
    if support > max_support {
        return Err(EvalError::SupportAboveMost { pack, support, max_support });
    }
    Ok(())
}

/// Whether a trunk takes a data set's samples.
pub fn input(path: &Path, pack: &Pack, set: &DataSet) -> Result<(), EvalError> {
    let (shape, given) = (pack.trunk().input.shape, set.shape());
    let takes = [shape.height, shape.width, shape.channels].map(usize::from);
    let given = [given.height, given.width, given.channels];
    let text = |[height, width, channels]: [usize; 3]| format!("{height} × {width} × {channels}");
    if takes == given {
        return Ok(());
    }
    let set = set.name().to_owned();
    Err(EvalError::Input { pack: path.to_owned(), takes: text(takes), set, given: text(given) })
}

/// What is new in an episode, as asked for or as the head was trained for.
pub fn kind(arguments: &EvalArguments, head: &Head) -> Kind {
    arguments.kind.unwrap_or(match head.spec.labels {
        LabelMeaning::Fresh => Kind::NewClasses,
        LabelMeaning::Kept => Kind::NewDomain,
    })
}

/// Whether an episode's classes start from their own rows of a head. All must have one then.
pub fn own_rows(kind: Kind, path: &Path, head: &Head, set: &DataSet) -> Result<bool, EvalError> {
    if head.spec.labels == LabelMeaning::Fresh || kind == Kind::NewClasses {
        return Ok(false);
    }
    let (capacity, classes) = (usize::from(head.spec.capacity), class_names(set).len());
    if classes > capacity {
        return Err(EvalError::MoreClasses {
            pack: path.to_owned(),
            capacity,
            set: set.name().to_owned(),
            classes,
        });
    }
    Ok(true)
}

/// Names of the classes that episodes are drawn from.
pub fn class_names(set: &DataSet) -> &[String] {
    match set.tasks().first().map(|task| &task.labels) {
        Some(Labels::Classes { names, .. }) => names,
        _ => &[],
    }
}
