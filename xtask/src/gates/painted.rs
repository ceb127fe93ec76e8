//! The stack that an emulated board used, by the paint that is gone.

use std::path::{Path, PathBuf};
use std::time::Duration;

use supple_link::DeviceError;
use supple_link::host::{Client, LinkError, Qemu, QemuError, Transport, UnknownBoard};

/// Packs in the repository, from which the deepest run is taken.
const PACKS: [&str; 2] = ["models/omniglot/omniglot.supple", "models/omniglot-int8/omniglot-int8.supple"];

/// How long an answer may take.
const PATIENCE: Duration = Duration::from_secs(300);

/// Why there is no figure.
#[derive(Debug, thiserror::Error)]
pub enum PaintedError {
    /// No emulator, or no image.
    #[error(transparent)]
    Qemu(#[from] QemuError),
    /// Not a board of the emulator.
    #[error(transparent)]
    Board(#[from] UnknownBoard),
    /// The board refused.
    #[error("{board} with {}: {source}; run it with `supple eval --on qemu` to see more", pack.display())]
    Link {
        /// The board.
        board: String,
        /// The pack.
        pack: PathBuf,
        /// Why.
        source: LinkError,
    },
}

/// The most that any of the packs took, each adapted once; `None` where none of them fits.
pub fn most(root: &Path, board: &str, firmware: &Path) -> Result<Option<u32>, PaintedError> {
    let mut most = None;
    for pack in PACKS {
        let pack = root.join(pack);
        let line = match Qemu::board(board, firmware, &pack)?.start() {
            Err(QemuError::PackTooLarge { .. }) => continue,
            line => line?,
        };
        let used = Client::connect(line).and_then(|mut device| {
            // A core without a floating-point unit takes its time.
            device.set_patience(PATIENCE, 1);
            run(&mut device)
        });
        if matches!(used, Err(LinkError::Device(DeviceError::MemoryTooSmall { .. }))) {
            continue;
        }
        let used = used.map_err(|source| PaintedError::Link { board: board.to_owned(), pack, source })?;
        most = most.max(Some(used));
    }
    Ok(most)
}

/// An episode, everything asked for once.
fn run(device: &mut Client<impl Transport>) -> Result<u32, LinkError> {
    let facts = device.info()?.pack.map_err(LinkError::Device)?;
    let way = facts.capacity.min(5);
    device.begin(way)?;
    for label in 0..way {
        let input: Vec<f32> =
            (0..facts.input).map(|i| ((i * 7 + u32::from(label) * 31) % 17) as f32 / 17.0).collect();
        device.input(&input)?;
        device.features()?;
        device.push_support(label)?;
    }
    device.step()?;
    device.reset()?;
    device.adapt(facts.steps)?;
    device.logits()?;
    device.read_features()?;
    device.read_head()?;
    device.stack_high_water()
}
