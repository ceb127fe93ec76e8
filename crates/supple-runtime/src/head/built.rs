//! Which heads this build can adapt: flash holds no code that its pack's heads do not use.
//!
//! Code that a feature leaves out is behind `cfg!`, so that it is compiled and checked in every build, and the compiler
//! then drops it.

use supple_pack::{HeadSpec, HeadTask, Start};

/// The first feature that the head needs and that this build has not.
pub(super) fn missing(spec: &HeadSpec) -> Option<&'static str> {
    let needs = needed(spec);
    let built = [
        cfg!(feature = "hidden"),
        cfg!(feature = "numbers"),
        cfg!(feature = "momentum"),
        cfg!(feature = "prototypes"),
    ];
    NAMES.into_iter().zip(needs).zip(built).find(|((_, needed), built)| *needed && !built).map(|((name, _), _)| name)
}

const NAMES: [&str; 4] = ["hidden", "numbers", "momentum", "prototypes"];

/// Which of them the head needs.
fn needed(spec: &HeadSpec) -> [bool; 4] {
    [
        spec.hidden > 0,
        spec.task == HeadTask::Numbers,
        spec.momentum > 0.0,
        matches!(spec.start, Start::Prototypes { .. }),
    ]
}
