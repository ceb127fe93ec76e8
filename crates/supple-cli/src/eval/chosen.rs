//! Which part of the data episodes are drawn from.

use supple_data::DataSet;
use supple_data::part::{self, HoldBack, Part, PartError};
use supple_meta::recipe::{DataRecipe, Source};
use supple_pack::Head;

use crate::arguments::{EvalArguments, HoldBackSpec};

/// A part of a data set, as on the command line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Split {
    /// What was trained on.
    Train,
    /// What was held back.
    Validation,
    /// A data set of its own, whole.
    Test,
    /// Everything.
    All,
}

/// What episodes are drawn from.
pub struct Chosen {
    /// Its name.
    pub split: Split,
    /// Its domains and classes.
    pub part: Part,
    /// For what was held back: by what rule, and what was left to train on.
    pub validation: Option<(HoldBack, Part)>,
}

/// Why there is nothing to draw from.
#[derive(Debug, thiserror::Error)]
pub enum SplitError {
    /// Not the name of a split.
    #[error("`{0}` is not a split: use train, validation, test or all")]
    Unknown(String),
    /// On the data it was trained on, the part must be named.
    #[error(
        "the pack was trained on {0}: say which part with --split (`validation` was held back; `train` and `all` \
         hold what it was trained on)"
    )]
    Needed(String),
    /// A test set is one that no training saw a part of.
    #[error(
        "the pack was trained on {0}, which has no test part: use --split validation for what was held back, or give \
         a test set's path with --data"
    )]
    NoTest(String),
    /// The data cannot be split so.
    #[error("{0}; choose with --hold-back, or take everything with --split all")]
    Part(#[from] PartError),
}

impl Split {
    /// The name as the command line knows it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Train => "train",
            Self::Validation => "validation",
            Self::Test => "test",
            Self::All => "all",
        }
    }
}

/// What is asked for; by default all, unless the pack was trained on this data: then the part must be named.
pub fn choose(
    arguments: &EvalArguments,
    (set, source): (&DataSet, Source),
    head: &Head,
) -> Result<Chosen, SplitError> {
    let trained_on = head.spec.data == set.fingerprint();
    let name = || set.name().to_owned();
    let split = match arguments.split.as_deref() {
        None if trained_on => return Err(SplitError::Needed(name())),
        Some("test") if trained_on => return Err(SplitError::NoTest(name())),
        None | Some("all") => Split::All,
        Some("train") => Split::Train,
        Some("validation") => Split::Validation,
        Some("test") => Split::Test,
        Some(other) => return Err(SplitError::Unknown(other.to_owned())),
    };
    if matches!(split, Split::Test | Split::All) {
        return Ok(Chosen { split, part: Part::all(set), validation: None });
    }
    let usual = || DataRecipe { source, ..DataRecipe::default() }.hold_back();
    let hold_back = arguments.hold_back.as_ref().map_or_else(usual, |HoldBackSpec(spec)| spec.clone());
    let (training, validation) = part::split(set, &hold_back)?;
    Ok(match split {
        Split::Validation => Chosen { split, part: validation, validation: Some((hold_back, training)) },
        _ => Chosen { split, part: training, validation: None },
    })
}
