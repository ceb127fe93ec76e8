//! Pack and runtime as an application of one's own uses them, without the firmware's main loop.
#![no_std]
#![no_main]

use core::hint::black_box;

use supple_pack::Pack;
use supple_panic as _;
use supple_runtime::{HeadMemory, Label, Learner, MemoryNeed, PlanTrunk, SupportCache, Use};

/// What stands for a region of flash; the compiler must not know what is in it.
static REGION: [u64; 512] = [0; 512];

#[unsafe(no_mangle)]
extern "C" fn _start() -> ! {
    let mut floats = [0.0_f32; 1024];
    let mut labels = [0_u16; 64];
    loop {
        let words: &[u64] = black_box(&REGION);
        // SAFETY: bytes have no alignment, and every bit pattern is one.
        let region = unsafe { core::slice::from_raw_parts(words.as_ptr().cast(), size_of_val(words)) };
        black_box(learn(region, black_box(&mut floats), black_box(&mut labels)));
    }
}

/// Everything that an application does with a pack, in an order from outside.
fn learn(region: &'static [u8], floats: &mut [f32], labels: &mut [u16]) -> Option<f32> {
    let pack = Pack::parse_region(region).ok()?;
    let head = pack.heads().next()?;
    let need = MemoryNeed::of(&pack);
    let (arena, floats) = floats.split_at_mut_checked(need.arena)?;
    let mut trunk = PlanTrunk::new(&pack, arena).ok()?;
    let (words, floats) = floats.split_at_mut_checked(need.support())?;
    let mut support = SupportCache::new(&head.spec, words).ok()?;
    let mut learner = Learner::new(head, HeadMemory { floats, labels }).ok()?;
    let mut last = None;
    for _ in 0..black_box(100) {
        match black_box(0_u32) {
            0 => learner.begin(black_box(5)).ok()?,
            1 => learner.begin_rows(black_box(&[2, 1])).ok()?,
            2 => trunk.input_mut().fill(black_box(1.0)),
            3 => {
                black_box(trunk.run().ok()?);
            }
            4 => {
                let sample = support.push(trunk.feature()).ok()?;
                learner.label(sample, black_box(Label::Class(3)), black_box(Use::Support)).ok()?;
            }
            5 => learner.step(&mut support).ok()?,
            6 => {
                black_box(learner.adapt(&mut support, black_box(3)).ok()?);
            }
            7 => learner.reset().ok()?,
            8 => last = Some(learner.support_loss(&mut support).ok()?),
            9 => learner.prepare(&mut support).ok()?,
            10 => {
                black_box(learner.enrol().ok()?);
            }
            11 => learner.forget(black_box(1)).ok()?,
            12 => learner.clear_labels(),
            13 => support.clear(),
            _ => last = learner.outputs(trunk.feature()).ok()?.first().copied(),
        }
        black_box(learner.parameters());
    }
    last
}
