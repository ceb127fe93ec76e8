//! Heads written and read, made smaller, and every way in which one can be wrong.

use alloc::borrow::ToOwned;
use alloc::vec;

use super::*;
use crate::head::{LabelMeaning, MOST_OUTPUTS};
use crate::header::HeaderError;
use crate::op::Shape;
use crate::read::LayerRef;

const SHAPE: Shape = Shape { height: 1, width: 1, channels: 2 };

/// A trunk that hands two features through.
fn trunk() -> TrunkParts {
    let value = Value::whole(0, SHAPE, Element::F32);
    TrunkParts { name: "two".to_owned(), input: value, output: value, arena: 2, ops: vec![], weights: vec![] }
}

/// Four units and three classes: 12 numbers of the hidden layer, 15 of the last.
fn head() -> HeadParts {
    HeadParts {
        name: "deep".to_owned(),
        trunk: trunk_hash(&trunk()),
        data: [1; 16],
        hidden: 4,
        capacity: 3,
        max_support: 6,
        cache: Element::I8,
        task: HeadTask::Classes(LabelMeaning::Fresh),
        start: Start::Prototypes { temperature: 0.5 },
        momentum: 0.75,
        parameters: (0..27).map(|number| number as f32).collect(),
        rates: vec![vec![[0.1, 0.2], [0.3, 0.4]]],
    }
}

/// Numbers straight from the features.
fn numbers() -> HeadParts {
    HeadParts {
        name: "numbers".to_owned(),
        hidden: 0,
        capacity: 2,
        task: HeadTask::Numbers,
        start: Start::Learned,
        momentum: 0.0,
        parameters: (0..6).map(|number| number as f32).collect(),
        rates: vec![vec![[0.5, 0.6]]; 2],
        ..head()
    }
}

fn read(bytes: &[u8]) -> Vec<HeadParts> {
    let bytes = AlignedBytes::copy_of(bytes);
    Pack::parse(&bytes).expect("sound").heads().map(|head| HeadParts::of(&head)).collect()
}

/// Why a pack of these heads is refused: the head's number, and the reason.
fn refused(heads: &[HeadParts]) -> (u16, String) {
    match pack(&trunk(), heads) {
        Err(WriteError::Unsound(PackError::Head { index, problem })) => (index, problem.to_string()),
        other => panic!("{:?}", other.map(|_| ())),
    }
}

#[test]
fn heads_are_read_as_written_layer_by_layer() {
    let heads = [head(), numbers()];
    let bytes = AlignedBytes::copy_of(&pack(&trunk(), &heads).expect("sound"));
    assert_eq!(read(&bytes), heads);
    let read: Vec<_> = Pack::parse(&bytes).expect("sound").heads().collect();
    let all = &head().parameters;
    assert_eq!(read[0].hidden(), Some(LayerRef { weights: &all[..8], bias: &all[8..12] }));
    assert_eq!(read[0].last(), LayerRef { weights: &all[12..24], bias: &all[24..] });
    assert_eq!(read[0].rates, [0.1, 0.2, 0.3, 0.4]);
    assert_eq!(read[1].hidden(), None);
    assert_eq!(read[1].last(), LayerRef { weights: &all[..4], bias: &all[4..6] });
    assert_eq!(read[1].rates, [0.5, 0.6, 0.5, 0.6]);
}

#[test]
fn a_head_s_fields_are_checked() {
    let with = |change: fn(&mut HeadParts)| {
        let mut parts = head();
        change(&mut parts);
        refused(&[parts]).1
    };
    for momentum in [1.0, -0.1, f32::NAN, f32::INFINITY] {
        let problem = refused(&[HeadParts { momentum, ..head() }]).1;
        assert!(problem.contains("momentum"), "{momentum}: {problem}");
    }
    for temperature in [0.0, -1.0, f32::NAN, f32::INFINITY] {
        let problem = refused(&[HeadParts { start: Start::Prototypes { temperature }, ..head() }]).1;
        assert!(problem.contains("temperature"), "{temperature}: {problem}");
    }
    assert!(with(|head| head.task = HeadTask::Numbers).contains("prototypes"));
    assert!(with(|head| head.parameters[26] = f32::NAN).contains("finite"));
    assert!(with(|head| head.rates[0][1][1] = f32::INFINITY).contains("finite"));
    assert!(with(|head| head.max_support = 0).contains("no sample"));
    assert!(with(|head| head.rates = vec![]).contains("no step"));
    assert!(with(|head| (head.capacity, head.parameters) = (0, vec![0.0; 12])).contains("no class"));
    assert!(with(|head| head.trunk = TrunkHash([9; 16])).contains("another trunk"));
    let most = usize::from(MOST_OUTPUTS);
    let large = |outputs: usize| HeadParts {
        hidden: 0,
        capacity: outputs as u16,
        parameters: vec![0.0; 3 * outputs],
        rates: vec![vec![[0.1; 2]]],
        ..head()
    };
    assert!(pack(&trunk(), &[large(most)]).is_ok());
    assert!(refused(&[large(most + 1)]).1.contains("outputs"));
}

#[test]
fn heads_of_a_pack_agree_on_their_cache_and_differ_in_name() {
    let other = |change: fn(&mut HeadParts)| {
        let mut parts = numbers();
        change(&mut parts);
        refused(&[head(), parts])
    };
    let (index, problem) = other(|head| head.max_support = 5);
    assert!(index == 1 && problem.contains("cache"), "{problem}");
    assert!(other(|head| head.cache = Element::F32).1.contains("cache"));
    assert_eq!(
        other(|head| head.name = "deep".to_owned()),
        (1, "a head before it has the same name".to_owned())
    );
    let named = |index: usize| HeadParts { name: alloc::format!("head {index}"), ..numbers() };
    let many: Vec<_> = (0..65).map(named).collect();
    assert!(pack(&trunk(), &many[..64]).is_ok());
    assert_eq!(refused(&many).0, 64);
}

#[test]
fn memory_beyond_any_device_is_refused_in_sum() {
    let wide = |name: &str| HeadParts {
        name: name.to_owned(),
        max_support: 20_000,
        capacity: 100,
        parameters: vec![0.0; 300],
        ..numbers()
    };
    // 20,000 times 204 words are 4 million; of 16 million three such heads have room, no more.
    let heads = [wide("a"), wide("b"), wide("c"), wide("d"), wide("e")];
    assert!(pack(&trunk(), &heads[..4]).is_ok());
    let (index, problem) = refused(&heads);
    assert!(index == 4 && problem.contains("memory"), "{index}: {problem}");
}

#[test]
fn parts_that_disagree_are_not_written() {
    let size = |change: fn(&mut HeadParts)| {
        let mut parts = head();
        change(&mut parts);
        match pack(&trunk(), &[parts]) {
            Err(WriteError::HeadSize { what, found, expected, .. }) => (what, found, expected),
            other => panic!("{:?}", other.map(|_| ())),
        }
    };
    assert_eq!(size(|head| head.hidden = 5), ("initial parameters", 27, 33));
    assert_eq!(size(|head| head.hidden = 0), ("initial parameters", 27, 9));
    assert_eq!(size(|head| head.rates.push(vec![[0.0; 2]])), ("layers with rates in a step", 1, 2));
}

#[test]
fn a_trunk_without_operations_hands_its_input_through() {
    let mut parts = trunk();
    parts.arena = 4;
    parts.output.offset = 2;
    let error = WriteError::Unsound(PackError::NoOperations);
    assert_eq!(pack(&parts, &[]), Err(error.clone()));
    parts.output = parts.input;
    assert!(pack(&parts, &[]).is_ok());
    // The same words in another shape are another value.
    parts.output.shape = Shape { height: 1, width: 2, channels: 1 };
    assert_eq!(pack(&parts, &[]), Err(error));
}

#[test]
fn trimming_keeps_the_first_rows() {
    let mut parts = head();
    parts.trim(&Trim { capacity: Some(2), max_support: Some(4) }).expect("smaller");
    let mut expected = head().parameters;
    // The third row of the last layer, and its bias.
    expected.drain(20..24);
    expected.pop();
    assert_eq!((parts.parameters, parts.capacity, parts.max_support), (expected, 2, 4));
    let mut linear = HeadParts { task: HeadTask::Classes(LabelMeaning::Kept), ..numbers() };
    linear.trim(&Trim { capacity: Some(1), max_support: None }).expect("smaller");
    assert_eq!((linear.parameters, linear.capacity, linear.max_support), (vec![0.0, 1.0, 4.0], 1, 6));
    let mut same = numbers();
    same.trim(&Trim { capacity: Some(1), max_support: Some(6) }).expect("numbers are kept");
    assert_eq!(same, numbers());
    let mut same = head();
    let more = same.trim(&Trim { capacity: Some(4), max_support: None });
    assert!(matches!(more, Err(WriteError::TrimTooLarge { what: "classes", asked: 4, found: 3, .. })));
    let more = same.trim(&Trim { capacity: Some(1), max_support: Some(7) });
    assert!(matches!(more, Err(WriteError::TrimTooLarge { asked: 7, found: 6, .. })));
    assert_eq!(same, head());
}

#[test]
fn a_pack_of_heads_alone_takes_features() {
    let arena = 100;
    let input = Value::whole(50, Shape { height: 5, width: 5, channels: 2 }, Element::F32);
    let output = Value::whole(7, SHAPE, Element::F32);
    let ops = vec![Op::GlobalAverage { input, output, rescale: None }];
    let whole = TrunkParts { input, output, arena, ops, weights: vec![1.0; 9], ..trunk() };
    let heads = [head(), numbers()].map(|head| HeadParts { trunk: trunk_hash(&whole), ..head });
    let bytes = pack(&whole, &heads).expect("sound");
    let alone = heads_only(&bytes, &Trim::default()).expect("sound");
    assert_eq!(read(&alone), heads);
    let aligned = AlignedBytes::copy_of(&alone);
    let alone = Pack::parse(&aligned).expect("sound");
    let feature = Value::whole(0, SHAPE, Element::F32);
    let spec = alone.trunk();
    assert_eq!((spec.ops, spec.arena, spec.input, spec.output), (0, 2, feature, feature));
    // It belongs to the whole trunk, and its own heads cannot be mistaken for another's.
    assert_eq!(spec.hash, trunk_hash(&whole));
    assert_eq!(spec.weights, 0);
    let trim = Trim { capacity: Some(2), max_support: Some(3) };
    let small = read(&heads_only(&bytes, &trim).expect("sound"));
    assert_eq!(
        (small[0].capacity, small[1].capacity, small[0].max_support, small[1].max_support),
        (2, 2, 3, 3)
    );
    let again = heads_only(&aligned, &Trim::default()).expect("sound");
    assert_eq!(again, *aligned);
    assert_eq!(
        heads_only(&bytes[1..], &trim),
        Err(WriteError::Unsound(PackError::Header(HeaderError::Magic)))
    );
}

/// Every byte of the structure set to every value, the checksum made right: an error, or heads that can be run.
#[test]
fn a_head_with_any_field_changed_is_refused_or_sound() {
    let bytes = pack(&trunk(), &[head(), numbers()]).expect("sound");
    let structure = Header::read(&bytes).expect("sound").structure as usize;
    let mut outcomes = [0; 2];
    for at in HEADER_BYTES..HEADER_BYTES + structure {
        for value in 0..=255 {
            let mut forged = bytes.clone();
            forged[at] = value;
            let sum = checksum(&forged).to_le_bytes();
            forged[28..32].copy_from_slice(&sum);
            let forged = AlignedBytes::copy_of(&forged);
            let Ok(pack) = Pack::parse(&forged) else {
                outcomes[0] += 1;
                continue;
            };
            outcomes[1] += 1;
            assert_eq!(pack.heads().count(), usize::from(pack.trunk().heads));
            for head in pack.heads() {
                let spec = &head.spec;
                assert_eq!(head.parameters.len() as u64, spec.parameter_count());
                assert_eq!(head.rates.len(), 2 * spec.layers() * usize::from(spec.steps));
                assert_eq!(head.last().bias.len(), usize::from(spec.capacity));
                assert_eq!(head.hidden().map_or(0, |layer| layer.bias.len()), usize::from(spec.hidden));
                assert_eq!((spec.max_support, spec.cache), {
                    let first = pack.heads().next().expect("one").spec;
                    (first.max_support, first.cache)
                });
                assert!((0.0..1.0).contains(&spec.momentum) && spec.steps > 0 && spec.max_support > 0);
                assert!((1..=MOST_OUTPUTS).contains(&spec.capacity));
                if let Start::Prototypes { temperature } = spec.start {
                    assert!(temperature > 0.0 && temperature.is_finite() && spec.task != HeadTask::Numbers);
                }
            }
        }
    }
    // Names and what they were trained on may be anything.
    assert!(outcomes[0] > 10_000 && outcomes[1] > 5_000, "{outcomes:?}");
}
