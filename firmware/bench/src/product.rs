//! What an image is about, one function for each thing that a program asks of it.
//!
//! None is inlined, so that the harness around them is the same with them and without. Without the feature `product` each
//! does nothing: that image is what the size of the others is measured from.

use supple_pack::Pack;
use supple_runtime::PlanTrunk;

macro_rules! product {
    ($($(#[$meta:meta])* fn $name:ident$(<$($life:lifetime),*>)?($($argument:ident: $type:ty),*) -> $result:ty, $otherwise:expr, $body:expr;)*) => {$(
        $(#[$meta])*
        #[inline(never)]
        pub fn $name$(<$($life),*>)?($($argument: $type),*) -> $result {
            if cfg!(feature = "product") {
                $body
            } else {
                $(let _ = core::hint::black_box($argument);)*
                core::hint::black_box($otherwise)
            }
        }
    )*};
}

product! {
    /// Reads and checks a pack.
    fn parse<'p>(region: &'p [u8]) -> Option<Pack<'p>>, None, Pack::parse_region(region).ok();
    /// A pack's trunk, where the arena is large enough and the build has its kernels.
    fn trunk<'p, 'm>(pack: &Pack<'p>, arena: &'m mut [f32]) -> Option<PlanTrunk<'p, 'm>>, None,
        PlanTrunk::new(pack, arena).ok();
    /// Where to write the trunk's input.
    fn input<'t>(trunk: &'t mut PlanTrunk) -> &'t mut [f32], &mut [], trunk.input_mut();
}

#[cfg(feature = "trunk")]
product! {
    /// Runs the trunk.
    fn run(trunk: &mut PlanTrunk) -> bool, false, trunk.run().is_ok();
}

product! {
    /// The features of the last run.
    fn feature<'t>(trunk: &'t PlanTrunk) -> &'t [f32], &[], trunk.feature();
}

#[cfg(feature = "adapt")]
pub use adapt::*;

#[cfg(feature = "adapt")]
mod adapt {
    use supple_pack::{Head, HeadSpec, Pack};
    use supple_runtime::{HeadMemory, Label, Learner, MemoryNeed, SupportCache, Use};

    product! {
        /// The pack's first head.
        fn head<'p>(pack: &Pack<'p>) -> Option<Head<'p>>, None, pack.heads().next();
        /// The memory that a head takes.
        fn need(spec: &HeadSpec) -> MemoryNeed, MemoryNeed::default(), MemoryNeed::of_head(spec);
        /// A cache for support samples.
        fn cache<'m>(spec: &HeadSpec, words: &'m mut [f32]) -> Option<SupportCache<'m>>, None,
            SupportCache::new(spec, words).ok();
        /// What adapts the head.
        fn learner<'p, 'm>(head: Head<'p>, memory: HeadMemory<'m>) -> Option<Learner<'p, 'm>>, None,
            Learner::new(head, memory).ok();
        /// Begins with so many classes.
        fn begin(learner: &mut Learner, way: usize) -> bool, false, learner.begin(way).is_ok();
        /// Back to the start.
        fn reset(learner: &mut Learner) -> bool, false, learner.reset().is_ok();
        /// Caches a feature vector.
        fn push(support: &mut SupportCache, feature: &[f32]) -> bool, false, support.push(feature).is_ok();
        /// Says which class a sample is of.
        fn label(learner: &mut Learner, sample: usize, class: usize) -> bool, false,
            learner.label(sample, Label::Class(class), Use::Support).is_ok();
        /// One gradient step.
        fn step(learner: &mut Learner, support: &mut SupportCache) -> bool, false, learner.step(support).is_ok();
        /// Several, under guard.
        fn adapt(learner: &mut Learner, support: &mut SupportCache, steps: usize) -> bool, false,
            learner.adapt(support, steps).is_ok();
        /// The head's numbers.
        fn parameters<'l>(learner: &'l Learner) -> [&'l [f32]; 4], [&[]; 4], learner.parameters();
    }
}
