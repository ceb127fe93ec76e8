//! Whatever lies in flash, a device starts: with sound heads, or with the learned start, or without a pack.

mod common;

use common::{
    Desk, FEATURES, Random, ask, copy_of, done, heads, numbers, pack_of, public_key, requests, signed,
};
use supple_app::{Board, Device, Memory, Region};
use supple_link::{Answer, DeviceError, Request, Values};
use supple_pack::keys;
use supple_store::Journal;

fn start(desk: &mut Desk) -> Device<'static> {
    let memory = Memory { floats: vec![f32::NAN; 900].leak(), labels: vec![5; 100].leak() };
    Device::start(memory, desk)
}

/// A board that has saved this and that, and waits to try another pack.
fn used(random: &mut Random) -> Desk {
    let heads = heads(random);
    let pack = pack_of(1.0, &heads);
    let keys = keys::block(&[public_key(1)]).expect("a key");
    let mut desk = Desk { keys, ..Desk::with_pack(&pack) };
    let mut device = start(&mut desk);
    for turn in 0..40 {
        requests(random, |request| {
            let _ = ask(&mut device, &mut desk, request);
        });
        if turn % 10 == 9 {
            let _ = ask(&mut device, &mut desk, &Request::Save { support: random.below(2) == 0 });
        }
    }
    let other = signed(&pack_of(random.below(2) as f32, &heads), 1, random.below(3), None);
    done(&mut device, &mut desk, &Request::PackBegin { length: other.len() as u32, from: 0 });
    for (index, bytes) in other.chunks(480).enumerate() {
        done(&mut device, &mut desk, &Request::PackChunk { offset: 480 * index as u32, bytes });
    }
    if random.below(2) == 0 {
        done(&mut device, &mut desk, &Request::PackFinish);
    }
    desk
}

/// Appends a record that is whole, whatever it says.
fn put(desk: &mut Desk, region: Region, bytes: &[u8]) {
    let mut journal = Journal::open(&mut desk.flash, region).expect("opens");
    journal.append(&mut desk.flash, bytes.len() as u32, |writer| writer.write(bytes)).expect("fits");
}

fn newest(desk: &mut Desk, region: Region) -> Vec<u8> {
    let journal = Journal::open(&mut desk.flash, region).expect("opens");
    let Some(record) = journal.newest() else { return Vec::new() };
    let mut bytes = vec![0; record.length as usize];
    journal.read(&mut desk.flash, &record, 0, &mut bytes).expect("reads");
    bytes
}

fn damage(random: &mut Random, bytes: &mut [u8], times: u32) {
    for _ in 0..times {
        let length = bytes.len() as u32;
        if length > 0 {
            let most = if random.below(2) == 0 { length } else { length.min(100) };
            bytes[random.below(most) as usize] = random.below(256) as u8;
        }
    }
}

fn image(random: &mut Random, used: &Desk) -> Desk {
    let mut desk = copy_of(used);
    match random.below(6) {
        // Nothing but noise.
        0 => desk.flash.bytes_mut().iter_mut().for_each(|byte| *byte = random.below(256) as u8),
        // A few bytes anywhere, then many in one place.
        1 => damage(random, desk.flash.bytes_mut(), 20),
        2 => {
            let start = random.below(39 * 1024) as usize;
            let end = start + random.below(1024) as usize;
            desk.flash.bytes_mut()[start..end].iter_mut().for_each(|byte| *byte = random.below(256) as u8);
        }
        // Records with right checksums and wrong content.
        kind => {
            let region = if kind == 3 { Desk::PLACES.boot } else { Desk::PLACES.heads };
            let mut bytes = newest(&mut desk, region);
            let times = 1 + random.below(3);
            damage(random, &mut bytes, times);
            if random.below(8) == 0 {
                bytes.truncate(random.below(200) as usize);
            }
            put(&mut desk, region, &bytes);
        }
    }
    // What lies there is all that the next start knows.
    let bytes = desk.flash.bytes().to_vec();
    desk.flash.set_content(bytes);
    desk
}

#[test]
fn any_flash_image_gives_sound_heads_or_the_learned_start() {
    let (mut begun, mut fresh, mut without, mut second) = (0, 0, 0, 0);
    for seed in 0..150 {
        let mut random = Random(seed);
        let used = used(&mut random);
        for turn in 0..20 {
            let at = format!("{seed} {turn}");
            let mut desk = image(&mut random, &used);
            for _ in 0..2 {
                let mut device = start(&mut desk);
                let Ok(Answer::Info(info)) = device.answer(&Request::Info, &mut desk) else { panic!("{at}") };
                let Ok(Answer::Packs(_)) = device.answer(&Request::Packs, &mut desk) else { panic!("{at}") };
                let Ok(facts) = info.pack else {
                    without += 1;
                    continue;
                };
                for head in 0..facts.heads {
                    match numbers(&mut device, &mut desk, head) {
                        Ok(numbers) => {
                            begun += 1;
                            let finite = numbers.iter().all(|bits| f32::from_bits(*bits).is_finite());
                            assert!(finite, "{at}");
                            let feature = [0; 4 * FEATURES];
                            let values = Values::Words(&feature);
                            done(&mut device, &mut desk, &Request::Feature { offset: 0, values });
                            done(&mut device, &mut desk, &Request::Logits);
                        }
                        Err(DeviceError::NotBegun) => fresh += 1,
                        Err(error) => panic!("{at}: {error}"),
                    }
                }
                let _ = ask(&mut device, &mut desk, &Request::Version { before: None });
                let _ = ask(&mut device, &mut desk, &Request::Restore { version: None, head: None });
                for index in 0..4_u32 {
                    let version = Some(index);
                    let _ = ask(&mut device, &mut desk, &Request::Version { before: version });
                    let _ = ask(&mut device, &mut desk, &Request::Restore { version, head: None });
                }
                for _ in 0..5 {
                    requests(&mut random, |request| {
                        let _ = ask(&mut device, &mut desk, request);
                    });
                }
                let _ = ask(&mut device, &mut desk, &Request::Save { support: true });
                second += u32::from(ask(&mut device, &mut desk, &Request::Confirm).is_ok());
            }
            assert_eq!(desk.flash.violations(), 0, "{at}");
        }
    }
    let counts = (begun, fresh, without, second);
    assert!(begun > 1000 && fresh > 300 && without > 300 && second > 100, "{counts:?}");
}
