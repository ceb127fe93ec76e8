//! What is measured, with which image and which pack.

use super::trace::Said;

/// A part of an image's measurements.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Part {
    /// Reading the pack: checksum, and every check.
    Parse,
    /// One run of the trunk.
    Trunk,
    /// One gradient step on all support samples.
    Step,
    /// From support drawings to an adapted head.
    Episode,
}

/// A case of the table.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Case {
    /// As in the table.
    pub name: &'static str,
    /// The pack's file, without its ending.
    pub pack: &'static str,
    /// What the image holds.
    pub features: &'static str,
    /// How it is compiled: firmware's `release` for speed, `small` for size.
    pub profile: &'static str,
    /// What counts.
    pub part: Part,
    /// Useful multiply-accumulates; 0 where the case is not about them.
    pub macs: u64,
}

const FLOAT16: &str = "product,trunk,float,convolution,rows";
const FLOAT32: &str = "product,trunk,float,convolution,dense,rows";
const INT16: &str = "product,trunk,int8,convolution,rows";
const INT32: &str = "product,trunk,int8,convolution,dense,rows";
const LINEAR_HEAD: &str = "product,adapt";
const HIDDEN_HEAD: &str = "product,adapt,hidden";
const EPISODE_FLOAT: &str = "product,trunk,adapt,float,convolution,rows";
const SMALL_FLOAT: &str = "product,trunk,adapt,float,convolution,rows";
const SMALL_INT: &str = "product,trunk,adapt,int8,convolution,rows";
const EPISODE_INT: &str = "product,trunk,adapt,int8,convolution,rows";
/// A sample of the head 64→5, and of 64→32→5: forward, and the gradients of what is learned.
const LINEAR: u64 = 640;
const HIDDEN: u64 = 4_576;

/// All cases. Those of one image and pack are neighbours, and share a run.
pub const CASES: [Case; 14] = [
    case("head-64-5-n5", "head-64-5-n5", LINEAR_HEAD, Part::Step, 5 * LINEAR),
    case("head-64-5-n25", "head-64-5-n25", LINEAR_HEAD, Part::Step, 25 * LINEAR),
    case("head-64-32-5-n5", "head-64-32-5-n5", HIDDEN_HEAD, Part::Step, 5 * HIDDEN),
    case("head-64-32-5-n25", "head-64-32-5-n25", HIDDEN_HEAD, Part::Step, 25 * HIDDEN),
    case("trunk-ch16-f32", "trunk-ch16-f32", FLOAT16, Part::Trunk, 187_200),
    case("parse-ch16-f32", "trunk-ch16-f32", FLOAT16, Part::Parse, 0),
    case("trunk-ch32-f32", "trunk-ch32-f32", FLOAT32, Part::Trunk, 700_544),
    case("trunk-ch16-int8", "trunk-ch16-int8", INT16, Part::Trunk, 187_200),
    case("parse-ch16-int8", "trunk-ch16-int8", INT16, Part::Parse, 0),
    case("trunk-ch32-int8", "trunk-ch32-int8", INT32, Part::Trunk, 700_544),
    case("episode-ch16-f32", "episode-ch16-f32", EPISODE_FLOAT, Part::Episode, EPISODE),
    case("episode-ch16-int8", "episode-ch16-int8", EPISODE_INT, Part::Episode, EPISODE),
    small(case("small-episode-ch16-f32", "episode-ch16-f32", SMALL_FLOAT, Part::Episode, EPISODE)),
    small(case("small-episode-ch16-int8", "episode-ch16-int8", SMALL_INT, Part::Episode, EPISODE)),
];
/// Five drawings, five steps on them.
const EPISODE: u64 = 5 * 187_200 + EPISODE_HEAD;
const EPISODE_HEAD: u64 = 5 * 5 * LINEAR;

const fn case(name: &'static str, pack: &'static str, features: &'static str, part: Part, macs: u64) -> Case {
    Case { name, pack, features, profile: "release", part, macs }
}

/// The same, compiled for size.
const fn small(case: Case) -> Case {
    Case { profile: "small", ..case }
}

/// A row of the results.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Figures {
    /// The case.
    pub case: &'static str,
    /// The board.
    pub board: &'static str,
    /// Executed.
    pub instructions: u64,
    /// Of them, by the trunk; the rest is the head's. Only of episodes.
    pub trunk_instructions: Option<u64>,
    /// Estimated, for the Cortex-M4.
    pub cycles: Option<u64>,
    /// Cycles that come on top where a float's result is read at once.
    pub stalls: Option<u64>,
    /// Useful multiply-accumulates.
    pub macs: u64,
    /// Arena, head and work memory, labels, handles and stack: what it takes beside the support features, the copy that
    /// guards an adaptation and momentum's velocities.
    pub ram: u64,
    /// Of that, the stack.
    pub stack: u64,
    /// The terms of memory that the image reports, in bytes.
    pub memory: Vec<(String, u64)>,
    /// Code and constants in flash, without the harness, the vectors and the pack.
    pub code: u64,
}

impl Case {
    /// Whether one run measures both.
    pub fn runs_with(&self, other: &Self) -> bool {
        self.features == other.features && self.pack == other.pack && self.profile == other.profile
    }

    /// The features of an image that asks for the same but holds nothing of ours: what calls the product, measures it and
    /// prints.
    pub fn harness(&self) -> String {
        let measured = self.features.split(',').filter(|feature| ["trunk", "adapt"].contains(feature));
        measured.collect::<Vec<_>>().join(",")
    }

    /// The case's row; `None` where the image measured something else.
    pub fn figures(&self, board: &'static str, cycles: bool, said: &Said, code: u64) -> Option<Figures> {
        let parts = match self.part {
            Part::Parse => ["parse", "parse"],
            Part::Trunk => ["trunk", "trunk"],
            Part::Step => ["step", "step"],
            Part::Episode => ["sample", "adapt"],
        };
        let with = |name: &'static str| said.measured.iter().filter(move |measured| measured.name == name);
        let all = || said.measured.iter().filter(|measured| parts.contains(&measured.name.as_str()));
        all().next()?;
        // A step stands for itself, not for its heads' other terms; a head on its own has no arena.
        let counted: &[&str] = match self.part {
            Part::Parse => &[],
            Part::Trunk => &["arena", "trunk"],
            Part::Step => &["head", "work", "labels", "learner"],
            Part::Episode => &["arena", "trunk", "head", "work", "labels", "learner"],
        };
        let stack = all().map(|measured| measured.stack).max()?;
        let memory = counted.iter().filter_map(|term| said.memory.get(*term)).sum::<u64>();
        let sum = |of: fn(&super::thumb::Sum) -> u64| all().map(|measured| of(&measured.sum)).sum::<u64>();
        let episode = self.part == Part::Episode;
        let trunk = with("sample").map(|measured| measured.sum.instructions).sum();
        Some(Figures {
            case: self.name,
            board,
            instructions: sum(|sum| sum.instructions),
            trunk_instructions: episode.then_some(trunk),
            cycles: cycles.then(|| sum(|sum| sum.cycles)),
            stalls: cycles.then(|| sum(|sum| sum.stalls)),
            macs: self.macs,
            ram: memory + stack,
            stack,
            memory: said.memory.iter().map(|(term, bytes)| (term.clone(), *bytes)).collect(),
            code,
        })
    }
}
