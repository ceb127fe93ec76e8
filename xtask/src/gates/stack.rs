//! The deepest stack of each board, from frames and calls in the image, beside what the board promises.

use std::path::Path;

use supple_link::host::{BOARDS, HARDWARE};

use super::build::{BuildError, Subject, build};
use super::exceptions::{FRAME_BYTES, LARGE_FRAMES, NOT_PROVEN, REGISTER_CALLS, not_proven};
use super::graph::{self, DepthError, Graph};
use super::image::{Image, ImageError, Machine};
use super::painted::{self, PaintedError};
use crate::firmware::{self, FirmwareError};
use crate::setup::BareMetal;

/// The symbol of each board's linker script that says how much stack its firmware may use.
const PROMISE: &str = "_stack_promise";
/// What a Cortex-M stacks itself before a handler: eight words, eighteen more where there is an FPU, one to align.
const EXCEPTION_FRAME: u32 = 4 * (8 + 18 + 1);

/// Why the gate is shut.
#[derive(Debug, thiserror::Error)]
pub enum StackError {
    /// All that is wrong.
    #[error("{}", .0.iter().map(|error| error.to_string()).collect::<Vec<_>>().join("\nerror: "))]
    Failed(Vec<Self>),
    /// More than promised.
    #[error(
        "{board} may use {bytes} bytes of stack but promises {promise}: make the frames above smaller, or raise \
         `{PROMISE}` in firmware/boards/{board}/memory.x"
    )]
    TooDeep {
        /// The board.
        board: String,
        /// The deepest stack.
        bytes: u32,
        /// What its linker script says.
        promise: u32,
    },
    /// A board that promises nothing.
    #[error("{board} promises no stack: set `{PROMISE}` in firmware/boards/{board}/memory.x")]
    NoPromise {
        /// The board.
        board: String,
    },
    /// A large frame.
    #[error(
        "{name} takes a frame of {bytes} bytes, more than {most}: move its arrays to memory that the caller gives, or \
         list it with a reason in xtask/src/gates/exceptions.rs"
    )]
    LargeFrame {
        /// The function.
        name: String,
        /// Its frame.
        bytes: u32,
        /// The most that is let pass.
        most: u32,
    },
    /// The example with a large frame passed.
    #[error("a frame of 600 bytes passes, so this gate shows nothing: see firmware/panic")]
    Toothless,
    /// No deepest stack.
    #[error("{board}: {source}")]
    Depth {
        /// The board.
        board: String,
        /// Why.
        source: DepthError,
    },
    /// The image under test is not what is shipped.
    #[error(
        "{board}: with its frames told, the image has other code than the shipped one: the gate must follow"
    )]
    OtherCode {
        /// The board.
        board: String,
    },
    /// The emulated board used more than can be.
    #[error(
        "{board} was seen to use {painted} bytes of stack, more than the {bytes} found: correct the gate"
    )]
    Missed {
        /// The board.
        board: String,
        /// What it used.
        painted: u32,
        /// What was found.
        bytes: u32,
    },
    /// An image that does not start in a function.
    #[error("{board} starts where no function is: give its start-up code a `.type` and a `.size`")]
    NoStart {
        /// The board.
        board: String,
    },
    /// An emulated board did not do as asked.
    #[error(transparent)]
    Painted(#[from] PaintedError),
    /// An image did not build.
    #[error(transparent)]
    Build(#[from] BuildError),
    /// An image cannot be looked into.
    #[error(transparent)]
    Image(#[from] ImageError),
    /// A shipped image did not build.
    #[error(transparent)]
    Firmware(#[from] FirmwareError),
}

/// Proves it for every board, and names all that fail.
pub fn run(root: &Path, bare_metal: &BareMetal) -> Result<(), StackError> {
    refuses(root, bare_metal)?;
    let emulated = BOARDS.iter().map(|board| (board.name, board.target, true));
    let hardware = HARDWARE.iter().map(|board| (board.name, board.target, false));
    let boards = emulated.chain(hardware).filter(|(name, ..)| not_proven(name).is_none());
    let failed: Vec<StackError> = boards.flat_map(|board| prove_board(root, board, bare_metal)).collect();
    for exception in &NOT_PROVEN {
        println!("not proven: {}: {}", exception.board, exception.reason);
    }
    if failed.is_empty() { Ok(()) } else { Err(StackError::Failed(failed)) }
}

/// What is wrong with the stack of a board with this name, compiled for this target, emulated or not.
fn prove_board(
    root: &Path,
    (name, target, emulated): (&str, &str, bool),
    bare_metal: &BareMetal,
) -> Vec<StackError> {
    let mut failed = Vec::new();
    let mut prove = || -> Result<(), StackError> {
        let shipped = firmware::build(root, name, bare_metal)?.path;
        let told = build(root, &Subject { frames: true, ..Subject::board(name, target) }, bare_metal)?;
        let image = Image::read(&told)?;
        let board = || name.to_owned();
        if code_sizes(&Image::read(&shipped)?) != code_sizes(&image) {
            return Err(StackError::OtherCode { board: board() });
        }
        let (bytes, promise) = depth(name, &image)?;
        if bytes > promise {
            failed.push(StackError::TooDeep { board: board(), bytes, promise });
        }
        failed.extend(large_frames(&image));
        if !emulated {
            println!("  of silicon: nothing was run");
            return Ok(());
        }
        let Some(painted) = painted::most(root, name, &shipped)? else {
            println!("  no pack of the repository fits: nothing was run");
            return Ok(());
        };
        println!("  seen   {painted:>6} bytes used when emulated");
        if painted > bytes {
            return Err(StackError::Missed { board: board(), painted, bytes });
        }
        Ok(())
    };
    let outcome = prove();
    failed.extend(outcome.err());
    failed
}

/// A gate that lets everything pass is none: the example with a large frame must be refused.
fn refuses(root: &Path, bare_metal: &BareMetal) -> Result<(), StackError> {
    let subject = Subject { frames: true, ..Subject::example("large_frame", BOARDS[0].target) };
    let image = Image::read(&build(root, &subject, bare_metal)?)?;
    match large_frames(&image).as_slice() {
        [StackError::LargeFrame { name, bytes, .. }] if name == "large_frame::large" && *bytes >= 600 => {
            Ok(())
        }
        _ => Err(StackError::Toothless),
    }
}

/// The deepest stack of an image, of which it says the way down, and what is promised.
fn depth(board: &str, image: &Image) -> Result<(u32, u32), StackError> {
    let board = || board.to_owned();
    let promise = *image.symbols.get(PROMISE).ok_or_else(|| StackError::NoPromise { board: board() })?;
    let graph = Graph::new(image);
    let depth = |source| StackError::Depth { board: board(), source };
    let start = image.function_at(image.entry).ok_or_else(|| StackError::NoStart { board: board() })?;
    let main = graph.deepest(start).map_err(depth)?;
    let mut bytes = main.bytes;
    let mut handlers = Vec::new();
    for handler in graph::handlers(image) {
        let path = graph.deepest(handler).map_err(depth)?;
        // An endless loop is the end of a lost program: nothing runs after it whose stack could matter.
        if !graph.is_endless_loop(handler) {
            let hardware = if image.machine == Machine::Arm { EXCEPTION_FRAME } else { 0 };
            bytes += hardware + path.bytes;
            handlers.push((hardware, path));
        }
    }
    println!("{}: {bytes} bytes of stack at most, {promise} promised", board());
    let deep = |path: &graph::Path| {
        for (index, held) in path.steps.iter().filter(|(_, held)| *held > 0) {
            println!("  {held:>6}  {}", image.functions[*index].readable());
        }
    };
    deep(&main);
    for (hardware, path) in &handlers {
        println!("  {hardware:>6}  by the processor itself, before a handler");
        deep(path);
    }
    Ok((bytes, promise))
}

/// The large frames that have no reason.
fn large_frames(image: &Image) -> Vec<StackError> {
    let mut refused = Vec::new();
    for function in &image.functions {
        let (name, bytes) = (function.readable(), function.frame.unwrap_or_default());
        let listed = LARGE_FRAMES.iter().find(|listed| name.starts_with(listed.name));
        let most = listed.map_or(FRAME_BYTES, |listed| listed.bytes);
        if bytes > most {
            refused.push(StackError::LargeFrame { name, bytes, most });
        } else if let Some(listed) = listed.filter(|_| bytes > FRAME_BYTES) {
            println!("  frame  {bytes:>6} bytes, {name}: {}", listed.reason);
        }
    }
    for call in &REGISTER_CALLS {
        if image.functions.iter().any(|function| function.readable().starts_with(call.name)) {
            println!("  calls  what a register says: {}: {}", call.name, call.reason);
        }
    }
    refused
}

/// How long the functions are, in ascending order: told frames change symbols' names, and with them the functions'
/// order and the gaps between them. Assembly that tells no length would count such a gap.
fn code_sizes(image: &Image) -> Vec<u32> {
    let mut sizes: Vec<u32> = image
        .functions
        .iter()
        .filter(|function| function.sized)
        .map(|function| function.end - function.start)
        .collect();
    sizes.sort_unstable();
    sizes
}
