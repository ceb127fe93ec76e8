//! The client against a device in memory whose line can lose and damage frames.

use std::collections::VecDeque;

use super::*;
use crate::host::{Label, TransportError};
use crate::message::{Counters, HeadFacts, Task, VersionFacts};

/// What the line does to the next answers.
#[derive(Clone, Copy, PartialEq)]
enum Fault {
    None,
    LoseAnswer,
    DamageAnswer,
    DamageRequest,
    /// Three pieces of noise before the request.
    Burst,
    /// The device never stops talking.
    Babble,
}

/// Gives one answer to whatever is asked, and counts how often something was carried out.
struct FakeDevice {
    answer: Answer<'static>,
    /// The last request that was carried out.
    asked: Vec<u8>,
    receiver: Receiver,
    out: Vec<u8>,
    last: Option<(u16, Vec<u8>)>,
    faults: VecDeque<Fault>,
    carried_out: u32,
    babbles: bool,
}

impl FakeDevice {
    fn client(faults: &[Fault]) -> Client<Self> {
        let device = Self {
            answer: Answer::Done,
            asked: Vec::new(),
            receiver: Receiver::new(),
            out: Vec::new(),
            last: None,
            faults: faults.iter().copied().collect(),
            carried_out: 0,
            babbles: false,
        };
        Client {
            transport: device,
            receiver: Receiver::new(),
            pending: Vec::new(),
            sequence: 7,
            timeout: Duration::from_millis(1),
            tries: 3,
            repeated: 0,
        }
    }
}

fn frame_of(sequence: u16, answer: &Answer) -> Vec<u8> {
    let (mut body, mut frame) = ([0; BODY_MAX], [0; FRAME_MAX]);
    let length = encode(sequence, answer, &mut body, &mut frame).expect("fits");
    frame[..length].to_vec()
}

impl Transport for FakeDevice {
    fn send(&mut self, bytes: &[u8]) -> Result<(), TransportError> {
        let fault = self.faults.pop_front().unwrap_or(Fault::None);
        let mut bytes = bytes.to_vec();
        if fault == Fault::DamageRequest {
            bytes[3] ^= 0x10;
        }
        if fault == Fault::Burst {
            bytes.splice(0..0, [1, 7, 0, 1, 7, 0, 1, 7, 0]);
        }
        self.babbles = fault == Fault::Babble;
        for byte in bytes {
            let Some(outcome) = self.receiver.push(byte) else { continue };
            let mut answer = match outcome {
                Err(error) => frame_of(0, &Answer::Failed(DeviceError::Frame(error))),
                Ok(frame) => match &self.last {
                    Some((sequence, answer)) if *sequence == frame.sequence => answer.clone(),
                    _ => {
                        self.carried_out += 1;
                        self.asked = frame.message.to_vec();
                        let answer = frame_of(frame.sequence, &self.answer);
                        self.last = Some((frame.sequence, answer.clone()));
                        answer
                    }
                },
            };
            match fault {
                Fault::LoseAnswer => answer.clear(),
                Fault::DamageAnswer => answer[2] ^= 1,
                Fault::Babble => answer.clear(),
                Fault::None | Fault::DamageRequest | Fault::Burst => {}
            }
            self.out.extend(answer);
        }
        Ok(())
    }

    fn receive(&mut self, bytes: &mut Vec<u8>, _timeout: Duration) -> Result<Received, TransportError> {
        if self.babbles {
            bytes.extend([b'y'; 64]);
            return Ok(Received::Bytes);
        }
        if self.out.is_empty() {
            return Ok(Received::Nothing);
        }
        bytes.append(&mut self.out);
        Ok(Received::Bytes)
    }
}

#[test]
fn what_is_lost_or_damaged_is_sent_again_and_carried_out_once() {
    for fault in [Fault::LoseAnswer, Fault::DamageAnswer, Fault::DamageRequest] {
        let mut client = FakeDevice::client(&[fault, fault]);
        client.begin(5).expect("the third try is sound");
        assert_eq!(client.repeated(), 2);
        assert_eq!(client.transport.carried_out, 1);
        client.begin(5).expect("the next request has its own number");
        assert_eq!(client.transport.carried_out, 2);
    }
}

#[test]
fn several_complaints_before_the_answer_are_one_burst_of_noise() {
    let mut client = FakeDevice::client(&[Fault::Burst]);
    client.timeout = Duration::from_secs(1);
    client.begin(5).expect("the answer is behind the complaints");
    assert_eq!(client.repeated(), 0);
}

#[test]
fn a_board_that_babbles_is_given_up() {
    let mut client = FakeDevice::client(&[Fault::Babble; 3]);
    assert!(client.begin(5).is_err());
}

#[test]
fn a_board_that_is_silent_is_named_with_a_remedy() {
    let mut client = FakeDevice::client(&[Fault::LoseAnswer; 3]);
    let error = client.begin(5).expect_err("nothing comes").to_string();
    assert!(error.contains("does not answer") && error.contains("reset the board"), "{error}");
}

#[test]
fn a_line_that_damages_everything_is_named() {
    let mut client = FakeDevice::client(&[Fault::DamageRequest; 3]);
    assert!(matches!(client.begin(5), Err(LinkError::Noise { tries: 3, .. })));
}

#[test]
fn an_answer_to_another_question_is_a_mismatch() {
    let mut client = FakeDevice::client(&[]);
    assert!(matches!(client.features(), Err(LinkError::Mismatch { request: "features" })));
}

#[test]
fn sequence_numbers_go_round_without_zero() {
    let mut client = FakeDevice::client(&[]);
    for sequence in [u16::MAX - 1, u16::MAX] {
        client.sequence = sequence;
        client.begin(5).expect("answered");
        assert_ne!(client.sequence, 0);
    }
}

#[test]
fn what_concerns_heads_is_asked_and_answered_in_their_words() {
    let mut client = FakeDevice::client(&[]);
    let mut ask = |answer: Answer<'static>, act: &dyn Fn(&mut Client<FakeDevice>)| {
        client.transport.answer = answer;
        act(&mut client);
        client.transport.asked.clone()
    };
    let facts = HeadFacts {
        name: "taps".try_into().expect("short"),
        task: Task::Numbers,
        hidden: 3,
        capacity: 2,
        steps: 5,
        way: 0,
    };
    let expected = facts.clone();
    let asked = ask(Answer::Head(facts), &|client| assert_eq!(client.select(1).expect("answered"), expected));
    assert_eq!(asked, [12, 1]);
    let asked = ask(Answer::Sample { sample: 4 }, &|client| {
        assert_eq!(client.push_sample(Label::Class(300), true).expect("answered"), 4);
    });
    assert_eq!(asked, [13, 1, 0xac, 2, 1]);
    let asked = ask(Answer::Sample { sample: 5 }, &|client| {
        client.push_sample(Label::Numbers(&[1.0, -2.0]), false).expect("answered");
    });
    assert_eq!(asked, [13, 2, 8, 0, 0, 0x80, 0x3f, 0, 0, 0, 0xc0, 0]);
    let asked = ask(Answer::Done, &|client| client.label(2, Label::None, false).expect("answered"));
    assert_eq!(asked, [14, 2, 0, 0]);
    let asked = ask(Answer::Class { class: 7 }, &|client| assert_eq!(client.enrol().expect("answered"), 7));
    assert_eq!(asked, [15]);
    assert_eq!(ask(Answer::Done, &|client| client.forget(6).expect("answered")), [16, 6]);
    assert_eq!(ask(Answer::Done, &|client| client.clear_support().expect("answered")), [17]);
    let mut client = FakeDevice::client(&[]);
    assert!(matches!(client.enrol(), Err(LinkError::Mismatch { request: "enrol" })));
}

#[test]
fn what_is_kept_is_asked_and_answered_in_its_words() {
    let mut client = FakeDevice::client(&[]);
    let mut ask = |answer: Answer<'static>, act: &dyn Fn(&mut Client<FakeDevice>)| {
        client.transport.answer = answer;
        act(&mut client);
        client.transport.asked.clone()
    };
    let facts = VersionFacts { version: 300, own_trunk: true, heads: 2, samples: 5, bytes: 1000 };
    let asked = ask(Answer::Saved(facts), &|client| assert_eq!(client.save(true).expect("answered"), facts));
    assert_eq!(asked, [19, 1]);
    let asked = ask(Answer::Version(Some(facts)), &|client| {
        assert_eq!(client.version(None).expect("answered"), Some(facts));
    });
    assert_eq!(asked, [20, 0]);
    let asked = ask(Answer::Version(Some(facts)), &|client| {
        assert_eq!(client.version(Some(301)).expect("answered"), Some(facts));
    });
    assert_eq!(asked, [20, 1, 0xad, 2]);
    let asked = ask(Answer::Version(None), &|client| {
        assert_eq!(client.versions().expect("answered"), []);
    });
    assert_eq!(asked, [20, 0]);
    let asked = ask(Answer::Done, &|client| client.restore(Some(300), None).expect("answered"));
    assert_eq!(asked, [21, 1, 0xac, 2, 0]);
    assert_eq!(ask(Answer::Done, &|client| client.restore(None, Some(1)).expect("answered")), [21, 0, 1, 1]);
    let counters = Counters { steps: 7, losses: Some((2.0, 1.0)), ..Counters::default() };
    let asked = ask(Answer::Counters(counters), &|client| {
        assert_eq!(client.counters().expect("answered"), counters);
    });
    assert_eq!(asked, [22]);
    // The last chunk of a feature vector: 1.0 as a grey level.
    assert_eq!(ask(Answer::Done, &|client| client.feature(&[1.0]).expect("answered")), [18, 0, 2, 2, 1, 255]);
    // A device that names the same version again and again.
    let mut client = FakeDevice::client(&[]);
    client.transport.answer = Answer::Version(Some(facts));
    assert!(matches!(client.versions(), Err(LinkError::Mismatch { request: "version" })));
}

#[test]
fn a_device_that_claims_endless_registers_is_not_believed() {
    let mut client = FakeDevice::client(&[]);
    client.transport.answer = Answer::Values { total: u32::MAX, words: &[0; 4] };
    assert!(matches!(client.logits(), Err(LinkError::Mismatch { request: "read" })));
}
