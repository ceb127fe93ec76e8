//! A request that is refused has changed nothing: a device that is never sent what it would refuse answers all else
//! alike.

use supple_app::{Area, Board, Clock, Device, Memory, Places, Region};
use supple_link::message::{Register, Rows};
use supple_link::{Label, Request, Values, Words};
use supple_pack::write::{AlignedBytes, HeadParts, TrunkParts, pack, trunk_hash};
use supple_pack::{Element, HeadTask, LabelMeaning, Pack, Shape, Start, Value};
use supple_runtime::MemoryNeed;

#[path = "../src/desk.rs"]
mod desk;
use desk::Desk;

/// A stream of random numbers.
struct Random(u64);

impl Random {
    fn below(&mut self, end: u32) -> u32 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) as u32 % end
    }

    fn float(&mut self) -> f32 {
        match self.below(40) {
            0 => f32::NAN,
            1 => 3e38,
            2 => -1e20,
            _ => self.below(2000) as f32 / 500.0 - 2.0,
        }
    }

    fn floats(&mut self, count: usize) -> Vec<f32> {
        (0..count).map(|_| self.below(2000) as f32 / 1000.0 - 1.0).collect()
    }
}

const FEATURES: usize = 3;

fn trunk() -> TrunkParts {
    let shape = Shape { height: 1, width: 1, channels: FEATURES as u16 };
    let value = Value::whole(0, shape, Element::F32);
    TrunkParts { name: "through".into(), input: value, output: value, arena: 3, ops: vec![], weights: vec![] }
}

fn head(random: &mut Random, name: String, max_support: u16, cache: Element) -> HeadParts {
    let hidden = if random.below(2) == 0 { 0 } else { 1 + random.below(6) as u16 };
    let capacity = 1 + random.below(5) as u16;
    let numbers = random.below(3) == 0;
    let task = if numbers { HeadTask::Numbers } else { HeadTask::Classes(LabelMeaning::Fresh) };
    let prototypes = !numbers && random.below(2) == 0;
    let start = if prototypes { Start::Prototypes { temperature: 0.5 } } else { Start::Learned };
    let (inputs, first) = match usize::from(hidden) {
        0 => (FEATURES, 0),
        hidden => (hidden, hidden * (FEATURES + 1)),
    };
    let layers = if hidden > 0 { 2 } else { 1 };
    HeadParts {
        name,
        trunk: trunk_hash(&trunk()),
        data: [0; 16],
        hidden,
        capacity,
        max_support,
        cache,
        task,
        start,
        momentum: if random.below(2) == 0 { 0.0 } else { 0.75 },
        parameters: random.floats(first + usize::from(capacity) * (inputs + 1)),
        rates: (0..1 + random.below(3)).map(|_| vec![[0.3, 0.2]; layers]).collect(),
    }
}

fn device(pack: &'static [u8]) -> Device<'static> {
    let need = MemoryNeed::of(&Pack::parse(pack).expect("sound"));
    let memory = Memory { floats: vec![f32::NAN; need.floats()].leak(), labels: vec![5; need.labels].leak() };
    Device::start(memory, &mut Desk::with_pack(pack))
}

/// The bytes of what is answered, for a NaN is not equal to itself.
fn ask(device: &mut Device, request: &Request) -> Result<String, String> {
    match device.answer(request, &mut Desk::default()) {
        Ok(answer) => Ok(format!("{answer:?}")),
        Err(error) => Err(format!("{error:?}")),
    }
}

#[test]
fn what_is_refused_changes_no_later_answer() {
    let mut refused = 0;
    for seed in 0..4000 {
        let mut random = Random(seed);
        let (max_support, cache) =
            (1 + random.below(6) as u16, if random.below(2) == 0 { Element::F32 } else { Element::I8 });
        let heads: Vec<_> = (0..1 + random.below(3))
            .map(|index| head(&mut random, index.to_string(), max_support, cache))
            .collect();
        let bytes = Box::leak(Box::new(AlignedBytes::copy_of(&pack(&trunk(), &heads).expect("sound"))));
        let (mut all, mut some) = (device(bytes), device(bytes));
        for turn in 0..80 {
            let numbers: Vec<u8> = (0..random.below(6)).flat_map(|_| random.float().to_le_bytes()).collect();
            let feature: Vec<u8> = (0..FEATURES).flat_map(|_| random.float().to_le_bytes()).collect();
            let rows: Vec<u8> = (0..random.below(5)).flat_map(|_| [random.below(5) as u8, 0]).collect();
            let small = random.below(6) as u16;
            let label = match random.below(4) {
                0 => Label::None,
                1 => Label::Numbers(Words(&numbers)),
                _ => Label::Class(random.below(5) as u16),
            };
            let held_back = random.below(4) == 0;
            let requests: Vec<Request> = match random.below(24) {
                0 => vec![Request::Begin { way: small }],
                1 => vec![Request::BeginRows { rows: Rows(&rows) }],
                2 => vec![Request::Input { offset: small.into(), values: Values::Words(&numbers) }],
                3..=7 => vec![
                    Request::Input { offset: 0, values: Values::Words(&feature) },
                    Request::Features,
                    Request::PushSample { label, held_back },
                ],
                8 => vec![Request::Features],
                9 => vec![Request::PushSupport { label: small }],
                10 => vec![Request::Reset],
                11 | 12 => vec![Request::Step],
                13..=15 => vec![Request::Adapt { steps: small }],
                16 => vec![Request::Logits],
                17 => vec![Request::Select { head: random.below(4) as u16 }],
                18 | 19 => vec![Request::Label { sample: small, label, held_back }],
                20 => vec![Request::Enrol],
                21 => vec![Request::Forget { class: small }],
                22 => vec![Request::ClearSupport],
                _ => vec![Request::PushSample { label, held_back }],
            };
            for request in &requests {
                match ask(&mut all, request) {
                    Ok(answer) => {
                        assert_eq!(ask(&mut some, request), Ok(answer), "{seed} {turn} {request:?}")
                    }
                    Err(_) => refused += 1,
                }
            }
            for register in [Register::Feature, Register::Logits, Register::Head] {
                let read = Request::Read { register, offset: random.below(3) };
                assert_eq!(ask(&mut all, &read), ask(&mut some, &read), "{seed} {turn} {requests:?}");
            }
        }
    }
    assert!(refused > 1000, "{refused}");
}
