//! Verbs and flags.

use std::num::NonZeroUsize;
use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueEnum};

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
    /// Put a training's trunk and head into a pack.
    Pack(PackArguments),
    /// Tell what a pack or an ONNX trunk needs.
    Inspect(InspectArguments),
    /// Adapt to episodes of unseen classes and judge.
    Eval(EvalArguments),
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

/// Arguments of `compile`.
#[derive(Debug, Args)]
pub struct CompileArguments {
    /// The ONNX file.
    pub model: PathBuf,
    /// The pack to write.
    #[arg(short, long = "out", value_name = "OUT.supple")]
    pub out: PathBuf,
    /// Print one JSON object.
    #[arg(long)]
    pub json: bool,
}

/// Arguments of `pack`.
#[derive(Debug, Args)]
pub struct PackArguments {
    /// A training's output folder.
    pub folder: PathBuf,
    /// The pack to write.
    #[arg(short, long = "out", value_name = "OUT.supple")]
    pub out: PathBuf,
    /// Print one JSON object.
    #[arg(long)]
    pub json: bool,
}

/// Arguments of `inspect`.
#[derive(Debug, Args)]
pub struct InspectArguments {
    /// A pack or an ONNX file.
    pub file: PathBuf,
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
    /// An Omniglot zip or folder, or `glyphs` (`glyphs:SEED`) for generated drawings.
    #[arg(long)]
    pub data: PathBuf,
    /// train, validation or all. By default all; to be named for the data the pack was trained on (the same set is
    /// recognised, a part or a copy in another size is not).
    #[arg(long)]
    pub split: Option<String>,
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
    /// Write a page with drawings and curves here.
    #[arg(long, value_name = "PAGE.html")]
    pub report: Option<PathBuf>,
    /// Print one JSON object.
    #[arg(long)]
    pub json: bool,
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
