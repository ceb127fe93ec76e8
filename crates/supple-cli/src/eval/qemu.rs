//! Episodes on an emulated board: raw inputs go over the line and the board computes its own features, or, for boards
//! too small for the trunk, features of the twin go over the line to a pack of the heads alone.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use indicatif::ProgressBar;
use rayon::prelude::*;
use serde_json::{Value, json};
use supple_data::tasks::TaskEpisode;
use supple_data::{DataSet, Orientation, Sample};
use supple_link::host::{Child, Client, Image, ImageError, Label, LinkError, Qemu, QemuError, UnknownBoard};
use supple_pack::write::{Trim, heads_only};
use supple_pack::{AlignedBytes, Pack};
use supple_runtime::MemoryNeed;
use tempfile::NamedTempFile;

use super::EvalError;
use super::cast::Cast;
use super::features::Features;
use super::trace::{Answers, Plan, Trace};
use crate::arguments::EvalArguments;
use crate::boards::Board;
use crate::{files, signal};

/// What a pack costs on a board: memory as the firmware tells it, instructions as the emulator counts them.
#[derive(Debug, Clone)]
pub struct Figures {
    /// The board.
    pub board: &'static str,
    /// What the pack needs of the firmware's pool.
    pub need: MemoryNeed,
    /// RAM set aside besides the pool: line buffers, the program's own.
    pub static_bytes: u64,
    /// The most stack used.
    pub stack_bytes: u64,
    /// Code and constants in flash.
    pub code_bytes: u64,
    /// The pack in flash.
    pub pack_bytes: u64,
    /// SHA-256 of the firmware image.
    pub firmware: String,
    /// Instructions of one run of the trunk.
    pub inference_instructions: Option<u64>,
    /// Instructions of one gradient step on an episode's support samples.
    pub step_instructions: Option<u64>,
    /// How many support samples that step had.
    pub support_samples: usize,
}

/// Why an emulated board did not finish.
#[derive(Debug, thiserror::Error)]
pub enum QemuEvalError {
    /// There is none of that name.
    #[error(transparent)]
    Board(#[from] UnknownBoard),
    /// It did not start.
    #[error(transparent)]
    Start(#[from] QemuError),
    /// Its firmware is none.
    #[error(transparent)]
    Image(#[from] ImageError),
    /// It did not answer, or refused.
    #[error(transparent)]
    Link(#[from] LinkError),
    /// Ctrl-C, or the system's request to end.
    #[error("stopped; the emulated boards were stopped too")]
    Interrupted,
    /// Ctrl-C cannot be caught.
    #[error("cannot watch for Ctrl-C: {0}; start the program from a shell")]
    Signal(#[from] ctrlc::Error),
    /// Its firmware is another board's.
    #[error(
        "the firmware is that of the board `{found}`, not of `{expected}`: give that board's image with --firmware, or \
         name `{found}` with --board"
    )]
    OtherBoard {
        /// As told.
        found: String,
        /// As asked for.
        expected: &'static str,
    },
    /// It counts the pack's memory otherwise.
    #[error(
        "the board takes {found} bytes of RAM for the pack, not the {expected} that are foretold: build its firmware \
         again (`cargo xtask firmware`)"
    )]
    Memory {
        /// As told.
        found: usize,
        /// As foretold.
        expected: usize,
    },
    /// It answered with another number of values than the pack gives.
    #[error(
        "the board answered {found} values where {expected} were due: build its firmware again (`cargo xtask firmware`)"
    )]
    Length {
        /// As answered.
        found: usize,
        /// As due.
        expected: usize,
    },
}

/// What a board is given, and by which pack it works.
pub struct Given<'a> {
    board: String,
    firmware: PathBuf,
    pack: PathBuf,
    pack_bytes: u64,
    need: MemoryNeed,
    /// Counted from 0.
    head: u16,
    feed: Feed<'a>,
    /// Removed when it is dropped.
    _temporary: Option<NamedTempFile>,
}

/// What goes over the line.
enum Feed<'a> {
    Samples(&'a DataSet),
    Features(&'a Features),
}

impl<'a> Given<'a> {
    /// The pack and samples.
    pub fn samples(arguments: &EvalArguments, pack: &Pack, head: u16, set: &'a DataSet) -> Self {
        Self {
            board: arguments.board.clone(),
            firmware: firmware(arguments),
            pack: arguments.pack.clone(),
            pack_bytes: pack.header().length.into(),
            need: MemoryNeed::of(pack),
            head,
            feed: Feed::Samples(set),
            _temporary: None,
        }
    }

    /// The pack's heads alone, and features.
    pub fn features(
        arguments: &EvalArguments,
        bytes: &AlignedBytes,
        head: u16,
        features: &'a Features,
    ) -> Result<Self, EvalError> {
        let bytes = heads_only(bytes, &Trim::default())?;
        let temporary = NamedTempFile::with_suffix(".supple").map_err(EvalError::Temporary)?;
        std::fs::write(temporary.path(), &bytes).map_err(EvalError::Temporary)?;
        let bytes = AlignedBytes::copy_of(&bytes);
        let pack = files::parse_pack(temporary.path(), &bytes)?;
        Ok(Self {
            board: arguments.board.clone(),
            firmware: firmware(arguments),
            pack: temporary.path().to_owned(),
            pack_bytes: pack.header().length.into(),
            need: MemoryNeed::of(&pack),
            head,
            feed: Feed::Features(features),
            _temporary: Some(temporary),
        })
    }

    /// Brings a sample's features onto the board; the ticks that its trunk took.
    fn send(&self, device: &mut Client<Child>, sample: usize) -> Result<u32, LinkError> {
        match self.feed {
            Feed::Samples(set) => {
                let mut input = vec![0.0; set.shape().len()];
                set.render(sample, Orientation::UPRIGHT, &mut input);
                device.input(&input)?;
            }
            Feed::Features(features) => device.input(features.of(sample))?,
        }
        device.features()
    }

    /// Sets the head to an episode's start, with an empty support cache.
    fn begin(&self, device: &mut Client<Child>, episode: &TaskEpisode, plan: &Plan) -> Result<(), LinkError> {
        device.select(self.head)?;
        match plan.answers {
            Answers::Classes { own_rows: true } => device.begin_rows(&plan.rows(episode))?,
            answers => device.begin(answers.width(episode.way) as u16)?,
        }
        device.clear_support()
    }
}

/// Caches the features on the board as a support sample.
fn push(device: &mut Client<Child>, plan: &Plan, sample: &Sample) -> Result<(), LinkError> {
    let label = match plan.answers.label(sample) {
        supple_runtime::Label::Numbers(numbers) => Label::Numbers(numbers),
        _ => Label::Class(sample.label as u16),
    };
    device.push_sample(label, false).map(|_| ())
}

/// Runs all episodes, on as many boards as there are threads.
pub fn run(given: &Given, cast: &Cast, plan: &Plan) -> Result<Vec<Trace>, QemuEvalError> {
    let qemu = Qemu::board(&given.board, &given.firmware, &given.pack)?;
    // A board is stopped when its line is dropped, which a signal must not prevent.
    let interrupted = signal::watch()?;
    let bar = crate::train::bar(cast.episodes.len() as u64, "emulated board");
    let share = cast.episodes.len().div_ceil(rayon::current_num_threads());
    let traces: Vec<Vec<Trace>> = cast
        .episodes
        .par_chunks(share)
        .map(|episodes| run_some(&qemu, given, episodes, plan, &bar, &interrupted))
        .collect::<Result<_, _>>()?;
    bar.finish_and_clear();
    Ok(traces.concat())
}

fn firmware(arguments: &EvalArguments) -> PathBuf {
    arguments.firmware.clone().unwrap_or_else(|| default_firmware(&arguments.board))
}

/// target/firmware/BOARD.elf from here, or beside the program's own target folder.
pub fn default_firmware(board: &str) -> PathBuf {
    let file = format!("firmware/{board}.elf");
    let here = Path::new("target").join(&file);
    let program = std::env::current_exe().ok();
    let beside =
        program.as_deref().and_then(Path::parent).and_then(Path::parent).map(|target| target.join(&file));
    match beside {
        Some(beside) if !here.is_file() && beside.is_file() => beside,
        _ => here,
    }
}

/// Counts instructions and looks at the memory, on a board of its own that counts exactly.
pub fn measure(given: &Given, board: &Board, cast: &Cast, plan: &Plan) -> Result<Figures, QemuEvalError> {
    let qemu = Qemu::board(&given.board, &given.firmware, &given.pack)?.exact(true);
    let mut device = Client::connect(qemu.start()?)?;
    let image = Image::read(&given.firmware)?;
    let told = device.info()?.board;
    if told != board.name {
        return Err(QemuEvalError::OtherBoard { found: told.as_str().to_owned(), expected: board.name });
    }
    let mut inference_ticks = 0;
    let episode = &cast.episodes[0];
    given.begin(&mut device, episode, plan)?;
    for sample in &episode.support {
        inference_ticks = given.send(&mut device, sample.drawing)?;
        push(&mut device, plan, sample)?;
    }
    let step_ticks = device.step()?;
    device.logits()?;
    device.adapt(1)?;
    let info = device.info()?;
    check_memory(info.pack.map_err(LinkError::from)?.memory, &given.need)?;
    Ok(Figures {
        board: board.name,
        need: given.need,
        static_bytes: u64::from(info.memory.fixed.saturating_sub(info.memory.given)),
        stack_bytes: device.stack_high_water()?.into(),
        code_bytes: image.code,
        pack_bytes: given.pack_bytes,
        firmware: image.sha256,
        inference_instructions: match given.feed {
            Feed::Samples(_) => info.clock.instructions(inference_ticks),
            Feed::Features(_) => None,
        },
        step_instructions: info.clock.instructions(step_ticks),
        support_samples: episode.support.len(),
    })
}

/// What is told of RAM must be what the firmware shares out.
fn check_memory(found: u32, need: &MemoryNeed) -> Result<(), QemuEvalError> {
    let (found, expected) = (found as usize, need.adapt_bytes());
    if found == expected { Ok(()) } else { Err(QemuEvalError::Memory { found, expected }) }
}

fn run_some(
    qemu: &Qemu,
    given: &Given,
    episodes: &[TaskEpisode],
    plan: &Plan,
    bar: &ProgressBar,
    interrupted: &(impl Fn() -> bool + Sync),
) -> Result<Vec<Trace>, QemuEvalError> {
    let mut device = Client::connect(qemu.start()?)?;
    let traces = episodes.iter().map(|episode| {
        if interrupted() {
            return Err(QemuEvalError::Interrupted);
        }
        let trace = trace(&mut device, given, episode, plan);
        bar.inc(1);
        trace
    });
    traces.collect()
}

/// Each query's features are computed once; the adaptation is run anew for it, from the cached support.
fn trace(
    device: &mut Client<Child>,
    given: &Given,
    episode: &TaskEpisode,
    plan: &Plan,
) -> Result<Trace, QemuEvalError> {
    given.begin(device, episode, plan)?;
    for sample in &episode.support {
        given.send(device, sample.drawing)?;
        push(device, plan, sample)?;
    }
    let (width, queries) = (plan.answers.width(episode.way), episode.query.len());
    let mut all = vec![f32::NAN; (plan.steps + 1) * queries * width];
    for (number, query) in episode.query.iter().enumerate() {
        given.send(device, query.drawing)?;
        device.reset()?;
        for step in 0..=plan.steps {
            if step > 0 {
                device.step()?;
            }
            let outputs = device.logits()?;
            if outputs.len() != width {
                return Err(QemuEvalError::Length { found: outputs.len(), expected: width });
            }
            all[(step * queries + number) * width..][..width].copy_from_slice(&outputs);
        }
    }
    Ok(Trace { outputs: all, head: device.read_head()?, width })
}

impl Figures {
    /// Terms of the RAM, in bytes.
    pub fn ram(&self) -> Vec<(&'static str, u64)> {
        let floats = |count: usize| 4 * count as u64;
        vec![
            ("arena", floats(self.need.arena)),
            ("head", floats(self.need.head)),
            ("guard", floats(self.need.guard)),
            ("velocity", floats(self.need.velocity)),
            ("feature cache", floats(self.need.cache)),
            ("step work", floats(self.need.work)),
            ("labels", floats(self.need.targets) + 2 * self.need.labels as u64),
            ("line and program", self.static_bytes),
            ("stack", self.stack_bytes),
        ]
    }

    /// All RAM that firmware and pack use.
    pub fn ram_bytes(&self) -> u64 {
        self.ram().iter().map(|(_, bytes)| bytes).sum()
    }

    /// All flash that firmware and pack use.
    pub fn flash_bytes(&self) -> u64 {
        self.code_bytes + self.pack_bytes
    }

    /// The JSON object.
    pub fn object(&self) -> Value {
        let terms: serde_json::Map<String, Value> =
            self.ram().into_iter().map(|(name, bytes)| (name.replace(' ', "_"), json!(bytes))).collect();
        json!({
            "board": self.board,
            "ram_bytes": self.ram_bytes(),
            "ram": terms,
            "stack_bytes": self.stack_bytes,
            "flash_bytes": self.flash_bytes(),
            "code_bytes": self.code_bytes,
            "pack_bytes": self.pack_bytes,
            "firmware_sha256": self.firmware,
            "inference_instructions": self.inference_instructions,
            "step_instructions": self.step_instructions,
            "step_support_samples": self.support_samples,
        })
    }

    /// The lines for people.
    pub fn lines(&self) -> String {
        let mut text = format!(
            "  {}: RAM {} bytes, of which stack {}; flash {} bytes: code {}, pack {}",
            self.board,
            self.ram_bytes(),
            self.stack_bytes,
            self.flash_bytes(),
            self.code_bytes,
            self.pack_bytes
        );
        if let Some(step) = self.step_instructions {
            let inference = self.inference_instructions.map(|count| format!("{count} an inference, "));
            let _ = write!(
                text,
                "\n  instructions: {}{step} a gradient step on {} support samples",
                inference.unwrap_or_default(),
                self.support_samples
            );
        }
        text
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_board_that_counts_its_memory_otherwise_is_told_apart() {
        let need = MemoryNeed { arena: 10, labels: 3, ..MemoryNeed::default() };
        assert!(check_memory(46, &need).is_ok());
        let error = check_memory(50, &need).unwrap_err().to_string();
        assert!(error.contains("takes 50 bytes") && error.contains("not the 46"), "{error}");
    }
}
