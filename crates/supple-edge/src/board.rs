//! A file and a line as a board of the firmware's main loop.

use std::fs;
use std::time::Instant;

use supple_app::{Area, Board, Clock, Places};
use supple_pack::Pack;

use crate::flash::{FileFlash, Storage};
use crate::line::Line;
use crate::state::{Sizes, StateFile};

/// The board.
pub struct Edge<S = StateFile> {
    /// What survives.
    pub flash: FileFlash<S>,
    /// Whom it talks to.
    pub line: Line,
    /// Whose packs it takes; empty for nobody's.
    pub keys: Vec<u8>,
    /// Where in the flash things lie.
    pub places: Places,
    /// When it started.
    pub started: Instant,
    /// Whether the trunk can be made of a pack, in the way that was chosen.
    pub can_run: fn(&Pack) -> bool,
}

impl<S: Storage> Board for Edge<S> {
    const NAME: &'static str = "edge";
    const CLOCK: Clock = Clock { hertz: 1_000_000, instructions: (0, 0) };
    const PLACES: Places = Sizes::DEFAULT.places();

    type Flash = FileFlash<S>;

    fn places(&self) -> Places {
        self.places
    }

    /// Zero, which ends a frame, where no more bytes come. Our own loop asks the line, which says that it has ended.
    fn read_byte(&mut self) -> u8 {
        self.line.next_byte().ok().flatten().unwrap_or_default()
    }

    fn write(&mut self, bytes: &[u8]) {
        // What is lost on the line is asked for again.
        let _ = self.line.send(bytes);
    }

    fn ticks(&mut self) -> u32 {
        self.started.elapsed().as_micros() as u32
    }

    /// All memory that the process ever had at once, but the stack.
    fn fixed_memory(&self) -> u32 {
        kilobytes("VmHWM:").saturating_sub(kilobytes("VmStk:")).saturating_mul(1024)
    }

    fn stack(&self) -> u32 {
        number("/proc/self/limits", "Max stack size")
    }

    fn stack_high_water(&self) -> u32 {
        kilobytes("VmStk:").saturating_mul(1024)
    }

    fn flash(&mut self) -> &mut FileFlash<S> {
        &mut self.flash
    }

    /// Nothing: what runs is a copy, which our own loop makes at each start.
    fn pack(&self, _: Area) -> &'static [u8] {
        &[]
    }

    fn content(&self, area: Area) -> &[u8] {
        let start = self.places.pack(area) as usize;
        let behind = self.flash.packs().get(start..).unwrap_or_default();
        behind.get(..self.places.pack_bytes as usize).unwrap_or_default()
    }

    fn can_run(&self, pack: &Pack) -> bool {
        (self.can_run)(pack)
    }

    fn keys(&self) -> &[u8] {
        &self.keys
    }

    /// Our own loop starts the device anew within the process; whoever else asks has a supervisor that does.
    fn restart(&mut self) -> ! {
        std::process::exit(0)
    }
}

fn kilobytes(field: &str) -> u32 {
    number("/proc/self/status", field)
}

/// What Linux says about this process; 0 where nothing does.
fn number(file: &str, field: &str) -> u32 {
    let text = fs::read_to_string(file).unwrap_or_default();
    let rest = text.lines().find_map(|line| line.strip_prefix(field));
    let number = rest.and_then(|rest| rest.split_whitespace().next());
    number.and_then(|number| number.parse().ok()).unwrap_or(0)
}
