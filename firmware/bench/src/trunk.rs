//! Runs a pack's trunk.

use supple_pack::Pack;
use supple_runtime::PlanTrunk;

use crate::console::{fail, print};
use crate::meter::measure;

/// Writes an input and measures a run.
#[inline(never)]
pub fn run(pack: &Pack, arena: &mut [f32]) {
    let Ok(mut trunk) = PlanTrunk::new(pack, arena) else {
        fail("the trunk does not run in this build or arena")
    };
    for (at, place) in trunk.input_mut().iter_mut().enumerate() {
        *place = (at % 17) as f32 / 17.0;
    }
    let mut sound = false;
    measure("trunk", &mut || sound = trunk.run().is_ok());
    if !sound {
        fail("the trunk did not run");
    }
    print("trunk", "bits", crate::mix(trunk.feature()));
}
