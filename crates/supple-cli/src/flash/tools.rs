//! The programs that write boards of silicon.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// A program and what installs it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Tool {
    /// Its name.
    pub program: &'static str,
    /// The command that installs it.
    pub install: &'static str,
}

/// For boards with a debug probe.
pub const PROBE_RS: Tool = Tool { program: "probe-rs", install: "cargo install --locked probe-rs-tools" };
/// For boards of Espressif.
pub const ESPFLASH: Tool = Tool { program: "espflash", install: "cargo install --locked espflash" };
/// For boards of Raspberry Pi. Debian has it from version 13 on.
pub const PICOTOOL: Tool = Tool {
    program: "picotool",
    install: if cfg!(target_os = "linux") {
        "sudo apt-get install picotool"
    } else {
        "brew install picotool"
    },
};

impl Tool {
    /// Where it is, by the search path.
    pub fn find(self) -> Option<PathBuf> {
        find(self.program)
    }
}

/// A program of the search path.
pub fn find(program: &str) -> Option<PathBuf> {
    let folders = std::env::var_os("PATH")?;
    let name = format!("{program}{}", std::env::consts::EXE_SUFFIX);
    std::env::split_paths(&folders).map(|folder| folder.join(&name)).find(|path| is_program(path))
}

#[cfg(unix)]
fn is_program(path: &Path) -> bool {
    use std::os::unix::fs::PermissionsExt;
    path.metadata().is_ok_and(|found| found.is_file() && found.permissions().mode() & 0o111 != 0)
}

#[cfg(not(unix))]
fn is_program(path: &Path) -> bool {
    path.is_file()
}

/// The first line that a program prints; `None` where it is missing or fails.
pub fn first_line(program: &str, arguments: &[&str]) -> Option<String> {
    let output = Command::new(program).args(arguments).stdin(Stdio::null()).output().ok()?;
    let text = String::from_utf8_lossy(&output.stdout);
    let line = text.lines().next().unwrap_or_default().trim().to_owned();
    output.status.success().then_some(line)
}

/// Whether the compiler has a target's libraries.
pub fn has_target(target: &str) -> bool {
    let folder = first_line("rustc", &["--print", "target-libdir", "--target", target]);
    folder.and_then(|folder| std::fs::read_dir(folder).ok()).is_some_and(|mut files| files.next().is_some())
}
