//! What a host and a device say to each other, over any line that carries bytes.
//!
//! The host asks, the device answers, one request at a time. A [`Request`] or an [`Answer`] is postcard; a
//! [`frame`] puts a sequence number before it, a CRC-32C behind it, and COBS with a zero at either end around
//! all, so that after any noise the next zero begins anew. A frame that is not understood gets an answer that
//! says why; a request that comes twice with one sequence number is carried out once, so that a host may
//! repeat whatever was lost.
//!
//! | module | holds |
//! |---|---|
//! | [`message`] | requests and answers |
//! | [`error`] | the device's errors |
//! | [`frame`] | one message to bytes and back |
//! | [`values`] | the encodings of an input, and labels |
//! | [`receiver`] | bytes to frames, in a fixed buffer |
//! | `host` (feature `std`) | the client, its transports, emulated boards |
//!
//! Not supported: several requests under way at once, devices that speak unasked.
#![cfg_attr(not(any(feature = "std", test)), no_std)]
#![deny(unsafe_code, missing_docs)]

pub mod error;
pub mod frame;
pub mod message;
pub mod receiver;
pub mod values;

#[cfg(feature = "std")]
pub mod host;

pub use error::{DeviceError, FlashFault, PackFault, PackRefusal};
pub use frame::{BODY_MAX, FRAME_MAX};
pub use message::{
    Adaptation, Answer, Counters, HeadFacts, Info, PackArea, PackFacts, PackState, Register, Request,
    TrialOutcome, VersionFacts,
};
pub use receiver::Receiver;
pub use values::{Label, Values, Words};
