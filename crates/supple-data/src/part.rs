//! Which domains and classes of a data set are trained on, and which are held back.
//!
//! A split never cuts through what is held back: a domain or a class is on one side, with all its samples.

use crate::samples::{DataSet, Labels};

/// A part of a data set: what may be drawn from. Domains and classes (of the main task) as the set numbers them; a
/// set whose main task is numbers has no classes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Part {
    /// By domain, whether its samples belong.
    pub domains: Vec<bool>,
    /// By class of the main task, whether its samples belong.
    pub classes: Vec<bool>,
}

/// What training never sees. *Last* is in the set's own order; drawings are in order of alphabet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum HoldBack {
    /// So many domains.
    LastDomains(usize),
    /// Domains by name.
    Domains(Vec<String>),
    /// So many classes of the main task.
    LastClasses(usize),
    /// Classes of the main task by name.
    Classes(Vec<String>),
}

/// Why a data set cannot be split so.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum PartError {
    /// A name that the set has not.
    #[error("{set} has no {what} `{name}` to hold back; it has {known}")]
    Unknown {
        /// The data set.
        set: String,
        /// `domain` or `class`.
        what: &'static str,
        /// As given.
        name: String,
        /// Names there are, shortened.
        known: String,
    },
    /// Classes held back of a set that has none.
    #[error(
        "the main task of {set}, `{task}`, is numbers and has no classes to hold back: hold back domains instead"
    )]
    NoClasses {
        /// The data set.
        set: String,
        /// Its main task.
        task: String,
    },
    /// A side without samples.
    #[error(
        "holding back {held} of the {all} {what} of {set} leaves no labelled samples for {side}: hold back at least one {what} and not all that have samples"
    )]
    EmptySide {
        /// The data set.
        set: String,
        /// `domain(s)` or `class(es)`.
        what: &'static str,
        /// How many are held back.
        held: usize,
        /// How many there are.
        all: usize,
        /// `training` or `validation`.
        side: &'static str,
    },
}

impl Part {
    /// Everything: for data that was not trained on.
    pub fn all(set: &DataSet) -> Self {
        Self { domains: vec![true; set.domains().len()], classes: vec![true; class_names(set).len()] }
    }

    /// Whether a sample belongs. One whose main class is unknown may be of any, so it belongs only where no class is
    /// held back.
    ///
    /// # Panics
    /// If `sample` is out of range or the part is of another set.
    pub fn allows(&self, set: &DataSet, sample: usize) -> bool {
        self.domains[set.domain_of()[sample] as usize]
            && match &set.tasks()[0].labels {
                Labels::Classes { of, .. } => match of[sample] {
                    Some(class) => self.classes[class as usize],
                    None => self.classes.iter().all(|&allowed| allowed),
                },
                Labels::Values { .. } => true,
            }
    }

    /// The samples that belong and whose answer to the main task is known.
    pub fn samples<'a>(&'a self, set: &'a DataSet) -> impl Iterator<Item = usize> + 'a {
        (0..set.len()).filter(|&sample| is_known(&set.tasks()[0].labels, sample) && self.allows(set, sample))
    }
}

/// Splits a set into what is trained on and what is held back for validation.
pub fn split(set: &DataSet, hold_back: &HoldBack) -> Result<(Part, Part), PartError> {
    let by_class = matches!(hold_back, HoldBack::LastClasses(_) | HoldBack::Classes(_));
    let names = if by_class { class_names(set) } else { set.domains() };
    if by_class && matches!(set.tasks()[0].labels, Labels::Values { .. }) {
        return Err(PartError::NoClasses { set: set.name().to_owned(), task: set.tasks()[0].name.clone() });
    }
    let held: Vec<bool> = match hold_back {
        HoldBack::LastDomains(count) | HoldBack::LastClasses(count) => {
            let first = names.len().saturating_sub(*count);
            (0..names.len()).map(|index| index >= first).collect()
        }
        HoldBack::Domains(chosen) | HoldBack::Classes(chosen) => {
            if let Some(name) = chosen.iter().find(|name| !names.contains(name)) {
                return Err(PartError::Unknown {
                    set: set.name().to_owned(),
                    what: if by_class { "class" } else { "domain" },
                    name: name.clone(),
                    known: shortened(names),
                });
            }
            names.iter().map(|name| chosen.contains(name)).collect()
        }
    };
    let kept = held.iter().map(|held| !held).collect();
    let side = |allowed: Vec<bool>| {
        let all = Part::all(set);
        if by_class { Part { classes: allowed, ..all } } else { Part { domains: allowed, ..all } }
    };
    let count = held.iter().filter(|&&held| held).count();
    let (training, validation) = (side(kept), side(held));
    for (part, side) in [(&training, "training"), (&validation, "validation")] {
        if part.samples(set).next().is_none() {
            return Err(PartError::EmptySide {
                set: set.name().to_owned(),
                what: if by_class { "class(es)" } else { "domain(s)" },
                held: count,
                all: names.len(),
                side,
            });
        }
    }
    Ok((training, validation))
}

/// Names of the classes of the main task; none where it is numbers.
fn class_names(set: &DataSet) -> &[String] {
    match &set.tasks()[0].labels {
        Labels::Classes { names, .. } => names,
        Labels::Values { .. } => &[],
    }
}

/// Whether a sample's answer to a task is known.
pub(crate) fn is_known(labels: &Labels, sample: usize) -> bool {
    match labels {
        Labels::Classes { of, .. } => of[sample].is_some(),
        Labels::Values { names, of } => {
            of[sample * names.len()..][..names.len()].iter().all(|value| value.is_finite())
        }
    }
}

/// The first names of a list, for an error.
fn shortened(names: &[String]) -> String {
    const SHOWN: usize = 12;
    let shown = names.iter().take(SHOWN).map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ");
    match names.len().checked_sub(SHOWN) {
        None | Some(0) => shown,
        Some(more) => format!("{shown} and {more} more"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::samples::{Answer, DataSetBuilder, SampleShape};
    use crate::split::{Split, VALIDATION_ALPHABETS};

    fn set() -> DataSet {
        let tasks = vec![DataSetBuilder::classes("gas", &[])];
        let mut builder = DataSetBuilder::new("gases", SampleShape::vector(1), tasks);
        for (sample, (domain, class)) in
            [("east", "a"), ("east", "b"), ("west", "a"), ("north", "c")].into_iter().enumerate()
        {
            builder.push("row", domain, &[sample as f32], &[Answer::Class(class.into())]).unwrap();
        }
        builder.push("row", "east", &[4.0], &[Answer::Missing]).unwrap();
        builder.finish().unwrap()
    }

    fn sides(hold_back: &HoldBack) -> (Vec<usize>, Vec<usize>) {
        let set = set();
        let (training, validation) = split(&set, hold_back).unwrap();
        (training.samples(&set).collect(), validation.samples(&set).collect())
    }

    #[test]
    fn domains_and_classes_are_held_back_by_count_or_name() {
        assert_eq!(sides(&HoldBack::LastDomains(2)), (vec![0, 1], vec![2, 3]));
        assert_eq!(sides(&HoldBack::Domains(vec!["east".into()])), (vec![2, 3], vec![0, 1]));
        assert_eq!(sides(&HoldBack::LastClasses(1)), (vec![0, 1, 2], vec![3]));
        assert_eq!(sides(&HoldBack::Classes(vec!["a".into()])), (vec![1, 3], vec![0, 2]));
    }

    #[test]
    fn a_sample_of_unknown_class_is_on_no_side_of_a_split_by_class() {
        let set = set();
        let (training, validation) = split(&set, &HoldBack::LastClasses(1)).unwrap();
        assert!(!training.allows(&set, 4) && !validation.allows(&set, 4));
        assert!(Part::all(&set).allows(&set, 4));
        let (training, _) = split(&set, &HoldBack::LastDomains(1)).unwrap();
        assert!(training.allows(&set, 4));
    }

    #[test]
    fn unknown_names_and_empty_sides_are_refused_by_name() {
        let set = set();
        let refused = |hold_back| split(&set, &hold_back).unwrap_err().to_string();
        let message = refused(HoldBack::Domains(vec!["east".into(), "south".into()]));
        assert!(message.contains("`south`") && message.contains("`north`"), "{message}");
        assert!(refused(HoldBack::Classes(vec!["x".into()])).contains("class `x`"));
        assert!(refused(HoldBack::LastDomains(0)).contains("validation"));
        assert!(refused(HoldBack::LastDomains(3)).contains("training"));
        assert!(refused(HoldBack::LastClasses(99)).contains("training"));
        assert!(refused(HoldBack::Classes(vec![])).contains("validation"));
    }

    #[test]
    fn a_set_of_numbers_is_split_by_domain_only() {
        let tasks = vec![DataSetBuilder::values("torque", &["N·m"])];
        let mut builder = DataSetBuilder::new("arm", SampleShape::vector(1), tasks);
        for domain in ["a", "b"] {
            builder.push("row", domain, &[0.0], &[Answer::Values(vec![1.0])]).unwrap();
        }
        let set = builder.finish().unwrap();
        assert!(matches!(split(&set, &HoldBack::LastClasses(1)), Err(PartError::NoClasses { .. })));
        let (training, validation) = split(&set, &HoldBack::LastDomains(1)).unwrap();
        assert_eq!(training, Part { domains: vec![true, false], classes: vec![] });
        assert_eq!(validation, Part { domains: vec![false, true], classes: vec![] });
    }

    #[test]
    fn drawings_are_split_as_alphabets_always_were() {
        let drawings = crate::glyphs::generate_sized(1, VALIDATION_ALPHABETS + 2, 2..=4);
        let set = DataSet::from(drawings.clone());
        let (training, validation) = split(&set, &HoldBack::LastDomains(VALIDATION_ALPHABETS)).unwrap();
        for (part, before) in [(training, Split::Train), (validation, Split::Validation)] {
            let expected: Vec<usize> =
                before.characters(&drawings).unwrap().iter().flat_map(|c| c.drawings.clone()).collect();
            assert_eq!(part.samples(&set).collect::<Vec<_>>(), expected);
        }
        // A character is of one alphabet, so a domain is held back with its classes.
        let Labels::Classes { of, .. } = &set.tasks()[0].labels else { panic!() };
        let mut domain_of_class = std::collections::HashMap::new();
        for (class, domain) in of.iter().zip(set.domain_of()) {
            assert_eq!(domain_of_class.entry(class.unwrap()).or_insert(*domain), domain);
        }
    }
}
