//! Preprocessing that host and device share, bit for bit.
#![no_std]
#![deny(unsafe_code, missing_docs)]
