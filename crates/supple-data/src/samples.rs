//! A data set of any kind: samples of one shape, what is known of each, and whose each is.
//!
//! A *task label set* ([`TaskLabels`]) answers one question about every sample (which digit, which gas, how many
//! parts per million); a sample whose answer is unknown has a missing label. The first set is the main one, from
//! which episodes are drawn. A *domain* is what a device would be new to: a speaker, a patient, a batch, an alphabet.

use sha2::{Digest, Sha256};

use crate::drawings::Drawings;
use crate::render::{INPUT_LENGTH, INPUT_SIDE, Orientation, Warp};

/// Height, width and channels of one sample. Values are `[height][width][channels]`; a signal has height 1, a vector
/// height and width 1.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SampleShape {
    /// Rows.
    pub height: usize,
    /// Columns, or samples of a signal.
    pub width: usize,
    /// Channels, or the length of a vector.
    pub channels: usize,
}

impl SampleShape {
    /// Of a vector.
    pub const fn vector(channels: usize) -> Self {
        Self { height: 1, width: 1, channels }
    }

    /// Of a signal of `width` samples.
    pub const fn signal(width: usize, channels: usize) -> Self {
        Self { height: 1, width, channels }
    }

    /// Values of one sample.
    pub const fn len(self) -> usize {
        self.height * self.width * self.channels
    }

    /// Whether a sample would hold nothing.
    pub const fn is_empty(self) -> bool {
        self.len() == 0
    }
}

/// One question about every sample, and its answers.
#[derive(Debug, Clone, PartialEq)]
pub struct TaskLabels {
    /// What is asked, e.g. `gas`.
    pub name: String,
    /// The answers.
    pub labels: Labels,
}

/// Answers to one question.
#[derive(Debug, Clone, PartialEq)]
pub enum Labels {
    /// A class each.
    Classes {
        /// Names of the classes; a label is an index into them.
        names: Vec<String>,
        /// One a sample; `None` where unknown.
        of: Vec<Option<u32>>,
    },
    /// Numbers each.
    Values {
        /// What each number is, with its unit.
        names: Vec<String>,
        /// `[sample][names]`; not a number where unknown.
        of: Vec<f32>,
    },
}

/// Samples as numbers, or drawings that are rendered when wanted.
#[derive(Debug, Clone)]
enum Inputs {
    Values(Vec<f32>),
    Drawings(Drawings),
}

/// A data set. Built by [`DataSetBuilder`], which refuses what no training should see.
#[derive(Debug, Clone)]
pub struct DataSet {
    name: String,
    shape: SampleShape,
    inputs: Inputs,
    tasks: Vec<TaskLabels>,
    domains: Vec<String>,
    domain_of: Vec<u32>,
}

/// Why samples make no data set.
#[derive(Debug, thiserror::Error, PartialEq)]
pub enum DataSetError {
    /// Nothing in it.
    #[error("{0} holds no samples: check the path, and that files have the endings this data set expects")]
    Empty(String),
    /// A sample of another size.
    #[error(
        "{origin} has {found} values where the samples before it have {expected}: bring all samples to one size"
    )]
    MixedSizes {
        /// The sample's file, or row.
        origin: String,
        /// As the shape says.
        expected: usize,
        /// As given.
        found: usize,
    },
    /// NaN or infinity.
    #[error(
        "{origin} holds a value that is no finite number (value {index} is {value}): repair or remove it"
    )]
    NotFinite {
        /// The sample's file, or row.
        origin: String,
        /// Counted from 0.
        index: usize,
        /// As given.
        value: f32,
    },
    /// A label that names no class.
    #[error("{origin} has label {label} of `{task}`, which has only {classes} classes: correct the label")]
    LabelOutOfRange {
        /// The sample's file, or row.
        origin: String,
        /// The question.
        task: String,
        /// As given.
        label: u32,
        /// Classes there are.
        classes: usize,
    },
    /// Not as many answers as questions, or the wrong kind.
    #[error("{origin} has labels that do not match the questions of this data set")]
    LabelKind {
        /// The sample's file, or row.
        origin: String,
    },
}

/// One sample's answer to one question.
#[derive(Debug, Clone, PartialEq)]
pub enum Answer {
    /// A class, by its name; new names become new classes.
    Class(String),
    /// Numbers, as many as the question has names.
    Values(Vec<f32>),
    /// Unknown.
    Missing,
}

/// Gathers samples one by one.
#[derive(Debug)]
pub struct DataSetBuilder {
    set: DataSet,
    values: Vec<f32>,
}

impl DataSetBuilder {
    /// For samples of `shape`; `tasks` names the questions, without answers yet.
    pub fn new(name: impl Into<String>, shape: SampleShape, tasks: Vec<TaskLabels>) -> Self {
        let set = DataSet {
            name: name.into(),
            shape,
            inputs: Inputs::Values(Vec::new()),
            tasks,
            domains: Vec::new(),
            domain_of: Vec::new(),
        };
        Self { set, values: Vec::new() }
    }

    /// A question whose answers are classes. Classes named here come first, in this order; others follow as they come.
    pub fn classes(name: &str, known: &[&str]) -> TaskLabels {
        let names = known.iter().map(|name| (*name).to_owned()).collect();
        TaskLabels { name: name.to_owned(), labels: Labels::Classes { names, of: Vec::new() } }
    }

    /// A question whose answers are numbers.
    pub fn values(name: &str, names: &[&str]) -> TaskLabels {
        let names = names.iter().map(|name| (*name).to_owned()).collect();
        TaskLabels { name: name.to_owned(), labels: Labels::Values { names, of: Vec::new() } }
    }

    /// Adds a sample. `origin` says in errors where it came from.
    pub fn push(
        &mut self,
        origin: &str,
        domain: &str,
        values: &[f32],
        answers: &[Answer],
    ) -> Result<(), DataSetError> {
        let set = &mut self.set;
        let origin = || origin.to_owned();
        let expected = set.shape.len();
        if values.len() != expected {
            return Err(DataSetError::MixedSizes { origin: origin(), expected, found: values.len() });
        }
        if let Some(index) = values.iter().position(|value| !value.is_finite()) {
            return Err(DataSetError::NotFinite { origin: origin(), index, value: values[index] });
        }
        if answers.len() != set.tasks.len() {
            return Err(DataSetError::LabelKind { origin: origin() });
        }
        for (task, answer) in set.tasks.iter().zip(answers) {
            match (&task.labels, answer) {
                (Labels::Values { names, .. }, Answer::Values(given)) => {
                    if given.len() != names.len() {
                        return Err(DataSetError::LabelKind { origin: origin() });
                    }
                    if let Some(index) = given.iter().position(|value| !value.is_finite()) {
                        return Err(DataSetError::NotFinite { origin: origin(), index, value: given[index] });
                    }
                }
                (Labels::Classes { .. }, Answer::Class(_)) | (_, Answer::Missing) => {}
                _ => return Err(DataSetError::LabelKind { origin: origin() }),
            }
        }
        for (task, answer) in set.tasks.iter_mut().zip(answers) {
            match (&mut task.labels, answer) {
                (Labels::Classes { names, of }, Answer::Class(name)) => {
                    let known = names.iter().position(|known| known == name);
                    let class = known.unwrap_or_else(|| {
                        names.push(name.clone());
                        names.len() - 1
                    });
                    of.push(Some(class as u32));
                }
                (Labels::Classes { of, .. }, _) => of.push(None),
                (Labels::Values { of, .. }, Answer::Values(given)) => of.extend_from_slice(given),
                (Labels::Values { names, of }, _) => of.extend(names.iter().map(|_| f32::NAN)),
            }
        }
        let known = set.domains.iter().position(|known| known == domain);
        let index = known.unwrap_or_else(|| {
            set.domains.push(domain.to_owned());
            set.domains.len() - 1
        });
        set.domain_of.push(index as u32);
        self.values.extend_from_slice(values);
        Ok(())
    }

    /// The data set.
    pub fn finish(mut self) -> Result<DataSet, DataSetError> {
        if self.set.domain_of.is_empty() {
            return Err(DataSetError::Empty(self.set.name));
        }
        self.set.inputs = Inputs::Values(self.values);
        Ok(self.set)
    }
}

impl From<Drawings> for DataSet {
    /// Characters become classes, alphabets become domains.
    fn from(drawings: Drawings) -> Self {
        let mut names = Vec::new();
        let mut of = Vec::new();
        let mut domains: Vec<String> = Vec::new();
        let mut domain_of = Vec::new();
        for (class, character) in drawings.characters().iter().enumerate() {
            names.push(format!("{}/{}", character.alphabet, character.name));
            if domains.last() != Some(&character.alphabet) {
                domains.push(character.alphabet.clone());
            }
            for _ in character.drawings.clone() {
                of.push(Some(class as u32));
                domain_of.push(domains.len() as u32 - 1);
            }
        }
        Self {
            name: drawings.name().to_owned(),
            shape: SampleShape { height: INPUT_SIDE, width: INPUT_SIDE, channels: 1 },
            inputs: Inputs::Drawings(drawings),
            tasks: vec![TaskLabels { name: "character".to_owned(), labels: Labels::Classes { names, of } }],
            domains,
            domain_of,
        }
    }
}

impl DataSet {
    /// What the data set is called in reports.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Of every sample.
    pub fn shape(&self) -> SampleShape {
        self.shape
    }

    /// The number of samples.
    pub fn len(&self) -> usize {
        self.domain_of.len()
    }

    /// Whether there are none; a data set from a builder has some.
    pub fn is_empty(&self) -> bool {
        self.domain_of.is_empty()
    }

    /// The questions and their answers; the first is the main one.
    pub fn tasks(&self) -> &[TaskLabels] {
        &self.tasks
    }

    /// Names of the domains.
    pub fn domains(&self) -> &[String] {
        &self.domains
    }

    /// The domain of each sample, an index into [`domains`](Self::domains).
    pub fn domain_of(&self) -> &[u32] {
        &self.domain_of
    }

    /// The drawings behind the samples, where there are any.
    pub fn drawings(&self) -> Option<&Drawings> {
        match &self.inputs {
            Inputs::Values(_) => None,
            Inputs::Drawings(drawings) => Some(drawings),
        }
    }

    /// Writes a sample as the input of a trunk. Samples that are no drawings have no orientation.
    ///
    /// # Panics
    /// If `sample` is out of range or `input` has not the shape's length.
    pub fn render(&self, sample: usize, orientation: Orientation, input: &mut [f32]) {
        match &self.inputs {
            Inputs::Values(values) => {
                let length = self.shape.len();
                input.copy_from_slice(&values[sample * length..][..length]);
            }
            Inputs::Drawings(drawings) => drawings.render(sample, orientation, input),
        }
    }

    /// Like [`render`](Self::render); a drawing goes through a warp.
    ///
    /// # Panics
    /// Likewise.
    pub fn render_warped(&self, sample: usize, orientation: Orientation, warp: &Warp, input: &mut [f32]) {
        match &self.inputs {
            Inputs::Values(_) => self.render(sample, orientation, input),
            Inputs::Drawings(drawings) => {
                debug_assert_eq!(input.len(), INPUT_LENGTH);
                drawings.render_warped(sample, orientation, warp, input);
            }
        }
    }

    /// Names the content: the first 16 bytes of a SHA-256 over names, values and labels.
    pub fn fingerprint(&self) -> [u8; 16] {
        let values = match &self.inputs {
            Inputs::Drawings(drawings) => return drawings.fingerprint(),
            Inputs::Values(values) => values,
        };
        let mut hash = Sha256::new();
        let text = |hash: &mut Sha256, text: &str| {
            hash.update((text.len() as u64).to_le_bytes());
            hash.update(text.as_bytes());
        };
        for size in [self.shape.height, self.shape.width, self.shape.channels, self.len()] {
            hash.update((size as u64).to_le_bytes());
        }
        for name in &self.domains {
            text(&mut hash, name);
        }
        self.domain_of.iter().for_each(|domain| hash.update(domain.to_le_bytes()));
        for task in &self.tasks {
            text(&mut hash, &task.name);
            match &task.labels {
                Labels::Classes { names, of } => {
                    names.iter().for_each(|name| text(&mut hash, name));
                    of.iter().for_each(|label| hash.update(label.unwrap_or(u32::MAX).to_le_bytes()));
                }
                Labels::Values { names, of } => {
                    names.iter().for_each(|name| text(&mut hash, name));
                    of.iter().for_each(|value| hash.update(value.to_bits().to_le_bytes()));
                }
            }
        }
        values.iter().for_each(|value| hash.update(value.to_bits().to_le_bytes()));
        let digest = hash.finalize();
        let mut short = [0; 16];
        short.copy_from_slice(&digest[..16]);
        short
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn builder() -> DataSetBuilder {
        let tasks = vec![
            DataSetBuilder::classes("gas", &["a", "b"]),
            DataSetBuilder::values("concentration", &["ppm"]),
        ];
        DataSetBuilder::new("test", SampleShape::vector(2), tasks)
    }

    fn answers(class: &str, ppm: f32) -> [Answer; 2] {
        [Answer::Class(class.to_owned()), Answer::Values(vec![ppm])]
    }

    #[test]
    fn classes_and_domains_are_numbered_as_they_come_and_labels_may_be_missing() {
        let mut builder = builder();
        builder.push("1", "east", &[1.0, 2.0], &answers("b", 5.0)).unwrap();
        builder.push("2", "west", &[3.0, 4.0], &answers("c", 6.0)).unwrap();
        builder.push("3", "east", &[5.0, 6.0], &[Answer::Missing, Answer::Missing]).unwrap();
        let set = builder.finish().unwrap();
        assert_eq!(set.domain_of(), [0, 1, 0]);
        let Labels::Classes { names, of } = &set.tasks()[0].labels else { panic!() };
        assert_eq!(names, &["a", "b", "c"]);
        assert_eq!(of, &[Some(1), Some(2), None]);
        let Labels::Values { of, .. } = &set.tasks()[1].labels else { panic!() };
        assert!(of[2].is_nan());
        let mut input = [0.0; 2];
        set.render(1, Orientation::UPRIGHT, &mut input);
        assert_eq!(input, [3.0, 4.0]);
    }

    #[test]
    fn what_no_training_should_see_is_refused_by_name() {
        let mut builder = builder();
        let error = builder.push("row 7", "d", &[1.0], &answers("a", 1.0)).unwrap_err().to_string();
        assert!(error.contains("row 7") && error.contains('1') && error.contains('2'), "{error}");
        let error = builder.push("row 8", "d", &[1.0, f32::NAN], &answers("a", 1.0)).unwrap_err();
        assert!(error.to_string().contains("row 8"));
        assert!(builder.push("row 9", "d", &[1.0, 1.0], &answers("a", f32::INFINITY)).is_err());
        assert!(builder.push("row 9", "d", &[1.0, 1.0], &[Answer::Missing]).is_err());
        assert!(matches!(builder.finish(), Err(DataSetError::Empty(_))));
    }

    #[test]
    fn the_fingerprint_sees_values_labels_and_domains() {
        let set = |value: f32, class: &str, domain: &str| {
            let mut builder = builder();
            builder.push("1", domain, &[value, 0.0], &answers(class, 1.0)).unwrap();
            builder.finish().unwrap().fingerprint()
        };
        let base = set(1.0, "a", "d");
        assert_eq!(base, set(1.0, "a", "d"));
        assert_ne!(base, set(2.0, "a", "d"));
        assert_ne!(base, set(1.0, "b", "d"));
        assert_ne!(base, set(1.0, "a", "e"));
    }

    #[test]
    fn drawings_are_a_data_set_of_characters_in_alphabets() {
        let drawings = crate::glyphs::generate_sized(1, 2, 3..=3);
        let fingerprint = drawings.fingerprint();
        let set = DataSet::from(drawings);
        assert_eq!((set.domains().len(), set.len()), (2, 2 * 3 * crate::glyphs::DRAWINGS));
        assert_eq!(set.fingerprint(), fingerprint);
        assert_eq!(set.shape().len(), INPUT_LENGTH);
    }
}
