//! Verbs and flags.

pub mod key;

use std::fmt::{Display, Formatter};
use std::num::NonZeroUsize;
use std::path::PathBuf;
use std::str::FromStr;

use clap::builder::PossibleValue;
use clap::{Args, Parser, Subcommand, ValueEnum, value_parser};
use supple_data::part::HoldBack;
use supple_meta::recipe::Source;
use supple_trunk::isolated::Limits;

use crate::data::{self, SOURCES};
use crate::device::DeviceArguments;
use crate::doctor::DoctorArguments;
use crate::flash::FlashArguments;

use crate::new_board::NewBoardArguments;
use key::{KeyVerb, Signing};

/// Few-shot adaptation on edge devices: meta-train a start, pack it, and see what a device makes of it.
#[derive(Debug, Parser)]
#[command(name = "supple", version, about)]
pub struct Arguments {
    /// What to do.
    #[command(subcommand)]
    pub verb: Verb,
    /// Threads to use; all cores by default. Results do not depend on it.
    #[arg(long, global = true)]
    pub threads: Option<NonZeroUsize>,
}

/// What to do.
#[derive(Debug, Subcommand)]
pub enum Verb {
    /// Meta-train a trunk and a head by a recipe.
    Train(TrainArguments),
    /// Compile an ONNX trunk into a pack without heads.
    Compile(CompileArguments),
    /// Put a training's trunk and heads into a pack.
    Pack(PackArguments),
    /// Tell what a pack or an ONNX trunk needs.
    Inspect(InspectArguments),
    /// Adapt to episodes of unseen classes and judge.
    Eval(EvalArguments),
    /// Make keys, and sign packs with them.
    #[command(subcommand)]
    Key(KeyVerb),
    /// Put firmware, a pack and keys on a board, or start an emulated one.
    Flash(FlashArguments),
    /// Talk to a board.
    Device(DeviceArguments),
    /// Tell what is missing to build for boards, to flash them and to talk to them.
    Doctor(DoctorArguments),
    /// Begin a port to another board from a copy of one that is there.
    NewBoard(NewBoardArguments),
    /// What `compile` and the like start to read a model apart from themselves.
    #[command(hide = true)]
    CompileWorker,
}

/// Arguments of `train`.
#[derive(Debug, Args)]
pub struct TrainArguments {
    /// The recipe, e.g. models/glyphs/recipe.toml.
    #[arg(required_unless_present = "print_recipe")]
    pub recipe: Option<PathBuf>,
    /// Print the recipe with every key and its default, and end; without a recipe, that of the built-in glyphs.
    #[arg(long)]
    pub print_recipe: bool,
    /// An Omniglot zip or folder, or `glyphs` (`glyphs:SEED`) for generated drawings; by default what the recipe says.
    #[arg(long)]
    pub data: Option<PathBuf>,
    /// Where to write; by default runs/ and the recipe's name.
    #[arg(long)]
    pub out: Option<PathBuf>,
    /// Seed of all chance, instead of the recipe's.
    #[arg(long)]
    pub seed: Option<u64>,
    /// Go on from the checkpoint in the output folder.
    #[arg(long)]
    pub resume: bool,
    /// Print one JSON object.
    #[arg(long)]
    pub json: bool,
}

/// How much reading an ONNX model may take.
#[derive(Debug, Clone, Copy, Args)]
pub struct Patience {
    /// Seconds of processor time that reading an ONNX model may take.
    #[arg(long, value_name = "SECONDS", default_value_t = Limits::default().seconds, value_parser = value_parser!(u64).range(1..=86_400))]
    pub time_limit: u64,
}

impl Default for Patience {
    fn default() -> Self {
        Self { time_limit: Limits::default().seconds }
    }
}

/// Arguments of `compile`.
#[derive(Debug, Args)]
pub struct CompileArguments {
    /// The ONNX file.
    pub model: PathBuf,
    /// The tensor to end at, whatever the model does with it; `supple inspect` lists them.
    #[arg(long, value_name = "NAME")]
    pub output: Option<String>,
    #[command(flatten)]
    #[allow(missing_docs)]
    pub quantisation: Quantisation,
    #[command(flatten)]
    #[allow(missing_docs)]
    pub patience: Patience,
    /// The pack to write.
    #[arg(short, long = "out", value_name = "OUT.supple")]
    pub out: PathBuf,
    /// Print one JSON object.
    #[arg(long)]
    pub json: bool,
}

/// Whether a trunk computes in `i8`, and on what its ranges are calibrated.
#[derive(Debug, Clone, Args)]
pub struct Quantisation {
    /// Quantise weights and values to i8; features stay f32.
    #[arg(long, requires = "calibrate")]
    pub int8: bool,
    /// Data as the device will give it, scaled so and with channels last; of the kinds that `eval --data` takes.
    #[arg(long, value_name = "PATH", requires = "int8")]
    pub calibrate: Option<PathBuf>,
    /// How many samples to calibrate on.
    #[arg(long, value_name = "N", default_value_t = 256, requires = "int8")]
    pub calibration_inputs: usize,
    /// How the range of a value is chosen from what it was seen to be; by default from the smallest to the largest.
    #[arg(long, value_enum, requires = "int8")]
    pub range: Option<RangeKind>,
    /// How much of a value lies inside its range, in percent; 99.99 with `--range percentile` alone.
    #[arg(long, value_name = "PERCENT", requires = "int8")]
    pub percentile: Option<f32>,
    /// Seed of the draw of the samples to calibrate on.
    #[arg(long, default_value_t = 1, requires = "int8")]
    pub seed: u64,
}

/// How ranges are chosen.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum RangeKind {
    /// From the smallest value to the largest.
    MinMax,
    /// So that a part of all values lies inside.
    Percentile,
    /// So that rounding and clipping together lose the least.
    MeanSquaredError,
}

/// Arguments of `pack`.
#[derive(Debug, Args)]
pub struct PackArguments {
    /// A training's output folder.
    pub folder: PathBuf,
    /// Pack the trunk in `i8`, for heads of a recipe with `precision = "int8"`.
    #[arg(long)]
    pub int8: bool,
    /// Room for at most so many classes, the first of those trained for; heads for numbers keep all of theirs.
    #[arg(long, value_name = "N", value_parser = value_parser!(u16).range(1..))]
    pub capacity: Option<u16>,
    /// Room for at most so many support samples, no more than trained for.
    #[arg(long, value_name = "N", value_parser = value_parser!(u16).range(1..))]
    pub max_support: Option<u16>,
    /// How a device keeps the features of support samples; by default as the recipe says.
    #[arg(long, value_enum)]
    pub cache: Option<CacheKind>,
    /// Leave the trunk out: something else computes the features and gives them to the device.
    #[arg(long)]
    pub heads_only: bool,
    #[command(flatten)]
    #[allow(missing_docs)]
    pub signing: Signing,
    #[command(flatten)]
    #[allow(missing_docs)]
    pub patience: Patience,
    /// The pack to write.
    #[arg(short, long = "out", value_name = "OUT.supple")]
    pub out: PathBuf,
    /// Print one JSON object.
    #[arg(long)]
    pub json: bool,
}

/// How support features are kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum CacheKind {
    /// As they are.
    F32,
    /// Rounded to 8 bits, with a scale for each sample.
    I8,
}

/// Arguments of `inspect`.
#[derive(Debug, Args)]
pub struct InspectArguments {
    /// A pack or an ONNX file.
    pub file: PathBuf,
    #[command(flatten)]
    #[allow(missing_docs)]
    pub patience: Patience,
    /// The board to fit it to.
    #[arg(long, default_value = crate::boards::DEFAULT)]
    pub board: String,
    /// Print one JSON object.
    #[arg(long)]
    pub json: bool,
}

/// Arguments of `eval`.
#[derive(Debug, Args)]
pub struct EvalArguments {
    /// The pack.
    pub pack: PathBuf,
    /// The head, where the pack has several; by default the first. It is judged by the data's task of its name, or else
    /// by the main one.
    #[arg(long, value_name = "NAME")]
    pub head: Option<String>,
    /// A zip or folder of data, whose kind is told by what lies there, or a generator: glyphs, glyph-hands, text,
    /// sinusoid or arm, each with `:SEED` if wanted.
    #[arg(long, required_unless_present = "source")]
    pub data: Option<PathBuf>,
    /// The kind of data, where it is not what it looks like.
    #[arg(long, value_enum)]
    pub source: Option<SourceName>,
    /// Leave files out that cannot be read, and name them.
    #[arg(long)]
    pub skip_broken: bool,
    /// train, validation, test or all. By default all; to be named for the data the pack was trained on (the same set
    /// is recognised, a part or a copy in another size is not).
    #[arg(long)]
    pub split: Option<String>,
    /// What training held back: last-domains=N, domains=NAME,NAME, last-classes=N or classes=NAME,NAME; by default
    /// what recipes hold back of such data.
    #[arg(long, value_name = "SPEC")]
    pub hold_back: Option<HoldBackSpec>,
    /// What is new in an episode; by default what the head was trained for.
    #[arg(long, value_enum)]
    pub kind: Option<Kind>,
    /// Classes of an episode.
    #[arg(long, default_value_t = 5)]
    pub way: usize,
    /// Support samples a class.
    #[arg(long, default_value_t = 1)]
    pub shot: usize,
    /// Query samples a class.
    #[arg(long, default_value_t = 15)]
    pub queries: usize,
    /// Episodes.
    #[arg(long, default_value_t = 600)]
    pub episodes: usize,
    /// Gradient steps; by default as many as the head was trained for.
    #[arg(long)]
    pub steps: Option<usize>,
    /// Judge at these shots too, for a curve; separated by commas.
    #[arg(long, value_delimiter = ',')]
    pub shots: Vec<usize>,
    /// Judge the heads of these packs on the same episodes.
    #[arg(long, value_name = "OTHER.supple", num_args = 1..)]
    pub compare: Vec<PathBuf>,
    /// Seed of the episodes.
    #[arg(long, default_value_t = 1)]
    pub seed: u64,
    /// What computes: the device's arithmetic here, tract, or an emulated board.
    #[arg(long, value_enum, default_value_t = On::Twin)]
    pub on: On,
    /// The board to emulate.
    #[arg(long, default_value = crate::boards::DEFAULT)]
    pub board: String,
    /// The board's firmware; by default target/firmware/BOARD.elf.
    #[arg(long)]
    pub firmware: Option<PathBuf>,
    /// Give the board features instead of samples, and the heads without their trunk: for boards too small for it.
    #[arg(long)]
    pub stream_features: bool,
    /// Write a page with drawings and curves here.
    #[arg(long, value_name = "PAGE.html")]
    pub report: Option<PathBuf>,
    /// Print one JSON object.
    #[arg(long)]
    pub json: bool,
}

/// What is new in an episode.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Kind {
    /// Classes: labels carry no meaning from one episode to the next.
    NewClasses,
    /// The person, patient or machine: labels keep their meaning.
    NewDomain,
}

impl Kind {
    /// As on the command line.
    pub fn name(self) -> &'static str {
        match self {
            Self::NewClasses => "new-classes",
            Self::NewDomain => "new-domain",
        }
    }
}

/// A kind of data, as on the command line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SourceName(pub Source);

impl ValueEnum for SourceName {
    fn value_variants<'a>() -> &'a [Self] {
        const ALL: [SourceName; SOURCES.len()] = {
            let mut all = [SourceName(Source::Glyphs); SOURCES.len()];
            let mut index = 0;
            while index < all.len() {
                all[index] = SourceName(SOURCES[index]);
                index += 1;
            }
            all
        };
        &ALL
    }

    fn to_possible_value(&self) -> Option<PossibleValue> {
        Some(PossibleValue::new(data::name(self.0)))
    }
}

/// What training held back, as on the command line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HoldBackSpec(pub HoldBack);

impl FromStr for HoldBackSpec {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let (key, value) = text.split_once('=').unwrap_or((text, ""));
        let count = || value.parse().map_err(|_| format!("`{value}` is no whole number"));
        let names = || value.split(',').map(|name| name.trim().to_owned()).collect();
        Ok(Self(match key {
            "last-domains" => HoldBack::LastDomains(count()?),
            "last-classes" => HoldBack::LastClasses(count()?),
            "domains" => HoldBack::Domains(names()),
            "classes" => HoldBack::Classes(names()),
            _ => {
                return Err(
                    "write last-domains=N, domains=NAME,NAME, last-classes=N or classes=NAME,NAME".to_owned()
                );
            }
        }))
    }
}

impl Display for HoldBackSpec {
    fn fmt(&self, to: &mut Formatter) -> std::fmt::Result {
        match &self.0 {
            HoldBack::LastDomains(count) => write!(to, "last-domains={count}"),
            HoldBack::LastClasses(count) => write!(to, "last-classes={count}"),
            HoldBack::Domains(names) => write!(to, "domains={}", names.join(",")),
            HoldBack::Classes(names) => write!(to, "classes={}", names.join(",")),
        }
    }
}

/// What computes an evaluation.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum On {
    /// The device's arithmetic, run here.
    Twin,
    /// The trunk by tract, the head by the device's arithmetic.
    Tract,
    /// An emulated board.
    Qemu,
}

impl On {
    /// As on the command line.
    pub fn name(self) -> &'static str {
        match self {
            Self::Twin => "twin",
            Self::Tract => "tract",
            Self::Qemu => "qemu",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_held_back_is_read_as_it_is_written() {
        for text in ["last-domains=6", "domains=theo,nicolas", "last-classes=3", "classes=a"] {
            assert_eq!(text.parse::<HoldBackSpec>().map(|spec| spec.to_string()), Ok(text.to_owned()));
        }
        for text in ["last-domains=many", "6", "domain=theo"] {
            assert!(text.parse::<HoldBackSpec>().is_err(), "{text}");
        }
    }
}
