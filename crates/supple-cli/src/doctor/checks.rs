//! What is looked for, and the one command that mends it.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use supple_link::host::{BOARDS, HARDWARE, Serial};

use crate::flash::tools::{ESPFLASH, PICOTOOL, PROBE_RS, first_line, has_target};

/// What needs it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Need {
    /// Emulated boards.
    Emulated,
    /// Boards of silicon.
    Silicon,
    /// Data sets.
    Data,
}

impl Need {
    /// As in JSON.
    pub fn name(self) -> &'static str {
        match self {
            Self::Emulated => "emulated",
            Self::Silicon => "silicon",
            Self::Data => "data",
        }
    }

    /// For people.
    pub fn title(self) -> &'static str {
        match self {
            Self::Emulated => "for emulated boards",
            Self::Silicon => "for boards of silicon",
            Self::Data => "for the known data sets",
        }
    }
}

/// What was looked for and found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Check {
    /// What.
    pub name: String,
    /// What needs it.
    pub need: Need,
    /// Whether it is there and can be used.
    pub ok: bool,
    /// What was found.
    pub found: String,
    /// The command that mends it.
    pub fix: Option<String>,
}

impl Check {
    fn of(name: impl Into<String>, need: Need, found: Option<String>, fix: impl Into<String>) -> Self {
        let ok = found.is_some();
        let found = found.unwrap_or_else(|| "not found".to_owned());
        Self { name: name.into(), need, ok, found, fix: Some(fix.into()) }
    }
}

/// Looks for everything.
pub fn all() -> Vec<Check> {
    let mut checks = vec![Check::of(
        "rust",
        Need::Emulated,
        first_line("rustc", &["--version"]),
        "curl --proto '=https' --tlsv1.2 -sSf https://sh.rustup.rs | sh",
    )];
    checks.extend(targets());
    checks.extend(emulators());
    for tool in [PROBE_RS, ESPFLASH, PICOTOOL] {
        let version = if tool == PICOTOOL { "version" } else { "--version" };
        let found = tool.find().and_then(|_| first_line(tool.program, &[version]));
        checks.push(Check::of(tool.program, Need::Silicon, found, tool.install));
    }
    checks.extend(ports());
    checks.extend(probe_rules());
    checks.push(data(std::env::var_os("SUPPLE_DATA").map(PathBuf::from)));
    checks
}

/// What the compiler needs for each board; a target that an emulated board shares is needed for that.
fn targets() -> Vec<Check> {
    let mut boards: BTreeMap<&str, (Need, Vec<&str>)> = BTreeMap::new();
    for board in HARDWARE {
        boards.entry(board.target).or_insert((Need::Silicon, Vec::new())).1.push(board.name);
    }
    for board in BOARDS {
        let entry = boards.entry(board.target).or_insert((Need::Emulated, Vec::new()));
        entry.0 = Need::Emulated;
        entry.1.push(board.name);
    }
    let check = |(target, (need, boards)): (&str, (Need, Vec<&str>))| {
        let found = has_target(target).then(|| format!("for {}", boards.join(", ")));
        Check::of(format!("target {target}"), need, found, format!("rustup target add {target}"))
    };
    boards.into_iter().map(check).collect()
}

/// The programs that emulate boards.
fn emulators() -> Vec<Check> {
    let programs: BTreeMap<_, _> = BOARDS.iter().map(|board| (board.program, board.package())).collect();
    let check = |(program, package): (&str, &str)| {
        let fix = match cfg!(target_os = "macos") {
            true => "brew install qemu".to_owned(),
            false => format!("sudo apt-get install --no-install-recommends {package}"),
        };
        Check::of(program, Need::Emulated, first_line(program, &["--version"]), fix)
    };
    programs.into_iter().map(check).collect()
}

/// The serial ports, and whether this user may use them. They are not opened: that starts some boards anew.
fn ports() -> Vec<Check> {
    let ports = Serial::ports();
    if ports.is_empty() {
        let found = Some("none is plugged in".to_owned());
        return vec![Check::of("serial ports", Need::Silicon, found, "")];
    }
    let check = |port: PathBuf| {
        let may = allowed(&port);
        Check {
            name: format!("serial port {}", port.display()),
            need: Need::Silicon,
            ok: may,
            found: if may { "may be used" } else { "this user may not use it" }.to_owned(),
            fix: Some("sudo usermod -aG dialout $USER   (then log in anew)".to_owned()),
        }
    };
    ports.into_iter().map(check).collect()
}

/// Whether a device file may be read and written.
fn allowed(port: &Path) -> bool {
    if cfg!(not(unix)) {
        return true;
    }
    let may = |right: &str| {
        let mut test = Command::new("test");
        test.arg(right).arg(port).stdin(Stdio::null());
        test.status().is_ok_and(|status| status.success())
    };
    may("-r") && may("-w")
}

/// On Linux, debug probes need a rule of udev.
fn probe_rules() -> Option<Check> {
    if !cfg!(target_os = "linux") {
        return None;
    }
    const FOLDERS: [&str; 3] = ["/etc/udev/rules.d", "/usr/lib/udev/rules.d", "/lib/udev/rules.d"];
    let found = FOLDERS.into_iter().find_map(|folder| {
        let files = std::fs::read_dir(folder).ok()?;
        let names = files.filter_map(|file| Some(file.ok()?.file_name().to_string_lossy().into_owned()));
        let mut names =
            names.filter(|name| ["probe-rs", "openocd", "stlink"].iter().any(|known| name.contains(known)));
        names.next().map(|name| format!("{folder}/{name}"))
    });
    let fix = "curl -sSf https://probe.rs/files/69-probe-rs.rules | sudo tee /etc/udev/rules.d/69-probe-rs.rules \
               > /dev/null && sudo udevadm control --reload && sudo udevadm trigger";
    Some(Check::of("udev rule for debug probes", Need::Silicon, found, fix))
}

/// Where the tests and benches find data sets.
fn data(folder: Option<PathBuf>) -> Check {
    let fix = "export SUPPLE_DATA=/path/to/the/data/sets";
    match folder {
        None => Check {
            found: "not set; the built-in data needs none".to_owned(),
            ..Check::of("SUPPLE_DATA", Need::Data, None, fix)
        },
        Some(folder) if !folder.is_dir() => Check {
            found: format!("{} is no folder", folder.display()),
            ..Check::of("SUPPLE_DATA", Need::Data, None, fix)
        },
        Some(folder) => Check::of("SUPPLE_DATA", Need::Data, Some(folder.display().to_string()), fix),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_board_s_target_is_looked_for_once_with_its_fix() {
        let checks = targets();
        for target in BOARDS.map(|board| board.target).into_iter().chain(HARDWARE.map(|board| board.target)) {
            let named = checks.iter().filter(|check| check.name == format!("target {target}"));
            assert_eq!(named.count(), 1, "{target}");
        }
        assert!(checks.iter().all(|check| check.fix.as_ref().unwrap().starts_with("rustup target add ")));
        let arm = checks.iter().find(|check| check.name.ends_with("thumbv7em-none-eabihf")).unwrap();
        assert_eq!(arm.need, Need::Emulated);
    }

    #[test]
    fn a_folder_that_is_none_is_told() {
        assert!(!data(None).ok);
        assert!(data(Some("/no/such/folder".into())).found.contains("/no/such/folder is no folder"));
        assert!(data(Some(std::env::temp_dir())).ok);
    }

    #[cfg(unix)]
    #[test]
    fn what_is_not_there_may_not_be_used() {
        assert!(allowed(Path::new("/dev/null")));
        assert!(!allowed(Path::new("/dev/no-such-port")));
    }

    #[test]
    fn programs_are_found_by_the_search_path() {
        assert!(crate::flash::tools::find("no-such-program-anywhere").is_none());
        assert!(cfg!(not(unix)) || crate::flash::tools::find("sh").is_some());
    }
}
