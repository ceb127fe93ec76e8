//! Episodes over a data set of any kind.
//!
//! What a device is new to decides how an episode is drawn: new *classes*, whose labels mean nothing outside the
//! episode; or a new *domain* (a speaker, a site), in which the known classes keep their meaning. Where the answers
//! are numbers, an episode is a few samples of one domain.

use std::collections::BTreeMap;

use rand::seq::index;
use rand::{Rng, RngExt};

use crate::episode::Sample;
use crate::part::{Part, is_known};
use crate::render::Orientation;
use crate::samples::{DataSet, Labels};

/// What an episode is new in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TaskKind {
    /// Classes; they are labelled in random order.
    NewClasses,
    /// The domain; classes are labelled in ascending order of their numbers in the set.
    NewDomain,
}

/// The size of an episode.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TaskShape {
    /// Classes.
    pub way: usize,
    /// Support samples a class.
    pub shot: usize,
    /// Query samples a class.
    pub queries: usize,
}

/// Everything that decides how episodes of classes are drawn.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TaskOptions {
    /// Which of the set's tasks is asked; 0 is the main one.
    pub task: usize,
    /// What an episode is new in.
    pub kind: TaskKind,
    /// For new classes: whether all samples of an episode are of one domain. Those of a new domain always are.
    pub within_domain: bool,
    /// The size.
    pub shape: TaskShape,
    /// How drawings may be turned. New classes are turned each for itself, since a turned character is another
    /// class, while a new domain is turned as a whole.
    pub orientations: &'static [Orientation],
}

/// Support and query samples; no sample is in both.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TaskEpisode {
    /// Number of classes; 0 where the answers are numbers.
    pub way: usize,
    /// `way * shot` samples, shot by shot through the classes; `shot` where the answers are numbers.
    /// [`Sample::drawing`] is the sample's index in its data set.
    pub support: Vec<Sample>,
    /// `way * queries` samples, likewise.
    pub query: Vec<Sample>,
    /// By label, the class in the data set; empty where the answers are numbers.
    pub classes: Vec<u32>,
    /// The domain of all samples, where they are of one.
    pub domain: Option<u32>,
}

/// Why no episode can be drawn.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum TaskError {
    /// A number is zero.
    #[error("way, shot and queries must each be at least 1, but are {way}, {shot} and {queries}")]
    Empty {
        /// As asked.
        way: usize,
        /// As asked.
        shot: usize,
        /// As asked.
        queries: usize,
    },
    /// No orientation to choose.
    #[error("no orientation is given: give at least the upright one")]
    NoOrientation,
    /// A part made for another set.
    #[error(
        "the part is of {domains} domains and {classes} classes, the data set {set} has others: split the set the episodes are drawn from"
    )]
    OtherSet {
        /// The data set.
        set: String,
        /// Of the part.
        domains: usize,
        /// Of the part.
        classes: usize,
    },
    /// The set has fewer tasks.
    #[error("{set} has {tasks} task(s), so there is no task {task}: tasks are counted from 0")]
    NoSuchTask {
        /// The data set.
        set: String,
        /// How many it has.
        tasks: usize,
        /// As asked.
        task: usize,
    },
    /// Classes where numbers are wanted, or the other way round.
    #[error(
        "task `{task}` of {set} has no {wanted} as answers: classes make episodes of classes, numbers make regression"
    )]
    AnswerKind {
        /// The data set.
        set: String,
        /// The task.
        task: String,
        /// `classes` or `numbers`.
        wanted: &'static str,
    },
    /// Fewer classes than the episode needs.
    #[error(
        "a {way}-way episode needs {way} classes with {needed} samples each; this part of {set} has {available}: lower way, shot or queries, or choose a larger part"
    )]
    TooFewClasses {
        /// The data set.
        set: String,
        /// Classes asked for.
        way: usize,
        /// Samples a class, shot + queries.
        needed: usize,
        /// Classes that have as many.
        available: usize,
    },
    /// No domain that could make an episode by itself.
    #[error(
        "a {way}-way episode needs a domain with {way} classes of {needed} samples each; in this part of {set} no domain has more than {available}: lower way, shot or queries, or choose a larger part"
    )]
    NoDomainOfClasses {
        /// The data set.
        set: String,
        /// Classes asked for.
        way: usize,
        /// Samples a class, shot + queries.
        needed: usize,
        /// The most such classes in one domain.
        available: usize,
    },
    /// No domain with enough numbers.
    #[error(
        "an episode needs a domain with {needed} samples; in this part of {set} no domain has more than {available}: lower shot or queries, or choose a larger part"
    )]
    NoDomainOfValues {
        /// The data set.
        set: String,
        /// Shot + queries.
        needed: usize,
        /// The most samples in one domain.
        available: usize,
    },
}

/// What one episode can be drawn from: classes that have enough samples.
#[derive(Debug, Clone)]
struct Pool {
    domain: Option<u32>,
    classes: Vec<(u32, Vec<usize>)>,
}

/// Draws episodes.
#[derive(Debug, Clone)]
pub struct TaskSampler<'a> {
    set: &'a DataSet,
    task: usize,
    pools: Vec<Pool>,
    kind: TaskKind,
    shape: TaskShape,
    orientations: &'static [Orientation],
}

impl<'a> TaskSampler<'a> {
    /// Episodes of the main task, new classes being drawn over all allowed domains.
    pub fn new(
        set: &'a DataSet,
        part: &Part,
        kind: TaskKind,
        shape: TaskShape,
        orientations: &'static [Orientation],
    ) -> Result<Self, TaskError> {
        Self::with(set, part, TaskOptions { task: 0, kind, within_domain: false, shape, orientations })
    }

    /// Episodes of classes.
    pub fn with(set: &'a DataSet, part: &Part, options: TaskOptions) -> Result<Self, TaskError> {
        let TaskOptions { task, kind, within_domain, shape, orientations } = options;
        let TaskShape { way, shot, queries } = shape;
        if way == 0 || shot == 0 || queries == 0 {
            return Err(TaskError::Empty { way, shot, queries });
        }
        if orientations.is_empty() {
            return Err(TaskError::NoOrientation);
        }
        let labels = labels(set, part, task)?;
        let Labels::Classes { of, .. } = labels else {
            return Err(answer_kind(set, task, "classes"));
        };
        let within_domain = within_domain || kind == TaskKind::NewDomain;
        let needed = shot.saturating_add(queries);
        let class_of = |sample: usize| of[sample].unwrap_or_default();
        let mut pools = pools(set, part, labels, within_domain, class_of);
        for pool in &mut pools {
            pool.classes.retain(|(_, samples)| samples.len() >= needed);
        }
        let available = pools.iter().map(|pool| pool.classes.len()).max().unwrap_or(0);
        pools.retain(|pool| pool.classes.len() >= way);
        if pools.is_empty() {
            let set = set.name().to_owned();
            return Err(match within_domain {
                true => TaskError::NoDomainOfClasses { set, way, needed, available },
                false => TaskError::TooFewClasses { set, way, needed, available },
            });
        }
        Ok(Self { set, task, pools, kind, shape, orientations })
    }

    /// Episodes of `shot` support and `queries` query samples of one domain, for a task whose answers are numbers.
    pub fn regression(
        set: &'a DataSet,
        part: &Part,
        task: usize,
        shot: usize,
        queries: usize,
    ) -> Result<Self, TaskError> {
        let shape = TaskShape { way: 1, shot, queries };
        if shot == 0 || queries == 0 {
            return Err(TaskError::Empty { way: 1, shot, queries });
        }
        let labels = labels(set, part, task)?;
        if matches!(labels, Labels::Classes { .. }) {
            return Err(answer_kind(set, task, "numbers"));
        }
        let needed = shot.saturating_add(queries);
        let mut pools = pools(set, part, labels, true, |_| 0);
        let samples = |pool: &Pool| pool.classes.iter().map(|(_, samples)| samples.len()).sum::<usize>();
        let available = pools.iter().map(samples).max().unwrap_or(0);
        pools.retain(|pool| samples(pool) >= needed);
        if pools.is_empty() {
            return Err(TaskError::NoDomainOfValues { set: set.name().to_owned(), needed, available });
        }
        let orientations = &[Orientation::UPRIGHT];
        Ok(Self { set, task, pools, kind: TaskKind::NewDomain, shape, orientations })
    }

    /// The data set drawn from.
    pub fn set(&self) -> &'a DataSet {
        self.set
    }

    /// The size of an episode; a regression has `way` 1.
    pub fn shape(&self) -> TaskShape {
        self.shape
    }

    /// The numbers that are wanted of a sample; empty where the answers are classes.
    ///
    /// # Panics
    /// If `sample` is out of range.
    pub fn targets(&self, sample: usize) -> &'a [f32] {
        match &self.set.tasks()[self.task].labels {
            Labels::Classes { .. } => &[],
            Labels::Values { names, of } => &of[sample * names.len()..][..names.len()],
        }
    }

    /// Draws an episode.
    pub fn sample(&self, random: &mut impl Rng) -> TaskEpisode {
        let TaskShape { way, shot, queries } = self.shape;
        let pool = &self.pools[random.random_range(0..self.pools.len())];
        let mut chosen = index::sample(random, pool.classes.len(), way).into_vec();
        let mut whole = None;
        if self.kind == TaskKind::NewDomain {
            chosen.sort_unstable();
            whole = Some(self.orientation(random));
        }
        let mut support = vec![None; way * shot];
        let mut query = vec![None; way * queries];
        for (label, &class) in chosen.iter().enumerate() {
            let samples = &pool.classes[class].1;
            let orientation = whole.unwrap_or_else(|| self.orientation(random));
            for (turn, place) in index::sample(random, samples.len(), shot + queries).into_iter().enumerate()
            {
                let sample = Sample { drawing: samples[place], orientation, label };
                match turn.checked_sub(shot) {
                    None => support[turn * way + label] = Some(sample),
                    Some(turn) => query[turn * way + label] = Some(sample),
                }
            }
        }
        let of_classes = matches!(self.set.tasks()[self.task].labels, Labels::Classes { .. });
        TaskEpisode {
            way: if of_classes { way } else { 0 },
            support: support.into_iter().flatten().collect(),
            query: query.into_iter().flatten().collect(),
            classes: chosen.iter().filter(|_| of_classes).map(|&class| pool.classes[class].0).collect(),
            domain: pool.domain,
        }
    }

    fn orientation(&self, random: &mut impl Rng) -> Orientation {
        self.orientations[random.random_range(0..self.orientations.len())]
    }
}

/// The answers to a task, after checking that set, part and task belong together.
fn labels<'a>(set: &'a DataSet, part: &Part, task: usize) -> Result<&'a Labels, TaskError> {
    let all = Part::all(set);
    let sizes = (part.domains.len(), part.classes.len());
    if sizes != (all.domains.len(), all.classes.len()) {
        return Err(TaskError::OtherSet { set: set.name().to_owned(), domains: sizes.0, classes: sizes.1 });
    }
    let tasks = set.tasks().len();
    let found = set.tasks().get(task);
    found.map(|task| &task.labels).ok_or(TaskError::NoSuchTask { set: set.name().to_owned(), tasks, task })
}

fn answer_kind(set: &DataSet, task: usize, wanted: &'static str) -> TaskError {
    TaskError::AnswerKind { set: set.name().to_owned(), task: set.tasks()[task].name.clone(), wanted }
}

/// Samples with known answers, by class; one pool a domain or one for all.
fn pools(
    set: &DataSet,
    part: &Part,
    labels: &Labels,
    within_domain: bool,
    class_of: impl Fn(usize) -> u32,
) -> Vec<Pool> {
    let mut found: BTreeMap<Option<u32>, BTreeMap<u32, Vec<usize>>> = BTreeMap::new();
    for sample in (0..set.len()).filter(|&sample| is_known(labels, sample) && part.allows(set, sample)) {
        let domain = within_domain.then(|| set.domain_of()[sample]);
        found.entry(domain).or_default().entry(class_of(sample)).or_default().push(sample);
    }
    found
        .into_iter()
        .map(|(domain, classes)| Pool { domain, classes: classes.into_iter().collect() })
        .collect()
}

#[cfg(test)]
#[path = "tasks_tests.rs"]
mod tests;
