//! No panic is reachable, at opt-level 3 and s, overflow checks off as shipped.
//!
//! Every board links with a panic handler that calls what nobody has. Pack and runtime link so by themselves too, and
//! the store, for every target: what is linked for a board whose vendor's own crates may panic.

use std::path::Path;

use supple_link::host::{BOARDS, HARDWARE};

use super::build::{BuildError, Subject, build};
use super::exceptions::{NOT_PROVEN, not_proven};
use super::graph::Graph;
use super::image::{Image, ImageError};
use crate::firmware;
use crate::setup::BareMetal;

/// As in `firmware/Cargo.toml`, and for size.
const LEVELS: [&str; 2] = ["3", "\"s\""];
/// What leads to the panic handler, as parts of mangled names.
const PANICS: [&str; 7] = [
    "9panicking",
    "rust_begin_unwind",
    "unwrap_failed",
    "expect_failed",
    "len_mismatch_fail",
    "slice_index_fail",
    "slice_error_fail",
];

/// Why the gate is shut.
#[derive(Debug, thiserror::Error)]
pub enum PanicError {
    /// A panic is reachable.
    #[error(
        "a panic is reachable in {name} for {target} at opt-level {level}, from {}: use `get`, `checked_` arithmetic \
         or iterators there, or show the compiler that it cannot happen",
        from.join(", ")
    )]
    Reachable {
        /// The board or the example.
        name: String,
        /// Its target.
        target: String,
        /// The opt-level.
        level: &'static str,
        /// The functions that can panic.
        from: Vec<String>,
    },
    /// The example that panics was linked.
    #[error(
        "an index from outside is linked at opt-level {level}, so this gate shows nothing: see firmware/panic"
    )]
    Toothless {
        /// The opt-level.
        level: &'static str,
    },
    /// An image did not build.
    #[error(transparent)]
    Build(#[from] BuildError),
    /// An image cannot be looked into.
    #[error(transparent)]
    Image(#[from] ImageError),
}

/// Proves it for every board, and for pack and runtime alone and the store alone on every target.
pub fn run(root: &Path, bare_metal: &BareMetal) -> Result<(), PanicError> {
    for level in LEVELS {
        refuses(root, bare_metal, level)?;
    }
    let hardware = HARDWARE.iter().map(|board| (board.name, board.target));
    let boards = BOARDS.iter().map(|board| (board.name, board.target)).chain(hardware);
    let boards = boards.filter(|(name, _)| not_proven(name).is_none());
    let boards = boards.map(|(name, target)| Subject::board(name, target));
    let targets = firmware::targets();
    let alone = ["alone", "store"]
        .into_iter()
        .flat_map(|name| targets.iter().map(move |target| Subject::example(name, target)));
    for subject in boards.chain(alone) {
        // Where flash has no room for the other level, that is never shipped.
        for level in LEVELS.into_iter().filter(|level| subject.level.is_none_or(|only| only == *level)) {
            prove(root, &subject, level, bare_metal)?;
            println!("no panic: {} for {} at opt-level {level}", subject.name(), subject.target);
        }
    }
    for exception in &NOT_PROVEN {
        println!("not proven: {}: {}", exception.board, exception.reason);
    }
    Ok(())
}

fn prove(
    root: &Path,
    subject: &Subject,
    level: &'static str,
    bare_metal: &BareMetal,
) -> Result<(), PanicError> {
    let subject = Subject { level: Some(level), refuse_panics: true, ..*subject };
    match build(root, &subject, bare_metal) {
        Ok(_) => Ok(()),
        Err(BuildError::Panics) => {
            let image = build(root, &Subject { refuse_panics: false, ..subject }, bare_metal)?;
            let (name, target) = (subject.name().to_owned(), subject.target.to_owned());
            Err(PanicError::Reachable { name, target, level, from: culprits(&Image::read(&image)?) })
        }
        Err(error) => Err(error.into()),
    }
}

/// A gate that lets everything pass is none: the example that panics must be refused.
fn refuses(root: &Path, bare_metal: &BareMetal, level: &'static str) -> Result<(), PanicError> {
    match prove(root, &Subject::example("panics", BOARDS[0].target), level, bare_metal) {
        Err(PanicError::Reachable { from, .. }) if from == ["_start"] => Ok(()),
        Ok(()) | Err(PanicError::Reachable { .. }) => Err(PanicError::Toothless { level }),
        Err(error) => Err(error),
    }
}

/// The functions that call what panics.
fn culprits(image: &Image) -> Vec<String> {
    let graph = Graph::new(image);
    let name = |index: usize| image.functions[index].name();
    let panics = |index: &usize| PANICS.iter().any(|part| name(*index).contains(part));
    let callers = (0..image.functions.len()).filter(panics).flat_map(|index| graph.callers(index));
    let mut names: Vec<String> =
        callers.filter(|caller| !panics(caller)).map(|caller| image.functions[caller].readable()).collect();
    names.sort_unstable();
    names.dedup();
    names
}
