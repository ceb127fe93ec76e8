//! Labelled samples for a device: which are drawn, and what they are to a head.

use std::collections::BTreeSet;

use rand::seq::SliceRandom;
use supple_data::broken::OnBroken;
use supple_data::part::{self, Part};
use supple_data::random::{Purpose, stream};
use supple_data::tasks::{TaskEpisode, TaskKind, TaskOptions, TaskSampler, TaskShape};
use supple_data::{DataSet, Labels, Orientation};
use supple_link::HeadFacts;
use supple_link::host::Label;
use supple_link::message::Task;
use supple_meta::recipe::{DataRecipe, Source};
use supple_pack::{HeadTask, LabelMeaning, Pack};

use super::arguments::{DrawArguments, PartName};
use super::error::DeviceCommandError;
use crate::arguments::{HoldBackSpec, Kind};
use crate::data::{self, Loaded};

/// Samples that were drawn.
pub struct Drawn {
    /// What they are of.
    pub set: DataSet,
    /// The set's task that the head is to learn.
    task: usize,
    /// To learn from, those that only judge behind the others.
    pub support: Vec<Sample>,
    /// Neither learned from nor judged by.
    pub queries: Vec<Sample>,
    /// How the head begins.
    pub start: Start,
    /// Names of the classes by label; none where the answers are numbers.
    pub names: Vec<String>,
}

/// A sample that was drawn.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Sample {
    /// As the set numbers it.
    pub index: usize,
    /// Its class to the head; 0 where the answers are numbers.
    pub class: u16,
    /// Whether it only judges.
    pub held_back: bool,
}

/// How a head begins.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Start {
    /// With so many classes, or numbers.
    Way(u16),
    /// Each class from its own row.
    Rows(Vec<u16>),
}

impl Start {
    /// Classes, or numbers.
    pub fn way(&self) -> usize {
        match self {
            Self::Way(way) => usize::from(*way),
            Self::Rows(rows) => rows.len(),
        }
    }
}

impl Drawn {
    /// What a sample is to the head.
    pub fn label(&self, sample: Sample) -> Label<'_> {
        match &self.set.tasks()[self.task].labels {
            Labels::Classes { .. } => Label::Class(sample.class),
            Labels::Values { names, of } => Label::Numbers(&of[sample.index * names.len()..][..names.len()]),
        }
    }
}

/// Draws samples for a head.
pub fn draw(
    arguments: &DrawArguments,
    head: &HeadFacts,
    pack: Option<&Pack>,
    queries: usize,
) -> Result<Drawn, DeviceCommandError> {
    if arguments.data.is_none() && arguments.source.is_none() {
        return Err(DeviceCommandError::NoData);
    }
    let on_broken = if arguments.skip_broken { OnBroken::Skip } else { OnBroken::Refuse };
    let source = arguments.source.map(|name| name.0);
    let Loaded { set, source } = data::load_set(arguments.data.as_deref(), source, None, on_broken)?;
    let part = choose(arguments, &set, source)?;
    let task = task(head, &set)?;
    let meaning = pack.and_then(|pack| pack.heads().find(|other| other.spec.name == head.name));
    let meaning = meaning.map(|head| head.spec.task);
    let kept = meaning.is_none_or(|task| task == HeadTask::Classes(LabelMeaning::Kept));
    let kind = arguments.kind.unwrap_or(match meaning {
        Some(HeadTask::Classes(LabelMeaning::Kept)) => Kind::NewDomain,
        _ => Kind::NewClasses,
    });
    let episode = episode(arguments, &set, &part, (task, kind))?;
    let start = match &set.tasks()[task].labels {
        Labels::Values { .. } => Start::Way(head.capacity),
        Labels::Classes { names, .. } if kind == Kind::NewDomain && kept => {
            if names.len() > head.capacity.into() {
                let (set, classes, capacity) = (set.name().to_owned(), names.len(), head.capacity);
                return Err(DeviceCommandError::MoreClasses { set, classes, capacity });
            }
            Start::Rows(episode.classes.iter().map(|class| *class as u16).collect())
        }
        Labels::Classes { .. } => {
            let (way, capacity) = (arguments.way, head.capacity);
            if way > capacity.into() {
                return Err(DeviceCommandError::Way { way, capacity });
            }
            Start::Way(way as u16)
        }
    };
    let queries = (0..episode.classes.len().max(1))
        .flat_map(|class| of_class(&set, &part, task, &episode, class, (arguments.seed, queries)))
        .collect();
    // Shot by shot through the classes, so those that judge come last.
    let learned = arguments.shot * episode.way.max(1);
    let sample = |(place, sample): (usize, &supple_data::Sample)| Sample {
        index: sample.drawing,
        class: sample.label as u16,
        held_back: place >= learned,
    };
    let names = match &set.tasks()[task].labels {
        Labels::Classes { names, .. } => {
            episode.classes.iter().map(|class| names[*class as usize].clone()).collect()
        }
        Labels::Values { .. } => Vec::new(),
    };
    Ok(Drawn {
        support: episode.support.iter().enumerate().map(sample).collect(),
        queries,
        start,
        names,
        task,
        set,
    })
}

/// The part of a set to draw from.
fn choose(arguments: &DrawArguments, set: &DataSet, source: Source) -> Result<Part, DeviceCommandError> {
    if arguments.split == PartName::All {
        return Ok(Part::all(set));
    }
    let usual = || DataRecipe { source, ..DataRecipe::default() }.hold_back();
    let hold_back = arguments.hold_back.as_ref().map_or_else(usual, |HoldBackSpec(spec)| spec.clone());
    let (training, validation) = part::split(set, &hold_back)?;
    Ok(if arguments.split == PartName::Train { training } else { validation })
}

/// The set's task that a head is named after, or its main one.
fn task(head: &HeadFacts, set: &DataSet) -> Result<usize, DeviceCommandError> {
    let numbers = head.task == Task::Numbers;
    let alike = |labels: &Labels| match labels {
        Labels::Values { names, .. } => numbers && names.len() == usize::from(head.capacity),
        Labels::Classes { .. } => !numbers,
    };
    let named = set.tasks().iter().position(|task| head.name == task.name.as_str() && alike(&task.labels));
    let index = named.unwrap_or(0);
    if alike(&set.tasks()[index].labels) {
        return Ok(index);
    }
    let told = |numbers| if numbers { "numbers" } else { "classes" };
    Err(DeviceCommandError::OtherAnswers {
        head: head.name.as_str().to_owned(),
        predicts: told(numbers),
        set: set.name().to_owned(),
        has: match &set.tasks()[index].labels {
            Labels::Values { .. } if numbers => "another number of numbers",
            Labels::Values { .. } => told(true),
            Labels::Classes { .. } => told(false),
        },
    })
}

/// Support samples, and those that judge; how many queries are wanted does not change them.
fn episode(
    arguments: &DrawArguments,
    set: &DataSet,
    part: &Part,
    (task, kind): (usize, Kind),
) -> Result<TaskEpisode, DeviceCommandError> {
    let shot = arguments.shot.saturating_add(arguments.judges);
    let sampler = match &set.tasks()[task].labels {
        Labels::Values { .. } => TaskSampler::regression(set, part, task, shot, 1)?,
        Labels::Classes { .. } => {
            let kind = match kind {
                Kind::NewClasses => TaskKind::NewClasses,
                Kind::NewDomain => TaskKind::NewDomain,
            };
            let shape = TaskShape { way: arguments.way, shot, queries: 1 };
            let orientations = &[Orientation::UPRIGHT];
            TaskSampler::with(
                set,
                part,
                TaskOptions { task, kind, within_domain: false, shape, orientations },
            )?
        }
    };
    Ok(sampler.sample(&mut stream(arguments.seed, Purpose::Evaluation, 0, 0)))
}

/// Samples of one class of an episode that are not among its support; of all where the answers are numbers.
fn of_class(
    set: &DataSet,
    part: &Part,
    task: usize,
    episode: &TaskEpisode,
    class: usize,
    (seed, count): (u64, usize),
) -> Vec<Sample> {
    let support: BTreeSet<usize> = episode.support.iter().map(|sample| sample.drawing).collect();
    let is_of_class = |sample: usize| match &set.tasks()[task].labels {
        Labels::Classes { of, .. } => of[sample] == episode.classes.get(class).copied(),
        Labels::Values { names, of } => {
            of[sample * names.len()..][..names.len()].iter().all(|number| number.is_finite())
        }
    };
    let of_domain = |sample: usize| episode.domain.is_none_or(|domain| set.domain_of()[sample] == domain);
    let mut samples: Vec<usize> = (0..set.len())
        .filter(|sample| part.allows(set, *sample) && of_domain(*sample) && is_of_class(*sample))
        .filter(|sample| !support.contains(sample))
        .collect();
    samples.shuffle(&mut stream(seed, Purpose::Evaluation, 1, class as u64));
    samples.truncate(count);
    samples.into_iter().map(|index| Sample { index, class: class as u16, held_back: false }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn arguments(way: usize, judges: usize) -> DrawArguments {
        DrawArguments {
            data: Some("glyphs".into()),
            source: None,
            skip_broken: false,
            split: PartName::All,
            hold_back: None,
            kind: None,
            way,
            shot: 2,
            judges,
            seed: 3,
            pack: None,
            stream_features: false,
            head: super::super::arguments::HeadChoice { head: None },
        }
    }

    fn head(task: Task, capacity: u16) -> HeadFacts {
        HeadFacts { name: "class".try_into().unwrap(), task, hidden: 0, capacity, steps: 5, way: 0 }
    }

    #[test]
    fn queries_are_of_the_same_classes_and_none_is_learned_from() {
        let head = head(Task::Classes, 8);
        let few = draw(&arguments(3, 1), &head, None, 1).unwrap();
        let many = draw(&arguments(3, 1), &head, None, 4).unwrap();
        assert_eq!(few.support, many.support);
        assert_eq!(few.support.len(), 9);
        assert_eq!(few.support.iter().filter(|sample| sample.held_back).count(), 3);
        assert!(few.support[6..].iter().all(|sample| sample.held_back));
        assert_eq!((few.queries.len(), many.queries.len()), (3, 12));
        let Labels::Classes { names, of } = &many.set.tasks()[0].labels else { panic!("glyphs are classes") };
        for sample in many.queries.iter().chain(&many.support) {
            let name = &names[of[sample.index].unwrap() as usize];
            assert_eq!(name, &many.names[usize::from(sample.class)]);
        }
        let learned: BTreeSet<usize> = many.support.iter().map(|sample| sample.index).collect();
        assert!(many.queries.iter().all(|sample| !learned.contains(&sample.index)));
        assert_eq!(many.start, Start::Way(3));
    }

    #[test]
    fn what_does_not_fit_the_head_is_refused_with_a_remedy() {
        let error = |head: HeadFacts| draw(&arguments(3, 0), &head, None, 1).err().unwrap().to_string();
        assert!(error(head(Task::Classes, 2)).contains("--way 3 is above the 2 classes"));
        assert!(error(head(Task::Numbers, 2)).contains("predicts numbers, the labels of"));
        let rows = DrawArguments { kind: Some(Kind::NewDomain), ..arguments(3, 0) };
        let refused = draw(&rows, &head(Task::Classes, 4), None, 1).err().unwrap().to_string();
        assert!(refused.contains("--kind new-classes") || refused.contains("domain"), "{refused}");
    }
}
