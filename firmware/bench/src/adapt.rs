//! Adapts a pack's first head to support samples.

use supple_pack::{Head, Pack};
use supple_runtime::{HeadMemory, Label, Learner, MemoryNeed, PlanTrunk, SupportCache, Use};

use crate::console::{fail, print};
use crate::meter::measure;

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
    let need = MemoryNeed::of_head(&head.spec);
    report(&need);
    let (way, samples, steps) =
        (usize::from(head.spec.capacity), head.spec.max_support, usize::from(head.spec.steps));
    let Some((own, shared)) = floats.split_at_mut_checked(need.learner()) else { fail("too little memory") };
    let Ok(mut support) = SupportCache::new(&head.spec, shared) else { fail("the cache is too small") };
    let Ok(mut learner) = Learner::new(head, HeadMemory { floats: own, labels }) else {
        fail("the head's memory is too small")
    };
    let Ok(mut trunk) = PlanTrunk::new(pack, arena) else {
        fail("the trunk does not run in this build or arena")
    };
    if learner.begin(way).is_err() {
        fail("the head does not begin");
    }
    let mut random = Random(12345);
    for sample in 0..usize::from(samples) {
        trunk.input_mut().iter_mut().for_each(|place| *place = random.next());
        let mut sound = false;
        measure("sample", &mut || {
            let feature = if cfg!(feature = "trunk") { trunk.run().is_ok() } else { true };
            let sample = support.push(trunk.feature());
            sound = feature && sample.is_ok();
        });
        sound &= learner.label(sample, Label::Class(sample % way), Use::Support).is_ok();
        if !sound {
            fail("a sample is refused");
        }
    }
    let mut sound = false;
    measure("step", &mut || sound = learner.step(&mut support).is_ok());
    print("step", "bits", learner.parameters().iter().fold(0, |sum, part| sum ^ crate::mix(part)));
    sound &= learner.reset().is_ok();
    measure("adapt", &mut || sound &= learner.adapt(&mut support, steps).is_ok());
    if !sound {
        fail("the adaptation is refused");
    }
    print("adapt", "bits", learner.parameters().iter().fold(0, |sum, part| sum ^ crate::mix(part)));
    print("adapt", "steps", steps as u32);
}
