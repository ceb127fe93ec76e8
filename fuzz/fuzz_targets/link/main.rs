//! Bytes through a receiver; what they hold as messages is read, written again, and read again.
//!
//! Or into a device with a small pack: every request ends in one answer, which is a sound frame.
//!
//! An input is a byte that chooses between the two, then a row of parts, each with a byte before it: its length (seven
//! bits), and whether it goes over the line as it is or as a frame's message.
#![no_main]

mod device;

use libfuzzer_sys::fuzz_target;
use serde::ser::{Serialize, SerializeTuple, Serializer};
use supple_fuzz::seeds;
use supple_link::frame::{BODY_MAX, FRAME_MAX, decode, encode};
use supple_link::message::{Register, Rows};
use supple_link::{Answer, DeviceError, Label, Receiver, Request, Values, Words};

/// Set in a part's first byte: what follows is a message.
const FRAMED: u8 = 0x80;

/// The most steps of an adaptation here: a device takes as many as it is asked for, and each takes time.
const STEPS: u16 = 20;

fuzz_target!(init: seeds::write(first_inputs()), |input: &[u8]| {
    match input.split_first() {
        Some((0, rest)) => each_part(rest, &mut Line::default()),
        Some((_, rest)) => device::with(|device| each_part(rest, device)),
        None => {}
    }
});

/// What takes bytes.
trait Takes {
    /// Bytes as they are.
    fn plain(&mut self, bytes: &[u8]);

    /// A frame, and what it holds.
    fn frame(&mut self, frame: &[u8], sequence: u16, message: &[u8]);
}

fn each_part(input: &[u8], to: &mut impl Takes) {
    let mut rest = input;
    let mut sequence = 0_u16;
    while let Some((&kind, after)) = rest.split_first() {
        let length = usize::from(kind & !FRAMED).min(after.len());
        let (part, after) = after.split_at(length);
        rest = after;
        if kind & FRAMED == 0 {
            to.plain(part);
            continue;
        }
        // A sequence number now and then comes again: the answer was lost.
        sequence = if length == 0x7f { sequence } else { sequence.wrapping_mul(257).wrapping_add(1) };
        let (mut body, mut frame, mut room) = ([0; BODY_MAX], [0; FRAME_MAX], [0; 8]);
        let part = match decode::<Request>(part) {
            Ok(Request::Adapt { steps }) => {
                &*postcard::to_slice(&Request::Adapt { steps: steps % STEPS }, &mut room).expect("room")
            }
            _ => part,
        };
        let length = encode(sequence, &Plain(part), &mut body, &mut frame).expect("short");
        to.frame(&frame[..length], sequence, part);
    }
}

/// Bytes that are a message already.
struct Plain<'a>(&'a [u8]);

impl Serialize for Plain<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut tuple = serializer.serialize_tuple(self.0.len())?;
        self.0.iter().try_for_each(|byte| tuple.serialize_element(byte))?;
        tuple.end()
    }
}

/// The receiving end.
#[derive(Default)]
struct Line(Receiver);

impl Takes for Line {
    fn plain(&mut self, bytes: &[u8]) {
        bytes.iter().for_each(|&byte| self.take(byte, None));
    }

    fn frame(&mut self, frame: &[u8], sequence: u16, message: &[u8]) {
        let (last, before) = frame.split_last().expect("not empty");
        before.iter().for_each(|&byte| self.take(byte, None));
        self.take(*last, Some((sequence, message)));
    }
}

impl Line {
    /// Takes a byte; `expected` is what must come out at the end of a frame that was sent whole.
    fn take(&mut self, byte: u8, expected: Option<(u16, &[u8])>) {
        let received = self.0.push(byte);
        if let Some((sequence, message)) = expected {
            let frame = received.as_ref().expect("the end of a frame").as_ref().expect("sound");
            assert_eq!((frame.sequence, frame.message), (sequence, message));
        }
        if let Some(Ok(frame)) = received {
            request(frame.message);
            answer(frame.message);
        }
    }
}

fn request(message: &[u8]) {
    let Ok(request) = decode::<Request>(message) else { return };
    match &request {
        Request::Input { values, .. } => write(values),
        Request::BeginRows { rows } => assert_eq!(rows.iter().count(), rows.0.len() / 2),
        Request::PushSample { label: Label::Numbers(words), .. } => {
            assert_eq!(words.iter().count(), words.0.len() / 4);
        }
        _ => {}
    }
    let mut room = [0; BODY_MAX];
    let written = postcard::to_slice(&request, &mut room).expect("no longer than it was");
    assert_eq!(decode::<Request>(written), Ok(request));
}

fn answer(message: &[u8]) {
    let Ok(answer) = decode::<Answer>(message) else { return };
    let (mut room, mut again) = ([0; BODY_MAX], [0; BODY_MAX]);
    let written = postcard::to_slice(&answer, &mut room).expect("no longer than it was");
    // As bytes: a NaN is not equal to itself.
    let read = decode::<Answer>(written).expect("was written");
    assert_eq!(postcard::to_slice(&read, &mut again).expect("room"), written);
    if let Answer::Info(info) = &answer {
        std::hint::black_box(info.clock.instructions(info.memory.given));
    }
}

/// Values are written to memory that may be too small for them.
fn write(values: &Values) {
    let mut places = [f32::INFINITY; 64];
    values.write(&mut places);
    let written = places.iter().filter(|place| place.to_bits() != f32::INFINITY.to_bits()).count();
    assert!(written <= values.count(), "more than there are");
    if !matches!(values, Values::Words(_)) {
        assert_eq!(written, values.count().min(64));
    }
}

fn first_inputs() -> Vec<Vec<u8>> {
    let framed = |message: &[u8]| [&[FRAMED | message.len() as u8], message].concat();
    let request = |request: Request| framed(postcard::to_slice(&request, &mut [0; 128]).expect("room"));
    let answer = |answer: Answer| framed(postcard::to_slice(&answer, &mut [0; 128]).expect("room"));
    let mut parts: Vec<_> = (0..40).map(|variant| framed(&[variant, 1, 2, 0])).collect();
    parts.extend((0..40).map(|variant| framed(&[variant])));
    parts.extend([
        request(Request::Input { offset: 3, values: Values::Sparse(&[0x21, 255, 0x11, 51]) }),
        request(Request::BeginRows { rows: Rows(&[1, 0, 2, 0]) }),
        request(Request::PushSample { label: Label::Numbers(Words(&[0; 8])), held_back: true }),
        request(Request::Label { sample: 1, label: Label::Class(2), held_back: false }),
        request(Request::Read { register: Register::Head, offset: 1 }),
        answer(Answer::Failed(DeviceError::NotBegun)),
        answer(Answer::Values { total: 2, words: &[0; 8] }),
        vec![8, 0, 3, 1, 2, 1, 0, 0, 0],
    ]);
    // A whole episode: an input, its features, samples, an adaptation; saved, reset, restored.
    let input = || request(Request::Input { offset: 0, values: Values::Levels(&[10, 200, 30, 90]) });
    let push = |class| request(Request::PushSample { label: Label::Class(class), held_back: false });
    let select = request(Request::Select { head: 1 });
    let numbers = request(Request::PushSample { label: Label::Numbers(Words(&[0; 8])), held_back: false });
    let episode = [
        [request(Request::Begin { way: 2 }), input(), request(Request::Features), push(0)].concat(),
        [input(), request(Request::Features), push(1), request(Request::Adapt { steps: 3 })].concat(),
        [request(Request::Logits), request(Request::Enrol), request(Request::Step)].concat(),
        [request(Request::Save { support: true }), request(Request::Reset)].concat(),
        [request(Request::Version { before: None }), request(Request::Restart), request(Request::Counters)]
            .concat(),
        [select, request(Request::Begin { way: 2 }), numbers, request(Request::Adapt { steps: 2 })].concat(),
    ];
    let update = [
        request(Request::PackBegin { length: 128, from: 0 }),
        request(Request::PackChunk { offset: 0, bytes: &[5; 64] }),
        request(Request::PackChunk { offset: 64, bytes: &[6; 64] }),
        request(Request::PackDigest { length: 128 }),
        request(Request::PackFinish),
        request(Request::Packs),
    ];
    parts.extend([episode.concat(), update.concat()]);
    // For each of the two, and all of them on one line.
    parts.push(parts.concat());
    [0, 1].into_iter().flat_map(|to| parts.iter().map(move |part| [&[to], &part[..]].concat())).collect()
}
