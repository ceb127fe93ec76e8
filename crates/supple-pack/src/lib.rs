//! The artifact a Supple device runs from (DRAFT doc, helper completes).
#![no_std]
#![deny(unsafe_code, missing_docs)]
pub mod head;
pub mod op;
