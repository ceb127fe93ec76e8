//! Running other programs.

use std::io::{self, BufRead, BufReader};
use std::process::{Command, ExitStatus, Stdio};
use std::thread;
use std::time::{Duration, Instant};

/// What a program prints, or `None` when it is missing or fails.
pub fn output_of(program: &str, arguments: &[&str]) -> Option<String> {
    let output = Command::new(program).args(arguments).stdin(Stdio::null()).output().ok()?;
    output.status.success().then(|| String::from_utf8_lossy(&output.stdout).trim().to_owned())
}

/// Runs a program, shows what it says, and kills it when it takes too long (`Ok(None)`).
pub fn run_within(command: &mut Command, limit: Duration) -> io::Result<Option<ExitStatus>> {
    let mut child = command.stdin(Stdio::null()).spawn()?;
    let deadline = Instant::now() + limit;
    loop {
        if let Some(status) = child.try_wait()? {
            return Ok(Some(status));
        }
        if Instant::now() >= deadline {
            child.kill()?;
            child.wait()?;
            return Ok(None);
        }
        thread::sleep(Duration::from_millis(50));
    }
}

/// Runs a program and hands over each line of its standard output as it comes.
///
/// Standard error is passed on untouched.
pub fn run_lines(command: &mut Command, mut line: impl FnMut(&str)) -> io::Result<ExitStatus> {
    let mut child = command.stdin(Stdio::null()).stdout(Stdio::piped()).spawn()?;
    if let Some(output) = child.stdout.take() {
        let mut output = BufReader::new(output);
        let mut bytes = Vec::new();
        while output.read_until(b'\n', &mut bytes)? > 0 {
            line(String::from_utf8_lossy(&bytes).trim_end_matches(['\n', '\r']));
            bytes.clear();
        }
    }
    child.wait()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_program_that_takes_too_long_is_killed() {
        let mut sleep = Command::new("sleep");
        let status = run_within(sleep.arg("60"), Duration::from_millis(100)).expect("sleep is everywhere");
        assert!(status.is_none());
    }

    #[test]
    fn lines_come_one_by_one_with_the_status() {
        let mut lines = Vec::new();
        let mut shell = Command::new("sh");
        shell.args(["-c", "printf 'one\\r\\n\\nthree'; exit 3"]);
        let status =
            run_lines(&mut shell, |line| lines.push(line.to_owned())).expect("a shell is everywhere");
        assert_eq!(lines, ["one", "", "three"]);
        assert_eq!(status.code(), Some(3));
    }

    #[test]
    fn a_missing_program_has_no_output() {
        assert_eq!(output_of("/no/such/program", &[]), None);
    }
}
