//! Puts a board's memory map where the linker looks for it.

use std::path::PathBuf;
use std::{env, fs};

fn main() {
    println!("cargo::rerun-if-env-changed=SUPPLE_BENCH_BOARD");
    let board = env::var("SUPPLE_BENCH_BOARD").unwrap_or_else(|_| "mps2-an386".to_owned());
    let memory = format!("../boards/{board}/memory.x");
    println!("cargo::rerun-if-changed={memory}");
    // A check on the host has nothing to link.
    if env::var("CARGO_CFG_TARGET_OS").as_deref() != Ok("none") {
        return;
    }
    let out = PathBuf::from(env::var_os("OUT_DIR").expect("cargo sets OUT_DIR"));
    let copied = fs::copy(&memory, out.join("memory.x"));
    copied.expect("SUPPLE_BENCH_BOARD names a folder of firmware/boards, and the output folder is writable");
    println!("cargo::rustc-link-search={}", out.display());
    println!("cargo::rustc-link-arg-bins=-Tlink.x");
}
