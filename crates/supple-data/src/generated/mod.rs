//! Task families that need no data: generators, each from a seed.
//!
//! | module | what is new to a device |
//! |---|---|
//! | [`text`] | a user, with own words for what is to be done |

pub mod text;
mod words;
