//! Which data set, and what of it is held back.

use serde::{Deserialize, Serialize};
use supple_data::part::HoldBack;

/// Which data set.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct DataRecipe {
    /// Its kind; those that are not generated come from the path given by `--data`.
    pub source: Source,
    /// Seed of a generator.
    pub generator_seed: u64,
    /// What is never trained on; by default what the kind of data suggests.
    pub hold_back: Option<HoldBackRecipe>,
    /// What becomes of files that cannot be read.
    pub on_broken: OnBrokenRecipe,
}

impl Default for DataRecipe {
    fn default() -> Self {
        Self {
            source: Source::default(),
            generator_seed: 1,
            hold_back: None,
            on_broken: OnBrokenRecipe::default(),
        }
    }
}

/// Kinds of data.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Source {
    /// Drawn glyphs, generated: new characters.
    #[default]
    Glyphs,
    /// Drawn glyphs, generated: new hands.
    GlyphHands,
    /// Omniglot.
    Omniglot,
    /// Spoken digits.
    Fsdd,
    /// Wake words.
    WakeWords,
    /// Motions of phone and watch.
    Har,
    /// Heart beats.
    Ecg,
    /// Gas sensors.
    Gas,
    /// Short commands, generated.
    Text,
    /// Sinusoids, generated.
    Sinusoid,
    /// A two-link arm with an unknown payload, generated.
    Arm,
    /// A folder of classes or an `.npz`.
    Own,
}

impl Source {
    /// Whether it needs no path.
    pub fn generated(self) -> bool {
        matches!(self, Self::Glyphs | Self::GlyphHands | Self::Text | Self::Sinusoid | Self::Arm)
    }
}

/// What is never trained on.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub enum HoldBackRecipe {
    /// So many domains, last in the data set's order.
    LastDomains(usize),
    /// Domains by name.
    Domains(Vec<String>),
    /// So many classes, last in the data set's order.
    LastClasses(usize),
    /// Classes by name.
    Classes(Vec<String>),
}

/// What becomes of files that cannot be read.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum OnBrokenRecipe {
    /// The data set is refused, and the file named.
    #[default]
    Refuse,
    /// They are left out, and named.
    Skip,
}

impl DataRecipe {
    /// What is held back: as the recipe says, or as the kind of data suggests.
    pub fn hold_back(&self) -> HoldBack {
        let names = |names: &[&str]| HoldBack::Domains(names.iter().map(|name| (*name).to_owned()).collect());
        match &self.hold_back {
            Some(HoldBackRecipe::LastDomains(count)) => HoldBack::LastDomains(*count),
            Some(HoldBackRecipe::Domains(names)) => HoldBack::Domains(names.clone()),
            Some(HoldBackRecipe::LastClasses(count)) => HoldBack::LastClasses(*count),
            Some(HoldBackRecipe::Classes(names)) => HoldBack::Classes(names.clone()),
            None => match self.source {
                Source::Glyphs | Source::Omniglot => HoldBack::LastDomains(6),
                Source::WakeWords => HoldBack::LastClasses(3),
                Source::Ecg => names(&["119"]),
                Source::Text | Source::GlyphHands => HoldBack::LastDomains(50),
                Source::Sinusoid | Source::Arm => HoldBack::LastDomains(200),
                Source::Har => HoldBack::LastDomains(8),
                Source::Fsdd | Source::Gas | Source::Own => HoldBack::LastDomains(1),
            },
        }
    }
}
