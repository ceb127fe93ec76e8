//! `supple inspect`: what a pack or an ONNX trunk needs.

mod arena;
mod heads;

use std::fmt::Write as _;
use std::path::Path;

use serde_json::{Value, json};
use supple_link::host::UnknownBoard;
use supple_pack::header::MAGIC;
use supple_pack::signature::Block;
use supple_pack::write::{WriteError, pack};
use supple_pack::{AlignedBytes, Op, Pack, Shape};
use supple_runtime::MemoryNeed;
use supple_trunk::Refusal;
use supple_trunk::isolated::{IsolatedError, Refused};
use supple_trunk::report::kind;

use crate::arguments::InspectArguments;
use crate::boards::Board;
use crate::compile::{self, ModelError, model};
use crate::cuts;
use crate::files::{self, FileError};

/// Why a file cannot be inspected.
#[derive(Debug, thiserror::Error)]
pub enum InspectError {
    /// It cannot be read.
    #[error(transparent)]
    File(#[from] FileError),
    /// It is no trunk.
    #[error(transparent)]
    Model(#[from] ModelError),
    /// Its trunk makes no pack.
    #[error(transparent)]
    Write(#[from] WriteError),
    /// No such board.
    #[error(transparent)]
    Board(#[from] UnknownBoard),
}

/// Runs the verb.
pub fn run(arguments: &InspectArguments) -> Result<(), InspectError> {
    let board = Board::named(&arguments.board)?;
    let bytes = files::read(&arguments.file)?;
    if !bytes.starts_with(&MAGIC) {
        return onnx(arguments, &bytes, &board);
    }
    let bytes = AlignedBytes::copy_of(&bytes);
    print(arguments.json, &arguments.file, &bytes, &board, json!({}))?;
    Ok(())
}

/// An ONNX model: what its plan needs and where it could be cut; the latter even where there is no plan.
fn onnx(arguments: &InspectArguments, onnx: &[u8], board: &Board) -> Result<(), InspectError> {
    let compiled = model(&arguments.file, onnx, "trunk".to_owned(), arguments.patience);
    let cuts = match &compiled {
        // What kills one reader kills the next.
        Err(error) if !error.source.is_refusal() => Vec::new(),
        _ => compile::cuts(onnx, arguments.patience).unwrap_or_else(|error| {
            // Whatever else keeps the candidates from being found keeps the model from being compiled too.
            if !error.is_refusal() {
                eprintln!("where the model could be cut is not listed: {error}");
            }
            Vec::new()
        }),
    };
    match compiled {
        Ok(compiled) => {
            let bytes = AlignedBytes::copy_of(&pack(&compiled.parts, &[])?);
            let more = json!({"cuts": cuts::object(&cuts)});
            let lines = if cuts.is_empty() { String::new() } else { cuts::lines(&cuts) };
            print_with(arguments.json, &arguments.file, &bytes, board, more, &lines)?;
            Ok(())
        }
        Err(error) => {
            if !cuts.is_empty() {
                let object = json!({
                    "cuts": cuts::object(&cuts),
                    "refusals": refusals(&error.source),
                    "error": error.to_string(),
                });
                crate::print(arguments.json, &object, &cuts::lines(&cuts));
            }
            Err(error.into())
        }
    }
}

/// The nodes that are in the way, for programs.
fn refusals(error: &IsolatedError) -> Value {
    let IsolatedError::Refused(Refused { refusals: Some(refusals), .. }) = error else { return json!([]) };
    let one = |refusal: &Refusal| json!({"node": refusal.node, "operator": refusal.operator, "reason": refusal.reason});
    refusals.0.iter().map(one).collect()
}

/// Prints what a pack's bytes need, with further keys for the JSON object.
pub fn print(
    as_json: bool,
    path: &Path,
    bytes: &AlignedBytes,
    board: &Board,
    more: Value,
) -> Result<(), FileError> {
    print_with(as_json, path, bytes, board, more, "")
}

/// The same with further lines for people.
fn print_with(
    as_json: bool,
    path: &Path,
    bytes: &AlignedBytes,
    board: &Board,
    more: Value,
    more_lines: &str,
) -> Result<(), FileError> {
    let pack = files::parse_pack(path, bytes)?;
    // A pack with something else behind it was refused.
    let block = Block::behind(bytes).ok().flatten();
    let mut object = object(&pack, board, bytes.len());
    object["signature"] = signature(block.as_ref());
    if let (Value::Object(object), Value::Object(more)) = (&mut object, more) {
        object.extend(more);
    }
    let signed = block.as_ref().map_or_else(|| "not signed".to_owned(), signature_line);
    let lines = lines(&pack, board, bytes.len())
        + "\n"
        + &signed
        + if more_lines.is_empty() { "" } else { "\n\n" }
        + more_lines;
    crate::print(as_json, &object, &lines);
    Ok(())
}

/// The operations that compute, each with what it reads first (a fill: writes) and writes.
fn layers<'p>(pack: &Pack<'p>) -> impl Iterator<Item = (Op, Shape, Shape)> + use<'p> {
    pack.ops().filter_map(|op| {
        let output = op.output()?.shape;
        let input = op.inputs().into_iter().flatten().next().map_or(output, |value| value.shape);
        Some((op, input, output))
    })
}

fn macs(pack: &Pack) -> u64 {
    pack.ops().map(|op| op.macs()).sum()
}

/// What a signature claims; whether it is genuine is for `supple key check` to say.
pub fn signature(block: Option<&Block>) -> Value {
    block.map_or(
        Value::Null,
        |block| json!({"key": block.key.to_string(), "counter": block.counter, "board": block.board_name()}),
    )
}

/// The same for people.
pub fn signature_line(block: &Block) -> String {
    let board = block.board_name().unwrap_or("any board");
    format!("signed by the key {} for {board}, counter {}", block.key, block.counter)
}

/// Digits, two a byte.
pub fn hexadecimal(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut text, byte| {
        // Writing to a string cannot fail.
        let _ = write!(text, "{byte:02x}");
        text
    })
}

/// `flash_bytes` counts the signature too.
fn object(pack: &Pack, board: &Board, flash_bytes: usize) -> Value {
    let need = MemoryNeed::of(pack);
    let operations: Vec<Value> = layers(pack)
        .map(|(op, input, output)| {
            json!({
                "kind": kind(&op),
                "input": input.dimensions(),
                "output": output.dimensions(),
                "rows_held": op.output().map(|value| value.rows),
                "macs": op.macs(),
            })
        })
        .collect();
    let heads: Vec<Value> = pack.heads().map(|head| heads::object(&head)).collect();
    json!({
        "ops": operations.len(),
        "macs": macs(pack),
        "flash_bytes": flash_bytes,
        "ram_inference_bytes": need.inference_bytes(),
        "ram_adapt_bytes": need.adapt_bytes(),
        "stack_bytes": board.stack_bytes,
        "fits": board.fits(pack, flash_bytes),
        "program_bytes": board.program_bytes,
        "ram_bytes": board.ram_bytes(&need),
        "board": board.name,
        "name": pack.trunk().name.as_str(),
        "trunk": hexadecimal(&pack.trunk().hash.0),
        "spare": {
            "ram_bytes": spare(4 * board.pool, 4 * need.floats()),
            "flash_bytes": spare(board.pack_region, flash_bytes),
        },
        "arena": {
            "bytes": 4 * need.arena,
            "lower_bound_bytes": 4 * arena::largest_live_set(pack),
            "input_bytes": 4 * pack.trunk().input.words(),
            "feature_bytes": 4 * pack.trunk().output.words(),
        },
        "memory": {
            "arena_bytes": 4 * need.arena,
            "head_bytes": 4 * need.head,
            "guard_bytes": 4 * need.guard,
            "cache_bytes": 4 * need.cache,
            "work_bytes": 4 * need.work,
            "velocity_bytes": 4 * need.velocity,
            "target_bytes": 4 * need.targets,
            "label_bytes": 2 * need.labels,
        },
        "operations": operations,
        "heads": heads,
    })
}

fn lines(pack: &Pack, board: &Board, flash_bytes: usize) -> String {
    let need = MemoryNeed::of(pack);
    let mut text = format!("trunk {} ({})\n", pack.trunk().name, hexadecimal(&pack.trunk().hash.0));
    for (op, input, output) in layers(pack) {
        let shape = |s: &Shape| format!("{} × {} × {}", s.height, s.width, s.channels);
        let _ = writeln!(
            text,
            "  {:<18} {:>14} → {:<14} {:>10} MAC",
            kind(&op),
            shape(&input),
            shape(&output),
            op.macs()
        );
    }
    for head in pack.heads() {
        let _ = writeln!(text, "{}", heads::line(&head));
    }
    let _ = writeln!(text, "MAC           {:>10}", macs(pack));
    let _ = writeln!(text, "flash         {flash_bytes:>10} bytes");
    let _ = writeln!(
        text,
        "RAM to infer  {:>10} bytes (arena {}, of which the input {}; at its worst moment {}; heads {})",
        need.inference_bytes(),
        4 * need.arena,
        4 * pack.trunk().input.words(),
        4 * arena::largest_live_set(pack),
        4 * need.head
    );
    let _ = write!(
        text,
        "RAM to adapt  {:>10} bytes (and guard {}, velocity {}, cache {}, work {}, labels {})",
        need.adapt_bytes(),
        4 * need.guard,
        4 * need.velocity,
        4 * need.cache,
        4 * need.work,
        4 * need.targets + 2 * need.labels
    );
    let _ = write!(
        text,
        "\nRAM           {:>10} bytes with the stack of {} and the firmware's own {}",
        board.ram_bytes(&need),
        board.stack_bytes,
        board.program_bytes
    );
    let verdict = if board.fits(pack, flash_bytes) { "fits" } else { "does not fit" };
    let _ = write!(
        text,
        "\n{}: {verdict} (RAM {} of {} bytes, {}, {} labels of {}, {} of {} heads, pack region {flash_bytes} of {} bytes, {}, stack {} \
         bytes)",
        board.name,
        4 * need.floats(),
        4 * board.pool,
        spare_words(4 * board.pool, 4 * need.floats()),
        need.labels,
        board.labels,
        pack.trunk().heads,
        board.heads,
        board.pack_region,
        spare_words(board.pack_region, flash_bytes),
        board.stack_bytes
    );
    text
}

/// What is left; negative where it is missing.
fn spare(room: usize, need: usize) -> i64 {
    room as i64 - need as i64
}

fn spare_words(room: usize, need: usize) -> String {
    let spare = spare(room, need);
    if spare < 0 { format!("{} short", -spare) } else { format!("{spare} to spare") }
}
