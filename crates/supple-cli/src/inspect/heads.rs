//! Heads, as they are told.

use serde_json::{Value, json};
use supple_pack::{Element, Head, HeadTask, LabelMeaning, Start};
use supple_runtime::MemoryNeed;

/// A head for programs.
pub fn object(head: &Head) -> Value {
    let spec = &head.spec;
    let temperature = match spec.start {
        Start::Learned => None,
        Start::Prototypes { temperature } => Some(temperature),
    };
    let (pairs, _) = head.rates.as_chunks::<2>();
    let by_step: Vec<&[[f32; 2]]> = pairs.chunks(spec.layers()).collect();
    let last: Vec<[f32; 2]> = by_step.iter().filter_map(|step| step.last().copied()).collect();
    json!({
        "name": spec.name.as_str(),
        "features": spec.features,
        "capacity": spec.capacity,
        "max_support": spec.max_support,
        "steps": spec.steps,
        "rates": last,
        "rates_by_layer": by_step,
        "task": if spec.task == HeadTask::Numbers { "numbers" } else { "classes" },
        "labels_keep_meaning": spec.task == HeadTask::Classes(LabelMeaning::Kept),
        "hidden": spec.hidden,
        "parameters": head.parameters.len(),
        "start": if temperature.is_some() { "prototypes" } else { "learned" },
        "temperature": temperature,
        "momentum": spec.momentum,
        "cache": cache(spec.cache),
        "ram_bytes": MemoryNeed::of_head(spec).adapt_bytes(),
    })
}

/// A head for people.
pub fn line(head: &Head) -> String {
    let spec = &head.spec;
    let layers = match spec.hidden {
        0 => format!("{} features", spec.features),
        hidden => format!("{} features, {hidden} hidden units", spec.features),
    };
    let answers = match spec.task {
        HeadTask::Classes(LabelMeaning::Fresh) => format!("up to {} classes", spec.capacity),
        HeadTask::Classes(LabelMeaning::Kept) => {
            format!("up to {} classes that keep their meaning", spec.capacity)
        }
        HeadTask::Numbers if spec.capacity == 1 => "one number".to_owned(),
        HeadTask::Numbers => format!("{} numbers", spec.capacity),
    };
    let start = match spec.start {
        Start::Learned => String::new(),
        Start::Prototypes { temperature } => format!(" from prototypes (temperature {temperature:.3})"),
    };
    let momentum = match spec.momentum {
        0.0 => String::new(),
        momentum => format!(", momentum {momentum}"),
    };
    format!(
        "head {}: {layers}, {answers}; {} support samples in {}; {} learned steps{start}{momentum}",
        spec.name,
        spec.max_support,
        cache(spec.cache),
        spec.steps
    )
}

fn cache(element: Element) -> &'static str {
    match element {
        Element::F32 => "f32",
        Element::I8 => "i8",
    }
}
