//! The server as a process of its own.

use std::env::consts::EXE_SUFFIX;
use std::ffi::OsStr;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use supple_link::host::{Client, Tcp};
use supple_tests::root;

/// The built server.
pub fn program() -> PathBuf {
    let target = std::env::var_os("CARGO_TARGET_DIR").unwrap_or_else(|| "target".into());
    let program = root().join(target).join(format!("release/supple-edge{EXE_SUFFIX}"));
    assert!(program.is_file(), "there is no {}: `cargo build --release --workspace`", program.display());
    program
}

/// A server that listens; killed on drop.
pub struct Server {
    process: Child,
    pub address: String,
}

impl Server {
    pub fn start(state: &Path, arguments: &[&dyn AsRef<OsStr>]) -> Self {
        let mut command = Command::new(program());
        command.args(["--listen", "127.0.0.1:0", "--state"]).arg(state);
        command.args(arguments.iter().map(AsRef::as_ref));
        let mut process = command.stdin(Stdio::null()).stdout(Stdio::piped()).spawn().expect("it starts");
        let mut line = String::new();
        let out = process.stdout.take().expect("it is piped");
        BufReader::new(out).read_line(&mut line).expect("it says where it listens");
        let address = line.trim().strip_prefix("listening on ");
        let address = address.unwrap_or_else(|| panic!("it says {line:?}")).to_owned();
        Self { process, address }
    }

    pub fn client(&self) -> Client<Tcp> {
        Client::connect(Tcp::connect(&self.address).expect("it listens")).expect("it answers")
    }

    /// Gives it no moment to put anything in order.
    pub fn kill(&mut self) {
        self.process.kill().expect("it runs");
        self.process.wait().expect("it ends");
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // It may be dead already.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}
