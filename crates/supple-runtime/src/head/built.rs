//! Which heads this build can adapt: flash holds no code that its pack's heads do not use.
//!
//! Code that a feature leaves out is behind `cfg!`, so that it is compiled and checked in every build, and the compiler
//! then drops it.

use supple_pack::{HeadSpec, HeadTask, Start};

/// What a build has.
struct Built {
    hidden: bool,
    numbers: bool,
    momentum: bool,
    prototypes: bool,
}

/// The first feature that the head needs and that this build has not.
pub fn missing(spec: &HeadSpec) -> Option<&'static str> {
    let built = Built {
        hidden: cfg!(feature = "hidden"),
        numbers: cfg!(feature = "numbers"),
        momentum: cfg!(feature = "momentum"),
        prototypes: cfg!(feature = "prototypes"),
    };
    missing_in(&built, spec)
}

fn missing_in(built: &Built, spec: &HeadSpec) -> Option<&'static str> {
    if !built.hidden && spec.hidden > 0 {
        return Some("hidden");
    }
    if !built.numbers && spec.task == HeadTask::Numbers {
        return Some("numbers");
    }
    if !built.momentum && spec.momentum > 0.0 {
        return Some("momentum");
    }
    if !built.prototypes && matches!(spec.start, Start::Prototypes { .. }) {
        return Some("prototypes");
    }
    None
}

#[cfg(test)]
mod tests {
    use supple_pack::{Element, LabelMeaning, TrunkHash};

    use super::*;

    #[test]
    fn a_head_needs_what_it_is_beyond_a_linear_one_and_nothing_else() {
        let plain = HeadSpec {
            name: Default::default(),
            trunk: TrunkHash([0; 16]),
            data: [0; 16],
            features: 4,
            hidden: 0,
            capacity: 2,
            max_support: 3,
            cache: Element::F32,
            task: HeadTask::Classes(LabelMeaning::Fresh),
            start: Start::Learned,
            momentum: 0.0,
            parameters: 0,
            steps: 1,
            rates: 0,
        };
        let none = Built { hidden: false, numbers: false, momentum: false, prototypes: false };
        let all = Built { hidden: true, numbers: true, momentum: true, prototypes: true };
        assert_eq!(missing_in(&none, &plain), None);
        let start = Start::Prototypes { temperature: 1.0 };
        for (spec, feature) in [
            (HeadSpec { hidden: 3, ..plain.clone() }, "hidden"),
            (HeadSpec { task: HeadTask::Numbers, ..plain.clone() }, "numbers"),
            (HeadSpec { momentum: 0.5, ..plain.clone() }, "momentum"),
            (HeadSpec { start, ..plain.clone() }, "prototypes"),
        ] {
            assert_eq!(missing_in(&none, &spec), Some(feature));
            assert_eq!(missing_in(&all, &spec), None);
            // Tests are built with all features.
            assert_eq!(missing(&spec), None);
        }
    }
}
