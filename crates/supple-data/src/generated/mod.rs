//! Task families that need no data: generators, each from a seed.
//!
//! | module | what is new to a device |
//! |---|---|
//! | [`text`] | a user, with own words for what is to be done |
//! | [`hands`] | a hand that writes known characters |
//! | [`sinusoid`] | amplitude and phase |
//! | [`arm`] | the payload of an arm |
//! | [`regression`] | the last two as one kind of thing |

pub mod arm;
pub mod hands;
pub mod regression;
pub mod sinusoid;
pub mod text;
mod words;
