//! `cargo xtask gates`: what is proved of every board's image, not sampled.
//!
//! | module | holds |
//! |---|---|
//! | `panics` | no panic is reachable: the image links without a way to panic |
//! | `stack` | the deepest stack is within what the board promises |
//! | `painted` | the stack that an emulated board really used |
//! | `build` | how the images under test are built |
//! | `image` | functions and frames in an ELF |
//! | `graph` | who calls whom, the deepest way down |
//! | `step`, `thumb`, `riscv` | what an instruction does to stack and flow |
//! | `exceptions` | what is let pass, each with its reason |

mod build;
mod exceptions;
mod graph;
mod image;
mod painted;
mod panics;
mod riscv;
mod stack;
mod step;
mod thumb;

use std::error::Error;
use std::path::Path;

use clap::Subcommand;

use crate::setup;

/// What to prove.
#[derive(Subcommand)]
pub enum Gates {
    /// That no panic is reachable, at opt-level 3 and s.
    Panic,
    /// That the deepest stack is within what each board promises.
    Stack,
}

impl Gates {
    /// Proves it; what was found goes to standard output, progress to standard error.
    pub fn run(&self, root: &Path) -> Result<(), Box<dyn Error>> {
        let bare_metal = setup::bare_metal(root)?;
        match self {
            Self::Panic => Ok(panics::run(root, &bare_metal)?),
            Self::Stack => Ok(stack::run(root, &bare_metal)?),
        }
    }
}

pub use panics::{PanicError, run as no_panics};
pub use stack::{StackError, run as stacks};
