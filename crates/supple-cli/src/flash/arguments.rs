//! Flags of `supple flash`.

use std::path::PathBuf;

use clap::Args;

/// Arguments of `flash`.
#[derive(Debug, Args)]
pub struct FlashArguments {
    /// The pack.
    #[arg(required_unless_present_any = ["stop", "erase"])]
    pub pack: Option<PathBuf>,
    /// The board, emulated or of silicon.
    #[arg(long, default_value = crate::boards::DEFAULT)]
    pub board: String,
    /// The public keys whose packs the board takes over the line, a file of `supple key ring`.
    #[arg(long, value_name = "KEYS.bin")]
    pub keys: Option<PathBuf>,
    /// The firmware image (ELF). By default, emulated boards take target/firmware/BOARD.elf; for others it is built.
    #[arg(long, value_name = "ELF")]
    pub firmware: Option<PathBuf>,
    /// The checkout whose firmware is built; by default the one around the working directory.
    #[arg(long, value_name = "DIR")]
    pub source: Option<PathBuf>,
    /// The board's serial port, for espflash where several are plugged in.
    #[arg(long, value_name = "PORT")]
    pub port: Option<String>,
    /// Stop the emulated board; what it keeps in flash stays.
    #[arg(long, conflicts_with_all = ["pack", "keys", "firmware", "port", "dry_run"])]
    pub stop: bool,
    /// Begin with an empty flash: what was learned and sent before is gone. Without a pack, that is all.
    #[arg(long)]
    pub erase: bool,
    /// Print the commands instead of running them.
    #[arg(long)]
    pub dry_run: bool,
    /// Print one JSON object.
    #[arg(long)]
    pub json: bool,
}
