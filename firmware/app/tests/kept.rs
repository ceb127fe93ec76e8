//! What is saved and restored goes on with the same bits as if nothing had come between, and what is refused changes
//! nothing.

mod common;

use common::{Desk, FEATURES, Random, ask, copy_of, done, feature, heads, numbers, pack_of, requests, start};
use supple_app::{Board, Device};
use supple_link::{Answer, DeviceError, Label, Request, VersionFacts};
use supple_store::{Journal, Record};

const SAVE_ALL: Request = Request::Save { support: true };
const SAVE_HEADS: Request = Request::Save { support: false };
const RESTORE: Request = Request::Restore { version: None, head: None };

/// The newest snapshot, or an older one.
fn record(desk: &mut Desk, version: Option<u32>) -> Record {
    let journal = Journal::open(&mut desk.flash, Desk::PLACES.heads).expect("opens");
    match version {
        None => journal.newest(),
        Some(version) => journal.before(&mut desk.flash, version + 1).expect("reads"),
    }
    .expect("kept")
}

fn payload(desk: &mut Desk, version: Option<u32>) -> Vec<u8> {
    let record = record(desk, version);
    let journal = Journal::open(&mut desk.flash, Desk::PLACES.heads).expect("opens");
    let mut bytes = vec![0; record.length as usize];
    journal.read(&mut desk.flash, &record, 0, &mut bytes).expect("reads");
    bytes
}

/// What the device says of the newest version before a number, or of the newest of all.
fn version(device: &mut Device, desk: &mut Desk, before: Option<u32>) -> Option<VersionFacts> {
    match device.answer(&Request::Version { before }, desk) {
        Ok(Answer::Version(facts)) => facts,
        other => panic!("{other:?}"),
    }
}

/// Writes what may be no snapshot as the newest version; its number.
fn put(desk: &mut Desk, bytes: &[u8]) -> u32 {
    let mut journal = Journal::open(&mut desk.flash, Desk::PLACES.heads).expect("opens");
    let put = journal.append(&mut desk.flash, bytes.len() as u32, |writer| writer.write(bytes));
    put.expect("fits").sequence
}

/// Asks two devices the same, and that they answer alike.
fn go_on(random: &mut Random, turns: u32, sides: &mut [(&mut Device, &mut Desk); 2], at: &str) {
    for turn in 0..turns {
        requests(random, |request| {
            let answers = sides.each_mut().map(|(device, desk)| ask(device, desk, request));
            assert_eq!(answers[0], answers[1], "{at} {turn} {request:?}");
        });
    }
}

/// What does not belong to what is kept: which head is selected, and the feature vector.
fn same_place(sides: &mut [(&mut Device, &mut Desk); 2]) {
    for (device, desk) in sides {
        done(device, desk, &Request::Select { head: 0 });
        feature(device, desk, &[0.5; FEATURES]);
    }
}

/// A device that has been asked this and that.
fn used(random: &mut Random, pack: &[u8]) -> (Device<'static>, Desk) {
    let mut desk = Desk::with_pack(pack);
    let mut device = start(pack, &mut desk);
    for head in 0..3 {
        let _ = ask(&mut device, &mut desk, &Request::Select { head });
        for way in 1..=5 {
            let _ = ask(&mut device, &mut desk, &Request::Begin { way });
        }
    }
    for _ in 0..60 {
        requests(random, |request| {
            let _ = ask(&mut device, &mut desk, request);
        });
    }
    (device, desk)
}

#[test]
fn a_device_goes_on_after_a_cut_as_if_there_had_been_none() {
    let (mut saved, mut with_samples) = (0, 0);
    for seed in 0..1500 {
        let mut random = Random(seed);
        let pack = pack_of(0.0, &heads(&mut random));
        let (mut device, mut desk) = used(&mut random, &pack);
        let support = random.below(3) > 0;
        match device.answer(&Request::Save { support }, &mut desk) {
            Ok(Answer::Saved(facts)) => with_samples += u32::from(facts.samples > 0),
            Ok(other) => panic!("{other:?}"),
            Err(DeviceError::NotBegun | DeviceError::HeadNotFinite { .. }) => continue,
            Err(error) => panic!("{seed}: {error}"),
        }
        saved += 1;
        let mut copy = copy_of(&desk);
        let mut other = start(&pack, &mut copy);
        if !support {
            done(&mut device, &mut desk, &Request::ClearSupport);
        }
        let mut sides = [(&mut device, &mut desk), (&mut other, &mut copy)];
        same_place(&mut sides);
        go_on(&mut random, 60, &mut sides, &format!("{seed}"));
        let ends = sides.map(|(device, desk)| {
            let saved = device.answer(&SAVE_ALL, desk).map(|_| ());
            (saved, payload(desk, None))
        });
        assert!(ends[0] == ends[1], "{seed}");
    }
    assert!(saved > 700 && with_samples > 300, "{saved} {with_samples}");
}

#[test]
fn a_restored_version_is_what_it_was_whatever_came_between() {
    let mut restored = 0;
    for seed in 0..700 {
        let mut random = Random(seed + 10_000);
        let pack = pack_of(0.0, &heads(&mut random));
        let (mut device, mut desk) = used(&mut random, &pack);
        let Ok(Answer::Saved(facts)) = device.answer(&SAVE_ALL, &mut desk) else { continue };
        let mut copy = copy_of(&desk);
        for _ in 0..random.below(30) {
            requests(&mut random, |request| {
                let _ = ask(&mut device, &mut desk, request);
            });
        }
        // The last version is never erased to make room for the next.
        let later = random.below(2) > 0 && device.answer(&SAVE_HEADS, &mut desk).is_ok();
        let version = later.then_some(facts.version);
        done(&mut device, &mut desk, &Request::Restore { version, head: None });
        let mut other = start(&pack, &mut copy);
        let mut sides = [(&mut device, &mut desk), (&mut other, &mut copy)];
        same_place(&mut sides);
        go_on(&mut random, 40, &mut sides, &format!("{seed}"));
        restored += 1;
    }
    assert!(restored > 300, "{restored}");
}

#[test]
fn one_head_is_restored_alone() {
    let mut restored = 0;
    for seed in 0..400 {
        let mut random = Random(seed + 20_000);
        let all = heads(&mut random);
        let pack = pack_of(0.0, &all);
        let (mut device, mut desk) = used(&mut random, &pack);
        if ask(&mut device, &mut desk, &SAVE_ALL).is_err() {
            continue;
        }
        let of = |device: &mut Device, desk: &mut Desk| {
            (0..all.len() as u16).map(|head| numbers(device, desk, head)).collect::<Vec<_>>()
        };
        let kept = of(&mut device, &mut desk);
        for _ in 0..20 {
            requests(&mut random, |request| {
                let _ = ask(&mut device, &mut desk, request);
            });
        }
        let before = of(&mut device, &mut desk);
        let head = random.below(all.len() as u32) as u16;
        let answer = ask(&mut device, &mut desk, &Request::Restore { version: None, head: Some(head) });
        let after = of(&mut device, &mut desk);
        for other in (0..all.len()).filter(|other| *other != usize::from(head)) {
            assert_eq!(after[other], before[other], "{seed}");
        }
        if kept[usize::from(head)].is_err() {
            assert_eq!(answer, Err(DeviceError::OtherHead { head }));
            assert_eq!(after, before, "{seed}");
            continue;
        }
        assert!(answer.is_ok(), "{seed} {answer:?}");
        assert_eq!(after[usize::from(head)], kept[usize::from(head)], "{seed}");
        done(&mut device, &mut desk, &Request::Select { head });
        assert_eq!(ask(&mut device, &mut desk, &Request::Step), Err(DeviceError::NoSupport));
        restored += 1;
    }
    assert!(restored > 150, "{restored}");
}

/// Changes bytes, most of them where something is said about the others.
fn damage(random: &mut Random, bytes: &mut Vec<u8>) {
    for _ in 0..1 + random.below(3) {
        let length = bytes.len() as u32;
        match random.below(10) {
            0 => bytes.truncate(random.below(length + 1) as usize),
            1 => bytes.extend((0..random.below(9)).map(|at| at as u8)),
            2..=5 if length > 0 => bytes[random.below(length.min(90)) as usize] = random.below(256) as u8,
            _ if length > 0 => bytes[random.below(length) as usize] ^= 1 << random.below(8),
            _ => {}
        }
    }
}

#[test]
fn a_snapshot_that_is_refused_changes_nothing_and_one_that_is_taken_is_sound() {
    let (mut refused, mut taken) = (0, 0);
    for seed in 0..4000 {
        let mut random = Random(seed + 30_000);
        let pack = pack_of(0.0, &heads(&mut random));
        let (mut device, mut desk) = used(&mut random, &pack);
        if ask(&mut device, &mut desk, &SAVE_ALL).is_err() {
            continue;
        }
        let mut bytes = payload(&mut desk, None);
        damage(&mut random, &mut bytes);
        let version = put(&mut desk, &bytes);
        let mut copy = copy_of(&desk);
        // Both start with it; whatever the start made of it, they are alike.
        let (mut device, mut other) = (start(&pack, &mut desk), start(&pack, &mut copy));
        let mut sides = [(&mut device, &mut desk), (&mut other, &mut copy)];
        same_place(&mut sides);
        go_on(&mut random, 20, &mut sides, &format!("{seed}"));
        let restore = Request::Restore { version: Some(version), head: None };
        match ask(&mut device, &mut desk, &restore) {
            Err(_) => refused += 1,
            Ok(_) => {
                taken += 1;
                for head in 0..3 {
                    let numbers = numbers(&mut device, &mut desk, head).unwrap_or_default();
                    assert!(numbers.iter().all(|bits| f32::from_bits(*bits).is_finite()), "{seed}");
                }
                done(&mut other, &mut copy, &restore);
            }
        }
        let mut sides = [(&mut device, &mut desk), (&mut other, &mut copy)];
        same_place(&mut sides);
        go_on(&mut random, 20, &mut sides, &format!("{seed} after"));
    }
    assert!(refused > 500 && taken > 200, "{refused} {taken}");
}

#[test]
fn heads_for_another_trunk_are_kept_but_not_loaded() {
    let mut random = Random(1);
    let heads = heads(&mut random);
    let (own, foreign) = (pack_of(0.0, &heads), pack_of(1.0, &heads));
    let mut desk = Desk::with_pack(&own);
    let mut device = start(&own, &mut desk);
    let way = heads[0].capacity;
    done(&mut device, &mut desk, &Request::Begin { way });
    assert_eq!(ask(&mut device, &mut desk, &RESTORE), Err(DeviceError::NothingKept));
    assert_eq!(version(&mut device, &mut desk, None), None);
    done(&mut device, &mut desk, &SAVE_HEADS);
    let kept = numbers(&mut device, &mut desk, 0);

    let mut replaced = Desk::with_pack(&foreign);
    let heads_at = Desk::PLACES.heads.start as usize..;
    let mut bytes = replaced.flash.bytes().to_vec();
    bytes[heads_at.clone()].copy_from_slice(&desk.flash.bytes()[heads_at]);
    replaced.flash.set_content(bytes);
    let mut device = start(&foreign, &mut replaced);
    assert_eq!(numbers(&mut device, &mut replaced, 0), Err(DeviceError::NotBegun));
    assert_eq!(ask(&mut device, &mut replaced, &RESTORE), Err(DeviceError::OtherTrunk));
    let facts = version(&mut device, &mut replaced, None).expect("it is kept");
    assert!(!facts.own_trunk);
    // Its own heads come after, and the pack that went before finds its own behind them.
    done(&mut device, &mut replaced, &Request::Begin { way });
    done(&mut device, &mut replaced, &SAVE_HEADS);
    let mut bytes = desk.flash.bytes().to_vec();
    let heads_at = Desk::PLACES.heads.start as usize..;
    bytes[heads_at.clone()].copy_from_slice(&replaced.flash.bytes()[heads_at]);
    desk.flash.set_content(bytes);
    let mut device = start(&own, &mut desk);
    assert_eq!(numbers(&mut device, &mut desk, 0), kept);
    assert_eq!(ask(&mut device, &mut desk, &RESTORE), Err(DeviceError::OtherTrunk));
    done(&mut device, &mut desk, &Request::Restore { version: Some(facts.version), head: None });
    let gone = Request::Restore { version: Some(99), head: None };
    assert_eq!(ask(&mut device, &mut desk, &gone), Err(DeviceError::NoVersion { version: 99 }));
    let newest = version(&mut device, &mut desk, None).expect("it is kept");
    let older = version(&mut device, &mut desk, Some(newest.version)).expect("it is kept");
    assert_eq!((newest.own_trunk, older), (false, VersionFacts { own_trunk: true, ..facts }));
    assert_eq!(version(&mut device, &mut desk, Some(older.version)), None);
    assert_eq!(version(&mut device, &mut desk, Some(newest.version + 1)), Some(newest));
    assert_eq!(version(&mut device, &mut desk, Some(u32::MAX)), Some(newest));
    assert_eq!(version(&mut device, &mut desk, Some(0)), None);
}

#[test]
fn each_version_listed_costs_one_walk_through_the_flash() {
    let pack = pack_of(0.0, &heads(&mut Random(3)));
    let mut desk = Desk::with_pack(&pack);
    let mut device = start(&pack, &mut desk);
    done(&mut device, &mut desk, &Request::Begin { way: 1 });
    for _ in 0..100 {
        assert!(matches!(device.answer(&SAVE_HEADS, &mut desk), Ok(Answer::Saved(_))));
    }
    let region = Desk::PLACES.heads;
    let walk = u64::from(region.segments) * u64::from(region.segment_bytes);
    let (mut listed, mut before) = (0, None);
    loop {
        let read = desk.flash.bytes_read();
        let Some(facts) = version(&mut device, &mut desk, before) else { break };
        // The walk, and the snapshot's header behind it.
        assert!(desk.flash.bytes_read() - read <= walk + 64, "{}", desk.flash.bytes_read() - read);
        assert!(before.is_none_or(|before| facts.version < before));
        (listed, before) = (listed + 1, Some(facts.version));
    }
    assert!(listed > 10, "{listed}");
    // What an empty list is told of is no refusal.
    let Ok(Answer::Counters(counters)) = device.answer(&Request::Counters, &mut desk) else {
        panic!("counts")
    };
    assert_eq!(counters.refusals, 0);
}

#[test]
fn heads_come_back_to_a_pack_in_which_they_still_fit() {
    let mut random = Random(3);
    let mut heads: Vec<_> = (0..3)
        .map(|index| common::head(&mut random, index.to_string(), 4, supple_pack::Element::F32))
        .collect();
    let pack = pack_of(0.0, &heads);
    let mut desk = Desk::with_pack(&pack);
    let mut device = start(&pack, &mut desk);
    for head in 0..3 {
        done(&mut device, &mut desk, &Request::Select { head });
        done(&mut device, &mut desk, &Request::Begin { way: heads[usize::from(head)].capacity });
        feature(&mut device, &mut desk, &[1.0; FEATURES]);
        done(&mut device, &mut desk, &Request::PushSample { label: Label::None, held_back: false });
    }
    done(&mut device, &mut desk, &SAVE_ALL);
    let kept: Vec<_> = (0..3).map(|head| numbers(&mut device, &mut desk, head)).collect();
    // One is gone, one has other units, the third is where it was not before; the cache is another.
    heads.rotate_left(1);
    heads[1].hidden += 1;
    heads[1].parameters = vec![0.5; 100];
    let (hidden, capacity) = (usize::from(heads[1].hidden), usize::from(heads[1].capacity));
    heads[1].parameters.truncate(hidden * (FEATURES + 1) + capacity * (hidden + 1));
    heads[1].rates = vec![vec![[0.1; 2]; 2]];
    heads.pop();
    heads.iter_mut().for_each(|head| head.cache = supple_pack::Element::I8);
    let pack = pack_of(0.0, &heads);
    let mut bytes = desk.flash.bytes().to_vec();
    bytes[..pack.len()].copy_from_slice(&pack);
    desk.flash.set_content(bytes);
    let mut device = start(&pack, &mut desk);
    assert_eq!(numbers(&mut device, &mut desk, 0), kept[1]);
    assert_eq!(numbers(&mut device, &mut desk, 1), Err(DeviceError::NotBegun));
    let restore = |head| Request::Restore { version: None, head: Some(head) };
    done(&mut device, &mut desk, &restore(0));
    assert_eq!(ask(&mut device, &mut desk, &restore(1)), Err(DeviceError::OtherHead { head: 1 }));
    assert_eq!(
        ask(&mut device, &mut desk, &restore(2)),
        Err(DeviceError::HeadOutOfRange { head: 2, heads: 2 })
    );
}

#[test]
fn what_does_not_fit_or_diverged_is_not_saved() {
    let mut random = Random(5);
    let mut head = common::head(&mut random, "wide".into(), 240, supple_pack::Element::F32);
    head.capacity = 1;
    head.hidden = 0;
    head.parameters = vec![0.5; FEATURES + 1];
    head.task = supple_pack::HeadTask::Numbers;
    head.start = supple_pack::Start::Learned;
    head.rates = vec![vec![[1e30; 2]]];
    let pack = pack_of(0.0, &[head]);
    let mut desk = Desk::with_pack(&pack);
    let mut device = start(&pack, &mut desk);
    assert_eq!(ask(&mut device, &mut desk, &SAVE_ALL), Err(DeviceError::NotBegun));
    done(&mut device, &mut desk, &Request::Begin { way: 1 });
    for _ in 0..240 {
        feature(&mut device, &mut desk, &[1e3; FEATURES]);
        let label = Label::Numbers(supple_link::Words(&[0; 4]));
        done(&mut device, &mut desk, &Request::PushSample { label, held_back: false });
    }
    // 32 of header, 44 + 4 + 16 of a head, 240 samples with label, target and features.
    assert_eq!(
        ask(&mut device, &mut desk, &SAVE_ALL),
        Err(DeviceError::SnapshotTooLong {
            needed: 32 + 64 + 240 * (2 + 4 + 12) + velocity(&pack),
            room: 4072
        }),
    );
    done(&mut device, &mut desk, &SAVE_HEADS);
    (0..4).for_each(|_| {
        done(&mut device, &mut desk, &Request::Step);
    });
    assert_eq!(ask(&mut device, &mut desk, &SAVE_HEADS), Err(DeviceError::HeadNotFinite { head: 0 }));
    done(&mut device, &mut desk, &RESTORE);
    done(&mut device, &mut desk, &SAVE_HEADS);
}

/// Bytes of the velocity of that head.
fn velocity(pack: &[u8]) -> u32 {
    let bytes = supple_pack::write::AlignedBytes::copy_of(pack);
    let pack = supple_pack::Pack::parse(&bytes).expect("sound");
    let momentum = pack.heads().next().expect("one").spec.momentum;
    if momentum > 0.0 { 16 } else { 0 }
}
