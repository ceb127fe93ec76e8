//! Adapts a pack's first head to support samples.

use supple_pack::{Head, Pack};
use supple_runtime::{HeadMemory, Learner, MemoryNeed, SupportCache};

use crate::console::{fail, print};
use crate::meter::measure;
use crate::product;

/// Random drawings or feature vectors.
struct Random(u32);

impl Random {
    fn next(&mut self) -> f32 {
        self.0 = self.0.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        self.0 as i32 as f32 / 2_147_483_648.0
    }
}

/// The memory that a head's adaptation takes, as it is reported.
fn report(need: &MemoryNeed) {
    for (key, words) in [
        ("head", need.head),
        ("velocity", need.velocity),
        ("work", need.work),
        ("cache", need.cache),
        ("guard", need.guard),
    ] {
        print("memory", key, 4 * words as u32);
    }
    print("memory", "labels", 2 * need.labels as u32);
    print("memory", "learner", (size_of::<Learner>() + size_of::<SupportCache>()) as u32);
}

/// Fills the cache with as many samples as the pack allows, class after class, and adapts the head with the pack's
/// steps: what an episode takes from drawings (features where the pack has no trunk) to an adapted head.
#[inline(never)]
pub fn run(pack: &Pack, head: Head, arena: &mut [f32], floats: &mut [f32], labels: &mut [u16]) {
    let need = product::need(&head.spec);
    report(&need);
    let (way, samples, steps) =
        (usize::from(head.spec.capacity), head.spec.max_support, usize::from(head.spec.steps));
    let Some((own, shared)) = floats.split_at_mut_checked(need.learner()) else { fail("too little memory") };
    let Some(mut support) = product::cache(&head.spec, shared) else { fail("the cache is too small") };
    let Some(mut learner) = product::learner(head, HeadMemory { floats: own, labels }) else {
        fail("the head's memory is too small")
    };
    let Some(mut trunk) = product::trunk(pack, arena) else {
        fail("the trunk does not run in this build or arena")
    };
    if !product::begin(&mut learner, way) {
        fail("the head does not begin");
    }
    let mut random = Random(12345);
    for sample in 0..usize::from(samples) {
        product::input(&mut trunk).iter_mut().for_each(|place| *place = random.next());
        let mut sound = false;
        measure("sample", &mut || {
            #[cfg(feature = "trunk")]
            let feature = product::run(&mut trunk);
            #[cfg(not(feature = "trunk"))]
            let feature = true;
            sound = product::push(&mut support, product::feature(&trunk)) && feature;
        });
        sound &= product::label(&mut learner, sample, sample % way);
        if !sound {
            fail("a sample is refused");
        }
    }
    let mut sound = false;
    measure("step", &mut || sound = product::step(&mut learner, &mut support));
    print("step", "bits", product::parameters(&learner).iter().fold(0, |sum, part| sum ^ crate::mix(part)));
    sound &= product::reset(&mut learner);
    measure("adapt", &mut || sound &= product::adapt(&mut learner, &mut support, steps));
    if !sound {
        fail("the adaptation is refused");
    }
    print("adapt", "bits", product::parameters(&learner).iter().fold(0, |sum, part| sum ^ crate::mix(part)));
    print("adapt", "steps", steps as u32);
}
