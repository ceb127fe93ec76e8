//! Requests and answers between a host and a device, and their framing
