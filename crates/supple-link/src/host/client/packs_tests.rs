//! Transfers and restarts against a device in memory that forgets, loses and starts anew.

use super::*;
use crate::frame::{BODY_MAX, FRAME_MAX, decode, encode};
use crate::host::{Received, TransportError};
use crate::message::{Clock, Counters, Memory, PROTOCOL, PackArea, TrialOutcome};
use crate::receiver::Receiver;

const UNIT: usize = 1024;
const ROOM: usize = 64 * UNIT;

/// A device that keeps one area, and nothing else through a restart.
struct Board {
    receiver: Receiver,
    out: Vec<u8>,
    last: Option<(u16, Vec<u8>)>,
    /// Whether the host knows of this start.
    met: bool,
    area: Vec<u8>,
    /// Length and bytes received of the transfer under way.
    transfer: Option<(u32, u32)>,
    requests: u32,
    restarts: u32,
    chunks: u32,
    /// Starts anew by itself before it carries out this chunk.
    fails_at: Option<u32>,
    /// So many answers to restarts are lost, or so many restarts themselves.
    answers_lost: u32,
    restarts_lost: u32,
    trial: bool,
}

impl Board {
    fn client() -> Client<Self> {
        let board = Self {
            receiver: Receiver::new(),
            out: Vec::new(),
            last: None,
            met: false,
            area: vec![0xa5; ROOM],
            transfer: None,
            requests: 0,
            restarts: 0,
            chunks: 0,
            fails_at: None,
            answers_lost: 0,
            restarts_lost: 0,
            trial: false,
        };
        Client::connect(board).expect("it answers")
    }

    fn start(&mut self) {
        (self.last, self.met, self.transfer, self.requests) = (None, false, None, 0);
        self.receiver = Receiver::new();
    }

    fn answer(&mut self, request: &Request) -> Answer<'static> {
        self.requests += 1;
        let refused = |refusal| Answer::Failed(DeviceError::PackRefused(refusal));
        match *request {
            Request::Info => Answer::Info(Info {
                protocol: PROTOCOL,
                board: "desk".try_into().expect("short"),
                clock: Clock { hertz: 1, instructions: (0, 0) },
                memory: Memory { given: 0, fixed: 0, stack: 0, stack_high_water: 0 },
                pack: Err(DeviceError::NothingKept),
            }),
            Request::Counters => {
                Answer::Counters(Counters { requests: self.requests, ..Counters::default() })
            }
            Request::Packs => Answer::Packs(PackState {
                running: PackArea::A,
                trial: self.trial,
                waiting: false,
                last: TrialOutcome::None,
                room: ROOM as u32,
                unit: UNIT as u32,
                keys: 1,
            }),
            Request::PackBegin { length, from } => {
                assert_eq!(from % UNIT as u32, 0);
                self.transfer = Some((length, from));
                Answer::Done
            }
            Request::PackChunk { offset, bytes } => {
                self.chunks += 1;
                if self.fails_at.take_if(|chunk| *chunk == self.chunks).is_some() {
                    self.start();
                    // What was under way is torn.
                    self.area[offset as usize..][..bytes.len()].fill(0x11);
                    return Answer::Failed(DeviceError::StartedAnew);
                }
                let Some((_, received)) = &mut self.transfer else { return refused(PackRefusal::NoTransfer) };
                if offset != *received {
                    let received = *received;
                    return refused(PackRefusal::Misplaced { offset, received });
                }
                self.area[offset as usize..][..bytes.len()].copy_from_slice(bytes);
                *received += bytes.len() as u32;
                Answer::Done
            }
            Request::PackDigest { length } => {
                Answer::Digest { checksum: checksum(&self.area[..length as usize]) }
            }
            Request::PackFinish => match self.transfer {
                Some((length, received)) if length == received => Answer::Done,
                Some((length, received)) => refused(PackRefusal::Incomplete { received, length }),
                None => refused(PackRefusal::NoTransfer),
            },
            _ => Answer::Done,
        }
    }
}

impl Transport for Board {
    fn send(&mut self, bytes: &[u8]) -> Result<(), TransportError> {
        for &byte in bytes {
            let Some(Ok(frame)) = self.receiver.push(byte) else { continue };
            let (sequence, message) = (frame.sequence, frame.message.to_vec());
            let request = decode::<Request>(&message).expect("a request");
            if request == Request::Restart && self.restarts_lost > 0 {
                self.restarts_lost -= 1;
                continue;
            }
            self.met |= sequence == 0;
            let known = self.met;
            let answer = match &self.last {
                Some((last, answer)) if *last == sequence && sequence != 0 => answer.clone(),
                _ => {
                    let answer = match request {
                        Request::Restart if !known => Answer::Done,
                        _ if !known && !request.only_asks() => Answer::Failed(DeviceError::StartedAnew),
                        _ => self.answer(&request),
                    };
                    self.met |= !request.only_asks();
                    let (mut body, mut frame) = ([0; BODY_MAX], [0; FRAME_MAX]);
                    let length = encode(sequence, &answer, &mut body, &mut frame).expect("fits");
                    frame[..length].to_vec()
                }
            };
            self.last = Some((sequence, answer.clone()));
            if request == Request::Restart && known {
                self.restarts += 1;
                self.start();
                if self.answers_lost > 0 {
                    self.answers_lost -= 1;
                    return Ok(());
                }
            }
            self.out.extend(answer);
        }
        Ok(())
    }

    fn receive(&mut self, bytes: &mut Vec<u8>, _: Duration) -> Result<Received, TransportError> {
        let received = if self.out.is_empty() { Received::Nothing } else { Received::Bytes };
        bytes.append(&mut self.out);
        Ok(received)
    }
}

fn pack(length: usize) -> Vec<u8> {
    (0..length as u32).map(|index| (index.wrapping_mul(2_654_435_761) >> 24) as u8).collect()
}

#[test]
fn a_transfer_goes_on_where_an_earlier_one_ended() {
    let pack = pack(20 * UNIT + 100);
    for there in [0, 1, 480, UNIT, 5 * UNIT + 7, 20 * UNIT, 20 * UNIT + 100] {
        let mut client = Board::client();
        client.transport.area[..there].copy_from_slice(&pack[..there]);
        let mut told = Vec::new();
        let sent = client.send_pack(&pack, |done, all| told.push((done, all))).expect("sent");
        let length = pack.len() as u32;
        let expected = (there / UNIT * UNIT) as u32;
        assert_eq!(sent, Sent { length, there: expected });
        assert_eq!(client.transport.area[..pack.len()], pack);
        assert_eq!(client.transport.chunks, (length - expected).div_ceil(VALUES_MAX as u32));
        assert_eq!((told.first(), told.last()), (Some(&(expected, length)), Some(&(length, length))));
        client.pack_finish().expect("whole");
    }
}

#[test]
fn a_device_that_starts_anew_in_the_midst_gets_the_rest() {
    let pack = pack(9 * UNIT);
    let mut client = Board::client();
    client.transport.fails_at = Some(13);
    client.send_pack(&pack, |_, _| ()).expect("sent");
    assert_eq!(client.transport.area[..pack.len()], pack);
    client.pack_finish().expect("whole");
    // 12 before, the one that failed, and from the last whole unit (byte 5,120) on.
    assert_eq!(client.transport.chunks, 13 + (4 * UNIT as u32).div_ceil(VALUES_MAX as u32));
}

#[test]
fn a_pack_that_cannot_be_taken_is_not_sent() {
    let mut client = Board::client();
    let error = client.send_pack(&pack(ROOM + 1), |_, _| ()).expect_err("too long").to_string();
    assert!(error.contains("65537 bytes") && error.contains("room for 65536"), "{error}");
    client.transport.trial = true;
    let error = client.send_pack(&pack(UNIT), |_, _| ()).expect_err("on trial").to_string();
    assert!(error.contains("confirm it"), "{error}");
    assert_eq!(client.transport.chunks, 0);
}

#[test]
fn a_restart_happens_once_whatever_is_lost() {
    for (answers_lost, restarts_lost) in [(0, 0), (1, 0), (0, 1), (0, 2), (1, 1)] {
        let mut client = Board::client();
        (client.transport.answers_lost, client.transport.restarts_lost) = (answers_lost, restarts_lost);
        client.restart().expect("it starts");
        assert_eq!(client.transport.restarts, 1, "{answers_lost} answers, {restarts_lost} requests lost");
        client.confirm().expect("it answers");
    }
}

#[test]
fn a_board_that_does_not_restart_is_told() {
    let mut client = Board::client();
    client.transport.restarts_lost = u32::MAX;
    assert!(client.restart().expect_err("it does not").to_string().contains("does not answer"));
}
