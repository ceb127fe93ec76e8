//! Arguments of `new-board`.

use std::path::PathBuf;

use clap::Args;

/// Arguments of `new-board`.
#[derive(Debug, Args)]
pub struct NewBoardArguments {
    /// The new board's name: lower-case letters, digits and hyphens.
    pub name: String,
    /// The board to begin from, a folder of firmware/boards: best one with the same core or chip.
    #[arg(long, value_name = "BOARD", default_value = "nrf52840-dk")]
    pub like: String,
    /// A checkout of Supple; by default the one that holds the working directory.
    #[arg(long, value_name = "DIR")]
    pub source: Option<PathBuf>,
    /// Print one JSON object.
    #[arg(long)]
    pub json: bool,
}
