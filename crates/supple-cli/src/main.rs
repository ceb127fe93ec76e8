//! The `supple` command.
#![deny(unsafe_code, missing_docs)]

mod arguments;
mod boards;
mod calibrate;
mod compile;
mod cuts;
mod data;
mod device;
mod doctor;
mod eval;
mod files;
mod flash;
mod inspect;
mod key;
mod new_board;
mod pack;
mod report;
mod signal;
mod train;

use std::error::Error;
use std::io::{ErrorKind, Write};
use std::process::ExitCode;

use clap::Parser;

use crate::arguments::{Arguments, Verb};

/// What a shell reports for a program that Ctrl-C ended.
const INTERRUPTED: u8 = 130;

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    if matches!(arguments.verb, Verb::CompileWorker) {
        // Before any thread is started: its limits are the whole process's.
        return compile::worker();
    }
    if let Some(threads) = arguments.threads
        && let Err(error) = rayon::ThreadPoolBuilder::new().num_threads(threads.into()).build_global()
    {
        eprintln!("error: cannot start {threads} threads: {error}; give fewer with --threads");
        return ExitCode::FAILURE;
    }
    match run(&arguments.verb) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error}");
            let interrupted = matches!(error.downcast_ref(), Some(train::TrainError::Interrupted { .. }))
                || error.downcast_ref().is_some_and(eval::EvalError::is_interruption);
            if interrupted { ExitCode::from(INTERRUPTED) } else { ExitCode::FAILURE }
        }
    }
}

fn run(verb: &Verb) -> Result<(), Box<dyn Error>> {
    match verb {
        Verb::Train(arguments) => Ok(train::run(arguments)?),
        Verb::Compile(arguments) => Ok(compile::run(arguments)?),
        Verb::Pack(arguments) => Ok(pack::run(arguments)?),
        Verb::Inspect(arguments) => Ok(inspect::run(arguments)?),
        Verb::Eval(arguments) => Ok(eval::run(arguments)?),
        Verb::NewBoard(arguments) => Ok(new_board::run(arguments)?),
        Verb::Flash(arguments) => Ok(flash::run(arguments)?),
        Verb::Device(arguments) => Ok(device::run(arguments)?),
        Verb::Doctor(arguments) => Ok(doctor::run(arguments)?),
        Verb::Key(verb) => key::run(verb),
        // `main` has seen to it.
        Verb::CompileWorker => Ok(()),
    }
}

/// Prints a result: an object for programs, or lines for people. Ends the program where that fails: `println!` would
/// panic.
fn print(json: bool, object: &serde_json::Value, lines: &str) {
    let mut out = std::io::stdout().lock();
    let written = if json { writeln!(out, "{object:#}") } else { writeln!(out, "{lines}") };
    match written.and_then(|()| out.flush()) {
        Ok(()) => {}
        // Whoever read it has read enough.
        Err(error) if error.kind() == ErrorKind::BrokenPipe => {}
        Err(error) => {
            eprintln!("error: cannot print the result: {error}; check where the output goes");
            std::process::exit(1);
        }
    }
}
