//! Sessions with a board in memory and no pack: the line is what is tested.

extern crate std;

use std::boxed::Box;
use std::vec;
use std::vec::Vec;

use supple_link::PackFault;
use supple_link::frame::FrameError;

use super::*;
use crate::desk::Desk;
use crate::device::Memory;

fn frame(sequence: u16, request: &Request) -> Vec<u8> {
    let (mut body, mut frame) = ([0; BODY_MAX], [0; FRAME_MAX]);
    let length = encode(sequence, request, &mut body, &mut frame).expect("fits");
    frame[..length].to_vec()
}

/// Sends bytes; what comes back as sequence numbers and the frames themselves.
struct Bench {
    board: Desk,
    device: Device<'static>,
    session: Session<'static>,
}

impl Bench {
    fn new() -> Self {
        let mut board = Desk::default();
        let memory = Memory { floats: &mut [], labels: &mut [] };
        let device = Device::start(memory, &mut board);
        Self { board, device, session: Session::new(Box::leak(Box::new(Line::new()))) }
    }

    fn send(&mut self, bytes: &[u8]) -> Vec<Vec<u8>> {
        let mut frames = Vec::new();
        for &byte in bytes {
            if let Some(frame) = self.session.take(byte, &mut self.device, &mut self.board) {
                frames.push(frame.to_vec());
            }
        }
        frames
    }
}

/// The only frame of an answer.
fn opened(frames: &[Vec<u8>]) -> (u16, Vec<u8>) {
    assert_eq!(frames.len(), 1);
    let mut receiver = Receiver::new();
    let mut outcome = None;
    for &byte in &frames[0] {
        if let Some(frame) = receiver.push(byte) {
            let frame = frame.expect("sound");
            outcome = Some((frame.sequence, frame.message.to_vec()));
        }
    }
    outcome.expect("a frame")
}

#[test]
fn a_repeated_request_is_carried_out_once_whatever_came_between() {
    let mut bench = Bench::new();
    let request = frame(5, &Request::StackHighWater);
    let first = bench.send(&request);
    let mut damaged = request.clone();
    damaged[3] ^= 1;
    let complaint = opened(&bench.send(&damaged));
    assert_eq!(complaint.0, 0);
    assert_eq!(bench.send(&request), first);
    assert_eq!(bench.board.asked.get(), 1);
    bench.send(&frame(6, &Request::StackHighWater));
    assert_eq!(bench.board.asked.get(), 2);
}

#[test]
fn a_host_that_begins_anew_is_answered_anew() {
    let mut bench = Bench::new();
    for round in 1..=3 {
        bench.send(&frame(0, &Request::StackHighWater));
        assert_eq!(bench.board.asked.get(), round);
    }
}

#[test]
fn complaints_fit_in_their_own_buffer() {
    let errors = [
        (vec![1; 600], FrameError::TooLong),
        (vec![9, 1], FrameError::Framing),
        (vec![2, 1], FrameError::TooShort),
        (vec![8, 1, 2, 3, 4, 5, 6, 7], FrameError::Checksum),
    ];
    let mut bench = Bench::new();
    for (mut bytes, error) in errors {
        bytes.push(0);
        let (sequence, message) = opened(&bench.send(&bytes));
        assert_eq!(sequence, 0);
        assert_eq!(decode(&message), Ok(Answer::Failed(DeviceError::Frame(error))));
    }
}

#[test]
fn a_restart_that_comes_again_after_it_has_been_done_is_not_done_twice() {
    let mut bench = Bench::new();
    bench.send(&frame(0, &Request::Info));
    bench.send(&frame(1, &Request::Restart));
    assert!(bench.device.is_to_restart());
    let mut anew = Bench::new();
    assert_eq!(decode(&opened(&anew.send(&frame(1, &Request::Restart))).1), Ok(Answer::Done));
    assert!(!anew.device.is_to_restart());
    // A host that was there from the start means it.
    anew.send(&frame(2, &Request::Restart));
    assert!(anew.device.is_to_restart());
}

#[test]
fn a_host_that_does_not_know_of_a_start_is_told_before_anything_is_done() {
    let mut anew = Bench::new();
    // What only asks is answered, and does not hide it.
    assert!(matches!(decode(&opened(&anew.send(&frame(7, &Request::Info))).1), Ok(Answer::Info(_))));
    let confirm = frame(8, &Request::Confirm);
    let told = anew.send(&confirm);
    assert_eq!(decode(&opened(&told).1), Ok(Answer::Failed(DeviceError::StartedAnew)));
    assert_eq!(anew.send(&confirm), told, "the same answer again");
    // Told once, it may go on.
    let answer = opened(&anew.send(&frame(9, &Request::Confirm)));
    assert_eq!(decode(&answer.1), Ok(Answer::Failed(DeviceError::Pack(PackFault::Missing))));
    let mut greeted = Bench::new();
    greeted.send(&frame(0, &Request::Info));
    let answer = opened(&greeted.send(&frame(1, &Request::Confirm)));
    assert_eq!(decode(&answer.1), Ok(Answer::Failed(DeviceError::Pack(PackFault::Missing))));
}
