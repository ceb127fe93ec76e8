//! A line that drops, doubles, flips and reorders bytes, each at 1 in 100: every request ends right or with an error, and
//! the device is at the end what one is that was asked each of them once, on a line that does no such thing.

mod common;

use std::time::Duration;

use common::{Desk, FEATURES, Random, heads, memory_for, pack_of, public_key, signed};
use supple_app::{Device, Line, Session};
use supple_link::Request;
use supple_link::host::{Client, Label, LinkError, Received, Transport, TransportError};
use supple_link::message::{Answer, Counters, TrialOutcome};
use supple_pack::keys;

/// A device and the line to it.
struct Wire {
    device: Device<'static>,
    session: Session<'static>,
    desk: Desk,
    pack: Vec<u8>,
    random: Random,
    noisy: bool,
    back: Vec<u8>,
}

impl Wire {
    fn new(pack: &[u8], seed: u64) -> Self {
        let keys = keys::block(&[public_key(1)]).expect("a key");
        let mut desk = Desk { keys, ..Desk::with_pack(pack) };
        let device = Device::start(memory_for(pack), &mut desk);
        let pack = pack.to_vec();
        let session = Session::new(Box::leak(Box::new(Line::new())));
        Self { device, session, desk, pack, random: Random(seed), noisy: false, back: Vec::new() }
    }

    /// Whatever is still on the line arrives, and nothing comes back of it.
    fn flush(&mut self) {
        let noisy = std::mem::replace(&mut self.noisy, false);
        self.send(&[0]).expect("there is always a line");
        self.noisy = noisy;
        self.back.clear();
    }

    fn counters(&mut self) -> Counters {
        match self.device.answer(&Request::Counters, &mut self.desk) {
            Ok(Answer::Counters(counters)) => counters,
            other => panic!("{other:?}"),
        }
    }
}

/// What comes out of the line.
fn through(bytes: &[u8], noisy: bool, random: &mut Random) -> Vec<u8> {
    if !noisy {
        return bytes.to_vec();
    }
    let mut bytes = bytes.to_vec();
    for at in 1..bytes.len() {
        if random.below(100) == 0 {
            bytes.swap(at - 1, at);
        }
    }
    bytes
        .into_iter()
        .flat_map(|byte| match random.below(100) {
            0 => vec![],
            1 => vec![byte; 2],
            2 => vec![byte ^ 1 << random.below(8)],
            _ => vec![byte],
        })
        .collect()
}

impl Transport for Wire {
    fn send(&mut self, bytes: &[u8]) -> Result<(), TransportError> {
        for byte in through(bytes, self.noisy, &mut self.random) {
            let Some(frame) = self.session.take(byte, &mut self.device, &mut self.desk) else { continue };
            self.back.extend(through(frame, self.noisy, &mut self.random));
            if self.device.is_to_restart() {
                self.device = Device::start(memory_for(&self.pack), &mut self.desk);
                self.session = Session::new(Box::leak(Box::new(Line::new())));
            }
        }
        Ok(())
    }

    /// What is not there yet never comes, so nobody waits for it.
    fn receive(&mut self, bytes: &mut Vec<u8>, _: Duration) -> Result<Received, TransportError> {
        if self.back.is_empty() {
            return Ok(Received::Nothing);
        }
        bytes.append(&mut self.back);
        Ok(Received::Bytes)
    }
}

/// One request, as the client makes it.
#[derive(Debug, Clone)]
enum Ask {
    Select(u16),
    Begin(u16),
    BeginRows(Vec<u16>),
    Input([f32; FEATURES]),
    Feature([f32; FEATURES]),
    Features,
    PushSupport(u16),
    PushNumbers(Vec<f32>),
    Push(u16, bool),
    Label(u16, u16),
    Reset,
    Step,
    Adapt(u16),
    Logits,
    Enrol,
    Forget(u16),
    ClearSupport,
    Save(bool),
    Version(Option<u32>),
    Restore(Option<u32>, Option<u16>),
    Counters,
    Packs,
    StackHighWater,
    PackBegin(u32),
    /// The number of bytes that came before, and how many come now.
    PackChunk(usize, usize),
    PackDigest(u32),
    PackFinish,
    Confirm,
}

impl Ask {
    fn random(random: &mut Random, ways: &[u16], sent: Option<usize>, whole: usize) -> Self {
        let small = random.below(4) as u16;
        let feature = [0; FEATURES].map(|_: u32| random.below(100) as f32 / 50.0 - 1.0);
        match random.below(60) {
            0 => Self::Select(small),
            1 => Self::Begin(ways[random.below(ways.len() as u32) as usize]),
            2 => Self::BeginRows((0..=small).collect()),
            3 => Self::Input(feature),
            4..=9 => Self::Feature(feature),
            10 => Self::Features,
            11..=13 => Self::PushSupport(random.below(2) as u16),
            14 | 15 => Self::PushNumbers(feature.get(..usize::from(small)).unwrap_or_default().to_vec()),
            16 | 17 => Self::Push(small, random.below(3) == 0),
            18 => Self::Label(small, random.below(4) as u16),
            19 => Self::Reset,
            20 | 21 => Self::Step,
            22..=25 => Self::Adapt(small),
            26 | 27 => Self::Logits,
            28 => Self::Enrol,
            29 => Self::Forget(small),
            30 => Self::ClearSupport,
            31..=33 => Self::Save(random.below(2) == 0),
            34 => Self::Version((small > 0).then(|| random.below(200))),
            35 => Self::Restore(None, None),
            36 => Self::Restore(Some(random.below(200)), None),
            37 => Self::Restore(None, Some(small)),
            38 => Self::Counters,
            39 => Self::Packs,
            40 => Self::StackHighWater,
            41 => Self::PackDigest(random.below(whole as u32)),
            42 => Self::Confirm,
            43 => Self::PackFinish,
            _ => match sent {
                None => Self::PackBegin(whole as u32),
                Some(sent) if sent == whole => Self::PackFinish,
                // Short: at these rates no frame of some hundred bytes would ever come through.
                Some(sent) => Self::PackChunk(sent, (whole - sent).min(1 + random.below(40) as usize)),
            },
        }
    }

    /// Asks, and tells all that came of it.
    fn of<T: Transport>(&self, client: &mut Client<T>, pack: &[u8]) -> Result<String, LinkError> {
        fn told<R: std::fmt::Debug>(outcome: Result<R, LinkError>) -> Result<String, LinkError> {
            outcome.map(|outcome| format!("{outcome:?}"))
        }
        match self {
            Self::Select(head) => told(client.select(*head)),
            Self::Begin(way) => told(client.begin(*way)),
            Self::BeginRows(rows) => told(client.begin_rows(rows)),
            Self::Input(values) => told(client.input(values)),
            Self::Feature(values) => told(client.feature(values)),
            Self::Features => told(client.features()),
            Self::PushSupport(label) => told(client.push_support(*label)),
            Self::PushNumbers(numbers) => told(client.push_sample(Label::Numbers(numbers), false)),
            Self::Push(class, held_back) => told(client.push_sample(Label::Class(*class), *held_back)),
            Self::Label(sample, class) => told(client.label(*sample, Label::Class(*class), false)),
            Self::Reset => told(client.reset()),
            Self::Step => told(client.step()),
            Self::Adapt(steps) => told(client.adapt(*steps)),
            Self::Logits => told(client.logits()),
            Self::Enrol => told(client.enrol()),
            Self::Forget(class) => told(client.forget(*class)),
            Self::ClearSupport => told(client.clear_support()),
            Self::Save(support) => told(client.save(*support)),
            Self::Version(before) => told(client.version(*before)),
            Self::Restore(version, head) => told(client.restore(*version, *head)),
            Self::Counters => told(client.counters()),
            Self::Packs => told(client.packs()),
            Self::StackHighWater => told(client.stack_high_water()),
            Self::PackBegin(length) => told(client.pack_begin(*length, 0)),
            Self::PackChunk(sent, more) => told(client.pack_chunk(*sent as u32, &pack[*sent..sent + more])),
            Self::PackDigest(length) => told(client.pack_digest(*length)),
            Self::PackFinish => told(client.pack_finish()),
            Self::Confirm => told(client.confirm()),
        }
    }
}

/// The two sides hold the same: every bit of flash, of the heads, and every count.
fn assert_same(noisy: &mut Wire, clean: &mut Wire, at: &str) {
    assert_eq!(noisy.counters(), clean.counters(), "{at}");
    for head in 0..4 {
        let [one, other] =
            [&mut *noisy, clean].map(|side| common::numbers(&mut side.device, &mut side.desk, head));
        assert_eq!(one, other, "{at}");
    }
    assert!(noisy.desk.flash.bytes() == clean.desk.flash.bytes(), "{at}");
    assert_eq!(noisy.desk.flash.operations(), clean.desk.flash.operations(), "{at}");
}

#[derive(Debug, Default)]
struct Tally {
    requests: u32,
    done: u32,
    refused: u32,
    saves: u32,
    adaptations: u32,
    chunks: u32,
    restarts: u32,
    packs: u32,
}

/// Asks both sides until there were so many requests, some thousand for each pack.
fn campaign(seed: u64, requests: u32, tally: &mut Tally) -> u64 {
    let mut random = Random(seed);
    let parts = heads(&mut random);
    let ways: Vec<u16> = parts.iter().map(|head| head.capacity).collect();
    let (first, second) = (pack_of(1.0, &parts), pack_of(1.0 + (seed % 2) as f32, &parts));
    let bytes = signed(&second, 1, 3, None);
    let mut noisy = Client::connect(Wire::new(&first, seed)).expect("quiet so far");
    let mut clean = Client::connect(Wire::new(&first, 0)).expect("quiet");
    // A frame of n bytes comes through whole about once in 1.04^n times.
    noisy.set_patience(Duration::from_secs(1), 4000);
    noisy.transport().noisy = true;
    let mut sent = None;
    for turn in 0..requests {
        let ask = Ask::random(&mut random, &ways, sent, bytes.len());
        let outcomes = (ask.of(&mut noisy, &bytes), ask.of(&mut clean, &bytes));
        let at = format!("seed {seed}, request {turn}, {ask:?}");
        match &outcomes {
            (Ok(one), Ok(other)) => {
                assert_eq!(one, other, "{at}");
                tally.done += 1;
                match ask {
                    Ask::Save(_) => tally.saves += 1,
                    Ask::Adapt(_) => tally.adaptations += 1,
                    Ask::PackBegin(_) => sent = Some(0),
                    Ask::PackChunk(before, more) => {
                        sent = Some(before + more);
                        tally.chunks += 1;
                    }
                    Ask::PackFinish => tally.packs += 1,
                    _ => {}
                }
            }
            (Err(LinkError::Device(one)), Err(LinkError::Device(other))) => {
                assert_eq!(one, other, "{at}");
                tally.refused += 1;
            }
            other => panic!("{at}: {other:?}"),
        }
        if matches!(ask, Ask::PackFinish) && outcomes.0.is_ok() || turn % 1000 == 999 {
            // The operator's own hands start the board, not the line.
            for client in [&mut noisy, &mut clean] {
                client.transport().noisy = false;
                client.restart().expect("starts");
            }
            noisy.transport().noisy = true;
            tally.restarts += 1;
            sent = None;
        }
        if turn % 100 == 0 {
            assert_same(noisy.transport(), clean.transport(), &at);
        }
    }
    assert_same(noisy.transport(), clean.transport(), &format!("seed {seed}, at the end"));
    tally.requests += requests;
    assert_eq!(noisy.transport().desk.flash.violations(), 0);
    noisy.repeated()
}

#[test]
fn ten_thousand_requests_over_a_noisy_line_leave_what_as_many_over_a_clean_one_do() {
    let mut tally = Tally::default();
    let repeated: u64 = (0..5).map(|seed| campaign(seed, 2000, &mut tally)).sum();
    println!("{tally:?}, sent again {repeated} times");
    assert_eq!((tally.requests, tally.done + tally.refused), (10_000, 10_000));
    assert!(repeated > 10_000, "a line without noise");
    assert!(
        tally.saves > 100 && tally.adaptations > 50 && tally.chunks > 500 && tally.packs > 3,
        "{tally:?}"
    );
}

/// A host that gives up early does not know whether a request was carried out; but it was at most once.
#[test]
fn what_ends_with_an_error_of_the_line_was_carried_out_once_or_not_at_all() {
    let (mut lost, mut carried_out) = (0, 0);
    for seed in 0..20 {
        let mut random = Random(seed + 100);
        let pack = pack_of(1.0, &heads(&mut random));
        let mut noisy = Client::connect(Wire::new(&pack, seed)).expect("quiet so far");
        let mut clean = Client::connect(Wire::new(&pack, 0)).expect("quiet");
        noisy.set_patience(Duration::from_secs(1), 2);
        noisy.transport().noisy = true;
        for turn in 0..200 {
            let ask = match random.below(10) {
                0 => Ask::Begin(1 + random.below(4) as u16),
                1..=3 => Ask::Feature([0; FEATURES].map(|_: u32| random.below(100) as f32 / 50.0 - 1.0)),
                4 => Ask::PushSupport(random.below(3) as u16),
                5 => Ask::Step,
                6 => Ask::Adapt(2),
                7 => Ask::Enrol,
                8 => Ask::Forget(0),
                _ => Ask::Save(true),
            };
            let at = format!("seed {seed}, request {turn}, {ask:?}");
            let before = noisy.transport().counters().requests;
            let outcome = ask.of(&mut noisy, &[]);
            // A frame that has lost its last byte is not whole until the next one begins.
            noisy.transport().flush();
            let times = noisy.transport().counters().requests - before - 1;
            assert!(times <= 1, "{at}: {times} times");
            // As often as the other was asked.
            clean.transport().counters();
            let expected = (times == 1).then(|| ask.of(&mut clean, &[]));
            clean.transport().counters();
            match (outcome, expected) {
                (Ok(one), Some(Ok(other))) => assert_eq!(one, other, "{at}"),
                (Err(LinkError::Device(one)), Some(Err(LinkError::Device(other)))) => {
                    assert_eq!(one, other, "{at}");
                }
                (Err(LinkError::Noise { .. } | LinkError::NoAnswer { .. }), expected) => {
                    lost += 1;
                    carried_out += u32::from(expected.is_some());
                }
                other => panic!("{at}: {other:?}"),
            }
        }
        assert_same(noisy.transport(), clean.transport(), &format!("seed {seed}"));
    }
    assert!(lost > 500 && carried_out > 100, "{lost} {carried_out}");
}

/// The answer to a restart may be lost like any other. A board that starts twice would roll back what is on trial.
#[test]
fn a_restart_whose_answer_is_lost_does_not_end_the_trial_that_it_began() {
    let first = pack_of(1.0, &heads(&mut Random(3)));
    let bytes = signed(&first, 1, 3, None);
    let mut tried = 0;
    for seed in 0..300 {
        let mut client = Client::connect(Wire::new(&first, seed)).expect("quiet so far");
        client.send_pack(&bytes, |_, _| {}).expect("quiet");
        client.pack_finish().expect("taken");
        client.transport().noisy = true;
        client.set_patience(Duration::from_secs(1), 40);
        // Whether it ends well or not.
        let restarted = client.restart();
        client.transport().noisy = false;
        client.transport().flush();
        let state = client.packs().expect("quiet");
        assert_eq!(state.last, TrialOutcome::None, "seed {seed}: {restarted:?}");
        assert!(state.trial || state.waiting, "seed {seed}: {restarted:?}");
        tried += u32::from(state.trial);
    }
    assert!(tried > 100, "{tried}");
}
