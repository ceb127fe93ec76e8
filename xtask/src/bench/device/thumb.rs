//! Thumb instructions by what they cost on a Cortex-M4.
//!
//! After Arm's Cortex-M4 Technical Reference Manual (100166, r0p1), tables 3.1 and 7.1:
//!
//! | instruction | cycles |
//! |---|---|
//! | arithmetic, moves, `MUL`, `MLA`, `SMULL`, `SMLAL`, `SMLAD`, `IT`, hints | 1 |
//! | `UDIV`, `SDIV` | 12, their most |
//! | `LDR`, `VLDR`, `STR` and `VSTR` with a register offset | 2, or 1 right behind another single load or store |
//! | `STR`, `VSTR` with an immediate offset | 1 |
//! | `LDRD`, `STRD`, `LDM`, `STM`, `PUSH`, `POP`, `VLDM`, `VSTM`, `VPUSH`, `VPOP` of `N` words | 1 + `N` |
//! | `VADD`, `VSUB`, `VMUL`, `VABS`, `VNEG`, `VCMP`, `VCVT`, `VMOV`, `VMRS` | 1 |
//! | `VMOV` of two core registers | 2 |
//! | `VMLA`, `VMLS`, `VFMA`, `VFMS` and their negatives | 3 |
//! | `VDIV`, `VSQRT` | 14 |
//! | a branch that is not taken | 1 |
//! | a branch taken, to a known place | 2, or 3 where a 32-bit instruction off a word follows |
//! | a branch taken, to a place in a register or in memory | 1 more than that, beside the load |
//!
//! The manual gives the refill of the pipeline as 1 to 3 cycles; the last two lines say which is taken here. Waits for
//! memory are none: flash without wait states. A float's result that the next instruction reads costs one cycle more
//! (the manual's note to table 7.1); those are counted apart.

/// What an instruction costs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Cost {
    /// So many cycles, always.
    Cycles(u32),
    /// A load, or a store with a register offset, that may hide behind one before it.
    Single,
    /// A store with an immediate offset: never longer than one cycle, and others hide behind it.
    Store,
    /// So many words at once.
    Multiple(u32),
    /// To a known place, if taken.
    Branch,
    /// To a place in a register or in memory, behind so many cycles.
    Indirect(u32),
}

/// An instruction.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Instruction {
    /// Bytes: 2 or 4.
    pub length: u32,
    /// What it costs.
    pub cost: Cost,
    /// The single-precision register that a float's arithmetic gives.
    pub result: Option<u8>,
    /// The single-precision registers that it reads.
    pub reads: [Option<u8>; 3],
}

impl Instruction {
    /// The instruction of which these are the first two halfwords.
    pub fn decode(first: u16, second: u16) -> Self {
        if first >> 11 >= 0b11101 {
            let float = first & 0xec00 == 0xec00 && second & 0x0e00 == 0x0a00;
            return if float { Self::float(first, second) } else { Self::of(4, wide(first, second)) };
        }
        Self::of(2, narrow(first))
    }

    fn of(length: u32, cost: Cost) -> Self {
        Self { length, cost, result: None, reads: [None; 3] }
    }

    /// Of the floating-point unit.
    fn float(first: u16, second: u16) -> Self {
        let register = |high: u16, low: u16| Some(((high & 0xf) << 1 | (low & 1)) as u8);
        let d = register(second >> 12, first >> 6);
        let n = register(first, second >> 7);
        let m = register(second, second >> 5);
        let of = |cost, result, reads| Self { length: 4, cost, result, reads };
        if first & 0xfe00 == 0xec00 {
            let load = first & 0x10 != 0;
            let words = if second & 0x100 != 0 { 2 } else { 1 };
            let reads = [if load { None } else { d }, None, None];
            return match first & 0x01a0 {
                _ if first & 0xffe0 == 0xec40 => of(Cost::Cycles(2), None, [None; 3]),
                0x0100 | 0x0180 if words == 2 => of(Cost::Multiple(2), None, reads),
                0x0100 | 0x0180 if load => of(Cost::Single, None, reads),
                0x0100 | 0x0180 => of(Cost::Store, None, reads),
                _ => of(Cost::Multiple(u32::from(second & 0xff)), None, reads),
            };
        }
        if second & 0x10 != 0 {
            let to_core = first & 0x10 != 0;
            return of(Cost::Cycles(1), None, [if to_core { n } else { None }, None, None]);
        }
        match first & 0xb0 {
            0x00 | 0x10 | 0x90 | 0xa0 => of(Cost::Cycles(3), d, [n, m, d]),
            0x20 | 0x30 => of(Cost::Cycles(1), d, [n, m, None]),
            0x80 => of(Cost::Cycles(14), d, [n, m, None]),
            _ => match (first & 0xf, second & 0xc0) {
                // An immediate.
                (_, 0x00 | 0x80) => of(Cost::Cycles(1), None, [None; 3]),
                (0, 0x40) => of(Cost::Cycles(1), None, [m, None, None]),
                (1, 0xc0) => of(Cost::Cycles(14), d, [m, None, None]),
                (4 | 5, _) => of(Cost::Cycles(1), None, [d, m, None]),
                _ => of(Cost::Cycles(1), d, [m, None, None]),
            },
        }
    }
}

/// Of 16 bits.
fn narrow(code: u16) -> Cost {
    let words = (code & 0xff).count_ones();
    match code >> 10 {
        // BX, BLX; ADD and MOV to the program counter.
        0b010001 if code & 0xff00 == 0x4700 || matches!(code & 0xff87, 0x4487 | 0x4687) => Cost::Indirect(1),
        0b010010 | 0b010011 => Cost::Single,
        0b010100..=0b010111 => Cost::Single,
        0b011000..=0b100111 if code & 0x0800 == 0 => Cost::Store,
        0b011000..=0b100111 => Cost::Single,
        0b101100..=0b101111 => match code {
            _ if code & 0xf500 == 0xb100 => Cost::Branch,
            _ if code & 0xfe00 == 0xb400 => Cost::Multiple((code & 0x1ff).count_ones()),
            _ if code & 0xff00 == 0xbd00 => Cost::Indirect(2 + words),
            _ if code & 0xff00 == 0xbc00 => Cost::Multiple(words),
            _ => Cost::Cycles(1),
        },
        0b110000..=0b110011 => Cost::Multiple(words),
        0b110100..=0b110111 if code & 0x0e00 != 0x0e00 => Cost::Branch,
        0b111000 | 0b111001 => Cost::Branch,
        _ => Cost::Cycles(1),
    }
}

/// Of 32 bits, floats apart.
fn wide(first: u16, second: u16) -> Cost {
    let load = first & 0x10 != 0;
    match first {
        _ if first & 0xfe40 == 0xe800 => match second.count_ones() {
            words if load && second & 0x8000 != 0 => Cost::Indirect(1 + words),
            words => Cost::Multiple(words),
        },
        // TBB, TBH: the load beside the branch.
        _ if first & 0xfff0 == 0xe8d0 && second & 0xffe0 == 0xf000 => Cost::Indirect(2),
        // Loads and stores that are exclusive.
        _ if first & 0xffe0 == 0xe840 || first & 0xffe0 == 0xe8c0 => Cost::Cycles(2),
        _ if first & 0xfe40 == 0xe840 => Cost::Multiple(2),
        _ if first & 0xf800 == 0xf000 && second & 0x8000 != 0 => match second & 0x5000 {
            0x0000 if first & 0x0380 == 0x0380 => Cost::Cycles(1),
            0x4000 => Cost::Cycles(1),
            _ => Cost::Branch,
        },
        _ if first & 0xfe00 == 0xf800 && load => match first & 0x60 {
            0x40 if second >> 12 == 15 => Cost::Indirect(2),
            _ => Cost::Single,
        },
        _ if first & 0xfe00 == 0xf800 => {
            let register = first & 0x80 == 0 && second & 0x0fc0 == 0;
            if register { Cost::Single } else { Cost::Store }
        }
        _ if first & 0xffd0 == 0xfb90 => Cost::Cycles(12),
        _ => Cost::Cycles(1),
    }
}

/// Adds up cycles, instruction by instruction.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Sum {
    /// Instructions executed.
    pub instructions: u64,
    /// Cycles after the table.
    pub cycles: u64,
    /// Of a float's result that the next instruction reads; not among the cycles.
    pub stalls: u64,
}

/// What the next instruction's cost depends on.
#[derive(Debug, Clone, Copy, Default)]
pub struct Before {
    single: bool,
    result: Option<u8>,
}

impl Sum {
    /// Counts an instruction at one place that is followed by the one at another.
    pub fn add(
        &mut self,
        instruction: &Instruction,
        at: u32,
        next: u32,
        next_length: u32,
        before: &mut Before,
    ) {
        let taken = next != at.wrapping_add(instruction.length);
        let refill = if next_length == 4 && !next.is_multiple_of(4) { 2 } else { 1 };
        let (cycles, single) = match instruction.cost {
            Cost::Cycles(cycles) => (cycles, false),
            Cost::Single => (if before.single { 1 } else { 2 }, true),
            Cost::Store => (1, true),
            Cost::Multiple(words) => (1 + words, false),
            Cost::Branch => (if taken { 1 + refill } else { 1 }, false),
            Cost::Indirect(cycles) => (cycles + if taken { 1 + refill } else { 0 }, false),
        };
        self.instructions += 1;
        self.cycles += u64::from(cycles);
        let waits = before.result.is_some() && instruction.reads.contains(&before.result);
        self.stalls += u64::from(waits);
        *before = Before { single, result: instruction.result };
    }

    /// Less another sum.
    pub fn less(self, other: Self) -> Self {
        Self {
            instructions: self.instructions.saturating_sub(other.instructions),
            cycles: self.cycles.saturating_sub(other.cycles),
            stalls: self.stalls.saturating_sub(other.stalls),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Encodings as an assembler gives them.
    #[test]
    fn instructions_cost_what_the_manual_says() {
        for (name, code, cost) in [
            ("adds r0, r1, r2", [0x1888, 0], Cost::Cycles(1)),
            ("muls r0, r1", [0x4348, 0], Cost::Cycles(1)),
            ("ldr r0, [r1]", [0x6808, 0], Cost::Single),
            ("ldrb r0, [r1, r2]", [0x5c88, 0], Cost::Single),
            ("str r0, [r1]", [0x6008, 0], Cost::Store),
            ("str r0, [r1, r2]", [0x5088, 0], Cost::Single),
            ("ldr r0, [pc, #4]", [0x4801, 0], Cost::Single),
            ("push {r4, r5, lr}", [0xb530, 0], Cost::Multiple(3)),
            ("pop {r4, r5}", [0xbc30, 0], Cost::Multiple(2)),
            ("pop {r4, r5, pc}", [0xbd30, 0], Cost::Indirect(4)),
            ("bx lr", [0x4770, 0], Cost::Indirect(1)),
            ("cbz r0, .", [0xb100, 0], Cost::Branch),
            ("bne .", [0xd1fe, 0], Cost::Branch),
            ("b .", [0xe7fe, 0], Cost::Branch),
            ("it eq", [0xbf08, 0], Cost::Cycles(1)),
            ("bl .", [0xf7ff, 0xfffe], Cost::Branch),
            ("beq.w .", [0xf43f, 0xaffe], Cost::Branch),
            ("dsb sy", [0xf3bf, 0x8f4f], Cost::Cycles(1)),
            ("movw r0, #1", [0xf240, 0x0001], Cost::Cycles(1)),
            ("ldrd r0, r1, [r2]", [0xe9d2, 0x0100], Cost::Multiple(2)),
            ("ldmia.w r0!, {r1, r2, r8}", [0xe8b0, 0x0106], Cost::Multiple(3)),
            ("ldmia.w sp!, {r8, pc}", [0xe8bd, 0x8100], Cost::Indirect(3)),
            ("tbb [pc, r0]", [0xe8df, 0xf000], Cost::Indirect(2)),
            ("ldr.w r0, [r1, r2, lsl #2]", [0xf851, 0x0022], Cost::Single),
            ("str.w r0, [r1, #-4]", [0xf841, 0x0c04], Cost::Store),
            ("str.w r0, [r1, r2, lsl #2]", [0xf841, 0x0022], Cost::Single),
            ("udiv r0, r1, r2", [0xfbb1, 0xf0f2], Cost::Cycles(12)),
            ("sdiv r0, r1, r2", [0xfb91, 0xf0f2], Cost::Cycles(12)),
            ("smull r0, r1, r2, r3", [0xfb82, 0x0103], Cost::Cycles(1)),
            ("smlad r0, r1, r2, r3", [0xfb21, 0x3002], Cost::Cycles(1)),
            ("vldr s0, [r0]", [0xed90, 0x0a00], Cost::Single),
            ("vstr s0, [r0]", [0xed80, 0x0a00], Cost::Store),
            ("vldr d0, [r0]", [0xed90, 0x0b00], Cost::Multiple(2)),
            ("vldmia r0!, {s0-s3}", [0xecb0, 0x0a04], Cost::Multiple(4)),
            ("vpush {d8-d9}", [0xed2d, 0x8b04], Cost::Multiple(4)),
            ("vadd.f32 s0, s1, s2", [0xee30, 0x0a81], Cost::Cycles(1)),
            ("vmul.f32 s0, s1, s2", [0xee20, 0x0a81], Cost::Cycles(1)),
            ("vfma.f32 s0, s1, s2", [0xeea0, 0x0a81], Cost::Cycles(3)),
            ("vmla.f32 s0, s1, s2", [0xee00, 0x0a81], Cost::Cycles(3)),
            ("vdiv.f32 s0, s1, s2", [0xee80, 0x0a81], Cost::Cycles(14)),
            ("vsqrt.f32 s0, s1", [0xeeb1, 0x0ae0], Cost::Cycles(14)),
            ("vcmp.f32 s0, #0", [0xeeb5, 0x0a40], Cost::Cycles(1)),
            ("vmrs APSR_nzcv, fpscr", [0xeef1, 0xfa10], Cost::Cycles(1)),
            ("vmov r0, s0", [0xee10, 0x0a10], Cost::Cycles(1)),
            ("vmov r0, r1, s0, s1", [0xec51, 0x0a10], Cost::Cycles(2)),
        ] {
            let found = Instruction::decode(code[0], code[1]);
            assert_eq!(found.cost, cost, "{name}");
            assert_eq!(found.length, if code[0] >> 11 >= 0b11101 { 4 } else { 2 }, "{name}");
        }
    }

    fn sum(codes: &[(u32, [u16; 2])]) -> Sum {
        let (mut sum, mut before) = (Sum::default(), Before::default());
        for pair in codes.windows(2) {
            let [(at, code), (next, after)] = [pair[0], pair[1]];
            let next_length = Instruction::decode(after[0], after[1]).length;
            sum.add(&Instruction::decode(code[0], code[1]), at, next, next_length, &mut before);
        }
        sum
    }

    #[test]
    fn loads_hide_behind_loads_and_results_are_waited_for() {
        let (load, store, nop) = ([0x6808, 0], [0x6008, 0], [0xbf00, 0]);
        assert_eq!(sum(&[(0, load), (2, load), (4, store), (6, load), (8, nop)]).cycles, 2 + 1 + 1 + 1);
        assert_eq!(sum(&[(0, nop), (2, load), (4, nop), (6, load), (8, nop)]).cycles, 1 + 2 + 1 + 2);
        // s0 = s1 · s2, then s3 = s3 + s0; and with another between.
        let (product, add) = ([0xee20, 0x0a81], [0xee71, 0x1a80]);
        assert_eq!(sum(&[(0, product), (4, add), (8, nop)]), Sum { instructions: 2, cycles: 2, stalls: 1 });
        assert_eq!(sum(&[(0, product), (4, nop), (6, add), (10, nop)]).stalls, 0);
    }

    #[test]
    fn a_taken_branch_refills_the_pipeline() {
        let (branch, back, nop, long) = ([0xd1fe, 0], [0x4770, 0], [0xbf00, 0], [0xf240, 0x0001]);
        assert_eq!(sum(&[(0, branch), (2, nop)]).cycles, 1);
        assert_eq!(sum(&[(0, branch), (8, nop)]).cycles, 2);
        assert_eq!(sum(&[(0, branch), (10, long)]).cycles, 3);
        assert_eq!(sum(&[(0, branch), (12, long)]).cycles, 2);
        assert_eq!(sum(&[(0, back), (8, nop)]).cycles, 3);
    }
}
