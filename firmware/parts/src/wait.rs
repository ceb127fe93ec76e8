//! Waiting for a byte, awake and then asleep.

/// How often to look for a byte before going to sleep. Waking up takes an emulated core longer than the next byte
/// takes to come, and a core that never sleeps takes the host's processor from the emulated line.
const LOOKS: u32 = 500;

/// Returns when `ready` says so.
///
/// `sleep` waits for the interrupt and then clears it. So it is cleared before the next look: what comes in between
/// wakes the core at once.
pub fn until(ready: impl Fn() -> bool, sleep: impl Fn()) {
    let mut looks = 0;
    while !ready() {
        looks += 1;
        if looks >= LOOKS {
            sleep();
        }
    }
}
