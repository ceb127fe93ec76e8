//! Set-up, firmware, checks, benches and the demo: `cargo xtask --help`.

mod aarch64;
mod bench;
mod campaign;
mod command;
mod demo;
mod firmware;
mod gates;
mod setup;
mod tally;
mod test;
mod wheel;

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::{Parser, Subcommand};

#[derive(Parser)]
#[command(name = "cargo xtask", about = "Set-up, firmware, checks, benches and the demo")]
struct Arguments {
    #[command(subcommand)]
    task: Task,
}

#[derive(Subcommand)]
enum Task {
    /// Install what is missing: a compiler for bare metal and QEMU.
    Setup,
    /// Build a board's firmware into target/firmware/BOARD.elf.
    Firmware {
        /// A folder of firmware/boards, or `all`.
        #[arg(long, default_value = firmware::DEFAULT_BOARD)]
        board: String,
        /// Instead of it, the images that hold kernels against their definition: target/firmware/kernels-BOARD.elf.
        #[arg(long, conflicts_with = "board")]
        kernels: bool,
    },
    /// Measure speed, beside other programs.
    #[command(subcommand)]
    Bench(bench::Bench),
    /// Build what an emulated Linux board with aarch64 runs.
    Aarch64,
    /// Prove that no panic is reachable, and that the deepest stack is as promised, on every board.
    #[command(subcommand)]
    Gates(gates::Gates),
    /// Set up, then train, pack, evaluate and adapt on an emulated board, on built-in data: target/demo/index.html.
    Demo,
    /// Set up, then run every check and test; the last line says how many passed, failed and were skipped.
    Test {
        /// The long campaigns too, with a log in docs/campaigns.
        #[arg(long)]
        full: bool,
    },
}

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let outcome = match arguments.task {
        Task::Setup => setup::run(&root()).map(|_| ()).map_err(Box::from),
        Task::Firmware { kernels: true, .. } => build_kernels(),
        Task::Firmware { board, .. } => build_firmware(&board),
        Task::Bench(bench) => bench.run(&root()),
        Task::Aarch64 => aarch64::build(&root()).map_err(Box::from),
        Task::Gates(gates) => gates.run(&root()),
        Task::Demo => demo::run(&root()).map_err(Box::from),
        Task::Test { full } => return test::run(&root(), full),
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::FAILURE
        }
    }
}

fn build_firmware(board: &str) -> Result<(), Box<dyn std::error::Error>> {
    let boards = if board == "all" { firmware::boards().collect() } else { vec![board] };
    let targets = boards.iter().map(|board| firmware::target(board)).collect::<Result<_, _>>()?;
    let bare_metal = setup::bare_metal_for(&root(), &targets)?;
    for board in boards {
        let built = firmware::build(&root(), board, &bare_metal)?;
        println!("{}", built.path.display());
        println!("code       {:>8} bytes (text and constants)", built.image.code);
        println!("static RAM {:>8} bytes (pool for packs included, stack not)", built.image.fixed_ram);
        println!("SHA-256    {} (of what is flashed)", built.image.sha256);
        if board == firmware::EMULATED_TOO {
            println!("{}", firmware::build_emulated_too(&root(), &bare_metal)?.display());
        }
    }
    Ok(())
}

fn build_kernels() -> Result<(), Box<dyn std::error::Error>> {
    let bare_metal = setup::bare_metal_for(&root(), &firmware::kernel_targets()?)?;
    for path in firmware::build_kernels(&root(), &bare_metal)? {
        println!("{}", path.display());
    }
    Ok(())
}

/// The checkout's root folder.
fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().map_or_else(PathBuf::new, Path::to_path_buf)
}
