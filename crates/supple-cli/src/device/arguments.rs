//! Verbs and flags of `supple device`.

use std::path::PathBuf;

use clap::{Args, Subcommand, ValueEnum, value_parser};
use supple_link::host::BAUD;

use crate::arguments::{HoldBackSpec, Kind, SourceName};

/// Arguments of `device`.
#[derive(Debug, Args)]
pub struct DeviceArguments {
    /// The line to the board: a serial port such as /dev/ttyACM0 or COM3, tcp:HOST:PORT, or qemu:BOARD for one that
    /// `supple flash` has started.
    #[arg(long, value_name = "PORT", global = true)]
    pub port: Option<String>,
    /// Bits a second of a serial port.
    #[arg(long, default_value_t = BAUD, global = true, value_parser = value_parser!(u32).range(300..=12_000_000))]
    pub baud: u32,
    /// Seconds that the board may take until it answers for the first time.
    #[arg(long, value_name = "SECONDS", default_value_t = 10, global = true, value_parser = value_parser!(u64).range(1..=600))]
    pub patience: u64,
    /// Print one JSON object; `monitor`: one a line.
    #[arg(long, global = true)]
    pub json: bool,
    /// What to do.
    #[command(subcommand)]
    pub verb: DeviceVerb,
}

/// What to do with a device.
#[derive(Debug, Subcommand)]
pub enum DeviceVerb {
    /// Tell what the board is, what it holds and how much room it has.
    Info,
    /// Tell its heads.
    Heads,
    /// Adapt a head to labelled samples.
    Adapt(AdaptArguments),
    /// Run a head on samples.
    Predict(PredictArguments),
    /// Keep all heads as they are, through any loss of power.
    Save {
        /// Keep the support samples with their labels too.
        #[arg(long)]
        support: bool,
    },
    /// List the versions that are kept.
    Versions,
    /// Set heads to a version that was kept.
    Restore {
        /// Its number; by default the newest.
        #[arg(long, value_name = "N")]
        version: Option<u32>,
        /// The only head to set, by name or number; by default all, and the support samples where they were kept.
        #[arg(long, value_name = "HEAD")]
        head: Option<String>,
    },
    /// Set a head to the start that it began with.
    Reset(HeadChoice),
    /// Give a head a class more; tells its number.
    Enrol(HeadChoice),
    /// Take a class from a head; later classes move down by one.
    Forget {
        /// The class.
        class: u16,
        #[command(flatten)]
        #[allow(missing_docs)]
        head: HeadChoice,
    },
    /// Send a signed pack and run it. Interrupted, it goes on where it ended.
    Push {
        /// The pack.
        pack: PathBuf,
        /// Leave it on trial: without `confirm`, the board's next start goes back to the pack before.
        #[arg(long)]
        no_confirm: bool,
        /// Do not start the board anew: the pack is used at its next start.
        #[arg(long)]
        no_restart: bool,
    },
    /// Keep the pack that runs on trial.
    Confirm,
    /// Start the board anew.
    Restart,
    /// Write every head that has begun into a JSON file.
    Pull {
        /// The file.
        #[arg(short, long = "out", value_name = "FILE.json")]
        out: PathBuf,
    },
    /// Show counters, losses, memory and versions, again and again, until Ctrl-C.
    Monitor {
        /// Seconds from one look to the next.
        #[arg(long, value_name = "S", default_value_t = 1.0)]
        interval: f64,
        /// End after so many looks.
        #[arg(long, value_name = "N")]
        count: Option<u64>,
    },
}

/// Which head.
#[derive(Debug, Clone, Args)]
pub struct HeadChoice {
    /// The head, by name or number; by default the first.
    #[arg(long, value_name = "HEAD")]
    pub head: Option<String>,
}

/// A part of a data set.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum PartName {
    /// What training held back.
    Validation,
    /// What was left to train on.
    Train,
    /// Everything.
    All,
}

/// Labelled samples, drawn as `eval` draws those of an episode: the same flags and seed give the same samples.
#[derive(Debug, Clone, Args)]
pub struct DrawArguments {
    /// A zip or folder of data, or a generator, as for `eval`.
    #[arg(long)]
    pub data: Option<PathBuf>,
    /// The kind of data, where it is not what it looks like.
    #[arg(long, value_enum)]
    pub source: Option<SourceName>,
    /// Leave files out that cannot be read, and name them.
    #[arg(long)]
    pub skip_broken: bool,
    /// Which part of the data.
    #[arg(long, value_enum, default_value_t = PartName::All)]
    pub split: PartName,
    /// What training held back; by default what recipes hold back of such data.
    #[arg(long, value_name = "SPEC")]
    pub hold_back: Option<HoldBackSpec>,
    /// What is new to the head. By default new classes, for numbers a new domain; with --pack, what the head was trained
    /// for.
    #[arg(long, value_enum)]
    pub kind: Option<Kind>,
    /// Classes.
    #[arg(long, default_value_t = 5)]
    pub way: usize,
    /// Support samples a class.
    #[arg(long, default_value_t = 1)]
    pub shot: usize,
    /// More samples a class that only judge the adaptation, which is undone when it makes their loss worse.
    #[arg(long, value_name = "N", default_value_t = 0)]
    pub judges: usize,
    /// Seed of the draw.
    #[arg(long, default_value_t = 1)]
    pub seed: u64,
    /// The pack that the board runs, where more of it must be known than the board tells. For --stream-features the pack
    /// with the trunk, which the board's holds only the heads of.
    #[arg(long)]
    pub pack: Option<PathBuf>,
    /// Send features that the twin of --pack computes here, instead of samples: for boards without the trunk.
    #[arg(long, requires = "pack")]
    pub stream_features: bool,
    #[command(flatten)]
    #[allow(missing_docs)]
    pub head: HeadChoice,
}

/// Arguments of `adapt`.
#[derive(Debug, Args)]
pub struct AdaptArguments {
    #[command(flatten)]
    #[allow(missing_docs)]
    pub draw: DrawArguments,
    /// Gradient steps; by default as many as the head was trained for.
    #[arg(long)]
    pub steps: Option<u16>,
    /// Samples a class, none of them learned from, to tell the accuracy by before and after.
    #[arg(long, value_name = "N", default_value_t = 0)]
    pub queries: usize,
}

/// Arguments of `predict`.
#[derive(Debug, Args)]
pub struct PredictArguments {
    #[command(flatten)]
    #[allow(missing_docs)]
    pub draw: DrawArguments,
    /// Samples a class, none of them those that `adapt` learns from with the same flags.
    #[arg(long, value_name = "N", default_value_t = 1)]
    pub queries: usize,
    /// One sample from a file instead: .npy, .png, .csv or .wav. A picture is taken as bright as it is; with `--source
    /// omniglot` it is a drawing, dark ink on white paper, 105 × 105 or 28 × 28 pixels.
    #[arg(long, value_name = "FILE", conflicts_with = "data", required_unless_present_any = ["data", "source"])]
    pub input: Option<PathBuf>,
}
