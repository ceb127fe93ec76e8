//! A process whose standard input and output are the line.

use std::io::{ErrorKind, Read, Write};
use std::process::{ChildStdin, Command, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, sync_channel};
use std::thread;
use std::time::Duration;

use tempfile::TempPath;

use super::transport::{Received, Transport, TransportError};

/// Chunks of output that wait to be looked at.
const CHUNKS: usize = 16;

/// A running process; killed on drop.
#[derive(Debug)]
pub struct Child {
    process: std::process::Child,
    program: String,
    input: ChildStdin,
    output: Receiver<Vec<u8>>,
    complaints: Receiver<Vec<u8>>,
    _file: Option<TempPath>,
}

impl Child {
    /// Starts a command with its three standard streams piped.
    pub fn start(mut command: Command) -> std::io::Result<Self> {
        let program = command.get_program().to_string_lossy().into_owned();
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut process = command.spawn()?;
        let missing = || std::io::Error::other("a piped stream is missing");
        let input = process.stdin.take().ok_or_else(missing)?;
        let output = forward(process.stdout.take().ok_or_else(missing)?);
        let complaints = forward(process.stderr.take().ok_or_else(missing)?);
        Ok(Self { process, program, input, output, complaints, _file: None })
    }

    /// Holds a file that the process uses, to be deleted after its end.
    pub(super) fn with_file(mut self, file: Option<TempPath>) -> Self {
        self._file = file;
        self
    }

    /// The process' number, e.g. to watch it from outside.
    pub fn id(&self) -> u32 {
        self.process.id()
    }

    fn ended(&mut self) -> TransportError {
        // Its streams are closed: it is dead or will never answer again.
        let _ = self.process.kill();
        let status = match self.process.wait() {
            Ok(status) => status.to_string(),
            Err(error) => error.to_string(),
        };
        let complaints: Vec<u8> = self.complaints.iter().flatten().collect();
        let complaints = String::from_utf8_lossy(&complaints);
        let said = match complaints.trim() {
            "" => String::new(),
            text => format!(", saying: {text}"),
        };
        TransportError::Ended { program: self.program.clone(), status, said }
    }
}

impl Transport for Child {
    fn send(&mut self, bytes: &[u8]) -> Result<(), TransportError> {
        match self.input.write_all(bytes).and_then(|()| self.input.flush()) {
            Ok(()) => Ok(()),
            Err(error) if error.kind() == ErrorKind::BrokenPipe => Err(self.ended()),
            Err(error) => Err(error.into()),
        }
    }

    fn receive(&mut self, bytes: &mut Vec<u8>, timeout: Duration) -> Result<Received, TransportError> {
        match self.output.recv_timeout(timeout) {
            Ok(chunk) => {
                bytes.extend(chunk);
                Ok(Received::Bytes)
            }
            Err(RecvTimeoutError::Timeout) => Ok(Received::Nothing),
            Err(RecvTimeoutError::Disconnected) => Err(self.ended()),
        }
    }
}

impl Drop for Child {
    fn drop(&mut self) {
        // Already ended is as good.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// Reads a stream to its end in a thread of its own, since a pipe can neither be polled nor timed out.
fn forward(mut stream: impl Read + Send + 'static) -> Receiver<Vec<u8>> {
    // Bounded: a board that babbles waits, it does not fill the host's memory.
    let (sender, receiver) = sync_channel(CHUNKS);
    thread::spawn(move || {
        let mut buffer = [0; 4096];
        while let Ok(length @ 1..) = stream.read(&mut buffer) {
            if sender.send(buffer[..length].to_vec()).is_err() {
                break;
            }
        }
    });
    receiver
}
