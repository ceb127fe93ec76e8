//! Broken and hostile models: an error or a checked plan, never a panic and never a long wait.
//!
//! `kinds` and `campaign` go through the real command's worker, so `supple` must be built.

#[path = "../common/mod.rs"]
mod common;

mod basics;
mod campaign;
mod containment;
mod kinds;
mod mutate;
mod seeds;

use std::env;
use std::env::consts::EXE_SUFFIX;
use std::path::Path;
use std::sync::Once;

use supple_trunk::isolated::{Limits, Worker};

/// Seconds and bytes that a hostile model may take.
const LIMITS: Limits = Limits { memory: 1 << 30, seconds: 5 };

/// The worker of the command as its users have it.
fn worker() -> Worker {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).ancestors().nth(2).expect("the checkout");
    let target = root.join(env::var_os("CARGO_TARGET_DIR").unwrap_or_else(|| "target".into()));
    let program = target.join("release").join(format!("supple{EXE_SUFFIX}"));
    assert!(program.is_file(), "there is no {}: `cargo build --release -p supple-cli`", program.display());
    Worker { program, arguments: vec!["compile-worker".into()], limits: LIMITS }
}

/// Keeps what is said of panics in other people's crates off the terminal: they are caught.
fn quiet() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        let told = std::panic::take_hook();
        std::panic::set_hook(Box::new(move |panic| {
            let foreign = panic.location().is_some_and(|place| {
                let file = place.file();
                file.contains("/registry/") || file.contains("/rustc/") || file.contains("/library/")
            });
            if !foreign {
                told(panic);
            }
        }));
    });
}
