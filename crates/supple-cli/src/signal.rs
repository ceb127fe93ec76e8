//! Ctrl-C as a flag that a loop asks for.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

/// From now on Ctrl-C sets a flag; a second one ends the program at once.
pub fn watch() -> Result<impl Fn() -> bool + Send + Sync, ctrlc::Error> {
    let flag = Arc::new(AtomicBool::new(false));
    let set = Arc::clone(&flag);
    ctrlc::set_handler(move || {
        if set.swap(true, Ordering::Relaxed) {
            std::process::exit(130);
        }
        eprintln!("stopping after what is under way; once more to stop at once");
    })?;
    Ok(move || flag.load(Ordering::Relaxed))
}
