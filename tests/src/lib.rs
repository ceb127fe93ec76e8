//! The whole way: train, pack, twin and emulated device. Here is what the tests share.
//!
//! | environment | says |
//! |---|---|
//! | `SUPPLE_DATA` | where the data sets are; `shared/data` beside the checkout if it is not set |
//! | `SUPPLE_FULL` | `1` for the long campaigns too |
//! | `SUPPLE_BLESS` | `1` to write the tables in `tests/tables` anew |
//! | `SUPPLE_ONNX_WHEEL` | the wheel of onnx 1.22.0, if it is not where `cargo xtask setup` puts it |
#![deny(unsafe_code, missing_docs)]

pub mod run;
pub mod table;

use std::env;
use std::path::{Path, PathBuf};

/// The checkout's root folder.
pub fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().map_or_else(PathBuf::new, Path::to_path_buf)
}

/// A file or folder of the data sets, such as `omniglot/images_background.zip`.
///
/// Without it, the test is said to be [`skipped`] and must return at once:
///
/// ```no_run
/// # fn a_test() {
/// let Some(zip) = supple_tests::data("omniglot/images_background.zip") else { return };
/// # }
/// ```
pub fn data(name: &str) -> Option<PathBuf> {
    let beside = || root().parent().map_or_else(PathBuf::new, Path::to_path_buf).join("shared/data");
    let path = env::var_os("SUPPLE_DATA").map_or_else(beside, PathBuf::from).join(name);
    if path.exists() {
        return Some(path);
    }
    skipped(name);
    None
}

/// Says that this test does not find what it needs; `cargo xtask test` counts it as skipped, not as passed.
pub fn skipped(what: &str) {
    println!("SKIPPED (no data): {what}");
}

/// Whether the long campaigns run too.
pub fn full() -> bool {
    env::var_os("SUPPLE_FULL").is_some_and(|value| value == "1")
}
