//! Finds or installs a compiler for bare metal and QEMU, and fetches ONNX's own cases.

use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;
use std::{env, fs};

use supple_link::host::BOARDS;

use crate::command::{output_of, run_within};
use crate::{firmware, wheel};

/// A rustup that has not got the targets by then will not get them.
const RUSTUP_LIMIT: Duration = Duration::from_secs(30);
/// Debian's compiler, and the source of its core library, which must be of the same version.
const DEBIAN_CARGO: &str = "/usr/bin/cargo";
const DEBIAN_RUSTC: &str = "/usr/bin/rustc";
const DEBIAN_CORE: &str = "/usr/lib/rustlib/src/rust/library/core/Cargo.toml";
const DEBIAN_PACKAGES: [&str; 3] = ["rustc-web", "cargo-web", "rust-web-src"];

/// A compiler for bare metal.
#[derive(Debug, Clone)]
pub enum BareMetal {
    /// The current one: it has the targets.
    Current,
    /// Debian's, which builds the core library too.
    Debian {
        /// The linker, if the search path has none by the name that the compiler looks for.
        linker: Option<PathBuf>,
    },
}

/// Why something is missing and could not be installed.
#[derive(Debug, thiserror::Error)]
pub enum SetupError {
    /// Neither rustup nor apt could give a compiler.
    #[error(
        "no compiler for {targets}: run `rustup target add {targets}` on a machine that reaches rustup's server, \
         or as root `{}`",
        apt_command(missing)
    )]
    NoTarget {
        /// The targets, with spaces between them.
        targets: String,
        /// The Debian packages that are missing.
        missing: Vec<&'static str>,
    },
    /// No linker for bare metal.
    #[error("no linker for bare metal: run `apt-get install --no-install-recommends lld` as root")]
    NoLinker,
    /// No emulator.
    #[error(
        "{program} is missing: run `{}` as root (Debian, Ubuntu), or `brew install qemu` (macOS)",
        apt_command(&[package])
    )]
    NoQemu {
        /// The program.
        program: &'static str,
        /// Debian's package of it.
        package: &'static str,
    },
    /// The note in the target folder could not be written.
    #[error("{} cannot be written: {source}; check the folder's rights", path.display())]
    Note {
        /// The note.
        path: PathBuf,
        /// Why not.
        source: io::Error,
    },
}

/// Finds or installs all that the firmware and the tests need.
pub fn run(root: &Path) -> Result<BareMetal, SetupError> {
    let bare_metal = bare_metal(root)?;
    qemu()?;
    // Without them one test is skipped, and says so.
    match wheel::fetch(root) {
        Ok(path) => eprintln!("ONNX's cases: {}", path.display()),
        Err(error) => eprintln!("ONNX's cases: none: {error}"),
    }
    Ok(bare_metal)
}

/// Finds or installs the emulators of all boards.
pub fn qemu() -> Result<(), SetupError> {
    let programs: BTreeMap<_, _> = BOARDS.iter().map(|board| (board.program, board.package())).collect();
    programs.into_iter().try_for_each(|(program, package)| emulator(program, package))
}

fn emulator(program: &'static str, package: &'static str) -> Result<(), SetupError> {
    if has_program(program, &[package]) { Ok(()) } else { Err(SetupError::NoQemu { program, package }) }
}

/// Finds a program, or installs the packages that have it; says which version it is.
pub fn has_program(program: &str, packages: &[&str]) -> bool {
    let version = || output_of(program, &["--version"]);
    let found = version().or_else(|| if install(packages) { version() } else { None });
    if let Some(found) = &found {
        eprintln!("{program}: {}", found.lines().next().unwrap_or_default());
    }
    found.is_some()
}

/// Finds or installs a compiler for all boards.
pub fn bare_metal(root: &Path) -> Result<BareMetal, SetupError> {
    bare_metal_for(root, &firmware::targets())
}

/// Finds or installs a compiler for some targets.
pub fn bare_metal_for(root: &Path, targets: &BTreeSet<&str>) -> Result<BareMetal, SetupError> {
    let missing = || targets.iter().copied().filter(|target| !has(target)).collect::<Vec<_>>();
    let before = missing();
    if before.is_empty() {
        let targets: Vec<_> = targets.iter().copied().collect();
        eprintln!("bare metal: the current Rust has {}", targets.join(", "));
        return Ok(BareMetal::Current);
    }
    // Remembered, or every build would wait for a server that is out of reach. `cargo clean` forgets it.
    let note = root.join("target/firmware/rustup-failed");
    if !note.exists() {
        if rustup_adds(&before) && missing().is_empty() {
            return Ok(BareMetal::Current);
        }
        fs::create_dir_all(root.join("target/firmware"))
            .and_then(|()| fs::write(&note, "rustup could not add a target; delete this file to try again\n"))
            .map_err(|source| SetupError::Note { path: note, source })?;
    }
    debian(&before)
}

/// Whether the current compiler has a target's libraries.
pub fn has(target: &str) -> bool {
    let library = output_of("rustc", &["--print", "target-libdir", "--target", target]);
    library.and_then(|folder| fs::read_dir(folder).ok()).is_some_and(|mut files| files.next().is_some())
}

/// Lets rustup add targets; whether it says that it has.
pub fn rustup_adds(targets: &[&str]) -> bool {
    let mut rustup = Command::new("rustup");
    rustup.args(["target", "add"]).args(targets);
    eprintln!("installing: rustup target add {} (at most {} s)", targets.join(" "), RUSTUP_LIMIT.as_secs());
    matches!(run_within(&mut rustup, RUSTUP_LIMIT), Ok(Some(status)) if status.success())
}

fn debian(targets: &[&str]) -> Result<BareMetal, SetupError> {
    let missing = || -> Vec<&'static str> {
        let files = [DEBIAN_RUSTC, DEBIAN_CARGO, DEBIAN_CORE];
        let pairs = files.iter().zip(DEBIAN_PACKAGES);
        pairs.filter(|(file, _)| !Path::new(file).exists()).map(|(_, package)| package).collect()
    };
    let before = missing();
    if !before.is_empty() {
        install(&before);
        let missing = missing();
        if !missing.is_empty() {
            return Err(SetupError::NoTarget { targets: targets.join(" "), missing });
        }
    }
    let linker = match linker() {
        Some(linker) => linker,
        None if install(&["lld"]) => linker().ok_or(SetupError::NoLinker)?,
        None => return Err(SetupError::NoLinker),
    };
    eprintln!("bare metal: Debian's {}", output_of(DEBIAN_RUSTC, &["--version"]).unwrap_or_default());
    Ok(BareMetal::Debian { linker })
}

/// The linker, if there is one: `None` within for the one that the compiler finds by itself.
fn linker() -> Option<Option<PathBuf>> {
    let on_path = |name: &str| {
        let folders = env::var_os("PATH")?;
        env::split_paths(&folders).map(|folder| folder.join(name)).find(|file| file.is_file())
    };
    if on_path("rust-lld").is_some() {
        return Some(None);
    }
    // rustup's compilers bring one with them.
    let sysroot = output_of("rustc", &["--print", "sysroot"])?;
    let libraries = fs::read_dir(Path::new(&sysroot).join("lib/rustlib")).ok()?;
    let mut bundled = libraries.flatten().map(|host| host.path().join("bin/rust-lld"));
    bundled.find(|file| file.is_file()).or_else(|| on_path("ld.lld")).map(Some)
}

/// Installs Debian packages; only root can, and only where there is apt.
fn install(packages: &[&str]) -> bool {
    if output_of("id", &["-u"]).as_deref() != Some("0") || output_of("apt-get", &["--version"]).is_none() {
        return false;
    }
    let apt = |arguments: &[&str]| {
        // Standard output is for results.
        let status = Command::new("apt-get")
            .args(arguments)
            .env("DEBIAN_FRONTEND", "noninteractive")
            .stdout(io::stderr())
            .status();
        status.is_ok_and(|status| status.success())
    };
    eprintln!("installing: {}", apt_command(packages));
    // Recommended packages are left out: some of them conflict with these.
    let arguments = [&["install", "--yes", "--no-install-recommends"], packages].concat();
    apt(&arguments) || (apt(&["update"]) && apt(&arguments))
}

/// The command that installs Debian packages.
pub fn apt_command(packages: &[&str]) -> String {
    format!("apt-get install --no-install-recommends {}", packages.join(" "))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_missing_is_named_with_its_command() {
        let targets = "thumbv6m-none-eabi thumbv7em-none-eabihf".to_owned();
        let error = SetupError::NoTarget { targets, missing: vec!["rust-web-src"] }.to_string();
        assert!(error.contains("rustup target add thumbv6m-none-eabi thumbv7em-none-eabihf"), "{error}");
        assert!(error.contains("apt-get install --no-install-recommends rust-web-src"), "{error}");
        let error = emulator("qemu-system-none", "no-such-package").expect_err("no such program").to_string();
        assert!(error.contains("qemu-system-none is missing"), "{error}");
        assert!(error.contains("apt-get install --no-install-recommends no-such-package"), "{error}");
    }
}
