//! The command line.

use std::net::SocketAddr;
use std::path::PathBuf;

use clap::{Args, Parser, ValueEnum};

use crate::state::Sizes;

/// Serves a Supple device on a Linux-class board: requests over TCP or the standard streams, packs and learned heads in
/// one file that survives any kill and loss of power.
#[derive(Debug, Parser)]
#[command(version)]
pub struct Arguments {
    /// Where requests come from.
    #[command(flatten)]
    pub line: LineArguments,
    /// The file that keeps packs and heads; made where there is none.
    #[arg(long, value_name = "FILE")]
    pub state: PathBuf,
    /// What runs trunks.
    #[arg(long, value_enum, default_value = "plan")]
    pub trunk: TrunkKind,
    /// The pack that a new state file begins with; one that exists keeps what it has.
    #[arg(long, value_name = "FILE")]
    pub pack: Option<PathBuf>,
    /// The keys whose packs are taken over the line, as `supple key ring` writes them.
    #[arg(long, value_name = "FILE")]
    pub keys: Option<PathBuf>,
    /// The sizes of a new state file.
    #[command(flatten)]
    pub sizes: SizeArguments,
}

/// Where requests come from; one of both.
#[derive(Debug, Args)]
#[group(required = true, multiple = false)]
pub struct LineArguments {
    /// The address to listen at, of this machine alone; port 0 for one that the system chooses. One client at a time.
    #[arg(long, value_name = "127.0.0.1:PORT", value_parser = own_address)]
    pub listen: Option<SocketAddr>,
    /// Requests come on the standard input, answers go to the standard output.
    #[arg(long)]
    pub stdio: bool,
}

/// What runs trunks.
#[derive(Debug, Clone, Copy, ValueEnum)]
pub enum TrunkKind {
    /// The device's own arithmetic: the same bits as the twin and every other device.
    Plan,
    /// tract: the same features but for rounding; not for trunks in i8.
    Tract,
}

/// The sizes of a state file, decided when it is made. Bytes, or with KiB, MiB, GiB.
#[derive(Debug, Args)]
#[command(next_help_heading = "Sizes of a new state file (bytes, or with KiB, MiB, GiB)")]
pub struct SizeArguments {
    /// Room for each of two packs [default: 4MiB].
    #[arg(long, value_name = "BYTES", value_parser = bytes)]
    pub pack_room: Option<u32>,
    /// Room for each version of the learned heads [default: 1MiB].
    #[arg(long, value_name = "BYTES", value_parser = bytes)]
    pub heads_room: Option<u32>,
    /// How many versions of the heads are kept, at least 2 [default: 8].
    #[arg(long, value_name = "COUNT")]
    pub versions: Option<u32>,
    /// Memory for the pack that runs [default: 64MiB].
    #[arg(long, value_name = "BYTES", value_parser = bytes)]
    pub memory: Option<u32>,
}

impl SizeArguments {
    /// With what is not said as it is in others.
    pub fn over(&self, others: Sizes) -> Result<Sizes, String> {
        let sizes = Sizes {
            pack: self.pack_room.unwrap_or(others.pack),
            heads: self.heads_room.unwrap_or(others.heads),
            versions: self.versions.unwrap_or(others.versions),
            memory: self.memory.unwrap_or(others.memory),
        };
        sizes.checked()
    }
}

/// Nobody is asked who he is, so nobody else may come.
fn own_address(text: &str) -> Result<SocketAddr, String> {
    let address: SocketAddr = text.parse().map_err(|error| format!("{error}; say e.g. 127.0.0.1:7070"))?;
    if address.ip().is_loopback() {
        return Ok(address);
    }
    Err("only this machine's own addresses, for clients are not asked who they are: say 127.0.0.1:PORT, and reach it \
         from elsewhere through `ssh -L PORT:127.0.0.1:PORT BOARD`"
        .to_owned())
}

fn bytes(text: &str) -> Result<u32, String> {
    let units = [("KiB", 1 << 10), ("MiB", 1 << 20), ("GiB", 1 << 30), ("", 1_u32)];
    let number = units.iter().find_map(|(name, unit)| Some((text.strip_suffix(name)?, *unit)));
    let (number, unit) = number.unwrap_or((text, 1));
    let count: Option<u32> = number.trim().parse().ok();
    let bytes = count.and_then(|count| count.checked_mul(unit));
    bytes.ok_or_else(|| "say a number of bytes below 4 GiB, such as 65536, 512KiB or 4MiB".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_are_said_in_bytes_or_in_units() {
        assert_eq!(bytes("4096"), Ok(4096));
        assert_eq!(bytes("64KiB"), Ok(65_536));
        assert_eq!(bytes("3MiB"), Ok(3_145_728));
        assert_eq!(bytes("3GiB"), Ok(3_221_225_472));
        for text in ["", "KiB", "4GiB", "-1", "1.5MiB", "1MB", "4294967296"] {
            assert!(bytes(text).is_err(), "{text}");
        }
    }

    #[test]
    fn only_this_machine_is_listened_to() {
        assert!(own_address("127.0.0.1:0").is_ok() && own_address("[::1]:7070").is_ok());
        for text in ["0.0.0.0:7070", "192.168.1.2:1", "[::]:1"] {
            let error = own_address(text).expect_err(text);
            assert!(error.contains("ssh -L"), "{error}");
        }
        assert!(own_address("localhost").is_err());
    }

    #[test]
    fn a_line_must_be_named_and_only_one() {
        let parse = |arguments: &[&str]| {
            Arguments::try_parse_from([&["supple-edge", "--state", "f"], arguments].concat())
        };
        assert!(parse(&["--stdio"]).is_ok() && parse(&["--listen", "127.0.0.1:0"]).is_ok());
        assert!(parse(&[]).is_err() && parse(&["--stdio", "--listen", "127.0.0.1:0"]).is_err());
    }
}
