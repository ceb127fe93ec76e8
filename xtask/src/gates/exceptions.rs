//! What the gates let pass, each with its reason.

/// A board that no gate looks at.
pub struct NotProven {
    /// Its name.
    pub board: &'static str,
    /// Why.
    pub reason: &'static str,
}

/// All that no gate looks at.
pub const NOT_PROVEN: [NotProven; 1] = [NotProven {
    board: "esp32-c3",
    reason: "the chip's maker's library, esp-hal, panics where it is misused, and calls what registers say; pack, \
             runtime and main loop are proven for riscv32 on riscv32-virt, and for this target alone",
}];

/// Why no gate looks at a board, if none does.
pub fn not_proven(board: &str) -> Option<&'static NotProven> {
    NOT_PROVEN.iter().find(|exception| exception.board == board)
}

/// A frame above this needs a reason. The longest array allowed on a stack has 256 bytes; the rest is what registers
/// and arguments take.
pub const FRAME_BYTES: u32 = 400;

/// A function with a large frame.
pub struct LargeFrame {
    /// How its readable name begins.
    pub name: &'static str,
    /// The most that is let pass.
    pub bytes: u32,
    /// Why.
    pub reason: &'static str,
}

/// All that are let pass.
pub const LARGE_FRAMES: [LargeFrame; 20] = [
    LargeFrame {
        name: "supple_app::run",
        bytes: 2240,
        reason: "the whole of the firmware's state: the pack at work, the session, the request being answered",
    },
    LargeFrame {
        name: "supple_runtime::trunk::op::run_whole",
        bytes: 448,
        reason: "every kernel's arguments; no arrays",
    },
    LargeFrame {
        name: "supple_runtime::trunk::op::run_rows",
        bytes: 448,
        reason: "every kernel's arguments; no arrays",
    },
    LargeFrame {
        name: "supple_runtime::kernels::int8::convolution::convolution_row",
        bytes: 608,
        reason: "sums of four pixels by eight outputs, 128 bytes; the rest are registers' places",
    },
    LargeFrame {
        name: "<supple_runtime::kernels::int8::patches::Layer>::write",
        bytes: 768,
        reason: "two arrays of 256 bytes, the most that is allowed: what some pixels read, unpacked, and their sums",
    },
    LargeFrame {
        name: "<supple_app::device::Device>::with_packs",
        bytes: 1952,
        reason: "the firmware's state while it is made, once",
    },
    LargeFrame {
        name: "<supple_app::running::Running<supple_runtime::trunk::plan::PlanTrunk>>::new",
        bytes: 1280,
        reason: "the pack at work while it is made, once",
    },
    LargeFrame {
        name: "<supple_app::running::Running<supple_runtime::trunk::plan::PlanTrunk>>::load",
        bytes: 448,
        reason: "the shapes of all heads, which are checked before any is changed",
    },
    LargeFrame {
        name: "<supple_app::packs::Packs>::read",
        bytes: 656,
        reason: "two boot records of 72 bytes and the journal that holds them",
    },
    LargeFrame {
        name: "<supple_store::journal::Journal>::attempt",
        bytes: 640,
        reason: "the block of 64 bytes being written, and the snapshot's parts while they are",
    },
    LargeFrame {
        name: "<supple_store::journal::writer::Writer",
        bytes: 448,
        reason: "the block of 64 bytes being written, twice while it is made",
    },
    LargeFrame {
        name: "supple_pack::signature::claimed",
        bytes: 416,
        reason: "a signature block of 128 bytes, and what it says",
    },
    LargeFrame {
        name: "supple_pack::signature::verify",
        bytes: 1408,
        reason: "the places that a check's steps share: points of four numbers of 128 bytes where there is no DSP extension",
    },
    LargeFrame {
        name: "supple_pack::ed25519::negated",
        bytes: 2752,
        reason: "a point's decompression: some twenty numbers of a field, 128 bytes each where there is no DSP extension",
    },
    LargeFrame {
        name: "supple_pack::ed25519::sum_of_products",
        bytes: 2112,
        reason: "sums of both points, four points of four numbers",
    },
    LargeFrame {
        name: "supple_pack::ed25519::challenge",
        bytes: 720,
        reason: "the state of SHA-512, 208 bytes, and its block",
    },
    LargeFrame { name: "sha2::sha512::compress512", bytes: 960, reason: "the vendor's: 80 words of 8 bytes" },
    LargeFrame {
        name: "<&salty::edwards::EdwardsPoint",
        bytes: 2880,
        reason: "the vendor's: some twenty numbers of a field, 128 bytes each where there is no DSP extension",
    },
    LargeFrame {
        name: "<&salty::field::tweetnacl::FieldElement",
        bytes: 576,
        reason: "the vendor's: a product of 31 words of 8 bytes",
    },
    LargeFrame {
        name: "<salty::",
        bytes: 512,
        reason: "the vendor's: products of scalars, and a point's numbers",
    },
];

/// A function that calls what a register says.
pub struct RegisterCall {
    /// How its readable name begins.
    pub name: &'static str,
    /// How the names of all that it may call begin; empty where they are no part of the image.
    pub callees: &'static [&'static str],
    /// Why.
    pub reason: &'static str,
}

/// All that are let pass.
pub const REGISTER_CALLS: [RegisterCall; 3] = [
    RegisterCall {
        name: "supple_runtime::kernels::arm::head::steps::change_blocks",
        callees: &["supple_runtime::kernels::arm::head::steps::add_"],
        reason: "assembly that is given one of three ways to add a block's gradients; choosing for every block costs 1 %",
    },
    RegisterCall {
        name: "<supple_parts::rp2350::Rom>::new",
        callees: &[],
        reason: "functions of the RP2350's boot ROM, whose stack no image tells: the board promises 512 bytes more",
    },
    RegisterCall {
        name: "supple_parts::rp2350::change_flash",
        callees: &[],
        reason: "functions of the RP2350's boot ROM, whose stack no image tells: the board promises 512 bytes more",
    },
];
