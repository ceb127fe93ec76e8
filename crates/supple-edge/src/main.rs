//! A device on a Linux-class board: the firmware's main loop as a process.
//!
//! It serves the device's side of the link over TCP or the standard streams. Packs and learned heads lie in one file, in
//! the journals that a microcontroller has in its flash, with the same guarantees. `docs/edge.md` is for operators.
//!
//! | module | holds |
//! |---|---|
//! | `arguments` | the command line |
//! | `state` | the state file: its header, its lock, how a new one is made |
//! | `flash` | NOR flash in that file; how syncs make its promises true |
//! | `line` | a client after the other, or the standard streams |
//! | `board` | both as a board of the main loop |
//! | `serve` | the device at work, and its restarts |
//!
//! Not supported: several clients at once, encryption of the line (it does not leave the machine).
#![deny(unsafe_code, missing_docs)]

mod arguments;
mod board;
mod flash;
mod line;
mod serve;
mod state;

use std::error::Error;
use std::fs::File;
use std::io::{self, Read, Write};
use std::path::Path;
use std::process::ExitCode;
use std::time::Instant;

use clap::Parser;
use supple_pack::keys::{Keys, MOST_BYTES};
use supple_pack::{AlignedBytes, Pack};

use crate::arguments::{Arguments, TrunkKind};
use crate::board::Edge;
use crate::line::Line;
use crate::serve::{ByPlan, ByTract, runs, serve};
use crate::state::{Sizes, State};

fn main() -> ExitCode {
    match run(&Arguments::parse()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::FAILURE
        }
    }
}

fn run(arguments: &Arguments) -> Result<(), Box<dyn Error>> {
    let keys = arguments.keys.as_deref().map(keys).transpose()?.unwrap_or_default();
    let can_run = match arguments.trunk {
        TrunkKind::Plan => runs::<ByPlan>,
        TrunkKind::Tract => runs::<ByTract>,
    };
    let State { sizes, flash } = state(arguments, can_run)?;
    let line = match arguments.line.listen {
        None => Line::stdio(),
        Some(address) => {
            let listened = Line::listen(address);
            let (line, address) = listened
                .map_err(|error| format!("cannot listen at {address}: {error}; choose another port, or 0"))?;
            writeln!(io::stdout(), "listening on {address}")?;
            line
        }
    };
    let mut edge = Edge { flash, line, keys, places: sizes.places(), started: Instant::now(), can_run };
    let served = match arguments.trunk {
        TrunkKind::Plan => serve::<ByPlan, _>(&mut edge, sizes.memory),
        TrunkKind::Tract => serve::<ByTract, _>(&mut edge, sizes.memory),
    };
    Ok(served
        .map_err(|error| format!("the line or the state file failed: {error}; start the program anew"))?)
}

/// Opens the state file, or makes it.
fn state(arguments: &Arguments, can_run: fn(&Pack) -> bool) -> Result<State, Box<dyn Error>> {
    let path = &arguments.state;
    if !path.try_exists().map_err(|error| format!("{} cannot be looked at: {error}", path.display()))? {
        let sizes = arguments.sizes.over(Sizes::DEFAULT)?;
        let pack = arguments.pack.as_deref().map(|pack| first_pack(pack, &sizes, can_run)).transpose()?;
        state::create(path, &sizes, &pack.unwrap_or_default())?;
        return Ok(state::open(path)?);
    }
    let state = state::open(path)?;
    if arguments.sizes.over(state.sizes)? != state.sizes {
        let path = path.display();
        return Err(format!(
            "{path} was made with other sizes, which stay: leave them out, or name a new file with --state"
        )
        .into());
    }
    if arguments.pack.is_some() {
        eprintln!("{} exists and keeps its packs; send another with `supple device push`", path.display());
    }
    Ok(state)
}

/// A file that has at most so many bytes.
fn read(path: &Path, most: u64) -> Result<Vec<u8>, String> {
    let mut bytes = Vec::new();
    let read = File::open(path).and_then(|file| file.take(most.saturating_add(1)).read_to_end(&mut bytes));
    read.map_err(|error| format!("{} cannot be read: {error}; check the path", path.display()))?;
    if bytes.len() as u64 > most {
        return Err(format!("{} has more than {most} bytes; check the path", path.display()));
    }
    Ok(bytes)
}

fn keys(path: &Path) -> Result<Vec<u8>, String> {
    let bytes = read(path, MOST_BYTES as u64)?;
    Keys::read(&bytes).map_err(|error| format!("{}: {error}", path.display()))?;
    Ok(bytes)
}

/// A sound pack that fits.
fn first_pack(path: &Path, sizes: &Sizes, can_run: fn(&Pack) -> bool) -> Result<Vec<u8>, String> {
    let bytes =
        read(path, sizes.pack.into()).map_err(|error| format!("{error}, or give more --pack-room"))?;
    let aligned = AlignedBytes::copy_of(&bytes);
    let pack = Pack::parse_region(&aligned).map_err(|error| format!("{}: {error}", path.display()))?;
    if !can_run(&pack) {
        return Err(format!("{}: it cannot run with --trunk as chosen; choose `plan`", path.display()));
    }
    Ok(bytes)
}
