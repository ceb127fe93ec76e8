//! The parent: a worker that is started when it is needed and again when it has died.

use std::io::{self, BufReader, BufWriter, Read};
use std::process::{Child, ChildStdin, Command, ExitStatus, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::thread::{self, JoinHandle};
use std::time::Instant;

use super::wire::{Answer, Greeting, Outcome, Task, receive, send};
use super::{IsolatedError, Usage, Worker};
use crate::refusal::printable;

/// So much of what a worker says on its standard error is kept.
const SAID: u64 = 16 << 10;

/// A worker that serves model after model, in one process as long as none of them kills it.
#[derive(Debug)]
pub struct Session {
    worker: Worker,
    running: Option<Running>,
    usage: Usage,
}

#[derive(Debug)]
struct Running {
    child: Child,
    to: Option<ChildStdin>,
    answers: Receiver<io::Result<Option<Answer>>>,
    said: JoinHandle<String>,
}

impl Session {
    /// Nothing is started yet.
    pub fn new(worker: Worker) -> Self {
        Self { worker, running: None, usage: Usage::default() }
    }

    /// What the last answer took.
    pub fn usage(&self) -> Usage {
        self.usage
    }

    /// Ends the process; the next task starts another.
    pub fn restart(&mut self) {
        self.running = None;
    }

    pub(super) fn ask(&mut self, task: &Task) -> Result<Outcome, IsolatedError> {
        let mut running = match self.running.take() {
            Some(running) => running,
            None => Running::start(&self.worker)?,
        };
        let deadline = Instant::now() + self.worker.limits.wall();
        // A model may be longer than a pipe holds, and a worker may die before it has read it.
        let to = running.to.take();
        let sent = thread::scope(|scope| {
            let sending = scope.spawn(move || {
                let mut to = BufWriter::new(to?);
                send(&mut to, task).ok()?;
                to.into_inner().ok()
            });
            let answer = running.answers.recv_timeout(deadline.saturating_duration_since(Instant::now()));
            if !matches!(answer, Ok(Ok(Some(_)))) {
                // One that has died keeps its own end; and the sending would wait for a reader for ever.
                let _ = running.child.kill();
            }
            (sending.join().ok().flatten(), answer)
        });
        match sent {
            (to, Ok(Ok(Some(answer)))) => {
                running.to = to;
                self.usage = answer.usage;
                if running.to.is_some() {
                    self.running = Some(running);
                }
                Ok(answer.outcome)
            }
            (_, Err(RecvTimeoutError::Timeout)) => Err(IsolatedError::TimeOut(self.worker.limits.seconds)),
            (_, Ok(Err(error))) if error.kind() != io::ErrorKind::UnexpectedEof => {
                Err(IsolatedError::Answer(error.to_string()))
            }
            _ => Err(running.died(&self.worker)),
        }
    }
}

impl Running {
    fn start(worker: &Worker) -> Result<Self, IsolatedError> {
        let failed = |source| IsolatedError::Start { program: worker.program.clone(), source };
        let mut child = Command::new(&worker.program)
            .args(&worker.arguments)
            // A backtrace takes memory that a limited process may not have.
            .env("RUST_BACKTRACE", "0")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .map_err(failed)?;
        let (to, from, said) = (child.stdin.take(), child.stdout.take(), child.stderr.take());
        let (Some(mut to), Some(from), Some(mut said)) = (to, from, said) else {
            return Err(failed(io::ErrorKind::BrokenPipe.into()));
        };
        let said = thread::spawn(move || {
            let mut kept = Vec::new();
            // What is beyond is read and dropped, or the worker would wait for a reader.
            let _ = said.by_ref().take(SAID).read_to_end(&mut kept);
            let _ = io::copy(&mut said, &mut io::sink());
            String::from_utf8_lossy(&kept).into_owned()
        });
        let (sender, answers) = channel();
        thread::spawn(move || {
            let mut from = BufReader::new(from);
            loop {
                let answer = receive::<Answer>(&mut from);
                let last = !matches!(answer, Ok(Some(_)));
                if sender.send(answer).is_err() || last {
                    break;
                }
            }
        });
        // If it has died already, the answer tells how.
        let _ = send(&mut to, &Greeting { memory: worker.limits.memory, seconds: worker.limits.seconds });
        Ok(Self { child, to: Some(to), answers, said })
    }

    /// How a worker ended that gave no answer.
    fn died(mut self, worker: &Worker) -> IsolatedError {
        let status = self.child.wait();
        let said = std::mem::replace(&mut self.said, thread::spawn(String::new));
        let said = said.join().unwrap_or_default();
        // The words of Rust's allocator, of its readers, and of the system.
        let out_of_memory = ["memory allocation of", "out of memory", "Cannot allocate memory"];
        if out_of_memory.iter().any(|words| said.contains(words)) {
            return IsolatedError::Memory(worker.limits.memory);
        }
        match status.ok().map(ended) {
            Some(End::ProcessorTime) => IsolatedError::TimeOut(worker.limits.seconds),
            Some(End::Other(how)) => {
                let said = said.trim().lines().last().map(|line| format!(" ({})", printable(line)));
                IsolatedError::Died { how, said: said.unwrap_or_default() }
            }
            None => IsolatedError::Died { how: "no trace".into(), said: String::new() },
        }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.to = None;
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

enum End {
    ProcessorTime,
    Other(String),
}

#[cfg(unix)]
fn ended(status: ExitStatus) -> End {
    use std::os::unix::process::ExitStatusExt;

    use nix::sys::signal::Signal;

    match status.signal().map(Signal::try_from) {
        Some(Ok(Signal::SIGXCPU)) => End::ProcessorTime,
        Some(Ok(signal)) => End::Other(format!("the signal {}", signal.as_str())),
        Some(Err(_)) | None => End::Other(format!("{status}")),
    }
}

#[cfg(not(unix))]
fn ended(status: ExitStatus) -> End {
    End::Other(format!("{status}"))
}
