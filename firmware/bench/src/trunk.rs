//! Runs a pack's trunk.

use supple_pack::Pack;

use crate::console::{fail, print};
use crate::meter::measure;
use crate::product;

/// Writes an input and measures a run.
#[inline(never)]
pub fn run(pack: &Pack, arena: &mut [f32]) {
    let Some(mut trunk) = product::trunk(pack, arena) else {
        fail("the trunk does not run in this build or arena")
    };
    for (at, place) in product::input(&mut trunk).iter_mut().enumerate() {
        *place = (at % 17) as f32 / 17.0;
    }
    let mut sound = false;
    measure("trunk", &mut || sound = product::run(&mut trunk));
    if !sound {
        fail("the trunk did not run");
    }
    print("trunk", "bits", crate::mix(product::feature(&trunk)));
}
