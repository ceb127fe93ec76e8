//! `supple flash`: put firmware, a pack and keys on a board, or start an emulated one.
//!
//! | module | what |
//! |---|---|
//! | `arguments`, `error` | the command line, and what can go wrong |
//! | `emulated`, `state`, `control` | boards that QEMU runs in the background |
//! | `silicon`, `tools` | boards that a programmer writes, and the programs that do |

mod arguments;
mod control;
mod emulated;
mod error;
mod silicon;
mod state;
pub mod tools;

use std::path::{Path, PathBuf};

use supple_link::host::{EmulatedBoard, HardwareBoard};
use supple_pack::keys::Keys;
use supple_pack::signature::{BLOCK_BYTES, Block};
use supple_pack::{AlignedBytes, Pack};

pub use self::arguments::FlashArguments;
pub use self::error::FlashError;
pub use self::state::{StateError, address};
use crate::boards::Board;
use crate::files;

/// Runs the verb.
pub fn run(arguments: &FlashArguments) -> Result<(), FlashError> {
    let name = arguments.board.as_str();
    let emulated = EmulatedBoard::named(name);
    let Some(path) = arguments.pack.as_deref() else {
        return match (emulated, HardwareBoard::named(name)) {
            (Ok(board), _) => emulated::stop(board.name, arguments.erase, arguments.json),
            (_, Ok(board)) if arguments.erase && !arguments.stop => silicon::erase(board, arguments),
            (_, Ok(board)) => Err(FlashError::NothingToStop { board: board.name.to_owned() }),
            (Err(unknown), _) => Err(unknown.into()),
        };
    };
    let bytes = files::read_pack(path)?;
    let pack = files::parse_pack(path, &bytes)?;
    if let Some(keys) = &arguments.keys {
        check_keys(keys)?;
    }
    match (emulated, HardwareBoard::named(name)) {
        (Ok(board), _) => {
            check_room(path, (&bytes, &pack), board.name, board.pack_room)?;
            emulated::start(board, arguments, (path, &bytes))
        }
        (_, Ok(board)) => {
            check_room(path, (&bytes, &pack), board.name, board.pack_room)?;
            silicon::flash(board, arguments, path)
        }
        (Err(unknown), _) => Err(unknown.into()),
    }
}

fn check_keys(path: &Path) -> Result<(), FlashError> {
    let bytes = files::read(path)?;
    let keys = Keys::read(&bytes).map(|_| ());
    keys.map_err(|error| FlashError::Keys { path: path.to_owned(), reason: error.to_string() })
}

/// Whether a pack with its signature fits a board.
fn check_room(
    path: &Path,
    (bytes, pack): (&AlignedBytes, &Pack),
    board: &str,
    room: u32,
) -> Result<(), FlashError> {
    let signature = if matches!(Block::behind(bytes), Ok(Some(_))) { BLOCK_BYTES } else { 0 };
    let length = pack.header().length as usize + signature;
    if length > room as usize {
        let (pack, board) = (path.to_owned(), board.to_owned());
        return Err(FlashError::TooLarge { pack, bytes: length, board, room });
    }
    match Board::named(board) {
        Ok(figures) if !figures.fits(pack, length) => {
            Err(FlashError::TooMuchMemory { pack: path.to_owned(), board: board.to_owned() })
        }
        // Of a board without figures, the board itself tells.
        _ => Ok(()),
    }
}

/// A path that means the same in any working directory.
fn absolute(path: &Path) -> PathBuf {
    std::path::absolute(path).unwrap_or_else(|_| path.to_owned())
}

/// A path as it is shown.
fn shown(path: &Path) -> String {
    path.display().to_string()
}
