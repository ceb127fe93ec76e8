//! The device at work: the firmware's, started anew from the file whenever it is asked to.

use std::fmt::Display;
use std::io;

use supple_app::{Board, Device, Memory, Packs, Session};
use supple_pack::{AlignedBytes, Pack};
use supple_runtime::trunk::tract::TractError;
use supple_runtime::{MemoryNeed, PlanTrunk, RunError, TractTrunk, Trunk};

use crate::board::Edge;
use crate::flash::Storage;

/// Labels for four heads of as many samples and classes as a pack can say.
const LABELS: usize = 4 * 2 * u16::MAX as usize;

/// What makes a trunk of a pack.
pub trait Maker {
    /// The trunk.
    type Trunk<'m>: Trunk;
    /// Why it cannot be made.
    type Error: Display;

    /// Makes it; `arena` is as long as the pack's plan needs.
    fn make<'m>(pack: &Pack<'m>, arena: &'m mut [f32]) -> Result<Self::Trunk<'m>, Self::Error>;
}

/// Trunks run by their plans: the twin's bits.
pub struct ByPlan;

impl Maker for ByPlan {
    type Trunk<'m> = PlanTrunk<'m, 'm>;
    type Error = RunError;

    fn make<'m>(pack: &Pack<'m>, arena: &'m mut [f32]) -> Result<PlanTrunk<'m, 'm>, RunError> {
        PlanTrunk::new(pack, arena)
    }
}

/// Trunks run by tract: faster where they are large, close to the twin.
pub struct ByTract;

impl Maker for ByTract {
    type Trunk<'m> = TractTrunk;
    type Error = TractError;

    fn make<'m>(pack: &Pack<'m>, _: &'m mut [f32]) -> Result<TractTrunk, TractError> {
        TractTrunk::new(pack)
    }
}

/// Whether a trunk can be made of a pack that was checked.
pub fn runs<M: Maker>(pack: &Pack) -> bool {
    let mut arena = vec![0.0; MemoryNeed::of(pack).arena];
    M::make(pack, &mut arena).inspect_err(|error| eprintln!("a pack was refused: {error}")).is_ok()
}

/// How a device came to its end.
enum End {
    /// It is to start anew.
    Restart,
    /// Nobody can ask any more.
    Line,
}

/// Answers requests until no more can come.
pub fn serve<M: Maker, S: Storage>(edge: &mut Edge<S>, memory: u32) -> io::Result<()> {
    let mut line = supple_app::Line::new();
    while let End::Restart = run::<M, S>(edge, memory, &mut line)? {
        edge.flash.power_up()?;
    }
    Ok(())
}

/// One life of the device.
fn run<M: Maker, S: Storage>(
    edge: &mut Edge<S>,
    memory: u32,
    line: &mut supple_app::Line,
) -> io::Result<End> {
    let packs = Packs::start(edge);
    let pack = AlignedBytes::copy_of(edge.content(packs.area()));
    // Zeros that nobody has touched take no memory.
    let (mut floats, mut labels) = (vec![0.0; memory as usize / 4], vec![0; LABELS]);
    let memory = Memory { floats: &mut floats, labels: &mut labels };
    let mut device = Device::with_trunk(packs, &pack, memory, edge, |pack, arena| {
        M::make(pack, arena).inspect_err(|error| eprintln!("error: the pack does not run: {error}")).ok()
    });
    let mut session = Session::new(line);
    while let Some(byte) = edge.line.next_byte()? {
        if let Some(frame) = session.take(byte, &mut device, edge) {
            edge.line.send(frame)?;
            if device.is_to_restart() {
                return Ok(End::Restart);
            }
        }
    }
    Ok(End::Line)
}
