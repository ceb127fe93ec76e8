//! What the one who asks is told when a worker does not come back.
#![cfg(unix)]

use std::path::PathBuf;
use std::time::{Duration, Instant};

use supple_trunk::isolated::{IsolatedError, Limits, Session, Worker, candidates_isolated, compile_isolated};
use supple_trunk::{CompileOptions, candidates};

use crate::common::*;
use crate::worker;

/// A shell in place of a worker.
fn shell(script: &str, seconds: u64) -> Worker {
    Worker {
        program: PathBuf::from("/bin/sh"),
        arguments: vec!["-c".into(), script.into()],
        limits: Limits { seconds, ..Limits::default() },
    }
}

fn told(worker: &Worker, onnx: &[u8]) -> IsolatedError {
    compile_isolated(worker, onnx, &CompileOptions::default()).unwrap_err()
}

#[test]
fn a_worker_that_dies_is_told_by_how_it_died() {
    // More than a pipe holds, so that the death is seen while the model is still being sent.
    let long = vec![0; 4 << 20];
    for onnx in [&conv4(4), &long] {
        let text = told(&shell("echo 'thread main panicked' >&2; kill -SEGV $$", 5), onnx).to_string();
        assert!(text.contains("SIGSEGV") && text.contains("thread main panicked"), "{text}");
        let text = told(&shell("exit 3", 5), onnx).to_string();
        assert!(text.contains("3") && text.contains("onnxruntime"), "{text}");
        let limited = shell("ulimit -S -t 1; while :; do :; done", 1);
        assert!(matches!(told(&limited, onnx), IsolatedError::TimeOut(1)));
        let full = shell("echo 'memory allocation of 99 bytes failed' >&2; kill -ABRT $$", 5);
        assert!(matches!(told(&full, onnx), IsolatedError::Memory(_)));
    }
    let none = Worker { program: "/nowhere/supple".into(), ..shell("", 5) };
    assert!(matches!(told(&none, &[]), IsolatedError::Start { .. }));
}

#[test]
fn a_worker_that_sleeps_talks_nonsense_or_never_stops_is_ended() {
    let start = Instant::now();
    assert!(matches!(told(&shell("exec sleep 1000", 0), &conv4(4)), IsolatedError::TimeOut(0)));
    let nonsense = told(&shell("head -c 100000 /dev/zero | tr '\\0' x; exec sleep 1000", 5), &conv4(4));
    assert!(matches!(nonsense, IsolatedError::Answer(_)), "{nonsense}");
    let empty = told(&shell("head -c 100000 /dev/zero; exec sleep 1000", 5), &conv4(4));
    assert!(matches!(empty, IsolatedError::Answer(_)), "{empty}");
    // Its standard error is read to the end, but not kept.
    let loud = told(&shell("head -c 3000000 /dev/zero | tr '\\0' x >&2; exit 1", 5), &conv4(4)).to_string();
    assert!(loud.len() < 2_000, "{}", loud.len());
    assert!(start.elapsed() < Duration::from_secs(10), "{:?}", start.elapsed());
}

#[test]
fn too_little_memory_is_an_error_with_a_remedy() {
    let layers = vec![supple_trunk::Layer::Flatten, dense(32 * 32 * 16, 256)];
    let large = model([16, 32, 32], layers);
    // Where it is read, and where it is worked on.
    for megabytes in [40, 64, 80] {
        let limits = Limits { memory: megabytes * 1_000_000, seconds: 20 };
        let text = told(&Worker { limits, ..worker() }, &large).to_string();
        let wanted = format!("more than {megabytes} MB of memory");
        assert!(text.contains(&wanted) && text.contains("--output"), "{text}");
    }
    assert!(compile_isolated(&worker(), &large, &CompileOptions::default()).is_ok());
}

#[test]
fn a_session_goes_on_after_a_death_and_serves_many_models() {
    let mut session = Session::new(worker());
    let options = CompileOptions { name: "kept".into(), ..CompileOptions::default() };
    let first = session.compile(&conv4(4), &options).unwrap();
    assert_eq!(first.parts.name, "kept");
    assert!(session.compile(b"nonsense", &options).unwrap_err().is_refusal());
    assert!(session.usage().peak_bytes > 0);
    session.restart();
    assert_eq!(session.compile(&conv4(4), &options).unwrap(), first);
    assert_eq!(session.candidates(&conv4(4)).unwrap(), candidates(&conv4(4)).unwrap());
    assert_eq!(candidates_isolated(&worker(), &conv4(8)).unwrap(), candidates(&conv4(8)).unwrap());
}
