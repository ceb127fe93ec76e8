//! Tells the crate which instructions its target has: stable compilers do not.

use std::env;

fn main() {
    println!("cargo::rustc-check-cfg=cfg(supple_dsp, supple_armv8m, supple_fpu)");
    println!("cargo::rerun-if-changed=build.rs");
    let target = env::var("TARGET").unwrap_or_default();
    // Every Cortex-M4 and M7 has it. For Cortex-M33 and M55 it is an option of the chip: the feature `dsp` says so.
    let dsp = target.starts_with("thumbv7em")
        || (target.starts_with("thumbv8m.main") && env::var_os("CARGO_FEATURE_DSP").is_some());
    if dsp {
        println!("cargo::rustc-cfg=supple_dsp");
    }
    if target.starts_with("thumbv8m") {
        println!("cargo::rustc-cfg=supple_armv8m");
    }
    if target.starts_with("thumb") && target.ends_with("eabihf") {
        println!("cargo::rustc-cfg=supple_fpu");
    }
}
