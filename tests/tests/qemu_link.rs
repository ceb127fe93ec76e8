//! The link to an emulated board: noise, refusals, two packs on one image, and the bits of the host's runtime.
//!
//! Needs `target/firmware/mps2-an386.elf` (`cargo xtask firmware`) and QEMU (`cargo xtask setup`).

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use supple_link::frame::{BODY_MAX, FRAME_MAX, FrameError, decode, encode};
use supple_link::host::{Child, Client, LinkError, Qemu, Received, Transport};
use supple_link::{Answer, DeviceError, PackFault, Receiver, Request};

fn firmware() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../target/firmware/mps2-an386.elf")
}

/// A board with these bytes in its pack region.
fn board(folder: &tempfile::TempDir, pack: &[u8]) -> Child {
    let path = folder.path().join("test.supple");
    std::fs::write(&path, pack).expect("the temporary folder is writable");
    Qemu::new(firmware(), path).start().unwrap_or_else(|error| panic!("{error}"))
}

/// A line without the client's care: what is sent is sent once.
struct Raw {
    line: Child,
    receiver: Receiver,
    pending: Vec<u8>,
}

impl Raw {
    fn new(line: Child) -> Self {
        Self { line, receiver: Receiver::new(), pending: Vec::new() }
    }

    fn send(&mut self, bytes: &[u8]) {
        self.line.send(bytes).expect("the board runs");
    }

    /// The next answer's sequence number and message.
    fn answer(&mut self) -> (u16, Vec<u8>) {
        loop {
            while !self.pending.is_empty() {
                let byte = self.pending.remove(0);
                if let Some(frame) = self.receiver.push(byte) {
                    let frame = frame.expect("the board's frames are sound");
                    return (frame.sequence, frame.message.to_vec());
                }
            }
            let received = self.line.receive(&mut self.pending, Duration::from_secs(20));
            assert_eq!(received.expect("the board runs"), Received::Bytes, "the board does not answer");
        }
    }

    /// The next answer must be this refusal.
    fn refused(&mut self, sequence: u16, error: FrameError) {
        let (got, message) = self.answer();
        assert_eq!(decode(&message), Ok(Answer::Failed(DeviceError::Frame(error))));
        assert_eq!(got, sequence);
    }

    /// The board still works.
    fn alive(&mut self, sequence: u16) {
        self.send(&frame(sequence, &Request::Info));
        let (got, message) = self.answer();
        assert!(matches!(decode(&message), Ok(Answer::Info(_))), "{message:?}");
        assert_eq!(got, sequence);
    }
}

fn frame(sequence: u16, message: &impl serde::Serialize) -> Vec<u8> {
    let (mut body, mut frame) = ([0; BODY_MAX], [0; FRAME_MAX]);
    let length = encode(sequence, message, &mut body, &mut frame).expect("fits");
    frame[..length].to_vec()
}

#[test]
fn noise_is_answered_with_its_reason_and_never_stops_the_board() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let mut raw = Raw::new(board(&folder, &[]));
    raw.alive(1);

    let mut damaged = frame(2, &Request::Begin { way: 5 });
    let place = damaged.len() - 3;
    damaged[place] ^= 0x40;
    raw.send(&damaged);
    raw.refused(0, FrameError::Checksum);

    let mut endless = vec![0x55; 5000];
    endless.push(0);
    raw.send(&endless);
    raw.refused(0, FrameError::TooLong);

    raw.send(&[0, 9, 1, 2, 0]);
    raw.refused(0, FrameError::Framing);

    raw.send(&[0, 3, 1, 2, 0]);
    raw.refused(0, FrameError::TooShort);

    // A request of some later version: a sound frame whose message nobody here knows.
    raw.send(&frame(3, &200_u8));
    raw.refused(3, FrameError::Unknown);
    raw.send(&frame(4, &(0_u8, 0_u8)));
    raw.refused(4, FrameError::Trailing);
    raw.alive(5);
}

#[test]
fn after_random_bytes_the_board_still_answers() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let mut raw = Raw::new(board(&folder, &[]));
    let mut state = 0x2545_f491_u32;
    let mut random_byte = || {
        state ^= state << 13;
        state ^= state >> 17;
        state ^= state << 5;
        state as u8
    };
    for sequence in 1..=10 {
        let garbage: Vec<u8> = (0..700).map(|_| random_byte()).collect();
        raw.send(&garbage);
        raw.send(&frame(sequence, &Request::Info));
        // Refusals of the garbage come first.
        while raw.answer().0 != sequence {}
    }
}

#[test]
fn without_a_pack_the_board_says_so_to_every_request() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let mut device = Client::connect(board(&folder, &[])).expect("it answers");
    let missing = DeviceError::Pack(PackFault::Missing);
    assert_eq!(device.info().expect("it answers").pack, Err(missing));
    let refusals = [
        device.begin(5).err(),
        device.input(&[0.0; 784]).err(),
        device.features().err(),
        device.push_support(0).err(),
        device.reset().err(),
        device.step().err(),
        device.adapt(1).err(),
        device.logits().err(),
        device.read_features().err(),
        device.read_head().err(),
    ];
    for refusal in refusals {
        assert!(matches!(refusal, Some(LinkError::Device(error)) if error == missing), "{refusal:?}");
    }
}

#[test]
fn a_board_that_stops_is_named() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let line = board(&folder, &[]);
    let process = line.id().to_string();
    let mut device = Client::connect(line).expect("it answers");
    let killed = Command::new("kill").args(["-9", &process]).status();
    assert!(killed.is_ok_and(|status| status.success()));
    let error = device.info().expect_err("it is gone").to_string();
    assert!(error.contains("qemu-system-arm has ended"), "{error}");
}
