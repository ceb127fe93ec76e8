//! Set-up, checks, benches and the demo.
fn main() {}
