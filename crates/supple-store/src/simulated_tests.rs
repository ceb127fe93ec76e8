//! What the simulated flash does and sees.

use super::*;

type Flash = SimulatedFlash<4, 64>;

#[test]
fn words_read_as_written_and_blank_after_an_erase() {
    for erased in [0xff, 0x00] {
        let mut flash = Flash::new(2, erased, 1);
        flash.erase(0, 64).expect("erases");
        flash.write(4, &[1, 2, 3, 4, 5, 6, 7, 8]).expect("writes");
        let mut bytes = [0; 16];
        flash.read(0, &mut bytes).expect("reads");
        let blank = [erased; 4];
        assert_eq!(bytes[..4], blank);
        assert_eq!(bytes[4..12], [1, 2, 3, 4, 5, 6, 7, 8]);
        assert_eq!(bytes[12..], blank);
        assert_eq!((flash.operations(), flash.bytes_read(), flash.erases()), (3, 16, &[1, 0][..]));
        assert_eq!((flash.violations(), flash.stale_writes()), (0, 0));
    }
}

#[test]
fn what_must_not_be_done_is_a_violation() {
    let mut flash = Flash::new(2, 0xff, 1);
    flash.write(0, &[0; 4]).expect("blank");
    assert_eq!((flash.violations(), flash.stale_writes()), (0, 1));
    flash.write(0, &[0; 4]).expect("it is done all the same");
    assert_eq!(flash.violations(), 1);
    assert_eq!(flash.write(2, &[0; 4]), Err(SimulatedError::NotAligned));
    assert_eq!(flash.write(0, &[0; 3]), Err(SimulatedError::NotAligned));
    assert_eq!(flash.write(128, &[0; 4]), Err(SimulatedError::OutOfBounds));
    assert_eq!(flash.erase(0, 32), Err(SimulatedError::NotAligned));
    assert_eq!(flash.erase(64, 192), Err(SimulatedError::OutOfBounds));
    assert_eq!(flash.read(126, &mut [0; 4]), Err(SimulatedError::OutOfBounds));
    assert_eq!(flash.violations(), 7);
}

#[test]
fn blank_is_not_trusted_over_a_power_cut() {
    let mut flash = Flash::new(2, 0xff, 1);
    flash.erase(0, 128).expect("erases");
    flash.power_down();
    flash.power_up();
    flash.write(0, &[0; 4]).expect("writes");
    assert_eq!((flash.violations(), flash.stale_writes()), (0, 1));
}

#[test]
fn the_cut_tears_its_operation_and_what_follows_fails_until_power_up() {
    let mut left = std::collections::BTreeSet::new();
    for seed in 0..200 {
        let mut flash = Flash::new(1, 0xff, seed);
        flash.erase(0, 64).expect("erases");
        flash.cut_at(2);
        assert_eq!(flash.write(0, &[1; 12]), Err(SimulatedError::PowerCut));
        assert_eq!(flash.write(12, &[1; 4]), Err(SimulatedError::PowerCut));
        assert_eq!(flash.read(0, &mut [0; 4]), Err(SimulatedError::PowerCut));
        flash.power_up();
        let bytes = flash.bytes();
        assert_eq!(
            (&bytes[..4], &bytes[8..12]),
            (&[1; 4][..], &[0xff; 4][..]),
            "the others are as they were"
        );
        left.insert(bytes[4..8].to_vec());
        flash.write(4, &[1; 4]).expect("writes");
        assert_eq!(flash.violations(), 1, "a torn word must not be written again");
    }
    assert!(left.contains(&vec![1; 4]) && left.contains(&vec![0xff; 4]), "all new and all old happen");
    assert!(left.len() > 50, "{}", left.len());
}

#[test]
fn a_torn_erase_leaves_each_byte_old_blank_or_random() {
    let (mut old, mut blank, mut other) = (0, 0, 0);
    for seed in 0..100 {
        let mut flash = Flash::with_content(vec![7; 128], 0xff, seed);
        flash.cut_at(1);
        assert_eq!(flash.erase(0, 128), Err(SimulatedError::PowerCut));
        assert_eq!(flash.bytes()[64..], [7; 64], "the next unit is as it was");
        for byte in &flash.bytes()[..64] {
            match byte {
                7 => old += 1,
                0xff => blank += 1,
                _ => other += 1,
            }
        }
    }
    assert!(old > 1000 && blank > 1000 && other > 1000, "{old} {blank} {other}");
}

#[test]
fn unsteady_words_change_at_power_up_and_unreadable_ones_do_not_read() {
    let torn = |tearing| {
        let mut flash = Flash::new(1, 0xff, 3);
        flash.set_tearing(tearing);
        flash.erase(0, 64).expect("erases");
        flash.cut_at(1);
        assert!(flash.write(0, &[0x5a; 4]).is_err());
        flash.power_up();
        flash
    };
    let values = |tearing| {
        let mut flash = torn(tearing);
        let mut values = std::collections::BTreeSet::new();
        for _ in 0..20 {
            flash.power_up();
            values.insert(flash.bytes()[..4].to_vec());
        }
        values.len()
    };
    assert_eq!(values(Tearing::Steady), 1);
    assert!(values(Tearing::Unsteady) > 3);
    let mut flash = torn(Tearing::Unreadable);
    assert_eq!(flash.read(0, &mut [0; 8]), Err(SimulatedError::Refused));
    flash.read(4, &mut [0; 8]).expect("the others read");
    flash.erase(0, 64).expect("erases");
    flash.read(0, &mut [0; 8]).expect("an erase mends it");
}

#[test]
fn worn_units_fail_as_asked() {
    let mut flash = Flash::new(3, 0xff, 1);
    flash.wear_out(0, Wear::Erase);
    flash.wear_out(1, Wear::Write);
    flash.wear_out(2, Wear::Silent);
    assert_eq!(flash.erase(0, 64), Err(SimulatedError::Refused));
    flash.erase(64, 192).expect("these erase");
    assert_eq!(flash.write(64, &[1; 4]), Err(SimulatedError::Refused));
    flash.write(128, &[1; 64]).expect("says nothing");
    assert_ne!(flash.bytes()[128..], [1; 64]);
}
