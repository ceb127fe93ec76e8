//! A damaged pack is never taken for a sound one: every bit of a trained pack flipped, every length.

use std::path::PathBuf;
use std::sync::LazyLock;

use rayon::prelude::*;
use supple_pack::header::Header;
use supple_pack::{AlignedBytes, Pack};
use supple_tests::run::{Scratch, read, run, scratch, supple, train};
use supple_tests::{full, root};

static SCRATCH: LazyLock<Scratch> = LazyLock::new(|| scratch("pack_bits"));
static PACK: LazyLock<PathBuf> = LazyLock::new(|| train(&SCRATCH, "trained", &[]).1);

fn sound(bytes: &[u8]) -> bool {
    Pack::parse(&AlignedBytes::copy_of(bytes)).is_ok()
}

/// The first of these bits that can be flipped without the reader seeing it.
fn unseen(bytes: &[u8], bits: impl IntoParallelIterator<Item = usize>) -> Option<usize> {
    assert!(sound(bytes));
    bits.into_par_iter()
        .map_init(
            || bytes.to_vec(),
            |damaged, bit| {
                damaged[bit / 8] ^= 1 << (bit % 8);
                let taken = sound(damaged);
                damaged[bit / 8] ^= 1 << (bit % 8);
                taken.then_some(bit)
            },
        )
        .find_map_any(|found| found)
}

#[test]
fn every_flipped_bit_is_seen() {
    let bytes = read(&*PACK);
    assert!(bytes.len() < 20_000);
    assert_eq!(unseen(&bytes, 0..8 * bytes.len()), None);
}

/// Header and structure whole. Of the weights, which the checksum alone guards, every 31st bit: all of them would
/// take the better part of an hour, and 31 shares no factor with the bits of a word, so every place in one is met.
#[test]
fn the_shipped_pack_s_flipped_bits_are_seen() {
    if !full() {
        return;
    }
    let bytes = read(root().join("models/omniglot/omniglot.supple"));
    let weights_at = 8 * Header::read(&bytes).expect("a header").weights_at as usize;
    assert_eq!(unseen(&bytes, 0..weights_at), None);
    let sample: Vec<usize> = (weights_at..8 * bytes.len()).step_by(31).collect();
    assert_eq!(unseen(&bytes, sample), None);
}

#[test]
fn every_other_length_is_seen() {
    let bytes = read(&*PACK);
    let cut = (0..bytes.len()).find(|length| sound(&bytes[..*length]));
    assert_eq!(cut, None);
    for filler in [0x00, 0xff, 0x53] {
        for more in (1..=64).chain([bytes.len()]) {
            let mut longer = bytes.clone();
            longer.resize(bytes.len() + more, filler);
            assert!(!sound(&longer), "{more} bytes {filler:#04x} behind the end");
        }
    }
    assert!(!sound(&[bytes.clone(), bytes].concat()));
}

#[test]
fn the_command_refuses_a_damaged_pack_in_one_message() {
    let bytes = read(&*PACK);
    let flipped = |at: usize| {
        let mut damaged = bytes.clone();
        damaged[at] ^= 1;
        damaged
    };
    let cases: [(&str, Vec<u8>, &str); 7] = [
        ("version", flipped(4), "version"),
        ("structure", flipped(60), "checksum"),
        ("weight", flipped(bytes.len() - 1), "checksum"),
        ("header only", bytes[..32].to_vec(), "copy it again"),
        ("half", bytes[..bytes.len() / 2].to_vec(), "copy it again"),
        ("longer", [&bytes[..], b"\n"].concat(), "copy it again"),
        ("stub", bytes[..7].to_vec(), "copy it again"),
    ];
    for (name, damaged, reason) in cases {
        let path = SCRATCH.file(&format!("{name}.supple"), damaged);
        let shown = path.display().to_string();
        run(&mut supple(&[&"inspect", &path, &"--json"])).refused(&[&shown, reason]);
        run(&mut supple(&[&"eval", &path, &"--data", &"glyphs", &"--split", &"validation"]))
            .refused(&[&shown, reason]);
    }
    // Without its magic it might be anything: inspect tries ONNX, eval knows that it wants a pack.
    for (name, bytes) in [("magic", flipped(0)), ("empty", Vec::new()), ("zeros", vec![0; 4096])] {
        let path = SCRATCH.file(&format!("{name}.supple"), bytes);
        run(&mut supple(&[&"inspect", &path])).refused(&[&path.display().to_string()]);
        run(&mut supple(&[&"eval", &path, &"--data", &"glyphs", &"--on", &"qemu"]))
            .refused(&["it does not begin with `SUPL`", "supple pack"]);
    }
}
