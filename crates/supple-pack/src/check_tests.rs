//! Operations that pass, and each fault of one that does not.
