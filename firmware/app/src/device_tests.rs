//! Devices with packs of one and of several heads, asked without a line between.

extern crate std;

use std::string::ToString;
use std::vec;
use std::vec::Vec;

use supple_link::message::{Adaptation, HeadFacts, Rows, Task};
use supple_link::{PackFault, Values, Words};
use supple_pack::write::{AlignedBytes, HeadParts, Trim, TrunkParts, heads_only, pack, trunk_hash};
use supple_pack::{Element, HeadTask, LabelMeaning, Shape, Start, Value};

use super::*;
use crate::desk::Desk;

/// A trunk that hands two features through.
fn trunk() -> TrunkParts {
    let value = Value::whole(0, Shape { height: 1, width: 1, channels: 2 }, Element::F32);
    TrunkParts { name: "two".into(), input: value, output: value, arena: 2, ops: vec![], weights: vec![] }
}

fn classes() -> HeadParts {
    HeadParts {
        name: "classes".into(),
        trunk: trunk_hash(&trunk()),
        data: [0; 16],
        hidden: 0,
        capacity: 3,
        max_support: 4,
        cache: Element::F32,
        task: HeadTask::Classes(LabelMeaning::Fresh),
        start: Start::Learned,
        momentum: 0.0,
        parameters: vec![1.0, 0.0, 0.0, 1.0, 0.5, 0.5, 0.0, 0.1, 0.2],
        rates: vec![vec![[0.5, 0.25]]],
    }
}

/// Two units, one number.
fn number() -> HeadParts {
    HeadParts {
        name: "number".into(),
        hidden: 2,
        capacity: 1,
        task: HeadTask::Numbers,
        momentum: 0.5,
        parameters: vec![1.0, 0.0, 0.0, 1.0, 0.0, 0.0, 1.0, 2.0, 0.5],
        rates: vec![vec![[0.0625, 0.125], [0.25, 0.5]]],
        ..classes()
    }
}

fn device_with(heads: &[HeadParts], spare: isize) -> Device<'static> {
    let bytes = AlignedBytes::copy_of(&pack(&trunk(), heads).expect("sound"));
    let need = MemoryNeed::of(&Pack::parse(&bytes).expect("sound"));
    let floats = need.floats().saturating_add_signed(spare);
    let memory = Memory { floats: vec![f32::NAN; floats].leak(), labels: vec![7; need.labels].leak() };
    Device::start(memory, &mut Desk::with_pack(&bytes))
}

fn device(heads: &[HeadParts]) -> Device<'static> {
    device_with(heads, 0)
}

impl Device<'_> {
    fn ask(&mut self, request: Request) -> Result<Answer<'_>, DeviceError> {
        self.answer(&request, &mut Desk::default())
    }

    fn done(&mut self, request: Request) {
        let answer = self.ask(request);
        assert!(matches!(answer, Ok(Answer::Done | Answer::Took { .. })), "{answer:?}");
    }

    fn refused(&mut self, request: Request) -> DeviceError {
        self.ask(request).expect_err("refused")
    }

    /// Sends a feature vector and runs the trunk.
    fn feature(&mut self, feature: [f32; 2]) {
        let bytes: Vec<u8> = feature.iter().flat_map(|x| x.to_le_bytes()).collect();
        self.done(Request::Input { offset: 0, values: Values::Words(&bytes) });
        self.done(Request::Features);
    }

    fn push(&mut self, feature: [f32; 2], label: Label) -> u16 {
        self.feature(feature);
        match self.ask(Request::PushSample { label, held_back: false }) {
            Ok(Answer::Sample { sample }) => sample,
            other => panic!("{other:?}"),
        }
    }

    fn values(&mut self, request: Request) -> Vec<f32> {
        match self.ask(request) {
            Ok(Answer::Values { words, .. }) => {
                words.as_chunks::<4>().0.iter().map(|word| f32::from_le_bytes(*word)).collect()
            }
            other => panic!("{other:?}"),
        }
    }

    /// The whole head, part by part as a host reads it.
    fn head(&mut self) -> Vec<f32> {
        let mut values = Vec::new();
        loop {
            let offset = values.len() as u32;
            values.extend(self.values(Request::Read { register: Register::Head, offset }));
            let answer = self.ask(Request::Read { register: Register::Head, offset: values.len() as u32 });
            if let Err(DeviceError::ReadOutOfRange { total, .. }) = answer {
                assert_eq!(total as usize, values.len());
                return values;
            }
        }
    }
}

fn target(bytes: &[u8; 4]) -> Label<'_> {
    Label::Numbers(Words(bytes))
}

#[test]
fn with_one_head_begin_clears_the_support() {
    let mut device = device(&[classes()]);
    device.done(Request::Begin { way: 2 });
    for class in [0, 1, 0, 1] {
        device.feature([class.into(), 1.0]);
        device.done(Request::PushSupport { label: class });
    }
    device.feature([1.0, 1.0]);
    assert_eq!(
        device.refused(Request::PushSupport { label: 0 }),
        DeviceError::SupportFull { max_support: 4 }
    );
    device.done(Request::Begin { way: 2 });
    assert_eq!(device.refused(Request::Step), DeviceError::NoSupport);
    assert_eq!(device.push([1.0, 1.0], Label::Class(1)), 0);
    device.done(Request::Step);
    device.done(Request::BeginRows { rows: Rows(&[2, 0]) });
    assert_eq!(device.head(), [0.5, 0.5, 0.2]);
    assert_eq!(device.push([1.0, 1.0], Label::Class(0)), 0);
}

#[test]
fn several_heads_share_what_is_cached() {
    let mut device = device(&[classes(), number()]);
    let Answer::Info(info) = device.ask(Request::Info).expect("answers") else { panic!("no info") };
    assert_eq!(info.pack.map(|pack| (pack.heads, pack.capacity, pack.max_support)), Ok((2, 3, 4)));
    device.done(Request::Begin { way: 3 });
    let facts = |way| HeadFacts {
        name: "number".try_into().expect("short"),
        task: Task::Numbers,
        hidden: 2,
        capacity: 1,
        steps: 1,
        way,
    };
    assert_eq!(device.ask(Request::Select { head: 1 }), Ok(Answer::Head(facts(0))));
    assert_eq!(device.refused(Request::Step), DeviceError::NotBegun);
    assert_eq!(device.refused(Request::Begin { way: 2 }), DeviceError::NotAllNumbers { way: 2, capacity: 1 });
    device.done(Request::Begin { way: 1 });
    assert_eq!(device.ask(Request::Select { head: 1 }), Ok(Answer::Head(facts(1))));
    // One sample with a number, one without; the class head labels the other.
    assert_eq!(device.push([1.0, 0.0], target(&3.5_f32.to_le_bytes())), 0);
    assert_eq!(device.push([0.0, 1.0], Label::None), 1);
    assert_eq!(device.values(Request::Logits), [2.5]);
    device.done(Request::Step);
    // Output 1 + 0.5 for (1, 0), target 3.5: delta −4; units (1, 0), hidden deltas (−4, 0).
    assert_eq!(device.head(), [1.25, 0.0, 0.0, 1.0, 0.5, 0.0, 2.0, 2.0, 2.5]);
    assert!(matches!(device.ask(Request::Select { head: 0 }), Ok(Answer::Head(_))));
    assert_eq!(device.refused(Request::Step), DeviceError::NoSupport);
    device.done(Request::Label { sample: 1, label: Label::Class(2), held_back: false });
    let before = device.head();
    device.done(Request::Step);
    assert_ne!(device.head(), before);
    // The other head is as it was, and beginning with this one again leaves its labels.
    device.done(Request::Begin { way: 3 });
    assert_eq!(device.head(), before);
    assert_eq!(device.refused(Request::Step), DeviceError::NoSupport);
    assert!(matches!(device.ask(Request::Select { head: 1 }), Ok(Answer::Head(_))));
    assert_eq!(device.head()[6..], [2.0, 2.0, 2.5]);
    device.done(Request::Step);
    device.done(Request::ClearSupport);
    assert_eq!(device.refused(Request::Step), DeviceError::NoSupport);
    assert_eq!(device.push([1.0, 0.0], Label::None), 0);
    assert_eq!(device.refused(Request::Step), DeviceError::NoSupport);
    assert_eq!(
        device.refused(Request::Select { head: 2 }),
        DeviceError::HeadOutOfRange { head: 2, heads: 2 }
    );
}

#[test]
fn classes_come_and_go() {
    let mut device = device(&[classes()]);
    device.done(Request::Begin { way: 2 });
    assert_eq!(device.ask(Request::Enrol), Ok(Answer::Class { class: 2 }));
    assert_eq!(device.refused(Request::Enrol), DeviceError::NoFurtherClass { capacity: 3 });
    device.push([1.0, 0.0], Label::Class(2));
    device.done(Request::Forget { class: 0 });
    assert_eq!(device.head(), [0.0, 1.0, 0.5, 0.5, 0.1, 0.2]);
    device.done(Request::Step);
    let out = DeviceError::LabelOutOfRange { label: 2, way: 2 };
    assert_eq!(device.refused(Request::Forget { class: 2 }), out);
    device.done(Request::Forget { class: 1 });
    assert_eq!(device.refused(Request::Forget { class: 0 }), DeviceError::LastClass);
    assert_eq!(device.refused(Request::Step), DeviceError::NoSupport);
}

#[test]
fn samples_held_back_judge() {
    let mut device = device(&[classes()]);
    device.done(Request::Begin { way: 2 });
    device.push([1.0, 0.0], Label::Class(1));
    device.feature([1.0, 0.0]);
    let request = Request::PushSample { label: Label::Class(0), held_back: true };
    assert_eq!(device.ask(request), Ok(Answer::Sample { sample: 1 }));
    let before = device.head();
    let outcome = device.ask(Request::Adapt { steps: 3 });
    let Ok(Answer::Adapted { outcome: Adaptation::Refused { .. }, .. }) = outcome else {
        panic!("{outcome:?}")
    };
    assert_eq!(device.head(), before);
    device.done(Request::Label { sample: 1, label: Label::Class(1), held_back: true });
    let outcome = device.ask(Request::Adapt { steps: 3 });
    assert!(
        matches!(outcome, Ok(Answer::Adapted { outcome: Adaptation::Adapted { .. }, .. })),
        "{outcome:?}"
    );
    assert_ne!(device.head(), before);
}

#[test]
fn what_is_refused_changes_nothing() {
    let mut device = device(&[classes()]);
    assert_eq!(
        device.refused(Request::PushSample { label: Label::None, held_back: false }),
        DeviceError::NoFeature
    );
    device.feature([1.0, 2.0]);
    let label = Request::PushSample { label: Label::Class(0), held_back: false };
    assert_eq!(device.refused(label), DeviceError::NotBegun);
    device.done(Request::Begin { way: 2 });
    assert_eq!(device.values(Request::Logits), [1.0, 2.1]);
    let outside = Request::Label { sample: 0, label: Label::Class(0), held_back: false };
    assert_eq!(device.refused(outside), DeviceError::SampleOutOfRange { sample: 0, samples: 0 });
    let numbers = Request::PushSample { label: target(&[0; 4]), held_back: false };
    assert_eq!(device.refused(numbers), DeviceError::OtherTask);
    for request in [Request::Step, Request::Adapt { steps: 1 }, Request::Begin { way: 4 }] {
        device.refused(request);
    }
    // The logits are still there to be read.
    assert_eq!(device.values(Request::Read { register: Register::Logits, offset: 1 }), [2.1]);
    // A feature that is refused leaves no label behind for the sample that comes in its place.
    device.feature([1.0, f32::NAN]);
    assert_eq!(device.refused(label), DeviceError::FeatureNotFinite { index: 1 });
    assert_eq!(device.push([1.0, 0.0], Label::None), 0);
    assert_eq!(device.refused(Request::Step), DeviceError::NoSupport);
}

#[test]
fn a_number_s_label_is_checked() {
    let mut device = device(&[number()]);
    device.done(Request::Begin { way: 1 });
    device.feature([1.0, 1.0]);
    let push = |label| Request::PushSample { label, held_back: false };
    assert_eq!(device.refused(push(Label::Class(0))), DeviceError::OtherTask);
    let error = DeviceError::TargetLength { expected: 1, got: 2 };
    assert_eq!(device.refused(push(Label::Numbers(Words(&[0; 8])))), error);
    let nan = f32::NAN.to_le_bytes();
    assert_eq!(device.refused(push(target(&nan))), DeviceError::TargetNotFinite { index: 0 });
    assert_eq!(device.refused(Request::Enrol), DeviceError::OtherTask);
    assert_eq!(device.refused(Request::Step), DeviceError::NoSupport);
}

#[test]
fn memory_is_exact_and_the_number_of_heads_is_limited() {
    let heads: Vec<_> =
        (0..5).map(|index: u8| HeadParts { name: std::format!("{index}"), ..number() }).collect();
    let fault = |heads: &[HeadParts], spare| match device_with(heads, spare).ask(Request::Info) {
        Ok(Answer::Info(info)) => info.pack.err(),
        other => panic!("{other:?}"),
    };
    assert_eq!(fault(&heads[..4], 0), None);
    let error = fault(&heads[..4], -1).expect("too small");
    let DeviceError::MemoryTooSmall { needed, given } = error else { panic!("{error:?}") };
    assert_eq!(needed, given + 4);
    assert_eq!(fault(&heads, 0), Some(DeviceError::Pack(PackFault::TooManyHeads)));
    assert!(DeviceError::Pack(PackFault::TooManyHeads).to_string().contains("at most four"));
    assert_eq!(fault(&[], 100), Some(DeviceError::Pack(PackFault::NoHead)));
}

#[test]
fn a_pack_of_heads_alone_learns_from_features_as_the_whole_one() {
    let whole = pack(&trunk(), &[classes()]).expect("sound");
    let alone = AlignedBytes::copy_of(&heads_only(&whole, &Trim::default()).expect("sound"));
    let memory = Memory { floats: vec![0.0; 60].leak(), labels: vec![0; 7].leak() };
    let mut heads = [Device::start(memory, &mut Desk::with_pack(&alone)), device(&[classes()])];
    let found = heads.each_mut().map(|device| {
        device.done(Request::Begin { way: 2 });
        device.push([1.0, 0.5], Label::Class(0));
        device.push([0.25, 0.5], Label::Class(1));
        (0..2).for_each(|_| device.done(Request::Step));
        device.head()
    });
    assert_eq!(found[0], found[1]);
}

/// A trunk that is no plan: each feature is twice its input.
struct Doubled {
    input: [f32; 2],
    feature: [f32; 2],
}

impl Trunk for Doubled {
    type Error = ();

    fn input_length(&self) -> usize {
        2
    }
    fn feature_length(&self) -> usize {
        2
    }
    fn input_mut(&mut self) -> &mut [f32] {
        &mut self.input
    }
    fn run(&mut self) -> Result<&[f32], ()> {
        self.feature = self.input.map(|x| 2.0 * x);
        Ok(&self.feature)
    }
    fn feature(&self) -> &[f32] {
        &self.feature
    }
    fn feature_mut(&mut self) -> &mut [f32] {
        &mut self.feature
    }
    fn features(&mut self, input: &[f32], feature: &mut [f32]) -> Result<(), ()> {
        self.input.copy_from_slice(input);
        feature.copy_from_slice(self.run()?);
        Ok(())
    }
}

#[test]
fn another_trunk_than_the_plan_is_served_alike() {
    let bytes = AlignedBytes::copy_of(&pack(&trunk(), &[classes()]).expect("sound"));
    let mut desk = Desk::with_pack(&bytes);
    let packs = Packs::start(&mut desk);
    let memory = || Memory { floats: vec![0.0; 60].leak(), labels: vec![0; 7].leak() };
    let mut device = Device::with_trunk(packs, &bytes, memory(), &mut desk, |pack, _| {
        assert_eq!(pack.trunk().name.as_str(), "two");
        Some(Doubled { input: [0.0; 2], feature: [0.0; 2] })
    });
    let words: Vec<u8> = [1.5_f32, -2.0].into_iter().flat_map(f32::to_le_bytes).collect();
    let input = Request::Input { offset: 0, values: Values::Words(&words) };
    assert_eq!(device.answer(&input, &mut desk), Ok(Answer::Done));
    assert!(matches!(device.answer(&Request::Features, &mut desk), Ok(Answer::Took { .. })));
    let read = Request::Read { register: Register::Feature, offset: 0 };
    let doubled: Vec<u8> = [3.0_f32, -4.0].into_iter().flat_map(f32::to_le_bytes).collect();
    assert_eq!(device.answer(&read, &mut desk), Ok(Answer::Values { total: 2, words: &doubled }));
    // One that cannot be made.
    let packs = Packs::start(&mut desk);
    let mut device = Device::with_trunk(packs, &bytes, memory(), &mut desk, |_, _| None::<Doubled>);
    assert_eq!(device.answer(&read, &mut desk), Err(DeviceError::Pack(PackFault::NotBuilt)));
}

#[test]
fn features_can_be_sent_instead_of_inputs() {
    let mut device = device(&[classes()]);
    let words: Vec<u8> = [1.5_f32, -2.0, 3.0].into_iter().flat_map(f32::to_le_bytes).collect();
    let chunk = |offset, range| Request::Feature { offset, values: Values::Words(&words[range]) };
    assert_eq!(device.refused(chunk(1, 0..4)), misplaced(1, 1, 0));
    assert_eq!(device.refused(chunk(0, 0..12)), misplaced(0, 3, 0));
    device.done(chunk(0, 0..4));
    let feature = Request::Read { register: Register::Feature, offset: 0 };
    assert_eq!(device.refused(feature), DeviceError::NoFeature);
    assert_eq!(device.refused(chunk(2, 4..8)), misplaced(2, 1, 1));
    device.done(chunk(1, 4..8));
    assert_eq!(device.values(feature), [1.5, -2.0]);
    device.done(Request::Begin { way: 2 });
    device.done(Request::PushSupport { label: 1 });
    assert_eq!(device.values(Request::Logits), [1.5, -1.9]);
    // It ends an input that was on its way, and the other way round.
    device.done(Request::Input { offset: 0, values: Values::Words(&words[..4]) });
    assert_eq!(device.refused(Request::Logits), DeviceError::NoFeature);
    device.done(chunk(0, 0..8));
    let rest = Request::Input { offset: 1, values: Values::Words(&words[..4]) };
    assert!(matches!(device.refused(rest), DeviceError::InputMisplaced { received: 0, .. }));
    assert_eq!(device.refused(Request::Features), DeviceError::InputIncomplete { received: 0, input: 2 });
    device.done(chunk(0, 0..4));
    device.done(Request::Input { offset: 0, values: Values::Words(&words[..4]) });
    assert_eq!(device.refused(chunk(1, 4..8)), misplaced(1, 1, 0));
}

fn misplaced(offset: u32, length: u32, received: u32) -> DeviceError {
    DeviceError::FeatureMisplaced { offset, length, received, features: 2 }
}

#[test]
fn what_happened_is_counted() {
    let mut device = device(&[classes()]);
    let counted = |device: &mut Device| match device.ask(Request::Counters) {
        Ok(Answer::Counters(counters)) => counters,
        other => panic!("{other:?}"),
    };
    let first = Counters { requests: 1, ram_high_water: 1001, ..Counters::default() };
    assert_eq!(counted(&mut device), first);
    device.done(Request::Begin { way: 2 });
    assert_eq!(device.refused(Request::Step), DeviceError::NoSupport);
    device.push([1.0, 0.0], Label::Class(0));
    device.push([0.0, 1.0], Label::Class(1));
    device.done(Request::Step);
    let Ok(Answer::Adapted { outcome, .. }) = device.ask(Request::Adapt { steps: 3 }) else {
        panic!("adapts")
    };
    let Adaptation::Adapted { before, after } = outcome else { panic!("{outcome:?}") };
    assert!(after < before);
    assert!(matches!(device.ask(Request::Save { support: true }), Ok(Answer::Saved(_))));
    let expected = Counters {
        // Begin, two times input, features and push, two steps, adapt, save, and twice what counts them.
        requests: 13,
        refusals: 1,
        samples: 2,
        steps: 4,
        adaptations: 1,
        adaptations_refused: 0,
        saves: 1,
        ram_high_water: 1001,
        losses: Some((before, after)),
    };
    assert_eq!(counted(&mut device), expected);
    // Two samples of one class and label, so that no step helps both.
    device.push([1.0, 0.0], Label::Class(1));
    device.push([1e20, 1e20], Label::Class(0));
    let outcome = device.ask(Request::Adapt { steps: 2 });
    let Ok(Answer::Adapted { outcome: Adaptation::Refused { before, after }, .. }) = outcome else {
        panic!("{outcome:?}")
    };
    let counters = counted(&mut device);
    assert_eq!((counters.adaptations, counters.adaptations_refused, counters.steps), (1, 1, 6));
    let bits = counters.losses.map(|(before, after)| (before.to_bits(), after.to_bits()));
    assert_eq!(bits, Some((before.to_bits(), after.to_bits())));
}
