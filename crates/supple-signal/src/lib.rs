//! Preprocessing that host and device share, bit for bit.
//!
//! What a trunk sees in training must be what the device computes, so both call this crate. It holds to the twin's
//! rules: `f32` alone, multiply, then add, never fused, every sum in one fixed order, `ln` and the square root from
//! `libm`. Tables are made by the compiler, from integers. The caller gives all memory, and no input panics.
//!
//! | module | what |
//! |---|---|
//! | [`pcm`] | a value of a recording, as a device has it (`i16`) or as `f32` |
//! | [`halve`] | 16 kHz to 8 kHz |
//! | [`locate`] | where in a recording the word is |
//! | [`log_mel`] | a word as 40 frames of 24 bands |
//! | [`fft`] | the spectrum of one frame |
//! | [`normalise`] | mean, spread, scale and offset of a sample |
//! | [`motion`] | a window of acceleration and turn rate, with what does not depend on the axes |
//! | [`beat`] | a heart beat around its R peak, without the baseline's wander, with its rhythm |
//! | [`sensor_array`] | readings of sensors side by side: their level and their pattern |
//! | [`text`] | a short text as a vector of hashed n-grams |
//! | [`window`] | windows of a signal with several channels |
//!
//! Not supported: other rates than 8 and 16 kHz, other frame lengths, spectra while the sound is still coming in.
#![no_std]
#![deny(unsafe_code, missing_docs)]

pub mod beat;
pub mod fft;
pub mod halve;
pub mod locate;
pub mod log_mel;
mod mel;
pub mod motion;
pub mod normalise;
pub mod pcm;
pub mod sensor_array;
mod tables;
pub mod text;
pub mod window;

#[cfg(test)]
extern crate std;
#[cfg(test)]
mod noise;
