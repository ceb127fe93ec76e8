//! `new-board`: a board's folder to begin from, copied from another's, and what is to do next.

mod arguments;

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use serde_json::json;

pub use arguments::NewBoardArguments;

/// The folders of boards, within a checkout.
const BOARDS: &str = "firmware/boards";
/// Names that mean something else: all boards, the program for Linux, the twin, a folder of builds.
const TAKEN: [&str; 5] = ["all", "edge", "twin", "release", "debug"];
/// A device tells its board's name in so many bytes.
const NAME_MOST: usize = 32;
/// No file of a board is longer.
const FILE_MOST: u64 = 1 << 20;

/// Why there is no new board.
#[derive(Debug, thiserror::Error)]
pub enum NewBoardError {
    /// No name for a folder, a crate and a device.
    #[error(
        "`{0}` is no name for a board: take a lower-case letter, then lower-case letters, digits and single hyphens, \
         {NAME_MOST} bytes at most, not beginning with `supple`, and none of {taken}", taken = TAKEN.join(", ")
    )]
    Name(String),
    /// The command runs outside of a checkout.
    #[error(
        "no folder {BOARDS} in {} or above it; run this in a checkout of Supple, or name one with --source",
        .0.display()
    )]
    NoSource(PathBuf),
    /// No such board to begin from.
    #[error("there is no board `{like}` to begin from; --like takes one of {}", known.join(", "))]
    NoTemplate {
        /// As asked for.
        like: String,
        /// Those that are there.
        known: Vec<String>,
    },
    /// There is such a board.
    #[error("{} is there already; take another name, or remove it first", .0.display())]
    Exists(PathBuf),
    /// A file that is no text of a sensible length.
    #[error("{} is no source file of a board; remove it from the folder, or begin from another board", .0.display())]
    NoText(PathBuf),
    /// A folder or a file failed.
    #[error("{} failed: {source}; check its rights and the disk's room", path.display())]
    Failed {
        /// The folder or the file.
        path: PathBuf,
        /// The system's reason.
        source: io::Error,
    },
}

/// Copies a board's folder under a new name and prints what is to do.
pub fn run(arguments: &NewBoardArguments) -> Result<(), NewBoardError> {
    let NewBoardArguments { name, like, source, json } = arguments;
    if !is_name(name) {
        return Err(NewBoardError::Name(name.clone()));
    }
    let firmware = firmware(source.as_deref())?;
    let boards = firmware.join("boards");
    let template = boards.join(like);
    // A name alone, or a path could lead out of the folder.
    if !is_name(like) || !template.join("Cargo.toml").is_file() {
        return Err(NewBoardError::NoTemplate { like: like.clone(), known: known(&boards)? });
    }
    let folder = boards.join(name);
    if fs::symlink_metadata(&folder).is_ok() {
        return Err(NewBoardError::Exists(folder));
    }
    // Whole or not there: it is put together beside the boards, of which cargo would read half a one.
    let staged = tempfile::Builder::new().prefix(".new-board-").tempdir_in(&firmware);
    let staged = staged.map_err(failed(&firmware))?;
    let copy = staged.path().join(name);
    let files = copy_folder(&template, &copy, &|path, text| renamed(path, text, like, name))?;
    fs::rename(&copy, &folder).map_err(failed(&folder))?;
    let object = json!({ "board": name, "like": like, "folder": folder, "files": files });
    crate::print(*json, &object, &checklist(name, like, &folder));
    Ok(())
}

fn failed(path: &Path) -> impl Fn(io::Error) -> NewBoardError {
    move |source| NewBoardError::Failed { path: path.to_owned(), source }
}

/// Whether a folder, a crate and a device can have this name.
fn is_name(name: &str) -> bool {
    let words = name.split('-').all(|word| {
        !word.is_empty() && word.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit())
    });
    words
        && name.len() <= NAME_MOST
        && name.starts_with(|first: char| first.is_ascii_lowercase())
        && !name.starts_with("supple")
        && !TAKEN.contains(&name)
}

/// The folder `firmware` of the checkout named, or of the one around the working directory.
fn firmware(source: Option<&Path>) -> Result<PathBuf, NewBoardError> {
    let here = std::env::current_dir().map_err(failed(Path::new(".")))?;
    let start = source.map_or_else(|| here.clone(), |source| here.join(source));
    // Not above a folder that was named.
    let folders = if source.is_some() { 1 } else { usize::MAX };
    let found = start.ancestors().take(folders).find(|root| root.join(BOARDS).is_dir());
    let found = found.map(|root| root.join("firmware"));
    found.ok_or(NewBoardError::NoSource(start))
}

/// The boards that one can begin from.
fn known(boards: &Path) -> Result<Vec<String>, NewBoardError> {
    let mut names = Vec::new();
    for entry in fs::read_dir(boards).map_err(failed(boards))? {
        let entry = entry.map_err(failed(boards))?;
        if entry.path().join("Cargo.toml").is_file() {
            names.extend(entry.file_name().into_string());
        }
    }
    names.sort();
    Ok(names)
}

/// Copies a folder of source files, each changed on the way; their paths within it.
fn copy_folder(
    from: &Path,
    to: &Path,
    change: &dyn Fn(&Path, &str) -> String,
) -> Result<Vec<PathBuf>, NewBoardError> {
    let mut files = Vec::new();
    let mut waiting = vec![PathBuf::new()];
    while let Some(within) = waiting.pop() {
        let folder = from.join(&within);
        fs::create_dir(to.join(&within)).map_err(failed(&to.join(&within)))?;
        for entry in fs::read_dir(&folder).map_err(failed(&folder))? {
            let entry = entry.map_err(failed(&folder))?;
            let (path, within) = (entry.path(), within.join(entry.file_name()));
            let kind = entry.file_type().map_err(failed(&path))?;
            if kind.is_dir() {
                waiting.push(within);
                continue;
            }
            let length = entry.metadata().map_err(failed(&path))?.len();
            if !kind.is_file() || length > FILE_MOST {
                return Err(NewBoardError::NoText(path));
            }
            let bytes = fs::read(&path).map_err(failed(&path))?;
            let text = String::from_utf8(bytes).map_err(|_| NewBoardError::NoText(path))?;
            let copy = to.join(&within);
            fs::write(&copy, change(&within, &text)).map_err(failed(&copy))?;
            files.push(within);
        }
    }
    files.sort();
    Ok(files)
}

/// A file of the board `like`, as the board `name` has it: the crate's, the program's and the device's name are its own,
/// and what describes the other board says that it does.
fn renamed(path: &Path, text: &str, like: &str, name: &str) -> String {
    let text = text.replace(&format!("\"{like}\""), &format!("\"{name}\""));
    let described = format!("Supple on {name}");
    let is = |file: &str| path == Path::new(file);
    if is("Cargo.toml") {
        let lines = text.lines().map(|line| match line.starts_with("description = ") {
            true => format!("description = \"{described}\"\n"),
            false => format!("{line}\n"),
        });
        return lines.collect();
    }
    if is("src/main.rs") {
        let code: Vec<&str> = text.lines().skip_while(|line| line.starts_with("//!")).collect();
        return format!(
            "//! {described}; begun from {like}, which much of this still is.\n{}\n",
            code.join("\n")
        );
    }
    text
}

/// What is to do, in the order of docs/porting.md.
fn checklist(name: &str, like: &str, folder: &Path) -> String {
    let folder = folder.display();
    format!(
        "\
{folder}: a copy of {like} with the name {name}. What is to do (docs/porting.md says how):
[ ] src/main.rs       pins and UART of the line to the host; the clock behind its rate
[ ] src/main.rs       CLOCK: the timer's ticks a second; POOL_FLOATS and LABELS: what RAM has room for
[ ] memory.x          flash and RAM; regions KEYS, PACK and PACK_B, each of whole erase units but the keys
[ ] src/main.rs       the flash driver: erase unit and word of the chip; PLACES: packs and journals, none over another
[ ] crates/supple-link/src/host/hardware.rs
                      an entry for {name} in HARDWARE, which is one longer then: target, programmer, where packs and
                      keys lie (of an emulated board: in BOARDS of board.rs)
[ ] crates/supple-cli/src/boards.rs
                      a line for {name}: pool, labels, stack, the program's own RAM
[ ] docs/porting.md   a line in the list of boards: what was tried, and what was not
Commands to try, in the checkout:
    cargo xtask firmware --board {name}
    cargo xtask gates panic
    cargo xtask gates stack       (then set _stack_promise in memory.x to what it finds)
    cargo test --release -p supple-link --features std --lib board
    cargo build --release -p supple-cli     (this program, so that it knows {name})
    supple flash --board {name} PACK
    supple device --port PORT info"
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_those_of_a_folder_a_crate_and_a_device() {
        for name in ["a", "my-board", "nrf9160-dk2", &"x".repeat(NAME_MOST)] {
            assert!(is_name(name), "{name}");
        }
        for name in [
            "",
            "-a",
            "a-",
            "a--b",
            "9x",
            "My",
            "my_board",
            "a/b",
            "..",
            "a.b",
            "supple-app",
            "ü",
            "a b",
            &"x".repeat(NAME_MOST + 1),
        ] {
            assert!(!is_name(name), "{name}");
        }
    }

    #[test]
    fn a_copy_has_its_own_names_and_says_what_it_is() {
        let manifest =
            "[package]\nname = \"old\"\ndescription = \"Supple on the Old\"\n\n[[bin]]\nname = \"old\"\n";
        assert_eq!(
            renamed(Path::new("Cargo.toml"), manifest, "old", "new"),
            "[package]\nname = \"new\"\ndescription = \"Supple on new\"\n\n[[bin]]\nname = \"new\"\n"
        );
        let main = "//! Supple on the Old,\n//! a board.\n#![no_std]\nconst NAME: &str = \"old\";\n";
        assert_eq!(
            renamed(Path::new("src/main.rs"), main, "old", "new"),
            "//! Supple on new; begun from old, which much of this still is.\n#![no_std]\nconst NAME: &str = \"new\";\n"
        );
        let script = "/* The Old: \"golden\" flash. */\n";
        assert_eq!(renamed(Path::new("memory.x"), script, "old", "new"), script);
    }
}
