//! Runs an image in the emulator, instruction by instruction.
//!
//! The emulator's timer says how many instructions a measurement took; its log of executed instructions says which. The
//! two must agree.

use std::collections::BTreeMap;
use std::io::{self, BufRead, BufReader, Read};
use std::path::Path;
use std::process::{Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use super::boards::Board;
use super::image::Bench;
use super::thumb::{Before, Instruction, Sum};

/// The timer counts 1.6 ticks an instruction, in whole ticks, at four places.
const TIMER_ERROR: u64 = 2;
/// No case takes a tenth of it.
const LIMIT: Duration = Duration::from_secs(300);

/// Why an image gave no figures.
#[derive(Debug, thiserror::Error)]
pub enum TraceError {
    /// No emulator.
    #[error("starting qemu-system-arm failed: {0}; `cargo xtask setup` installs it")]
    NoEmulator(io::Error),
    /// Its output broke off.
    #[error("reading what the emulator says failed: {0}; run it again")]
    Broken(io::Error),
    /// The image says what is wrong, or nothing.
    #[error("the image with {pack} stopped: {reason}; the bench's image or pack is wrong")]
    Stopped {
        /// The pack's file.
        pack: String,
        /// What the image said.
        reason: String,
    },
    /// A loop that does not end.
    #[error("the image with {0} did not end within {seconds} s; look for a loop in it", seconds = LIMIT.as_secs())]
    Endless(String),
    /// Two ways to count that differ.
    #[error(
        "{name} took {timer} instructions by the emulator's timer but {counted} by its log; one of the two is read \
         wrongly (QEMU 7.2 is known to agree)"
    )]
    Disagree {
        /// The measurement.
        name: String,
        /// By the timer.
        timer: u64,
        /// By the log.
        counted: u64,
    },
}

/// What a measurement took.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Measured {
    /// As the image calls it.
    pub name: String,
    /// Instructions and cycles.
    pub sum: Sum,
    /// Bytes of stack.
    pub stack: u64,
}

/// What an image said.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Said {
    /// In their order.
    pub measured: Vec<Measured>,
    /// Bytes of memory, by what for.
    pub memory: BTreeMap<String, u64>,
}

/// Runs an image with a pack.
pub fn run(bench: &Bench, board: &Board, pack: &Path) -> Result<Said, TraceError> {
    let name = pack.file_name().unwrap_or_default().to_string_lossy().into_owned();
    let mut command = Command::new("qemu-system-arm");
    command.args(["-M", board.machine, "-cpu", board.cpu, "-icount", "shift=6", "-nographic"]);
    command.args(["-monitor", "none", "-serial", "none", "-semihosting-config", "enable=on,target=native"]);
    // One instruction at a time, each of them logged.
    command.args(["-singlestep", "-d", "exec,nochain", "-D", "/dev/stdout", "-kernel"]);
    command.arg(&bench.path).arg("-device");
    let path = pack.display().to_string().replace(',', ",,");
    command.arg(format!("loader,file={path},addr={:#x},force-raw=on", board.pack_at));
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().map_err(TraceError::NoEmulator)?;
    let (log, text) = (child.stdout.take(), child.stderr.take());
    let said = thread::spawn(move || {
        let mut said = String::new();
        text.map_or(Ok(0), |mut text| text.read_to_string(&mut said)).map(|_| said)
    });
    let deadline = Instant::now() + LIMIT;
    let mut windows = Windows::new(bench);
    let read = log.map_or(Ok(true), |log| read_log(log, deadline, &mut windows));
    if !matches!(read, Ok(true)) {
        // It may have ended by itself; what counts is that it has.
        let _ = child.kill();
    }
    let status = child.wait().map_err(TraceError::Broken)?;
    let said = said.join().unwrap_or_else(|_| Ok(String::new())).map_err(TraceError::Broken)?;
    if !read.map_err(TraceError::Broken)? {
        return Err(TraceError::Endless(name));
    }
    let parsed = parse(&said, &windows.sums)?;
    if status.success() && parsed.measured.len() == windows.sums.len() {
        return Ok(parsed);
    }
    let reason = said.lines().last().unwrap_or("it said nothing").to_owned();
    Err(TraceError::Stopped { pack: name, reason })
}

/// Reads the log to its end; `false` where that takes too long.
fn read_log(log: impl Read, deadline: Instant, windows: &mut Windows) -> io::Result<bool> {
    let mut log = BufReader::with_capacity(1 << 16, log);
    let mut line = Vec::new();
    let mut waiting = None;
    for count in 0_u64.. {
        line.clear();
        if log.read_until(b'\n', &mut line)? == 0 {
            break;
        }
        if count.is_multiple_of(1 << 20) && Instant::now() > deadline {
            return Ok(false);
        }
        if line.starts_with(b"Trace ") {
            if let Some(at) = std::mem::replace(&mut waiting, place(&line)) {
                windows.executed(at);
            }
        } else if line.starts_with(b"Stopped execution") {
            // The emulator looked at its clock first; the line before is said again.
            waiting = None;
        }
    }
    Ok(true)
}

/// The address in `Trace 0: 0x7f0710000100 [00800408/00000400/00000110/ff020201] name`.
fn place(line: &[u8]) -> Option<u32> {
    let fields = line.get(line.iter().position(|&byte| byte == b'[')? + 1..)?;
    let digits = fields.get(fields.iter().position(|&byte| byte == b'/')? + 1..)?.first_chunk::<8>()?;
    // Millions of lines: quicker than by way of text.
    digits.iter().try_fold(0, |value, &digit| Some(value << 4 | char::from(digit).to_digit(16)?))
}

/// Follows what is executed between the calls of the image's clock.
struct Windows<'b> {
    bench: &'b Bench,
    /// Calls of the clock so far.
    calls: u64,
    /// The instruction before, which costs what it does only once the next is known.
    before: Option<u32>,
    state: Before,
    /// Of the window that is open.
    sum: Sum,
    /// Of a window around nothing.
    nothing: Sum,
    /// Of each measurement.
    sums: Vec<Sum>,
    decoded: Vec<Option<Instruction>>,
}

impl<'b> Windows<'b> {
    fn new(bench: &'b Bench) -> Self {
        Self {
            bench,
            calls: 0,
            before: None,
            state: Before::default(),
            sum: Sum::default(),
            nothing: Sum::default(),
            sums: Vec::new(),
            decoded: vec![None; bench.code.len() / 2],
        }
    }

    fn instruction(&mut self, at: u32) -> Instruction {
        let index = at.wrapping_sub(self.bench.base) as usize / 2;
        let half = |index: usize| {
            let bytes = self.bench.code.get(2 * index..2 * index + 2).unwrap_or(&[0, 0]);
            u16::from_le_bytes([bytes[0], bytes[1]])
        };
        let decode = || Instruction::decode(half(index), half(index + 1));
        match self.decoded.get_mut(index) {
            Some(place) => *place.get_or_insert_with(decode),
            None => decode(),
        }
    }

    fn executed(&mut self, at: u32) {
        if let Some(before) = self.before.filter(|_| self.calls % 2 == 1) {
            let (instruction, next) = (self.instruction(before), self.instruction(at));
            self.sum.add(&instruction, before, at, next.length, &mut self.state);
        }
        self.before = Some(at);
        if at != self.bench.clock {
            return;
        }
        self.calls += 1;
        match self.calls % 4 {
            2 => self.nothing = std::mem::take(&mut self.sum),
            0 => {
                let sum = std::mem::take(&mut self.sum);
                self.sums.push(sum.less(self.nothing));
            }
            _ => {}
        }
    }
}

/// Reads the image's lines and holds them against the log.
fn parse(text: &str, sums: &[Sum]) -> Result<Said, TraceError> {
    let mut said = Said::default();
    let mut sums = sums.iter();
    for line in text.lines() {
        let Some((key, value)) = line.split_once('=') else { continue };
        let (Some((name, key)), Ok(value)) = (key.split_once('.'), value.parse::<u64>()) else { continue };
        match key {
            "instructions" => {
                let Some(&sum) = sums.next() else { continue };
                if sum.instructions.abs_diff(value) > TIMER_ERROR {
                    let (timer, counted) = (value, sum.instructions);
                    return Err(TraceError::Disagree { name: name.to_owned(), timer, counted });
                }
                said.measured.push(Measured { name: name.to_owned(), sum, stack: 0 });
            }
            "stack" => {
                if let Some(last) = said.measured.last_mut() {
                    last.stack = value;
                }
            }
            _ if name == "memory" => {
                said.memory.insert(key.to_owned(), value);
            }
            _ => {}
        }
    }
    Ok(said)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A clock at 0 that returns, work at 8 of two instructions, both called from 16.
    fn bench() -> Bench {
        let mut code = vec![0; 64];
        for at in (0..64).step_by(2) {
            code[at..at + 2].copy_from_slice(&0xbf00_u16.to_le_bytes());
        }
        Bench { path: "image".into(), code, base: 0x100, clock: 0x100, flash: 0 }
    }

    fn log(places: &[u32]) -> String {
        places.iter().map(|at| format!("Trace 0: 0x7f07 [00800408/{at:08x}/00000110/ff020201] f\n")).collect()
    }

    #[test]
    fn what_lies_between_two_calls_of_the_clock_is_counted_less_nothing() {
        let places = [
            0x110, 0x100, 0x102, 0x112, 0x100, 0x102, 0x114, 0x100, 0x102, 0x108, 0x10a, 0x112, 0x100, 0x102,
        ];
        let mut text = log(&places[..4]);
        // Looked at, but not executed then.
        text += &log(&[0x100]);
        text += "Stopped execution of TB chain before 0x7f07 [00000100] f\n";
        text += &log(&places[4..]);
        let bench = bench();
        let mut windows = Windows::new(&bench);
        let deadline = Instant::now() + LIMIT;
        assert!(read_log(text.as_bytes(), deadline, &mut windows).expect("in memory"));
        assert_eq!(windows.sums, [Sum { instructions: 2, cycles: 2, stalls: 0 }]);
    }

    #[test]
    fn timer_and_log_must_agree() {
        let sums = [Sum { instructions: 100, cycles: 150, stalls: 3 }];
        let said = parse("memory.arena=64\nstep.instructions=101\nstep.stack=32\nstep.bits=7\n", &sums);
        let said = said.expect("near enough");
        assert_eq!(said.memory.get("arena"), Some(&64));
        assert_eq!(said.measured, [Measured { name: "step".to_owned(), sum: sums[0], stack: 32 }]);
        let error = parse("step.instructions=103\n", &sums).expect_err("too far");
        assert!(error.to_string().contains("103"), "{error}");
    }
}
