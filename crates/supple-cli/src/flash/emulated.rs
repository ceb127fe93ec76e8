//! An emulated board in the background: it outlives the command that starts it.

use std::fs::{self, File};
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use serde_json::json;
use supple_link::Info;
use supple_link::host::{Client, EmulatedBoard, Image, Qemu, Tcp};
use supple_pack::AlignedBytes;

use super::arguments::FlashArguments;
use super::error::FlashError;
use super::state::{Instance, Place, StateError};
use super::{absolute, shown};
use crate::{eval, files};

/// How long the emulator may take to listen.
const START: Duration = Duration::from_secs(10);
/// The most that is told of what the emulator complains of.
const MOST_TOLD: usize = 2000;

/// `--stop`.
pub fn stop(board: &str, erase: bool, json: bool) -> Result<(), FlashError> {
    let place = Place::locked(board)?;
    let stopped = place.stop()?;
    if erase {
        place.erase()?;
    }
    let object = json!({ "board": board, "stopped": stopped.is_some(), "erased": erase });
    let mut text = match stopped {
        Some(Instance { pid, .. }) => format!("the emulated {board} (process {pid}) has ended"),
        None => format!("no emulated {board} ran"),
    };
    if erase {
        text += "; its flash is empty";
    }
    crate::print(json, &object, &text);
    Ok(())
}

/// Starts the board anew with a pack.
pub fn start(
    board: &'static EmulatedBoard,
    arguments: &FlashArguments,
    (path, bytes): (&Path, &AlignedBytes),
) -> Result<(), FlashError> {
    let header = *files::parse_pack(path, bytes)?.header();
    let firmware = arguments.firmware.clone().unwrap_or_else(|| eval::default_firmware(board.name));
    let (pack, firmware) = (absolute(path), absolute(&firmware));
    let keys = arguments.keys.as_deref().map(absolute);
    if arguments.dry_run {
        let flash = board.keeps_flash().then(|| Place::of(board.name)).transpose()?;
        let flash = flash.map(|place| place.flash());
        let object = json!({
            "board": board.name, "program": board.program, "firmware": firmware, "pack": pack, "keys": keys,
            "flash": flash,
        });
        let text = format!("{} with {} and {}", board.program, firmware.display(), pack.display());
        crate::print(arguments.json, &object, &text);
        return Ok(());
    }
    // Before the board that runs is stopped: QEMU would say little of it.
    Image::read(&firmware).map_err(|source| FlashError::Image { board: board.name.to_owned(), source })?;
    let place = Place::locked(board.name)?;
    place.stop()?;
    if arguments.erase {
        place.erase()?;
    }
    let flash = board.keeps_flash().then(|| place.flash());
    if let Some(flash) = &flash {
        put(flash, bytes).map_err(|source| StateError::Io { path: flash.clone(), source })?;
    }
    let port = free_port().map_err(|source| StateError::Io { path: PathBuf::from("127.0.0.1"), source })?;
    let serial = format!("tcp:127.0.0.1:{port},server=on,wait=off,nodelay=on");
    let qemu = qemu(board, (&pack, &firmware, keys.as_deref()), flash.as_deref(), &serial)?;
    let prepared = qemu.control(place.control()).prepare()?;
    let mut process = spawn(prepared.command, board, &place.complaints())?;
    let instance = Instance { pid: process.id(), port, pack, firmware, keys };
    // Noted at once, or a command that is ended here would leave a board that nobody knows of.
    let noted = place.note(&instance).map_err(FlashError::from);
    let answered = noted.and_then(|()| greet(&mut process, board.name, &place, &instance));
    let info = match answered {
        Ok(info) => info,
        Err(error) => {
            // What did not come up is not left behind.
            let _ = process.kill();
            let _ = process.wait();
            place.stop()?;
            return Err(error);
        }
    };
    match &info.pack {
        Err(error) => return Err(FlashError::PackDoesNotRun(*error)),
        Ok(facts) if facts.checksum != header.checksum => {
            return Err(FlashError::OtherPackRuns { board: board.name.to_owned() });
        }
        Ok(_) => {}
    }
    let object = json!({
        "board": board.name,
        "emulated": true,
        "port": format!("qemu:{}", board.name),
        "address": format!("127.0.0.1:{port}"),
        "pid": instance.pid,
        "pack": instance.pack,
        "checksum": format!("{:08x}", header.checksum),
        "firmware": instance.firmware,
        "keys": instance.keys,
        "flash": flash,
    });
    let kept = match &flash {
        Some(_) => "what it saves stays through `--stop`",
        None => {
            "what it saves is gone when it is stopped, for the emulator keeps this board's flash itself, if at all"
        }
    };
    let text = format!(
        "the emulated {0} runs {1} (process {2}); {kept}\n  talk to it: supple device --port qemu:{0} info\n  \
         stop it: supple flash --board {0} --stop",
        board.name,
        shown(path),
        instance.pid
    );
    crate::print(arguments.json, &object, &text);
    Ok(())
}

fn qemu(
    board: &EmulatedBoard,
    (pack, firmware, keys): (&Path, &Path, Option<&Path>),
    flash: Option<&Path>,
    serial: &str,
) -> Result<Qemu, FlashError> {
    let mut qemu = Qemu::board(board.name, firmware, pack)?.serial(serial);
    if let Some(keys) = keys {
        qemu = qemu.keys(keys);
    }
    if let Some(flash) = flash {
        qemu = qemu.flash_file(flash);
    }
    Ok(qemu)
}

/// A port that nobody uses just now.
fn free_port() -> io::Result<u16> {
    Ok(TcpListener::bind("127.0.0.1:0")?.local_addr()?.port())
}

/// Starts the emulator so that neither this command's end nor Ctrl-C ends it.
fn spawn(mut command: Command, board: &EmulatedBoard, log: &Path) -> Result<Child, FlashError> {
    let log = File::create(log).map_err(|source| StateError::Io { path: log.to_owned(), source })?;
    command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(log);
    #[cfg(unix)]
    {
        use std::os::unix::process::CommandExt;
        command.process_group(0);
    }
    let started = command.spawn();
    started.map_err(|source| {
        supple_link::host::QemuError::CannotStart {
            program: board.program.to_owned(),
            package: board.package(),
            source,
        }
        .into()
    })
}

/// Waits for the board's first answer.
fn greet(process: &mut Child, board: &str, place: &Place, instance: &Instance) -> Result<Info, FlashError> {
    let deadline = Instant::now() + START;
    let line = loop {
        if let Ok(Some(status)) = process.try_wait() {
            let said = fs::read(place.complaints()).unwrap_or_default();
            let said = String::from_utf8_lossy(&said[..said.len().min(MOST_TOLD)]).trim().to_owned();
            let said = if said.is_empty() { said } else { format!(", saying: {said}") };
            return Err(FlashError::Ended { board: board.to_owned(), status: status.to_string(), said });
        }
        match Tcp::connect(&format!("127.0.0.1:{}", instance.port)) {
            Ok(line) => break line,
            Err(error) if Instant::now() >= deadline => return Err(error.into()),
            Err(_) => thread::sleep(Duration::from_millis(20)),
        }
    };
    let info = Client::connect(line)?.info()?;
    if info.board != board {
        let (found, board) = (info.board.as_str().to_owned(), board.to_owned());
        return Err(FlashError::OtherFirmware { found, board });
    }
    Ok(info)
}

/// Puts a pack where a programmer does, at the start of a flash that is there already; what else is in it stays.
fn put(flash: &Path, pack: &[u8]) -> io::Result<()> {
    let mut there = match File::open(flash) {
        Ok(file) => file,
        // The emulator's start makes a new one.
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        Err(error) => return Err(error),
    };
    let mut first = Vec::new();
    Read::by_ref(&mut there).take(pack.len() as u64).read_to_end(&mut first)?;
    if first == pack {
        return Ok(());
    }
    there.seek(SeekFrom::Start(0))?;
    let folder = flash.parent().unwrap_or(Path::new("."));
    let mut copy = tempfile::NamedTempFile::new_in(folder)?;
    io::copy(&mut there, &mut copy)?;
    copy.seek(SeekFrom::Start(0))?;
    copy.write_all(pack)?;
    copy.as_file().sync_all()?;
    copy.persist(flash)?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pack_is_put_at_the_start_and_the_rest_stays() {
        let folder = tempfile::tempdir().unwrap();
        let flash = folder.path().join("flash");
        put(&flash, b"pack").unwrap();
        assert!(!flash.exists());
        fs::write(&flash, b"0123456789").unwrap();
        put(&flash, b"pack").unwrap();
        assert_eq!(fs::read(&flash).unwrap(), b"pack456789");
        put(&flash, b"pack").unwrap();
        assert_eq!(fs::read(&flash).unwrap(), b"pack456789");
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
    }
}
