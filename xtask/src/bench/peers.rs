//! The programs compared: which there are, where they lie and how they are run.

use std::env;
use std::path::{Path, PathBuf, absolute};
use std::process::{Command, Stdio};

use serde_json::Value;

use super::host::{Arguments, HostError};
use super::report::Measured;

/// The cases, in the order in which they are measured.
pub const CASES: [&str; 9] = [
    "sine-maml",
    "sine-fomaml",
    "sine-reptile",
    "head-maml",
    "head-fomaml",
    "conv-maml",
    "conv-fomaml",
    "conv-anil",
    PLAN,
];

/// Ours against tract, both in one process of ours.
pub const PLAN: &str = "plan-conv4";

/// A program to compare with.
pub struct Peer {
    /// What it calls itself.
    pub name: &'static str,
    script: &'static str,
    /// Only where it is named: its first call takes minutes.
    only_by_name: bool,
    /// Cases that it has no form of its own for, by what their names contain.
    without: Option<&'static str>,
}

/// The fastest form first.
pub const PEERS: [Peer; 7] = [
    Peer { name: "jax-scan", script: "jax_peer.py", only_by_name: false, without: Some("conv") },
    Peer { name: "jax", script: "jax_peer.py", only_by_name: false, without: None },
    Peer { name: "torch-compile", script: "torch_peer.py", only_by_name: true, without: None },
    Peer { name: "torch-vmap", script: "torch_peer.py", only_by_name: false, without: None },
    Peer { name: "torch-loop", script: "torch_peer.py", only_by_name: false, without: None },
    Peer { name: "learn2learn", script: "torch_peer.py", only_by_name: false, without: Some("reptile") },
    Peer { name: "higher", script: "torch_peer.py", only_by_name: false, without: Some("reptile") },
];

/// Outer iterations that jax-scan does in one call.
const CHUNK: u64 = 100;

/// The names, for the command line.
pub fn names() -> Vec<&'static str> {
    PEERS.iter().map(|peer| peer.name).collect()
}

impl Peer {
    /// Whether it is measured on this case; without names, all are but the slow starters.
    pub fn takes_part(&self, case: &str, named: &[String]) -> bool {
        let wanted =
            if named.is_empty() { !self.only_by_name } else { named.iter().any(|name| name == self.name) };
        wanted && case != PLAN && self.without.is_none_or(|without| !case.contains(without))
    }
}

/// Where python and the scripts are.
pub struct Place {
    python: PathBuf,
    folder: PathBuf,
}

impl Place {
    /// What the environment says, or says nothing of.
    pub fn find(root: &Path) -> Result<Self, HostError> {
        let python = env::var_os("PEERS_PYTHON").filter(|python| !python.is_empty());
        let python = python.map(|python| from_here(PathBuf::from(python))).ok_or(HostError::NoPython)?;
        let beside = || root.parent().unwrap_or(root).join("shared/peers/host");
        let folder = env::var_os("SUPPLE_PEERS").map_or_else(beside, PathBuf::from);
        let folder = absolute(&folder).unwrap_or(folder);
        if folder.join("common.py").is_file() {
            Ok(Self { python, folder })
        } else {
            Err(HostError::NoPeers(folder))
        }
    }

    /// Measures one peer on one case.
    pub fn measure(&self, peer: &Peer, case: &str, arguments: &Arguments) -> Result<Measured, String> {
        let mut command = Command::new(&self.python);
        // The folder may be read-only, and stays as it is in any case.
        command.env("PYTHONDONTWRITEBYTECODE", "1").current_dir(&self.folder);
        if let Some(learn2learn) = env::var_os("L2L_SRC") {
            command.env("L2L_SRC", from_here(PathBuf::from(learn2learn)));
        }
        command.args([peer.script, "--peer", peer.name, "--case", case]);
        command.args(["--threads", &arguments.threads.to_string()]);
        if let Some(iterations) = arguments.iterations {
            command.args(["--iters", &iterations.to_string()]);
            // jax-scan iterates in whole chunks, of which too large a one would go past the end.
            command.args(["--chunk", &iterations.clamp(1, CHUNK).to_string()]);
        }
        // Peers have a time limit of their own where none is given.
        let seconds = arguments.limit().map_or_else(|| "1e9".to_owned(), |seconds| seconds.to_string());
        command.args(["--seconds", &seconds]);
        let line = last_line(&mut command)?;
        let number = |key: &str| line.get(key).and_then(Value::as_f64);
        Ok(Measured {
            case: case.to_owned(),
            program: peer.name.to_owned(),
            threads: arguments.threads.get(),
            iterations_per_cpu_second: number("iters_per_cpu_s"),
            iterations_per_second: number("iters_per_s"),
            iterations: line.get("iters").and_then(Value::as_u64),
            final_metric: number("final_metric"),
            metric: line.get("metric").and_then(Value::as_str).unwrap_or("").to_owned(),
        })
    }
}

/// A path that stays right in another working folder; a bare name is looked for as ever.
fn from_here(path: PathBuf) -> PathBuf {
    if path.components().count() > 1 { absolute(&path).unwrap_or(path) } else { path }
}

/// Runs a program and reads the last line that it prints as JSON.
pub fn last_line(command: &mut Command) -> Result<Value, String> {
    let output = command.stdin(Stdio::null()).stderr(Stdio::inherit()).output();
    let output =
        output.map_err(|error| format!("{} did not start: {error}", command.get_program().display()))?;
    if !output.status.success() {
        return Err(format!("it ended with {}; its messages above say why", output.status));
    }
    let text = String::from_utf8_lossy(&output.stdout);
    let line = text.lines().rev().find(|line| !line.trim().is_empty()).unwrap_or("");
    // Python writes what diverged in words that JSON does not have.
    let numbers = ["-Infinity", "Infinity", "NaN"]
        .iter()
        .fold(line.to_owned(), |line, word| line.replace(word, "null"));
    serde_json::from_str(&numbers).map_err(|_| format!("it printed no JSON, but: {line}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn taking_part(case: &str, named: &[&str]) -> Vec<&'static str> {
        let named: Vec<String> = named.iter().map(ToString::to_string).collect();
        PEERS.iter().filter(|peer| peer.takes_part(case, &named)).map(|peer| peer.name).collect()
    }

    #[test]
    fn each_case_has_the_peers_that_know_it() {
        assert_eq!(taking_part("sine-reptile", &[]), ["jax-scan", "jax", "torch-vmap", "torch-loop"]);
        let conv = ["jax", "torch-vmap", "torch-loop", "learn2learn", "higher"];
        assert_eq!(taking_part("conv-anil", &[]), conv);
    }

    #[test]
    fn named_peers_alone_take_part() {
        assert_eq!(taking_part("head-maml", &["torch-compile", "jax"]), ["jax", "torch-compile"]);
        assert!(taking_part("sine-reptile", &["higher"]).is_empty());
    }

    #[test]
    fn the_last_line_is_read() {
        let mut shell = Command::new("sh");
        shell.args(["-c", "echo noise; echo '{\"iters\": 3}'; echo"]);
        assert_eq!(last_line(&mut shell).expect("JSON")["iters"], 3);
        let mut shell = Command::new("sh");
        shell.args(["-c", "echo '{\"figure\": [NaN, -Infinity]}'"]);
        assert_eq!(last_line(&mut shell).expect("JSON")["figure"], serde_json::json!([null, null]));
        let mut shell = Command::new("sh");
        assert!(last_line(shell.args(["-c", "exit 2"])).expect_err("a failure").contains("exit status: 2"));
    }
}
