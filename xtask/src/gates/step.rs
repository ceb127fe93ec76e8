//! What an instruction does to the stack and to the flow of control; all else about it is left out.

/// An instruction, as far as call graph and stack go.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Step {
    /// Neither.
    Other,
    /// Calls a function, which comes back.
    Call(u32),
    /// Goes there; `always`, or on a condition.
    Jump {
        /// Where to.
        to: u32,
        /// Whether what follows in memory is not what follows in time.
        always: bool,
    },
    /// Goes to the caller.
    Return,
    /// Calls what a register says.
    CallRegister,
    /// Goes where a register or a table says.
    JumpRegister,
    /// Goes to one of the function's own places, by a table that only jumps within functions use.
    Table,
    /// Takes so many bytes of stack.
    Push(u32),
    /// Takes stack, and only a running processor knows how much.
    PushUnknown,
}

/// The low `bits` bits of `value` as a signed number.
pub fn signed(value: u32, bits: u32) -> i32 {
    ((value << (32 - bits)) as i32) >> (32 - bits)
}
