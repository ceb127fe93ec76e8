//! `cargo xtask bench device`: instructions, cycles, RAM, stack and code on emulated boards: `docs/device.md`.
//!
//! | module | what |
//! |---|---|
//! | `boards` | emulated boards |
//! | `cases` | what is measured with which image and pack |
//! | `image` | the bench's images |
//! | `trace` | an image run instruction by instruction |
//! | `thumb` | what an instruction costs |
//! | `table` | the checked-in table |
//! | `peers` | plain C beside ours |

mod boards;
mod cases;
mod image;
mod peers;
mod table;
mod thumb;
mod trace;

use std::path::{Path, PathBuf};
use std::process::Command;
use std::{env, fs, io};

use clap::builder::PossibleValuesParser;
use serde_json::{Value, json};

use crate::command::output_of;
use crate::setup::{self, BareMetal, SetupError};
use boards::{BOARDS, Board};
use cases::{CASES, Case, Figures};
use trace::Measured;

/// The command line's part for this.
#[derive(Debug, clap::Args)]
pub struct Arguments {
    /// The board; may be repeated.
    #[arg(long, default_value = BOARDS[0].name, value_parser = PossibleValuesParser::new(BOARDS.map(|board| board.name)))]
    pub board: Vec<String>,
    /// Only these cases; may be repeated.
    #[arg(long, value_parser = PossibleValuesParser::new(CASES.map(|case| case.name)))]
    pub case: Vec<String>,
    /// A pack of your own instead of the cases: reading it, its trunk, and its first head adapted to as many samples as
    /// it has room for.
    #[arg(long, value_name = "FILE", conflicts_with_all = ["case", "check", "bless", "peers"])]
    pub pack: Option<PathBuf>,
    /// A list of objects instead of a table.
    #[arg(long)]
    pub json: bool,
    /// Fail where a figure is more than 2 % larger than in tests/tables/device.tsv.
    #[arg(long)]
    pub check: bool,
    /// Write the figures to tests/tables/device.tsv.
    #[arg(long, conflicts_with = "check")]
    pub bless: bool,
    /// Plain C as well, compiled with arm-none-eabi-gcc, from the folder in SUPPLE_DEVICE_PEERS (docs/device.md).
    #[arg(long)]
    pub peers: bool,
}

/// Why there are no results, or bad ones.
#[derive(Debug, thiserror::Error)]
pub enum DeviceError {
    /// No compiler or emulator.
    #[error(transparent)]
    Setup(#[from] SetupError),
    /// No packs.
    #[error("the packs were not made; what cargo and supple-bench-packs say above tells why")]
    NoPacks,
    /// Cargo did not start.
    #[error("starting cargo failed: {0}; install Rust from https://rustup.rs")]
    NoCargo(io::Error),
    /// No image.
    #[error(transparent)]
    Image(#[from] image::ImageError),
    /// No figures.
    #[error(transparent)]
    Trace(#[from] trace::TraceError),
    /// An image that measured something else.
    #[error("the image of {0} did not measure it; the bench's cases and its image do not fit together")]
    NotMeasured(&'static str),
    /// Plain C did not compile or run.
    #[error(transparent)]
    Peers(#[from] peers::PeersError),
    /// The table.
    #[error("{} cannot be used: {source}; check the folder's rights, or write it with --bless", path.display())]
    Table {
        /// The file.
        path: PathBuf,
        /// Why not.
        source: io::Error,
    },
    /// Figures that grew.
    #[error("{}\nmake them smaller again, or accept them with `cargo xtask bench device --bless`", .0.join("\n"))]
    Grown(Vec<String>),
}

/// Measures and prints.
pub fn run(root: &Path, arguments: &Arguments) -> Result<(), DeviceError> {
    let tools = setup::bare_metal(root)?;
    setup::qemu()?;
    if let Some(pack) = &arguments.pack {
        return own(root, arguments, pack, &tools);
    }
    // First, for it is quick to fail where there is no C compiler or no C library.
    let peers = if arguments.peers { peers::run(root)? } else { Vec::new() };
    let packs = packs(root)?;
    let mut results = Vec::new();
    for board in arguments.board.iter().filter_map(|name| Board::named(name)) {
        results.extend(measure(root, board, &arguments.case, &packs, &tools)?);
    }
    if arguments.json {
        let all: Value = results.iter().map(row).chain(peers.iter().map(peers::Peer::json)).collect();
        println!("{all:#}");
    } else {
        print!("{}", text(&results, &peers));
    }
    let path = root.join(table::PATH);
    let failed = |source| DeviceError::Table { path: path.clone(), source };
    let compiler = compiler(&tools);
    if arguments.bless {
        let before = fs::read_to_string(&path).unwrap_or_default();
        fs::write(&path, table::write(&before, &compiler, &results)).map_err(failed)?;
    } else if arguments.check {
        let wrong = table::check(&fs::read_to_string(&path).map_err(failed)?, &compiler, &results);
        if !wrong.is_empty() {
            return Err(DeviceError::Grown(wrong));
        }
    }
    Ok(())
}

/// Measures all cases on the usual board and holds them against the table.
pub fn check(root: &Path) -> Result<(), DeviceError> {
    let board = vec![BOARDS[0].name.to_owned()];
    let (case, json, bless, peers) = (Vec::new(), false, false, false);
    run(root, &Arguments { board, case, pack: None, json, check: true, bless, peers })
}

/// Measures a pack of the user's with an image that runs any.
fn own(root: &Path, arguments: &Arguments, pack: &Path, tools: &BareMetal) -> Result<(), DeviceError> {
    let mut rows = Vec::new();
    for board in arguments.board.iter().filter_map(|name| Board::named(name)) {
        let bench = image::build(root, board, "release", "default", tools)?;
        for Measured { name, sum, stack } in trace::run(&bench, board, pack)?.measured {
            let cycles = if board.cycles { json!(sum.cycles) } else { Value::Null };
            rows.push(
                json!({"case": name, "board": board.name, "instructions": sum.instructions, "cycles": cycles,
                "stack_bytes": stack}),
            );
        }
    }
    if arguments.json {
        println!("{:#}", Value::from(rows));
        return Ok(());
    }
    println!("{:<10} {:<12} {:>14} {:>14} {:>7}", "", "board", "instructions", "cycles", "stack");
    for row in rows {
        let [case, board] = ["case", "board"].map(|key| row[key].as_str().unwrap_or_default());
        let [instructions, cycles, stack] =
            ["instructions", "cycles", "stack_bytes"].map(|key| row[key].to_string());
        println!("{case:<10} {board:<12} {instructions:>14} {cycles:>14} {stack:>7}");
    }
    Ok(())
}

/// All cases, or those that are named, on one board.
fn measure(
    root: &Path,
    board: &'static Board,
    names: &[String],
    packs: &Path,
    tools: &BareMetal,
) -> Result<Vec<Figures>, DeviceError> {
    let mut results = Vec::new();
    let mut last: Option<(&Case, u64, trace::Said)> = None;
    let wanted = |name: &str| names.is_empty() || names.iter().any(|wanted| wanted == name);
    for case in CASES.iter().filter(|case| wanted(case.name)) {
        let (code, said) = match last {
            Some((last, code, said)) if last.runs_with(case) => (code, said),
            _ => {
                let harness = image::build(root, board, case.profile, &case.harness(), tools)?;
                let bench = image::build(root, board, case.profile, case.features, tools)?;
                let said = trace::run(&bench, board, &packs.join(format!("{}.supple", case.pack)))?;
                (bench.flash.saturating_sub(harness.flash), said)
            }
        };
        let figures = case.figures(board.name, board.cycles, &said, code);
        let figures = figures.ok_or(DeviceError::NotMeasured(case.name))?;
        eprintln!("{}: {} instructions on {}", case.name, figures.instructions, board.name);
        results.push(figures);
        last = Some((case, code, said));
    }
    Ok(results)
}

/// Builds the program that writes the packs, and runs it: always the same packs.
fn packs(root: &Path) -> Result<PathBuf, DeviceError> {
    let mut cargo = super::cargo_build(root, &["supple-bench-packs"]);
    let folder = root.join("target/device-bench");
    let program = format!("target/release/supple-bench-packs{}", env::consts::EXE_SUFFIX);
    let mut packs = Command::new(root.join(program));
    packs.arg(&folder).stdout(io::stderr());
    for command in [&mut cargo, &mut packs] {
        if !command.status().map_err(DeviceError::NoCargo)?.success() {
            return Err(DeviceError::NoPacks);
        }
    }
    Ok(folder)
}

/// The version line of the compiler for bare metal.
fn compiler(tools: &BareMetal) -> String {
    let rustc = match tools {
        BareMetal::Current => "rustc",
        BareMetal::Debian { .. } => "/usr/bin/rustc",
    };
    output_of(rustc, &["--version"]).unwrap_or_default().trim().to_owned()
}

fn row(figures: &Figures) -> Value {
    let mut object = json!({
        "case": figures.case,
        "board": figures.board,
        "instructions": figures.instructions,
        "macs": figures.macs,
        "ram_bytes": figures.ram,
        "stack_bytes": figures.stack,
        "code_bytes": figures.code,
        "cycles": figures.cycles,
        "stall_cycles": figures.stalls,
    });
    for (term, bytes) in &figures.memory {
        object[format!("{term}_bytes")] = (*bytes).into();
    }
    if let Some(trunk) = figures.trunk_instructions {
        object["trunk_instructions"] = trunk.into();
        object["head_instructions"] = (figures.instructions - trunk).into();
    }
    object
}

fn text(results: &[Figures], peers: &[peers::Peer]) -> String {
    let line = |case: &str, board: &str, numbers: [String; 7]| {
        let [instructions, per_mac, cycles, cycles_per_mac, ram, stack, code] = numbers;
        format!(
            "{case:<19} {board:<11} {instructions:>12} {per_mac:>8} {cycles:>11} {cycles_per_mac:>10} {ram:>7} {stack:>6} \
             {code:>7}\n"
        )
    };
    let ratio = |count: u64, macs: u64| {
        if macs > 0 { format!("{:.3}", count as f64 / macs as f64) } else { "–".to_owned() }
    };
    let heading = ["instructions", "per MAC", "cycles", "per MAC", "RAM", "stack", "code"];
    let mut text = line("case", "board", heading.map(str::to_owned));
    for figures in results {
        let Figures { instructions, macs, ram, stack, code, .. } = *figures;
        let or_none = |text: Option<String>| text.unwrap_or_else(|| "–".to_owned());
        text += &line(
            figures.case,
            figures.board,
            [
                instructions.to_string(),
                ratio(instructions, macs),
                or_none(figures.cycles.map(|cycles| cycles.to_string())),
                or_none(figures.cycles.map(|cycles| ratio(cycles, macs))),
                ram.to_string(),
                stack.to_string(),
                code.to_string(),
            ],
        );
    }
    for peer in peers {
        let mut numbers = [const { String::new() }; 7].map(|_| "–".to_owned());
        numbers[0] = peer.instructions.to_string();
        numbers[1] = ratio(peer.instructions, peer.macs);
        text += &line(peer.case, "plain C", numbers);
    }
    text
}
