//! A line to a board whose power fails at a moment that was set.

use std::cell::RefCell;
use std::io::{self, BufRead, BufReader, Write};
use std::os::unix::net::UnixStream;
use std::path::PathBuf;
use std::rc::Rc;
use std::thread;
use std::time::{Duration, Instant};

use supple_link::host::{Child, Client, Prepared, Qemu, Received, Transport, TransportError};
use supple_tests::root;
use supple_tests::run::{Scratch, scratch};

use super::packs::Packs;

/// How long an emulator may take to do what it is told: a slowed one checks a signature in seconds, on a busy machine in
/// many.
const PATIENCE: Duration = Duration::from_secs(100);
/// What a board that was reset may still have to say, from before.
const QUIET: Duration = Duration::from_millis(20);

/// A board and its power.
pub struct Board {
    /// What can be sent to it.
    pub packs: Packs,
    line: Line,
}

/// A client's line to it; all clones are one line.
#[derive(Clone)]
pub struct Line(Rc<RefCell<Supply>>);

struct Supply {
    child: Option<Child>,
    cut_at: Option<Instant>,
    off: bool,
    how: How,
    /// Holds the files that the emulator uses.
    _folder: Scratch,
}

/// How its power is cut.
enum How {
    /// The emulator is killed; another starts on the same flash file.
    Kill(Qemu),
    /// The emulator resets the board.
    Reset(Control),
}

impl Board {
    /// A board whose emulator is killed. It begins with the first pack where a programmer would put it.
    pub fn killed(name: &str, folder: &str) -> Self {
        let folder = scratch(folder);
        // Two erase units, so that there is a place between them to go on at.
        let packs = Packs::new(4160);
        let pack = folder.file("first.supple", &packs.signed[0]);
        let qemu = Qemu::board(name, firmware(name), pack).expect("a board");
        let qemu = qemu.keys(folder.file("keys.bin", &packs.keys)).flash_file(folder.join("flash.bin"));
        Self::new(packs, None, How::Kill(qemu), folder)
    }

    /// A board that is reset, for packs of so many inputs. It begins without one, for the emulator would put that back at
    /// every reset. `shift` slows it down: an instruction takes 2 to the power of it in nanoseconds.
    pub fn reset(name: &str, folder: &str, inputs: u16, shift: Option<u8>) -> Self {
        let folder = scratch(folder);
        let packs = Packs::new(inputs);
        // Not below the scratch folder, whose path may be longer than a socket's can be.
        let socket = std::env::temp_dir().join(format!("supple-{}-{inputs}.qmp", std::process::id()));
        let qemu = Qemu::bare(name, firmware(name)).expect("a board");
        let qemu = qemu.keys(folder.file("keys.bin", &packs.keys)).control(&socket);
        let Prepared { mut command, .. } = qemu.prepare().unwrap_or_else(|error| panic!("{error}"));
        if let Some(shift) = shift {
            command.args(["-icount", &format!("shift={shift},align=on")]);
        }
        let child = Child::start(command).unwrap_or_else(|error| panic!("{error}"));
        let control = Control::connect(socket).expect("the emulator's socket");
        Self::new(packs, Some(child), How::Reset(control), folder)
    }

    fn new(packs: Packs, child: Option<Child>, how: How, folder: Scratch) -> Self {
        let supply = Supply { child, cut_at: None, off: true, how, _folder: folder };
        Self { packs, line: Line(Rc::new(RefCell::new(supply))) }
    }

    /// Power comes back, and stays until it is set to fail.
    pub fn power_up(&mut self) -> Client<Line> {
        self.line.0.borrow_mut().power_up();
        let mut client =
            Client::connect_within(self.line.clone(), PATIENCE).unwrap_or_else(|error| panic!("{error}"));
        client.set_patience(PATIENCE, 1);
        client
    }

    /// Lets power fail after a time, if no moment is set already: one that is put off again and again never comes.
    pub fn fail_in(&self, time: Duration) {
        self.line.0.borrow_mut().cut_at.get_or_insert_with(|| Instant::now() + time);
    }

    /// Whether power has failed.
    pub fn is_off(&self) -> bool {
        self.line.0.borrow().off
    }
}

fn firmware(board: &str) -> PathBuf {
    root().join(format!("target/firmware/{board}.elf"))
}

impl Supply {
    fn power_up(&mut self) {
        match &self.how {
            How::Kill(qemu) => self.child = Some(qemu.start().unwrap_or_else(|error| panic!("{error}"))),
            How::Reset(_) => {
                let child = self.child.as_mut().expect("it was started");
                let mut old = Vec::new();
                while child.receive(&mut old, QUIET).expect("it runs") == Received::Bytes {}
            }
        }
        (self.off, self.cut_at) = (false, None);
    }

    /// The time that is left, if power fails at all; none where it has failed.
    fn left(&mut self) -> Result<Option<Duration>, TransportError> {
        let left = self.cut_at.map(|moment| moment.saturating_duration_since(Instant::now()));
        if !self.off && left == Some(Duration::ZERO) {
            self.off = true;
            match &mut self.how {
                How::Kill(_) => self.child = None,
                How::Reset(control) => control.reset().expect("the emulator answers"),
            }
        }
        if self.off { Err(io::Error::other("no power").into()) } else { Ok(left) }
    }
}

impl Transport for Line {
    fn send(&mut self, bytes: &[u8]) -> Result<(), TransportError> {
        let mut supply = self.0.borrow_mut();
        supply.left()?;
        supply.child.as_mut().expect("it has power").send(bytes)
    }

    fn receive(&mut self, bytes: &mut Vec<u8>, timeout: Duration) -> Result<Received, TransportError> {
        let mut supply = self.0.borrow_mut();
        let left = supply.left()?;
        let child = supply.child.as_mut().expect("it has power");
        let received = child.receive(bytes, left.unwrap_or(timeout).min(timeout))?;
        supply.left()?;
        Ok(received)
    }
}

/// An emulator's control socket (QMP).
struct Control {
    path: PathBuf,
    stream: BufReader<UnixStream>,
}

impl Control {
    fn connect(path: PathBuf) -> io::Result<Self> {
        let deadline = Instant::now() + PATIENCE;
        let stream = loop {
            match UnixStream::connect(&path) {
                Err(_) if Instant::now() < deadline => thread::sleep(Duration::from_millis(5)),
                stream => break stream?,
            }
        };
        stream.set_read_timeout(Some(PATIENCE))?;
        let mut control = Self { path, stream: BufReader::new(stream) };
        control.ask("qmp_capabilities", "return")?;
        Ok(control)
    }

    fn reset(&mut self) -> io::Result<()> {
        // The answer only says that it will be done.
        self.ask("system_reset", "RESET")
    }

    /// Asks and waits for a line with a word.
    fn ask(&mut self, command: &str, word: &str) -> io::Result<()> {
        self.stream.get_mut().write_all(format!("{{\"execute\":\"{command}\"}}\n").as_bytes())?;
        let mut line = String::new();
        while !line.contains(&format!("\"{word}\"")) {
            line.clear();
            if self.stream.read_line(&mut line)? == 0 {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
        }
        Ok(())
    }
}

impl Drop for Control {
    fn drop(&mut self) {
        // The emulator, which is killed, leaves it behind.
        let _ = std::fs::remove_file(&self.path);
    }
}
