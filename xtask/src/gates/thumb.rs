//! Thumb, of Armv6-M to Armv8-M.

use super::step::{Step, signed};

const SP: u32 = 13;
const LR: u32 = 14;
const PC: u32 = 15;

/// Decodes the instruction at `address`; how many bytes it has, and what it does. `word` reads literals.
pub fn decode(
    address: u32,
    first: u16,
    second: Option<u16>,
    word: impl Fn(u32) -> Option<u32>,
) -> (u32, Step) {
    let first = u32::from(first);
    if first >> 11 < 0b11101 {
        return (2, narrow(address, first));
    }
    (4, wide(address, first, second.unwrap_or_default().into(), word))
}

fn narrow(address: u32, code: u32) -> Step {
    let to = |offset: i32| address.wrapping_add(4).wrapping_add_signed(offset);
    let register = code >> 3 & 15;
    match code {
        // b<condition>; the last two conditions are udf and svc.
        0xd000..=0xddff => Step::Jump { to: to(signed(code & 0xff, 8) * 2), always: false },
        0xe000..=0xe7ff => Step::Jump { to: to(signed(code & 0x7ff, 11) * 2), always: true },
        // bx, and bxns.
        0x4700..=0x477f => {
            if register == LR {
                Step::Return
            } else {
                Step::JumpRegister
            }
        }
        0x4780..=0x47ff => Step::CallRegister,
        // add pc and mov pc.
        _ if code & 0xff87 == 0x4487 => Step::Table,
        _ if code & 0xff87 == 0x4687 => {
            if register == LR {
                Step::Return
            } else {
                Step::Table
            }
        }
        // push, pop with pc, sub sp.
        0xb400..=0xb5ff => Step::Push(4 * (code & 0x1ff).count_ones()),
        0xbd00..=0xbdff => Step::Return,
        0xb080..=0xb0ff => Step::Push(4 * (code & 0x7f)),
        // add sp, register: downwards, if the register is negative.
        _ if code & 0xff87 == 0x4485 => Step::PushUnknown,
        _ => Step::Other,
    }
}

fn wide(address: u32, first: u32, second: u32, word: impl Fn(u32) -> Option<u32>) -> Step {
    let to = |offset: i32| address.wrapping_add(4).wrapping_add_signed(offset);
    if first >> 11 == 0b11110 && second >> 15 == 1 {
        return branch(first, second, to);
    }
    let (base, target) = (first & 15, second >> 12);
    match first {
        // stmdb sp! and its form for one register, strd with a register pair, vstmdb sp!.
        0xe92d => Step::Push(4 * second.count_ones()),
        0xf84d if second & 0xf00 == 0xd00 => Step::Push(second & 0xff),
        0xe96d => Step::Push(4 * (second & 0xff)),
        0xed2d | 0xed6d => Step::Push(4 * (second & 0xff)),
        // sub sp, sp, constant: spread over the word by the rules of ThumbExpandImm, or plain 12 bits.
        _ if first & 0xfbef == 0xf1ad && target & 8 == 0 && second >> 8 & 15 == SP => {
            Step::Push(expand(plain(first, second)))
        }
        _ if first & 0xfbff == 0xf2ad && second >> 8 & 15 == SP => Step::Push(plain(first, second)),
        // sub.w sp, sp, register.
        0xebad if second >> 8 & 15 == SP => Step::PushUnknown,
        // tbb and tbh.
        _ if first & 0xfff0 == 0xe8d0 && second & 0xffe0 == 0xf000 => Step::Table,
        // ldm with pc; ldr pc: from the stack, from a literal, from a table.
        _ if first & 0xfe50 == 0xe810 && second >> 15 == 1 => {
            if base == SP {
                Step::Return
            } else {
                Step::JumpRegister
            }
        }
        0xf85d if target == PC => Step::Return,
        0xf85f | 0xf8df if target == PC => {
            let offset = (second & 0xfff) as i32;
            let offset = if first & 0x80 == 0 { -offset } else { offset };
            let literal = word((to(0) & !3).wrapping_add_signed(offset));
            literal.map_or(Step::JumpRegister, |to| Step::Jump { to: to & !1, always: true })
        }
        _ if first & 0xfff0 == 0xf850 && target == PC && second & 0xfc0 == 0 => Step::Table,
        _ if first & 0xff70 == 0xf850 && target == PC => Step::JumpRegister,
        _ => Step::Other,
    }
}

/// What the instructions of a function put into registers as a whole word: literals, and halves by movw and movt.
pub fn constants(
    start: u32,
    end: u32,
    half: impl Fn(u32) -> Option<u16>,
    word: impl Fn(u32) -> Option<u32>,
) -> Vec<u32> {
    let mut low_halves = [0; 16];
    let mut found = Vec::new();
    let mut at = start;
    while at < end {
        let Some(first) = half(at).map(u32::from) else { break };
        let base = at.wrapping_add(4) & !3;
        if first >> 11 < 0b11101 {
            // ldr with a literal.
            if first >> 11 == 0b01001 {
                found.extend(word(base + 4 * (first & 0xff)));
            }
            at += 2;
            continue;
        }
        let second = u32::from(half(at + 2).unwrap_or_default());
        let register = (second >> 8 & 15) as usize;
        let immediate = (first & 15) << 12 | plain(first, second);
        match first {
            0xf8df => found.extend(word(base + (second & 0xfff))),
            0xf85f => found.extend(word(base.wrapping_sub(second & 0xfff))),
            _ if first & 0xfbf0 == 0xf240 => low_halves[register] = immediate,
            _ if first & 0xfbf0 == 0xf2c0 => found.push(immediate << 16 | low_halves[register]),
            _ => {}
        }
        at += 4;
    }
    found
}

/// The family of bl and b.w.
fn branch(first: u32, second: u32, to: impl Fn(i32) -> u32) -> Step {
    let sign = first >> 10 & 1;
    let (j1, j2) = (second >> 13 & 1, second >> 11 & 1);
    let far = || {
        let (i1, i2) = (1 ^ j1 ^ sign, 1 ^ j2 ^ sign);
        let offset = sign << 23 | i1 << 22 | i2 << 21 | (first & 0x3ff) << 11 | second & 0x7ff;
        to(signed(offset, 24) * 2)
    };
    match (second >> 14 & 1, second >> 12 & 1) {
        (1, 1) => Step::Call(far()),
        (0, 1) => Step::Jump { to: far(), always: true },
        // Conditions from 14 on are msr, mrs, barriers.
        (0, 0) if first >> 6 & 15 < 14 => {
            let offset = sign << 19 | j2 << 18 | j1 << 17 | (first & 0x3f) << 11 | second & 0x7ff;
            Step::Jump { to: to(signed(offset, 20) * 2), always: false }
        }
        // Loops of Armv8.1-M stay within a function.
        _ => Step::Other,
    }
}

/// The 12 bits of a constant.
fn plain(first: u32, second: u32) -> u32 {
    (first >> 10 & 1) << 11 | (second >> 12 & 7) << 8 | second & 0xff
}

/// ThumbExpandImm.
fn expand(constant: u32) -> u32 {
    let byte = constant & 0xff;
    match constant >> 8 {
        0 => byte,
        1 => byte << 16 | byte,
        2 => byte << 24 | byte << 8,
        3 => byte << 24 | byte << 16 | byte << 8 | byte,
        _ => (0x80 | constant & 0x7f).rotate_right(constant >> 7),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What an instruction at 0x1000 does; encodings and operands as llvm-objdump prints them.
    fn step(first: u16, second: u16) -> (u32, Step) {
        decode(0x1000, first, Some(second), |at| (at == 0x1008).then_some(0x2001))
    }

    fn jump(to: u32, always: bool) -> Step {
        Step::Jump { to, always }
    }

    #[test]
    fn narrow_instructions() {
        for (code, expected) in [
            (0xb5f0, Step::Push(20)),     // push {r4, r5, r6, r7, lr}
            (0xb087, Step::Push(28)),     // sub sp, #28
            (0xb007, Step::Other),        // add sp, #28
            (0xbdf0, Step::Return),       // pop {r4, r5, r6, r7, pc}
            (0xbcf0, Step::Other),        // pop {r4, r5, r6, r7}
            (0x4770, Step::Return),       // bx lr
            (0x4718, Step::JumpRegister), // bx r3
            (0x4798, Step::CallRegister), // blx r3
            (0x46f7, Step::Return),       // mov pc, lr
            (0x4687, Step::Table),        // mov pc, r0
            (0x449f, Step::Table),        // add pc, r3
            (0x44a5, Step::PushUnknown),  // add sp, r4
            (0x46a5, Step::Other),        // mov sp, r4
            (0xe7fe, jump(0x1000, true)), // b .
            (0xe004, jump(0x100c, true)), // b +8
            (0xd0fc, jump(0xffc, false)), // beq -8
            (0xdefe, Step::Other),        // udf #254
            (0xdf00, Step::Other),        // svc #0
            (0xb100, Step::Other),        // cbz
        ] {
            assert_eq!(step(code, 0), (2, expected), "{code:#x}");
        }
    }

    #[test]
    fn wide_instructions() {
        for (code, expected) in [
            ([0xf000, 0xf802], Step::Call(0x1008)),      // bl +4
            ([0xf7ff, 0xfffe], Step::Call(0x1000)),      // bl .
            ([0xf7fa, 0xfb7b], Step::Call(0xffff_b6fa)), // bl #-22794
            ([0xf000, 0xb802], jump(0x1008, true)),      // b.w +4
            ([0xf43f, 0xaffe], jump(0x1000, false)),     // beq.w .
            ([0xf3bf, 0x8f4f], Step::Other),             // dsb
            ([0xf00f, 0xc005], Step::Other),             // le
            ([0xe92d, 0x0b00], Step::Push(12)),          // push.w {r8, r9, r11}
            ([0xf84d, 0x8d04], Step::Push(4)),           // str r8, [sp, #-4]!
            ([0xf84d, 0x8c04], Step::Other),             // str r8, [sp, #-4]
            ([0xe96d, 0x4502], Step::Push(8)),           // strd r4, r5, [sp, #-8]!
            ([0xed2d, 0x8b10], Step::Push(64)),          // vpush {d8-d15}
            ([0xed2d, 0x8a03], Step::Push(12)),          // vpush {s16-s18}
            ([0xed6d, 0x8a01], Step::Push(4)),           // vpush {s17}
            ([0xf5ad, 0x7d1e], Step::Push(632)),         // sub.w sp, sp, #632
            ([0xf2ad, 0x4d0c], Step::Push(1036)),        // subw sp, sp, #1036
            ([0xf5ad, 0x6280], Step::Other),             // sub.w r2, sp, #1024
            ([0xebad, 0x0d02], Step::PushUnknown),       // sub.w sp, sp, r2
            ([0xe8df, 0xf000], Step::Table),             // tbb [pc, r0]
            ([0xe8df, 0xf011], Step::Table),             // tbh [pc, r1, lsl #1]
            ([0xe8bd, 0x8ff0], Step::Return),            // pop.w {r4-r11, pc}
            ([0xe8bd, 0x4ff0], Step::Other),             // pop.w {r4-r11, lr}
            ([0xf85d, 0xfb04], Step::Return),            // ldr pc, [sp], #4
            ([0xf8df, 0xf004], jump(0x2000, true)),      // ldr.w pc, [pc, #4]
            ([0xf8df, 0xf008], Step::JumpRegister),      // the same, of what is no code
            ([0xf850, 0xf021], Step::Table),             // ldr.w pc, [r0, r1, lsl #2]
            ([0xf8d0, 0xf004], Step::JumpRegister),      // ldr.w pc, [r0, #4]
            ([0xe890, 0x8002], Step::JumpRegister),      // ldmia.w r0, {r1, pc}
            ([0xe910, 0x8002], Step::JumpRegister),      // ldmdb r0, {r1, pc}
            ([0xf8d0, 0x1004], Step::Other),             // ldr.w r1, [r0, #4]
        ] {
            assert_eq!(step(code[0], code[1]), (4, expected), "{code:x?}");
        }
    }

    #[test]
    fn words_that_registers_get_are_found() {
        // ldr r0, [pc, #4]; movw r1, #0x5679; movt r1, #0x1234; ldr.w r2, [pc, #8]
        let code = [0x4801, 0xf245, 0x6179, 0xf2c1, 0x2134, 0xf8df, 0x2008];
        let half = |at: u32| code.get((at as usize - 0x1000) / 2).copied();
        assert_eq!(constants(0x1000, 0x100e, half, Some), [0x1008, 0x1234_5679, 0x1014]);
    }

    #[test]
    fn constants_are_spread_over_the_word() {
        assert_eq!(expand(0x0ab), 0xab);
        assert_eq!(expand(0x1ab), 0x00ab_00ab);
        assert_eq!(expand(0x2ab), 0xab00_ab00);
        assert_eq!(expand(0x3ab), 0xabab_abab);
        assert_eq!(expand(0xf1e), 632);
    }
}
