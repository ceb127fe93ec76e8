//! Text to a recipe of either kind, and its checks; one that is accepted is written, read again, and asked what it
//! comes to.
//!
//! | file | holds |
//! |---|---|
//! | `text` | bytes to a recipe's text |
//! | `keys` | the keys that there are |
#![no_main]

mod keys;
mod text;

use std::path::Path;

use arbitrary::Unstructured;
use libfuzzer_sys::fuzz_target;
use serde::Serialize;
use supple_data::SampleShape;
use supple_fuzz::seeds;
use supple_meta::algorithm::Learner;
use supple_meta::model::Loss;
use supple_meta::multitask::MultiTaskRecipe;
use supple_meta::recipe::Recipe;

/// An input that begins with this is a text as it is.
const PLAIN: u8 = b'#';

fuzz_target!(init: seeds::write(first_inputs()), |input: &[u8]| {
    if let Some((&PLAIN, rest)) = input.split_first() {
        if let Ok(text) = std::str::from_utf8(rest) {
            meta(text);
            joint(text);
        }
    } else if let Ok((text, is_joint)) = text::arbitrary(&mut Unstructured::new(input)) {
        if is_joint { joint(&text) } else { meta(&text) }
    }
});

fn read(text: &str) -> Option<Recipe> {
    match Recipe::parse(Path::new("recipe.toml"), text) {
        Ok(recipe) => Some(recipe),
        Err(error) => {
            assert!(!error.to_string().is_empty());
            None
        }
    }
}

fn meta(text: &str) {
    let Some(recipe) = read(text) else { return };
    let again = |text: &str| read(text).expect("what was written is read");
    written_again(&recipe, again);
    assert!(recipe.head_iterations() > 0);
    std::hint::black_box((recipe.data.hold_back(), recipe.training.variation(), recipe.trunk.begins_dense()));
    let algorithm = recipe.algorithm.build();
    assert!(!algorithm.name().is_empty());
    let pictures = (SampleShape { height: 9, width: 9, channels: 2 }, Loss::SummedCrossEntropy);
    let signals = (SampleShape::signal(40, 3), Loss::SquaredError);
    for (input, loss) in [pictures, signals] {
        let head = (recipe.head.hidden, recipe.head.capacity);
        match Learner::new(input, &recipe.trunk.blocks, head, loss, recipe.task.adapts) {
            Ok(learner) => drop(algorithm.check(&learner).map_err(|error| error.to_string())),
            Err(error) => assert!(!error.to_string().is_empty()),
        }
    }
}

fn joint(text: &str) {
    let read = |text: &str| toml::from_str::<MultiTaskRecipe>(text).ok();
    let Some(recipe) = read(text) else { return };
    if let Err(error) = recipe.check() {
        assert!(!error.to_string().is_empty());
        return;
    }
    written_again(&recipe, |text| read(text).expect("what was written is read"));
    for samples in [1, 100, 10_000_000] {
        let batch = recipe.training.batch_of(samples);
        assert!(batch > 0 && batch.is_multiple_of(recipe.training.groups));
        assert!(recipe.training.steps(samples) > 0);
    }
    for head in &recipe.heads {
        std::hint::black_box((head.loss(true), head.loss(false)));
    }
}

/// Written, read and written again, a recipe is the same text.
fn written_again<T: Serialize>(recipe: &T, read: impl Fn(&str) -> T) {
    let text = toml::to_string(recipe).expect("a recipe is written");
    assert_eq!(toml::to_string(&read(&text)).expect("a recipe is written"), text);
}

/// Bytes of a few generators, and two texts.
fn first_inputs() -> Vec<Vec<u8>> {
    let random = (1..40_u32).map(|seed| {
        let mut state = seed.wrapping_mul(0x9e37_79b9);
        let mut byte = || {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            (state >> 24) as u8
        };
        (0..100).map(|_| byte()).collect()
    });
    let plain = |text: &str| format!("#{text}").into_bytes();
    let texts = [
        plain(
            "[trunk]\nblocks = [{ channels = 8, kernel = 3 }, { mean = true }]\n[training]\niterations = 9\n",
        ),
        plain("heads = [{ task = 'a' }]\ntrunk.blocks = [{ dense = 4 }]\nsharing = { kind = 'soft' }\n"),
    ];
    random.chain(texts).collect()
}
