//! Plain C beside ours: a careful programmer's loops, compiled by GCC and run in the same emulator.

use std::fmt::Write;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::{env, fs, io};

use serde_json::{Value, json};

const COMPILER: &str = "arm-none-eabi-gcc";
const FLAGS: [&str; 8] = [
    "-mcpu=cortex-m4",
    "-mfpu=fpv4-sp-d16",
    "-mfloat-abi=hard",
    "-mthumb",
    "-O2",
    "-ffreestanding",
    "-nostartfiles",
    "-w",
];

/// What plain C took.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Peer {
    /// Our case that does the same.
    pub case: &'static str,
    /// By the emulator's timer.
    pub instructions: u64,
    /// Useful multiply-accumulates.
    pub macs: u64,
}

impl Peer {
    /// As ours, with a name of its own.
    pub fn json(&self) -> Value {
        json!({
            "case": self.case,
            "board": "mps2-an386",
            "program": "plain C",
            "instructions": self.instructions,
            "macs": self.macs,
        })
    }
}

/// Why plain C gave no figures.
#[derive(Debug, thiserror::Error)]
pub enum PeersError {
    /// No sources.
    #[error("{} has no floor.c: set SUPPLE_DEVICE_PEERS to the folder of the plain C programs", .0.display())]
    NoSources(PathBuf),
    /// Something did not start.
    #[error(
        "{program} failed: {source}; install it (`apt-get install gcc-arm-none-eabi libnewlib-arm-none-eabi`)"
    )]
    NoProgram {
        /// The compiler, the emulator or a file.
        program: String,
        /// Why.
        source: io::Error,
    },
    /// The compiler's messages say why.
    #[error("{0} did not compile or run; {COMPILER}'s messages above say why")]
    Failed(&'static str),
}

/// Compiles and runs all of them.
pub fn run(root: &Path) -> Result<Vec<Peer>, PeersError> {
    let beside = || root.parent().unwrap_or(root).join("shared/peers/device");
    let sources = env::var_os("SUPPLE_DEVICE_PEERS").map_or_else(beside, PathBuf::from);
    if !sources.join("floor.c").is_file() {
        return Err(PeersError::NoSources(sources));
    }
    let folder = root.join("target/device-peers");
    fs::create_dir_all(&folder).map_err(|source| no_program(&folder.display().to_string(), source))?;
    let place = Place { sources, folder };
    let mut peers = Vec::new();
    for (samples, cases) in
        [(5, ["head-64-5-n5", "head-64-32-5-n5"]), (25, ["head-64-5-n25", "head-64-32-5-n25"])]
    {
        let said = place.run("floor.c", &format!("-DN={samples}"))?;
        for (case, (key, macs)) in cases.into_iter().zip([("lin_1step", 640), ("mlp_1step", 4_576)]) {
            let instructions = number(&said, key).ok_or(PeersError::Failed("floor.c"))?;
            peers.push(Peer { case, instructions, macs: samples * macs });
        }
    }
    for (channels, case, macs) in [(16, "trunk-ch16-f32", 187_200), (32, "trunk-ch32-f32", 700_544)] {
        let weights = place.folder.join("wf.h");
        fs::write(&weights, header(channels)).map_err(|source| no_program("wf.h", source))?;
        let said = place.run("convfloor.c", &format!("-DCH={channels}"))?;
        let instructions = number(&said, "insn").ok_or(PeersError::Failed("convfloor.c"))?;
        peers.push(Peer { case, instructions, macs });
    }
    Ok(peers)
}

fn no_program(program: &str, source: io::Error) -> PeersError {
    PeersError::NoProgram { program: program.to_owned(), source }
}

struct Place {
    sources: PathBuf,
    folder: PathBuf,
}

impl Place {
    /// Compiles a program and gives what it says.
    fn run(&self, source: &'static str, size: &str) -> Result<String, PeersError> {
        let image = self.folder.join("peer.elf");
        let mut compiler = Command::new(COMPILER);
        compiler.args(FLAGS).arg(size).arg("-I").arg(&self.folder).arg("-I").arg(&self.sources);
        compiler.arg("-T").arg(self.sources.join("mps2.ld"));
        compiler.arg(self.sources.join(source)).arg(self.sources.join("harness.c"));
        compiler.args(["-lm", "-lc", "-lgcc", "-o"]).arg(&image);
        let status = compiler.stdout(io::stderr()).status().map_err(|e| no_program(COMPILER, e))?;
        if !status.success() {
            return Err(PeersError::Failed(source));
        }
        let mut emulator = Command::new("qemu-system-arm");
        emulator.args(["-M", "mps2-an386", "-cpu", "cortex-m4", "-icount", "shift=6", "-nographic"]);
        emulator.args([
            "-monitor",
            "none",
            "-serial",
            "none",
            "-semihosting-config",
            "enable=on,target=native",
        ]);
        let output = emulator.arg("-kernel").arg(&image).output();
        let output = output.map_err(|source| no_program("qemu-system-arm", source))?;
        Ok(String::from_utf8_lossy(&output.stderr).into_owned())
    }
}

/// The number in a line `key=number`.
fn number(text: &str, key: &str) -> Option<u64> {
    text.lines().find_map(|line| line.strip_prefix(key)?.strip_prefix('=')?.trim().parse().ok())
}

/// Weights as `convfloor.c` includes them. What they are does not change what is computed.
fn header(channels: usize) -> String {
    let mut text = String::new();
    let mut state = 1_u32;
    let mut array = |name: &str, count: usize| {
        // Writing to a string does not fail.
        let _ = write!(text, "static const float {name}[{count}]={{");
        for _ in 0..count {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            let _ = write!(text, "{:.6}f,", (state >> 8) as f32 / (1 << 25) as f32 - 0.25);
        }
        text.push_str("};\n");
    };
    for layer in 0..4 {
        let inputs = if layer == 0 { 1 } else { channels };
        array(&format!("w{layer}"), 9 * inputs * channels);
        array(&format!("bb{layer}"), channels);
    }
    if channels == 32 {
        array("wf", 4 * channels * 64);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_read_and_weights_are_as_many_as_the_trunk_has() {
        assert_eq!(number("stack=12\nlin_1step=11750\nmlp_1step=3\n", "lin_1step"), Some(11750));
        assert_eq!(number("lin_1stepping=11750\n", "lin_1step"), None);
        let text = header(16);
        assert!(text.contains("w0[144]=") && text.contains("w3[2304]=") && !text.contains("wf["));
        assert_eq!(header(32).matches("f,").count(), 9 * 32 * (1 + 3 * 32) + 4 * 32 + 8192);
    }
}
