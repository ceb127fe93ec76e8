//! Recordings as log-mel features.
