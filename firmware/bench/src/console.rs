//! Semihosting: text to the emulator, and the end.

use core::arch::asm;

fn call(operation: u32, argument: u32) {
    // SAFETY: the emulator reads what the argument points to, if it is an address.
    unsafe { asm!("bkpt #0xab", inout("r0") operation => _, in("r1") argument) }
}

fn say(text: &str) {
    text.as_bytes().iter().for_each(|byte| call(3, byte as *const u8 as u32));
}

/// A line `name.key=value`.
#[inline(never)]
pub fn print(name: &str, key: &str, value: u32) {
    say(name);
    say(".");
    say(key);
    say("=");
    let mut unit = 1_000_000_000;
    while unit > 1 && value < unit {
        unit /= 10;
    }
    while unit > 0 {
        let digit = b'0' + (value / unit % 10) as u8;
        call(3, &raw const digit as u32);
        unit /= 10;
    }
    say("\n");
}

/// Ends the emulator with success.
pub fn end_well() -> ! {
    call(0x18, 0x20026);
    stop()
}

/// Ends the emulator with a line that says why.
#[inline(never)]
pub fn fail(why: &str) -> ! {
    say("error=");
    say(why);
    say("\n");
    call(0x18, 0x20024);
    stop()
}

fn stop() -> ! {
    loop {
        // SAFETY: waits for an interrupt; none has a handler.
        unsafe { asm!("wfi") }
    }
}
