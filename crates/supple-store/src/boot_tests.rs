//! What a boot record does at starts, installs and confirmations, and its bytes.

use proptest::prelude::*;

use super::*;

const KEY: KeyId = KeyId([1, 2, 3, 4, 5, 6, 7, 8]);

fn key(number: u8) -> KeyId {
    KeyId([number; 8])
}

/// Installs, starts and confirms.
fn updated(boot: Boot, key: KeyId, counter: u32) -> Boot {
    let waiting = boot.install(key, counter, |_| true).expect("installs");
    waiting.start().1.expect("a trial").confirm().expect("on trial")
}

#[test]
fn a_new_device_runs_area_a_and_writes_nothing() {
    let boot = Boot::default();
    assert_eq!(boot.start(), (Area::A, None));
    assert_eq!((boot.counter(&KEY), boot.is_trial(), boot.outcome()), (0, false, Outcome::None));
    assert_eq!((boot.confirm(), boot.withdraw()), (None, None));
}

#[test]
fn a_confirmed_trial_runs_from_then_on() {
    let waiting = Boot::default().install(KEY, 7, |_| true).expect("installs");
    assert!(!waiting.is_trial());
    assert_eq!(waiting.confirm(), None, "it has not run yet");
    let (area, started) = waiting.start();
    let started = started.expect("written before it runs");
    assert_eq!(area, Area::B);
    assert!(started.is_trial());
    assert_eq!(started.running(), Area::A);
    let confirmed = started.confirm().expect("on trial");
    assert_eq!(confirmed.start(), (Area::B, None));
    assert_eq!((confirmed.outcome(), confirmed.counter(&KEY)), (Outcome::Confirmed, 7));
    assert_eq!(updated(confirmed, KEY, 7).running(), Area::A, "an equal counter is allowed");
}

#[test]
fn a_trial_that_is_not_confirmed_is_rolled_back_at_the_next_start() {
    let (_, started) = Boot::default().install(KEY, 7, |_| true).expect("installs").start();
    let (area, back) = started.expect("a trial").start();
    let back = back.expect("the roll-back is written");
    assert_eq!((area, back.running(), back.outcome()), (Area::A, Area::A, Outcome::RolledBack));
    assert_eq!(back.counter(&KEY), 0, "only a confirmed pack raises its key's counter");
    assert_eq!(back.start(), (Area::A, None));
}

#[test]
fn what_waits_can_be_replaced_or_withdrawn_but_not_what_is_on_trial() {
    let waiting = Boot::default().install(KEY, 7, |_| true).expect("installs");
    let replaced = waiting.install(KEY, 8, |_| true).expect("replaces");
    assert_eq!(replaced.trial(), Trial::Waiting(Signed { key: KEY, counter: 8 }));
    assert_eq!(waiting.withdraw(), Some(Boot::default()));
    let started = waiting.start().1.expect("a trial");
    assert_eq!(started.install(KEY, 9, |_| true), Err(InstallError::OnTrial));
    assert_eq!(started.withdraw(), None);
}

#[test]
fn older_counters_and_a_fifth_key_are_refused() {
    let mut boot = updated(Boot::default(), key(1), 5);
    assert_eq!(boot.install(key(1), 4, |_| true), Err(InstallError::OlderCounter { counter: 4, floor: 5 }));
    for number in 2..=4 {
        boot = updated(boot, key(number), u32::from(number));
    }
    assert_eq!(boot.install(key(5), 9, |_| true), Err(InstallError::TooManyKeys));
    assert_eq!(boot.counter(&key(5)), 0);
    boot = updated(boot, key(3), 30);
    let floors: Vec<u32> = (1..=5).map(|number| boot.counter(&key(number))).collect();
    assert_eq!(floors, [5, 2, 30, 4, 0]);
}

#[test]
fn a_key_that_is_not_in_use_any_more_gives_its_place_up() {
    let mut boot = Boot::default();
    for number in 1..=4 {
        boot = updated(boot, key(number), u32::from(number));
    }
    // The second is no longer known; while there is room, nothing is forgotten.
    let in_use = |known: &KeyId| *known != key(2);
    assert_eq!(boot.install(key(3), 9, in_use).expect("has a place").counter(&key(2)), 2);
    let waiting = boot.install(key(5), 9, in_use).expect("takes the second's place");
    assert_eq!(Boot::from_bytes(&waiting.to_bytes()), Some(waiting));
    let confirmed = waiting.start().1.and_then(|started| started.confirm()).expect("confirmed");
    let floors: Vec<u32> = (1..=5).map(|number| confirmed.counter(&key(number))).collect();
    assert_eq!(floors, [1, 0, 3, 4, 9]);
    assert_eq!(boot.install(key(5), 9, |_| true), Err(InstallError::TooManyKeys));
}

#[test]
fn what_is_not_vouched_for_is_not_tried() {
    let waiting = Boot::default().install(KEY, 7, |_| true).expect("installs");
    let refused = waiting.refuse();
    assert_eq!(
        (refused.running(), refused.trial(), refused.outcome()),
        (Area::A, Trial::None, Outcome::RolledBack)
    );
    assert_eq!((refused.counter(&KEY), refused.start()), (0, (Area::A, None)));
}

#[test]
fn the_bytes_are_those_of_the_format() {
    let boot = updated(Boot::default(), KEY, 0x0102_0304);
    let boot = boot.install(key(9), 5, |_| true).expect("installs").start().1.expect("a trial");
    let mut bytes = vec![];
    bytes.extend_from_slice(b"SBOT\x01\x00");
    bytes.extend_from_slice(&[1, 2, 1, 1, 0, 0]);
    bytes.extend_from_slice(&[9, 9, 9, 9, 9, 9, 9, 9, 5, 0, 0, 0]);
    bytes.extend_from_slice(&[1, 2, 3, 4, 5, 6, 7, 8, 4, 3, 2, 1]);
    bytes.resize(72, 0);
    assert_eq!(boot.to_bytes()[..], bytes);
    assert_eq!(Boot::from_bytes(&bytes), Some(boot));
}

#[test]
fn bytes_that_no_boot_has_are_refused() {
    let one = updated(Boot::default(), KEY, 6);
    let boot = updated(one, key(9), 5).install(KEY, 6, |_| true).expect("installs");
    let bytes = boot.to_bytes();
    assert_eq!(Boot::from_bytes(&bytes), Some(boot));
    let with = |at: usize, value: u8| {
        let mut changed = bytes;
        changed[at] = value;
        Boot::from_bytes(&changed)
    };
    // Magic, version, area, trial, outcome, number of keys, zeros.
    for (at, value) in
        [(0, b'X'), (4, 2), (5, 1), (6, 2), (7, 3), (8, 3), (9, 1), (9, 5), (10, 1), (11, 1), (71, 1)]
    {
        assert_eq!(with(at, value), None, "byte {at}");
    }
    assert_eq!(with(20, 5), None, "a trial below its key's counter");
    assert_eq!(with(7, 0), None, "a pack without a trial");
    let mut twice = bytes;
    twice[36..44].copy_from_slice(&KEY.0);
    assert_eq!(Boot::from_bytes(&twice), None, "a key with two counters");
    assert_eq!(Boot::from_bytes(&bytes[..71]), None);
    assert_eq!(Boot::from_bytes(&[&bytes[..], &[0]].concat()), None);
}

/// What may happen to a device.
fn event() -> impl Strategy<Value = (u8, u8, u32)> {
    (0_u8..4, 0_u8..6, 0_u32..4)
}

proptest! {
    #[test]
    fn any_bytes_are_refused_or_written_again_as_they_were(
        change in prop::collection::vec((0_usize..BOOT_BYTES, any::<u8>()), 0..4),
    ) {
        let mut bytes = updated(Boot::default(), KEY, 6).to_bytes();
        for (at, byte) in change {
            bytes[at] = byte;
        }
        if let Some(boot) = Boot::from_bytes(&bytes) {
            prop_assert_eq!(boot.to_bytes(), bytes);
        }
    }

    #[test]
    fn counters_never_fall_and_only_a_confirmed_area_is_left_running(
        events in prop::collection::vec(event(), 0..60),
    ) {
        let mut boot = Boot::default();
        for (event, number, counter) in events {
            let next = match event {
                0 => boot.start().1,
                1 => boot.install(key(number), counter, |_| true).ok(),
                2 => boot.confirm(),
                _ => boot.withdraw(),
            };
            let Some(next) = next else { continue };
            prop_assert_eq!(Boot::from_bytes(&next.to_bytes()), Some(next));
            for number in 0..6 {
                prop_assert!(next.counter(&key(number)) >= boot.counter(&key(number)));
            }
            prop_assert_eq!(next.running() != boot.running(), event == 2);
            boot = next;
        }
    }
}
