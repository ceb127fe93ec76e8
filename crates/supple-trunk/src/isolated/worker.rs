//! The child: takes tasks one by one until nobody sends any more.

use std::io::{self, Read, Write};
use std::panic::{self, AssertUnwindSafe};
use std::sync::{Mutex, PoisonError};

use super::wire::{Answer, Greeting, Outcome, Packed, Task, receive, send};
use super::{Refused, Usage};
use crate::candidates::candidates;
use crate::check::CheckError;
use crate::compile::{CompileError, calibrate, compile};
use crate::front::FrontError;
use crate::refusal::printable;

/// Where the last panic was: the hook sees that, who catches it does not.
static LAST_PANIC: Mutex<String> = Mutex::new(String::new());

/// Serves tasks until the input ends. Sets the limits it is told first, for the whole process: to be called before
/// any thread is started.
pub fn work(from: &mut impl Read, to: &mut impl Write) -> io::Result<()> {
    let Some(greeting) = receive::<Greeting>(from)? else { return Ok(()) };
    limits::set(&greeting)?;
    // tract's panics are told as errors; their messages are no business of the user's terminal.
    panic::set_hook(Box::new(|panic| {
        *LAST_PANIC.lock().unwrap_or_else(PoisonError::into_inner) = panic.to_string();
    }));
    while let Some(task) = receive::<Task>(from)? {
        let before = limits::processor_time();
        limits::allow(greeting.seconds)?;
        let outcome = panic::catch_unwind(AssertUnwindSafe(|| perform(&task))).unwrap_or_else(|_| {
            let panic = LAST_PANIC.lock().unwrap_or_else(PoisonError::into_inner).clone();
            Outcome::Refused(Refused {
                message: format!("the compiler has a fault ({}): please report it", printable(&panic)),
                refusals: None,
                fault: true,
            })
        });
        let microseconds = limits::processor_time().saturating_sub(before);
        send(to, &Answer { outcome, usage: Usage { peak_bytes: limits::peak_bytes(), microseconds } })?;
    }
    Ok(())
}

fn perform(task: &Task) -> Outcome {
    let outcome = match task {
        Task::Compile { onnx, options } => compile(&onnx.0, options).map(Packed::of),
        Task::Candidates { onnx } => {
            return match candidates(&onnx.0) {
                Ok(candidates) => Outcome::Candidates(candidates),
                Err(error) => refused(&error.into()),
            };
        }
        Task::Calibrate { onnx, output, inputs, choice } => {
            return match calibrate(&onnx.0, output.as_deref(), inputs, *choice) {
                Ok(calibrated) => Outcome::Calibrated(calibrated),
                Err(error) => refused(&error),
            };
        }
    };
    match outcome {
        Ok(Ok(packed)) => Outcome::Compiled(packed),
        Ok(Err(message)) => Outcome::Refused(Refused { message, refusals: None, fault: false }),
        Err(error) => refused(&error),
    }
}

fn refused(error: &CompileError) -> Outcome {
    let refusals = match error {
        CompileError::Front(FrontError::Check(CheckError::Unsupported(refusals)))
        | CompileError::Unsupported(refusals) => Some(refusals.clone()),
        _ => None,
    };
    let fault = matches!(error, CompileError::Front(FrontError::Panic { .. }));
    Outcome::Refused(Refused { message: error.to_string(), refusals, fault })
}

/// What the system lets a process limit itself to.
#[cfg(unix)]
mod limits {
    use std::io;

    use nix::sys::resource::{Resource, UsageWho, getrlimit, getrusage, setrlimit};
    use nix::sys::time::TimeValLike;

    use super::Greeting;

    /// Lowers a limit; one that is lower already stays.
    fn lower(resource: Resource, most: u64) -> io::Result<()> {
        let (_, hard) = getrlimit(resource)?;
        let most = most.min(hard);
        Ok(setrlimit(resource, most, most)?)
    }

    pub fn set(greeting: &Greeting) -> io::Result<()> {
        lower(Resource::RLIMIT_CORE, 0)?;
        lower(Resource::RLIMIT_AS, greeting.memory)
    }

    /// So many seconds more: a worker serves many models, and the limit counts all it ever used.
    pub fn allow(seconds: u64) -> io::Result<()> {
        let (_, hard) = getrlimit(Resource::RLIMIT_CPU)?;
        // Whole seconds, and what has begun counts.
        let used = processor_time() / 1_000_000 + 1;
        Ok(setrlimit(Resource::RLIMIT_CPU, used.saturating_add(seconds).min(hard), hard)?)
    }

    /// Of the process so far, in microseconds.
    pub fn processor_time() -> u64 {
        getrusage(UsageWho::RUSAGE_SELF).map_or(0, |usage| {
            let time = usage.user_time() + usage.system_time();
            u64::try_from(time.num_microseconds()).unwrap_or(0)
        })
    }

    pub fn peak_bytes() -> u64 {
        let unit = if cfg!(target_os = "macos") { 1 } else { 1024 };
        getrusage(UsageWho::RUSAGE_SELF)
            .map_or(0, |usage| u64::try_from(usage.max_rss()).unwrap_or(0).saturating_mul(unit))
    }
}

/// Elsewhere only the parent's clock limits a worker.
#[cfg(not(unix))]
mod limits {
    use std::io;

    use super::Greeting;

    pub fn set(_: &Greeting) -> io::Result<()> {
        Ok(())
    }

    pub fn allow(_: u64) -> io::Result<()> {
        Ok(())
    }

    pub fn processor_time() -> u64 {
        0
    }

    pub fn peak_bytes() -> u64 {
        0
    }
}
