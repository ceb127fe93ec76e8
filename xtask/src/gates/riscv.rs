//! RISC-V, 32 bits, with compressed instructions.

use super::step::{Step, signed};

const ZERO: u32 = 0;
const RA: u32 = 1;
const SP: u32 = 2;

/// Decodes the instruction at `address`; how many bytes it has, and what it does. `before` are the two before it, the
/// nearer one last, for a far call takes as many: `auipc` or `lui`, perhaps `addi`, and `jalr` by the same register.
pub fn decode(address: u32, code: u32, before: [Option<u32>; 2]) -> (u32, Step) {
    if code & 3 != 3 {
        return (2, compressed(address, code & 0xffff));
    }
    let to = |offset: i32| address.wrapping_add_signed(offset);
    let (rd, rs1, function) = (code >> 7 & 31, code >> 15 & 31, code >> 12 & 7);
    let immediate = signed(code >> 20, 12);
    let step = match code & 0x7f {
        // jal.
        0x6f => {
            let offset = (code >> 31) << 20
                | (code >> 12 & 0xff) << 12
                | (code >> 20 & 1) << 11
                | (code >> 21 & 0x3ff) << 1;
            let to = to(signed(offset, 21));
            if rd == ZERO { Step::Jump { to, always: true } } else { Step::Call(to) }
        }
        // jalr.
        0x67 => {
            let target = far(address, before, rs1).map(|to| to.wrapping_add_signed(immediate));
            match (rd, target) {
                (ZERO, Some(to)) => Step::Jump { to, always: true },
                (_, Some(to)) => Step::Call(to),
                (ZERO, None) if rs1 == RA => Step::Return,
                (ZERO, None) => Step::JumpRegister,
                (_, None) => Step::CallRegister,
            }
        }
        // The conditional branches.
        0x63 => {
            let offset =
                (code >> 31) << 12 | (code >> 7 & 1) << 11 | (code >> 25 & 0x3f) << 5 | (code >> 8 & 15) << 1;
            Step::Jump { to: to(signed(offset, 13)), always: false }
        }
        // addi sp, sp.
        0x13 if (rd, rs1, function) == (SP, SP, 0) => taken(immediate),
        // add and sub to sp from sp: by how much stands in a register.
        0x33 if (rd, function) == (SP, 0) && (rs1 == SP || code >> 20 & 31 == SP) => Step::PushUnknown,
        // mret.
        0x73 if code == 0x3020_0073 => Step::Return,
        _ => Step::Other,
    };
    (4, step)
}

/// What a register holds by the two instructions before `address`, if it is an address put together there.
fn far(address: u32, before: [Option<u32>; 2], register: u32) -> Option<u32> {
    let writes = |code: u32| code >> 7 & 31 == register;
    let page = |code: u32, at: u32| match code & 0x7f {
        0x37 if writes(code) => Some(code & 0xffff_f000),
        0x17 if writes(code) => Some(at.wrapping_add(code & 0xffff_f000)),
        _ => None,
    };
    let [first, second] = before;
    let second = second?;
    let adds = second & 0x7f == 0x13 && second >> 12 & 7 == 0 && writes(second);
    if adds && second >> 15 & 31 == register {
        let page = page(first?, address.wrapping_sub(8))?;
        return Some(page.wrapping_add_signed(signed(second >> 20, 12)));
    }
    page(second, address.wrapping_sub(4))
}

fn compressed(address: u32, code: u32) -> Step {
    let to = |offset: i32| address.wrapping_add_signed(offset);
    let bit = |from: u32, at: u32| (code >> from & 1) << at;
    let far = || {
        let offset = bit(12, 11)
            | bit(11, 4)
            | (code >> 9 & 3) << 8
            | bit(8, 10)
            | bit(7, 6)
            | bit(6, 7)
            | (code >> 3 & 7) << 1
            | bit(2, 5);
        to(signed(offset, 12))
    };
    let register = code >> 7 & 31;
    match (code & 3, code >> 13) {
        (1, 1) => Step::Call(far()),
        (1, 5) => Step::Jump { to: far(), always: true },
        // c.beqz and c.bnez.
        (1, 6 | 7) => {
            let offset =
                bit(12, 8) | (code >> 10 & 3) << 3 | (code >> 5 & 3) << 6 | (code >> 3 & 3) << 1 | bit(2, 5);
            Step::Jump { to: to(signed(offset, 9)), always: false }
        }
        // c.addi sp.
        (1, 0) if register == SP => taken(signed(bit(12, 5) | code >> 2 & 31, 6)),
        // c.addi16sp.
        (1, 3) if register == SP => {
            let offset = bit(12, 9) | bit(6, 4) | bit(5, 6) | (code >> 3 & 3) << 7 | bit(2, 5);
            taken(signed(offset, 10))
        }
        // c.jr and c.jalr; with a second register they are c.mv and c.add.
        (2, 4) if code >> 2 & 31 == 0 && register != 0 => match (code >> 12 & 1, register) {
            (0, RA) => Step::Return,
            (0, _) => Step::JumpRegister,
            _ => Step::CallRegister,
        },
        // c.add sp.
        (2, 4) if code >> 12 & 1 == 1 && register == SP => Step::PushUnknown,
        _ => Step::Other,
    }
}

fn taken(immediate: i32) -> Step {
    if immediate < 0 { Step::Push(immediate.unsigned_abs()) } else { Step::Other }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn jump(to: u32, always: bool) -> Step {
        Step::Jump { to, always }
    }

    /// Encodings as llvm-mc writes them, at 0x1000.
    #[test]
    fn compressed_instructions() {
        for (code, expected) in [
            (0x2021, Step::Call(0x1008)),  // c.jal 8
            (0xa021, jump(0x1008, true)),  // c.j 8
            (0xbfe5, jump(0xff8, true)),   // c.j -8
            (0xc111, jump(0x1004, false)), // c.beqz a0, 4
            (0xfd75, jump(0xffc, false)),  // c.bnez a0, -4
            (0x1141, Step::Push(16)),      // c.addi sp, -16
            (0x0141, Step::Other),         // c.addi sp, 16
            (0x7139, Step::Push(64)),      // c.addi16sp sp, -64
            (0x6121, Step::Other),         // c.addi16sp sp, 64
            (0x8082, Step::Return),        // c.jr ra
            (0x8502, Step::JumpRegister),  // c.jr a0
            (0x9502, Step::CallRegister),  // c.jalr a0
            (0x912a, Step::PushUnknown),   // c.add sp, a0
            (0x852e, Step::Other),         // c.mv a0, a1
            (0x9002, Step::Other),         // c.ebreak
        ] {
            assert_eq!(decode(0x1000, code, [None; 2]), (2, expected), "{code:#x}");
        }
    }

    #[test]
    fn full_instructions() {
        for (before, code, expected) in [
            ([None; 2], 0x0080_00ef, Step::Call(0x1008)),  // jal 8
            ([None; 2], 0x0080_006f, jump(0x1008, true)),  // j 8
            ([None; 2], 0xff9f_f06f, jump(0xff8, true)),   // j -8
            ([None; 2], 0x00b5_0463, jump(0x1008, false)), // beq a0, a1, 8
            ([None; 2], 0xfeb5_1ee3, jump(0xffc, false)),  // bne a0, a1, -4
            ([None, Some(0x0000_2097)], 0x0100_80e7, Step::Call(0x300c)), // auipc ra, 2; jalr 16(ra)
            ([None, Some(0xffff_f317)], 0x0083_0067, jump(0x4, true)), // auipc t1, -1; jr 8(t1)
            ([None, Some(0x0000_2097)], 0x0003_0067, Step::JumpRegister), // auipc ra, 2; jr t1
            ([None, Some(0x8000_00b7)], 0x0080_8067, jump(0x8000_0008, true)), // lui ra, 0x80000; jr 8(ra)
            // auipc t0, 22; addi t0, t0, -192; jr t0
            ([Some(0x0001_6297), Some(0xf402_8293)], 0x0002_8067, jump(0x1_6f38, true)),
            ([Some(0x0001_6297), Some(0xf402_8313)], 0x0002_8067, Step::JumpRegister),
            ([None; 2], 0x0005_00e7, Step::CallRegister), // jalr a0
            ([None; 2], 0x0000_8067, Step::Return),       // ret
            ([None; 2], 0x3020_0073, Step::Return),       // mret
            ([None; 2], 0x8101_0113, Step::Push(2032)),   // addi sp, sp, -2032
            ([None; 2], 0x7f01_0113, Step::Other),        // addi sp, sp, 2032
            ([None; 2], 0xfc04_0113, Step::Other),        // addi sp, s0, -64
            ([None; 2], 0x4051_0133, Step::PushUnknown),  // sub sp, sp, t0
            ([None; 2], 0x0051_0133, Step::PushUnknown),  // add sp, sp, t0
        ] {
            assert_eq!(decode(0x1000, code, before), (4, expected), "{code:#x}");
        }
    }
}
