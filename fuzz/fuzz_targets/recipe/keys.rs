//! The keys of recipes, and what kinds of values they take.

/// A key, whether its table does not do without it, and its kind.
#[derive(Debug)]
pub struct Key(pub &'static str, pub bool, pub Kind);

/// Kinds of values.
#[derive(Debug)]
pub enum Kind {
    /// A whole number.
    Count,
    /// A number.
    Real,
    /// True or false.
    Flag,
    /// One of some names.
    One(&'static [&'static str]),
    /// Any name.
    Name,
    /// Whole numbers.
    Counts,
    /// A whole number, or two.
    Pair,
    /// What is held back.
    HoldBack,
    /// What tasks share.
    Sharing,
}

impl Kind {
    /// One of each.
    pub const ALL: [Self; 9] = [
        Self::Count,
        Self::Real,
        Self::Flag,
        Self::One(&["", "none", "f32", "hard"]),
        Self::Name,
        Self::Counts,
        Self::Pair,
        Self::HoldBack,
        Self::Sharing,
    ];
}

use Kind::{Count, Counts, Flag, HoldBack, Name, One, Pair, Real, Sharing};

const SOURCES: Kind = One(&[
    "glyphs",
    "glyph-hands",
    "omniglot",
    "fsdd",
    "wake-words",
    "har",
    "ecg",
    "gas",
    "text",
    "sinusoid",
    "arm",
    "own",
]);
const PRECISION: Kind = One(&["f32", "int8"]);
const CACHE: Kind = One(&["f32", "i8"]);

/// Of a meta-training.
pub const META: &[Key] = &[
    Key("seed", false, Count),
    Key("data.source", false, SOURCES),
    Key("data.generator_seed", false, Count),
    Key("data.hold_back", false, HoldBack),
    Key("data.on_broken", false, One(&["refuse", "skip"])),
    Key("task.kind", false, One(&["new-classes", "new-domain"])),
    Key("task.adapts", false, One(&["head", "last-block", "everything"])),
    Key("trunk.start", false, Name),
    Key("trunk.frozen", false, Flag),
    Key("trunk.standardise", false, Flag),
    Key("trunk.precision", false, PRECISION),
    Key("head.name", false, Name),
    Key("head.capacity", false, Count),
    Key("head.max_support", false, Count),
    Key("head.hidden", false, Count),
    Key("head.cache", false, CACHE),
    Key("head.on_device", false, Flag),
    Key("training.iterations", false, Count),
    Key("training.groups", false, Count),
    Key("training.tasks_per_group", false, Count),
    Key("training.way", false, Count),
    Key("training.shots", false, Counts),
    Key("training.queries", false, Count),
    Key("training.shuffled_share", false, Real),
    Key("training.learning_rate", false, Real),
    Key("training.meta_step", false, Real),
    Key("training.inner_rate_factor", false, Real),
    Key("training.fixed_statistics_after", false, Real),
    Key("training.gradient_clip", false, Real),
    Key("training.mirrored_classes", false, Flag),
    Key("training.warp.probability", false, Real),
    Key("training.warp.rotation_degrees", false, Real),
    Key("training.warp.log_scale", false, Real),
    Key("training.warp.shear", false, Real),
    Key("training.warp.shift", false, Real),
    Key("training.variation.probability", false, Real),
    Key("training.variation.shift", false, Real),
    Key("training.variation.log_gain", false, Real),
    Key("training.variation.noise", false, Real),
    Key("training.variation.offset", false, Real),
    Key("training.variation.log_stretch", false, Real),
    Key("training.variation.time_mask", false, Real),
    Key("training.variation.channel_mask", false, Count),
    Key("training.variation.channel_shift", false, Count),
    Key("training.variation.turn_degrees", false, Real),
    Key("training.variation.task_log_gain", false, Real),
    Key("training.variation.task_offset", false, Real),
    Key("training.validation_every", false, Count),
    Key("training.validation_episodes", false, Count),
    Key("training.validation_way", false, Count),
    Key("training.validation_shot", false, Count),
    Key("quantisation.range", false, One(&["min-max", "percentile", "mean-squared-error"])),
    Key("quantisation.percentile", false, Real),
    Key("quantisation.inputs", false, Count),
    Key("quantisation.head_iterations", false, Count),
    Key("unknown", false, Count),
];

/// Of a joint training.
pub const JOINT: &[Key] = &[
    Key("seed", false, Count),
    Key("data.source", false, SOURCES),
    Key("data.generator_seed", false, Count),
    Key("data.hold_back", false, HoldBack),
    Key("data.on_broken", false, One(&["refuse", "skip"])),
    Key("trunk.start", false, Name),
    Key("trunk.frozen", false, Flag),
    Key("trunk.standardise", false, Flag),
    Key("trunk.precision", false, PRECISION),
    Key("sharing", false, Sharing),
    Key("training.iterations", false, Count),
    Key("training.epochs", false, Count),
    Key("training.batch", false, Count),
    Key("training.groups", false, Count),
    Key("training.learning_rate", false, Real),
    Key("training.gradient_clip", false, Real),
    Key("training.fixed_statistics_after", false, Real),
    Key("device.max_support", false, Count),
    Key("device.cache", false, CACHE),
    Key("unknown.key", false, Count),
];

/// Of a task in a joint training.
pub const HEAD: &[Key] = &[
    Key("task", true, Name),
    Key("kind", false, One(&["classification", "regression"])),
    Key("outputs", false, Count),
    Key("hidden", false, Count),
    Key("huber", false, Real),
    Key("scale_targets", false, Flag),
    Key("weight", false, Real),
    Key("steps", false, Count),
    Key("inner_learning_rate", false, Real),
];

/// Of a trunk's blocks, each kind apart.
pub const BLOCKS: [&[Key]; 4] = [
    &[
        Key("channels", true, Count),
        Key("kernel", true, Pair),
        Key("stride", false, Pair),
        Key("padding", false, Pair),
        Key("relu", false, Flag),
        Key("batch_norm", false, Flag),
        Key("depthwise", false, Flag),
    ],
    &[Key("dense", true, Count), Key("relu", false, Flag), Key("batch_norm", false, Flag)],
    &[Key("max_pool", true, Pair), Key("stride", false, Pair)],
    &[Key("mean", true, Flag)],
];

/// Names of algorithms.
pub const ALGORITHMS: &[&str] = &[
    "maml",
    "fomaml",
    "anil",
    "meta-sgd",
    "per-step-rates",
    "maml++",
    "cavia",
    "proto-maml",
    "prototypes",
    "ridge",
    "reptile",
    "none",
];

/// Keys of algorithms.
pub const ALGORITHM: &[Key] = &[
    Key("steps", false, Count),
    Key("inner_learning_rate", false, Real),
    Key("rates", false, One(&["fixed", "per-step", "per-parameter"])),
    Key("momentum", false, Real),
    Key("first_order", false, Flag),
    Key("early_step_share", false, Real),
    Key("early_steps_fade_until", false, Real),
    Key("before_share", false, Real),
    Key("batch_norm_per_step", false, Flag),
    Key("context", false, Count),
    Key("temperature", false, Real),
    Key("lambda", false, Real),
    Key("scale", false, Real),
    Key("minibatch", false, Count),
];

/// Names of weightings.
pub const WEIGHTINGS: &[&str] =
    &["equal", "fixed", "uncertainty", "grad-norm", "dynamic-average", "pc-grad", "none"];

/// Keys of weightings.
pub const WEIGHTS: &[Key] = &[
    Key("rate_factor", false, Real),
    Key("alpha", false, Real),
    Key("rate", false, Real),
    Key("temperature", false, Real),
];
