//! Boards of silicon: the firmware is built here, an installed programmer writes it, the pack and the keys.

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use serde_json::json;
use supple_link::host::{HardwareBoard, Programmer};

use super::arguments::FlashArguments;
use super::error::FlashError;
use super::tools::{ESPFLASH, PICOTOOL, PROBE_RS, Tool, has_target};
use super::{absolute, shown};

/// A programmer erases what it writes to, and no more.
const PACK_FROM_BEFORE: &str =
    "a pack that came over the line before goes on running: --erase empties the flash first";
const KEYS_FROM_BEFORE: &str =
    "keys that it had are still trusted where they are still there: --erase takes them away";

/// A command that is run, or shown.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Step {
    program: &'static str,
    arguments: Vec<OsString>,
}

impl Step {
    fn new(program: &'static str) -> Self {
        Self { program, arguments: Vec::new() }
    }

    fn with<S: Into<OsString>>(mut self, arguments: impl IntoIterator<Item = S>) -> Self {
        self.arguments.extend(arguments.into_iter().map(Into::into));
        self
    }

    fn words(&self) -> Vec<String> {
        let arguments = self.arguments.iter().map(|argument| argument.to_string_lossy().into_owned());
        std::iter::once(self.program.to_owned()).chain(arguments).collect()
    }

    /// As a shell takes it.
    fn text(&self) -> String {
        let plain = |word: &str| {
            !word.is_empty() && word.chars().all(|c| c.is_ascii_alphanumeric() || "-_./:=,+@%".contains(c))
        };
        let quote = |word: &String| match plain(word) {
            true => word.clone(),
            false => format!("'{}'", word.replace('\'', r"'\''")),
        };
        self.words().iter().map(quote).collect::<Vec<_>>().join(" ")
    }

    fn run(&self, tool: Option<Tool>) -> Result<(), FlashError> {
        if let Some(Tool { program, install }) = tool.filter(|tool| tool.find().is_none()) {
            return Err(FlashError::NoProgram { program: program.to_owned(), install: install.to_owned() });
        }
        eprintln!("{}", self.text());
        // What the tools print is no result of this command.
        let status = Command::new(self.program)
            .args(&self.arguments)
            .stdin(Stdio::null())
            .stdout(std::io::stderr())
            .status();
        match status {
            Ok(status) if status.success() => Ok(()),
            Ok(status) => Err(FlashError::Failed { command: self.text(), status: status.to_string() }),
            Err(source) => Err(FlashError::Program { program: self.program.to_owned(), source }),
        }
    }
}

/// Builds where needed and writes everything.
pub fn flash(board: &HardwareBoard, arguments: &FlashArguments, pack: &Path) -> Result<(), FlashError> {
    let (build, firmware) = match &arguments.firmware {
        Some(firmware) => (None, absolute(firmware)),
        None => {
            let source = source(arguments.source.as_deref())?;
            let (step, firmware) = build(board, &source);
            (Some(step), firmware)
        }
    };
    let keys = arguments.keys.as_deref().map(absolute);
    let steps = write(board, (&firmware, &absolute(pack), keys.as_deref()), arguments);
    let tool = tool(board.programmer);
    let object = json!({
        "board": board.name,
        "emulated": false,
        "dry_run": arguments.dry_run,
        "pack": absolute(pack),
        "firmware": firmware,
        "keys": keys,
        "commands": build.iter().chain(&steps).map(Step::words).collect::<Vec<_>>(),
    });
    if arguments.dry_run {
        let lines: Vec<String> = build.iter().chain(&steps).map(Step::text).collect();
        crate::print(arguments.json, &object, &lines.join("\n"));
        return Ok(());
    }
    // Before a build that takes long: is there a programmer at all?
    if let Tool { program, install } = tool
        && tool.find().is_none()
    {
        return Err(FlashError::NoProgram { program: program.to_owned(), install: install.to_owned() });
    }
    if let Some(step) = &build {
        if !has_target(board.target) {
            return Err(FlashError::NoTarget { target: board.target });
        }
        step.run(None).map_err(|error| match error {
            FlashError::Failed { .. } => FlashError::DoesNotBuild { board: board.name.to_owned() },
            error => error,
        })?;
    }
    steps.iter().try_for_each(|step| step.run(Some(tool)))?;
    let text = format!(
        "{} has its firmware and {}{}\n  talk to it: supple device --port PORT info (`supple doctor` lists the ports)",
        board.name,
        shown(pack),
        if keys.is_some() { " and the keys" } else { "" }
    );
    let text = if arguments.erase { text } else { format!("{text}\n  {PACK_FROM_BEFORE}") };
    let text = match (keys.is_some(), arguments.erase) {
        (true, _) => text,
        (false, true) => format!("{text}\n  without --keys it takes no packs over the line"),
        (false, false) => format!("{text}\n  {KEYS_FROM_BEFORE}"),
    };
    crate::print(arguments.json, &object, &text);
    Ok(())
}

/// `--erase` alone.
pub fn erase(board: &HardwareBoard, arguments: &FlashArguments) -> Result<(), FlashError> {
    let step = erase_step(board.programmer, arguments.port.as_deref());
    let object = json!({ "board": board.name, "erased": !arguments.dry_run, "commands": [step.words()] });
    if !arguments.dry_run {
        step.run(Some(tool(board.programmer)))?;
    }
    let text = if arguments.dry_run { step.text() } else { format!("{}'s flash is empty", board.name) };
    crate::print(arguments.json, &object, &text);
    Ok(())
}

/// The checkout: the one named, or the one around the working directory.
fn source(named: Option<&Path>) -> Result<PathBuf, FlashError> {
    let start = absolute(named.unwrap_or(Path::new(".")));
    let folders = start.ancestors().take(if named.is_some() { 1 } else { usize::MAX });
    let found =
        folders.into_iter().find(|folder| folder.join("firmware/boards").is_dir()).map(Path::to_owned);
    found.ok_or(FlashError::NoSource { path: start })
}

/// Builds a board's firmware, and where its image then is.
fn build(board: &HardwareBoard, source: &Path) -> (Step, PathBuf) {
    // Apart from that of `cargo xtask firmware`, whose flags are others: they would undo each other's work.
    let folder = source.join("target/flash");
    let image = folder.join(board.target).join(board.profile).join(board.name);
    let step = Step::new("cargo")
        .with(["build", "--profile", board.profile, "--target", board.target, "--package", board.name])
        .with(["--manifest-path"])
        .with([source.join("firmware/Cargo.toml")])
        .with(["--target-dir"])
        .with([folder]);
    (step, image)
}

fn tool(programmer: Programmer) -> Tool {
    match programmer {
        Programmer::ProbeRs { .. } => PROBE_RS,
        Programmer::Espflash { .. } => ESPFLASH,
        Programmer::Picotool { .. } => PICOTOOL,
    }
}

fn erase_step(programmer: Programmer, port: Option<&str>) -> Step {
    match programmer {
        Programmer::ProbeRs { chip } => Step::new("probe-rs").with(["erase", "--chip", chip]),
        Programmer::Espflash { chip } => espflash("erase-flash", chip, port),
        Programmer::Picotool { .. } => Step::new("picotool").with(["erase", "--all"]),
    }
}

fn espflash(verb: &str, chip: &str, port: Option<&str>) -> Step {
    let step = Step::new("espflash").with([verb, "--chip", chip]);
    step.with(port.into_iter().flat_map(|port| ["--port", port]))
}

/// What writes firmware, keys and pack, and starts the board.
fn write(
    board: &HardwareBoard,
    (firmware, pack, keys): (&Path, &Path, Option<&Path>),
    arguments: &FlashArguments,
) -> Vec<Step> {
    // Keys may share an erase unit with code, so code comes first.
    let blobs: Vec<(u32, &Path)> =
        keys.map(|keys| (board.keys_address, keys)).into_iter().chain([(board.pack_address, pack)]).collect();
    let mut steps =
        Vec::from_iter(arguments.erase.then(|| erase_step(board.programmer, arguments.port.as_deref())));
    match board.programmer {
        Programmer::ProbeRs { chip } => {
            let download = || Step::new("probe-rs").with(["download", "--chip", chip]);
            steps.push(download().with([firmware]));
            for (address, file) in blobs {
                let place = format!("{address:#x}");
                let options = ["--binary-format", "bin", "--restore-unwritten", "--base-address", &place];
                steps.push(download().with(options).with([file]));
            }
            steps.push(Step::new("probe-rs").with(["reset", "--chip", chip]));
        }
        Programmer::Espflash { chip } => {
            let port = arguments.port.as_deref();
            for (address, file) in blobs {
                let place = format!("{address:#x}");
                steps.push(espflash("write-bin", chip, port).with([place]).with([file]));
            }
            // Last, for it starts the board.
            steps.push(espflash("flash", chip, port).with([firmware]));
        }
        Programmer::Picotool { family } => {
            let load = |file: &Path| Step::new("picotool").with(["load", "--family", family]).with([file]);
            steps.push(load(firmware).with(["-t", "elf"]));
            for (address, file) in blobs {
                steps.push(load(file).with(["-t", "bin", "-o", &format!("{address:#x}")]));
            }
            steps.push(Step::new("picotool").with(["reboot"]));
        }
    }
    steps
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;
    use crate::arguments::{Arguments, Verb};

    fn texts(board: &str, keys: bool, more: &[&str]) -> Vec<String> {
        let words = ["supple", "flash", "pack"].iter().chain(more);
        let Verb::Flash(arguments) = Arguments::try_parse_from(words).unwrap().verb else {
            panic!("a flash")
        };
        let board = HardwareBoard::named(board).unwrap();
        let keys = keys.then_some(Path::new("/k/keys.bin"));
        let files = (Path::new("/f/fw.elf"), Path::new("/p/my pack.supple"), keys);
        let steps = write(board, files, &arguments);
        steps.iter().map(Step::text).collect()
    }

    #[test]
    fn each_programmer_is_told_where_everything_goes() {
        assert_eq!(
            texts("nrf52840-dk", true, &["--erase"]),
            [
                "probe-rs erase --chip nRF52840_xxAA",
                "probe-rs download --chip nRF52840_xxAA /f/fw.elf",
                "probe-rs download --chip nRF52840_xxAA --binary-format bin --restore-unwritten --base-address 0x3f000 /k/keys.bin",
                "probe-rs download --chip nRF52840_xxAA --binary-format bin --restore-unwritten --base-address 0x40000 '/p/my pack.supple'",
                "probe-rs reset --chip nRF52840_xxAA",
            ]
        );
        assert_eq!(
            texts("esp32-c3", false, &["--port", "/dev/ttyACM1"]),
            [
                "espflash write-bin --chip esp32c3 --port /dev/ttyACM1 0x110000 '/p/my pack.supple'",
                "espflash flash --chip esp32c3 --port /dev/ttyACM1 /f/fw.elf",
            ]
        );
        assert_eq!(
            texts("pico2", true, &[]),
            [
                "picotool load --family rp2350-arm-s /f/fw.elf -t elf",
                "picotool load --family rp2350-arm-s /k/keys.bin -t bin -o 0x100ff000",
                "picotool load --family rp2350-arm-s '/p/my pack.supple' -t bin -o 0x10100000",
                "picotool reboot",
            ]
        );
    }

    #[test]
    fn the_checkout_is_found_upwards_or_where_it_is_said_to_be() {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..").canonicalize().unwrap();
        assert_eq!(source(Some(&root)).unwrap(), root);
        // Not above a folder that was named.
        let error = source(Some(&root.join("crates"))).unwrap_err().to_string();
        assert!(error.contains("--source"), "{error}");
    }
}
