use std::fs;

use embedded_storage::nor_flash::ReadNorFlash;

use super::*;

const SMALL: Sizes = Sizes { pack: 8192, heads: 4096, versions: 3, memory: 65_536 };

fn folder() -> tempfile::TempDir {
    tempfile::tempdir().expect("a temporary folder")
}

#[test]
fn a_file_is_made_once_with_its_pack_and_sizes() {
    let folder = folder();
    let path = folder.path().join("state");
    create(&path, &SMALL, b"a pack").expect("a new file");
    assert!(create(&path, &SMALL, b"another").is_err());
    let State { sizes, flash } = open(&path).expect("it opens");
    assert_eq!(sizes, SMALL);
    // Two packs, four units of the boot journal, three versions.
    assert_eq!(flash.capacity(), 2 * 8192 + 4 * 4096 + 3 * 4096);
    assert_eq!(flash.packs()[..8], *b"a pack\xff\xff");
    let file = fs::read(&path).expect("it is there");
    assert_eq!(file.len(), 4096 + flash.capacity());
    let header = [&b"SUPPLEST"[..], &[1, 0, 0, 0, 0, 32, 0, 0, 0, 16, 0, 0, 3, 0, 0, 0, 0, 0, 1, 0]].concat();
    assert_eq!(file[..28], header);
    // Nothing else is left in the folder.
    assert_eq!(fs::read_dir(folder.path()).expect("it is there").count(), 1);
}

#[test]
fn a_file_has_one_server() {
    let folder = folder();
    let path = folder.path().join("state");
    create(&path, &SMALL, &[]).expect("a new file");
    let first = open(&path).expect("it opens");
    let Err(error) = open(&path) else { panic!("two servers") };
    assert!(error.to_string().contains("another server uses"), "{error}");
    drop(first);
    open(&path).expect("it opens again");
}

#[test]
fn what_is_no_state_file_is_left_alone() {
    let folder = folder();
    let path = folder.path().join("state");
    create(&path, &SMALL, &[]).expect("a new file");
    let sound = fs::read(&path).expect("it is there");
    let check = |bytes: &[u8]| {
        fs::write(&path, bytes).expect("it is writable");
        let Err(error) = open(&path) else { panic!("it opens") };
        assert!(error.to_string().contains("not a whole state file"), "{error}");
        assert_eq!(fs::read(&path).expect("it is there"), bytes);
    };
    check(&[]);
    check(&[0; 10_000]);
    check(&sound[..sound.len() - 1]);
    check(&[&sound[..], &[0]].concat());
    for place in 0..HEADER_BYTES {
        let mut bytes = sound.clone();
        bytes[place] ^= 1;
        check(&bytes);
    }
    // Right in its checksum, wrong in its sizes.
    for sizes in [
        Sizes { pack: 100, ..SMALL },
        Sizes { versions: 1, ..SMALL },
        Sizes { versions: u32::MAX, ..SMALL },
        Sizes { pack: 0, ..SMALL },
        Sizes { pack: 0x8000_0000, ..SMALL },
    ] {
        check(&[&sizes.to_header()[..], &sound[HEADER_BYTES..]].concat());
    }
    fs::write(&path, &sound).expect("it is writable");
    open(&path).expect("it opens");
}

#[test]
fn sizes_are_rounded_up_and_bounded() {
    let asked = Sizes { pack: 5000, heads: 1, ..SMALL };
    assert_eq!(asked.checked(), Ok(Sizes { pack: 8192, heads: 4096, ..SMALL }));
    for (sizes, reason) in [
        (Sizes { versions: 1, ..SMALL }, "at least 2 versions"),
        (Sizes { pack: u32::MAX, ..SMALL }, "too large"),
        (Sizes { heads: 1 << 30, versions: 4, ..SMALL }, "at most 4 GiB"),
        (Sizes { memory: u32::MAX, ..SMALL }, "at most 2 GiB"),
    ] {
        let error = sizes.checked().expect_err(reason);
        assert!(error.contains(reason), "{error}");
    }
    assert_eq!(Sizes::DEFAULT.checked(), Ok(Sizes::DEFAULT));
}
