//! Which alphabets are trained on: a split never cuts through an alphabet, let alone a character.

use std::str::FromStr;

use crate::drawings::{Character, Drawings};

/// How many alphabets, last in order of name, are held back for validation.
pub const VALIDATION_ALPHABETS: usize = 6;

/// A part of a data set.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Split {
    /// All alphabets but the last [`VALIDATION_ALPHABETS`].
    Train,
    /// The last [`VALIDATION_ALPHABETS`] alphabets, never trained on.
    Validation,
    /// Everything: for data the pack was not trained on.
    All,
}

/// Why a data set cannot be split so.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum SplitError {
    /// Not the name of a split.
    #[error(
        "`{0}` is not a split: use train, validation or all (a test set is a data set of its own: give its path with --data and --split all)"
    )]
    Unknown(String),
    /// Nothing would be left to train on.
    #[error("{name} has {alphabets} alphabets; the last {VALIDATION_ALPHABETS} are for validation, so {split} needs at least {}: use --split all, or data with more alphabets", VALIDATION_ALPHABETS + 1)]
    TooFewAlphabets {
        /// The data set.
        name: String,
        /// How many it has.
        alphabets: usize,
        /// The split asked for.
        split: &'static str,
    },
}

impl FromStr for Split {
    type Err = SplitError;

    fn from_str(text: &str) -> Result<Self, SplitError> {
        match text {
            "train" => Ok(Self::Train),
            "validation" => Ok(Self::Validation),
            "all" => Ok(Self::All),
            other => Err(SplitError::Unknown(other.to_owned())),
        }
    }
}

impl Split {
    /// The name as the command line knows it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Train => "train",
            Self::Validation => "validation",
            Self::All => "all",
        }
    }

    /// The characters of this part.
    pub fn characters(self, set: &Drawings) -> Result<&[Character], SplitError> {
        let alphabets = set.alphabets();
        if self == Self::All {
            return Ok(set.characters());
        }
        if alphabets.len() <= VALIDATION_ALPHABETS {
            return Err(SplitError::TooFewAlphabets {
                name: set.name().to_owned(),
                alphabets: alphabets.len(),
                split: self.name(),
            });
        }
        let first_held_back = alphabets[alphabets.len() - VALIDATION_ALPHABETS];
        let cut = set.characters().partition_point(|c| c.alphabet.as_str() < first_held_back);
        let (train, validation) = set.characters().split_at(cut);
        Ok(if self == Self::Train { train } else { validation })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn set(alphabets: usize) -> Drawings {
        let mut set = Drawings::new("test", 1);
        for a in 0..alphabets {
            for c in 0..=a {
                set.push(&format!("alphabet{a:02}"), &format!("character{c:02}"), &[vec![0]]);
            }
        }
        set
    }

    #[test]
    fn the_last_six_alphabets_are_held_back_whole() {
        let set = set(8);
        let train = Split::Train.characters(&set).unwrap();
        let validation = Split::Validation.characters(&set).unwrap();
        assert_eq!(train.len(), 1 + 2);
        assert_eq!(validation.len(), 3 + 4 + 5 + 6 + 7 + 8);
        assert!(train.iter().all(|t| validation.iter().all(|v| v.alphabet != t.alphabet)));
        assert_eq!(Split::All.characters(&set).unwrap().len(), 36);
    }

    #[test]
    fn too_few_alphabets_are_refused_with_a_way_out() {
        let set = set(6);
        let message = Split::Validation.characters(&set).unwrap_err().to_string();
        assert!(message.contains("--split all"), "{message}");
        assert!(Split::All.characters(&set).is_ok());
    }

    #[test]
    fn an_unknown_split_is_named() {
        assert_eq!("dev".parse::<Split>(), Err(SplitError::Unknown("dev".into())));
    }
}
