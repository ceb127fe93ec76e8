//! What a pack must have room for, and what data must be like for it.

use std::path::Path;

use supple_data::{DataSet, Labels};
use supple_pack::{Head, HeadTask, LabelMeaning, Pack};

use super::trace::Answers;
use super::{EvalError, MOST_EPISODES, MOST_STEPS};
use crate::arguments::{EvalArguments, Kind, On};

/// What the command line asks for, before anything is loaded.
pub fn arguments(arguments: &EvalArguments) -> Result<(), EvalError> {
    if !(1..=MOST_EPISODES).contains(&arguments.episodes) {
        return Err(EvalError::Episodes(arguments.episodes));
    }
    if let Some(steps) = arguments.steps.filter(|steps| *steps > MOST_STEPS) {
        return Err(EvalError::Steps(steps));
    }
    if arguments.stream_features && arguments.on != On::Qemu {
        return Err(EvalError::StreamWithoutBoard);
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
    // Of numbers, there are no classes that shots are counted by.
    let numbers = head.spec.task == HeadTask::Numbers;
    let support = if numbers { most_shot } else { way.saturating_mul(most_shot) };
    let pack = pack.to_owned();
    if numbers && arguments.report.is_some() {
        return Err(EvalError::ReportOfNumbers(pack));
    }
    if way > capacity && !numbers {
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
    let (path, set, given) = (path.to_owned(), set.name().to_owned(), text(given));
    if pack.ops().next().is_none() {
        return Err(EvalError::NoTrunk { pack: path, takes: takes.iter().product(), set, given });
    }
    Err(EvalError::Input { pack: path, takes: text(takes), set, given })
}

/// The task of a data set that a head is judged by.
pub struct Task<'d> {
    /// Its number.
    pub index: usize,
    /// Its answers.
    pub labels: &'d Labels,
    /// What is new in an episode.
    pub kind: Kind,
}

impl<'d> Task<'d> {
    /// The task that a head is named after, where it has such answers; else the set's main one.
    pub fn of(arguments: &EvalArguments, head: &Head, set: &'d DataSet) -> Result<Self, EvalError> {
        let alike = |labels: &Labels| {
            matches!(labels, Labels::Values { .. }) == (head.spec.task == HeadTask::Numbers)
        };
        let named =
            |task: &supple_data::TaskLabels| head.spec.name == task.name.as_str() && alike(&task.labels);
        let index = set.tasks().iter().position(named).unwrap_or(0);
        let labels = &set.tasks()[index].labels;
        let pack = || arguments.pack.clone();
        let kind = match (head.spec.task, arguments.kind) {
            (HeadTask::Numbers, Some(Kind::NewClasses)) => {
                return Err(EvalError::NumbersOfNewClasses(pack()));
            }
            (HeadTask::Numbers, _) | (HeadTask::Classes(LabelMeaning::Kept), None) => Kind::NewDomain,
            (HeadTask::Classes(LabelMeaning::Fresh), None) => Kind::NewClasses,
            (HeadTask::Classes(_), Some(kind)) => kind,
        };
        Ok(Self { index, labels, kind })
    }

    /// What samples are labelled with for a head. Where its classes are to start from their own rows, all must have one.
    pub fn answers(&self, path: &Path, head: &Head, set: &DataSet) -> Result<Answers<'d>, EvalError> {
        let capacity = usize::from(head.spec.capacity);
        let set = || set.name().to_owned();
        match (self.labels, head.spec.task) {
            (Labels::Values { names, of }, HeadTask::Numbers) => {
                let outputs = names.len();
                if outputs != capacity {
                    let pack = path.to_owned();
                    return Err(EvalError::Outputs { pack, capacity, set: set(), outputs });
                }
                Ok(Answers::Numbers { of, outputs })
            }
            (Labels::Classes { names, .. }, HeadTask::Classes(meaning)) => {
                let own_rows = meaning == LabelMeaning::Kept && self.kind == Kind::NewDomain;
                if own_rows && names.len() > capacity {
                    let (pack, classes) = (path.to_owned(), names.len());
                    return Err(EvalError::MoreClasses { pack, capacity, set: set(), classes });
                }
                Ok(Answers::Classes { own_rows })
            }
            (Labels::Values { .. }, _) => Err(EvalError::OtherAnswers {
                pack: path.to_owned(),
                predicts: "classes",
                set: set(),
                has: "numbers",
            }),
            (Labels::Classes { .. }, _) => Err(EvalError::OtherAnswers {
                pack: path.to_owned(),
                predicts: "numbers",
                set: set(),
                has: "classes",
            }),
        }
    }

    /// Names of its classes.
    pub fn class_names(&self) -> &'d [String] {
        match self.labels {
            Labels::Classes { names, .. } => names,
            Labels::Values { .. } => &[],
        }
    }
}
