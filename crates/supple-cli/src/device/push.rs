//! Packs over the line.

use std::path::Path;

use serde_json::json;
use supple_link::host::LinkError;
use supple_link::{DeviceError, Info};
use supple_pack::signature::{BLOCK_BYTES, Block};

use super::{Device, DeviceCommandError, bar, info, pack_of};
use crate::files;

/// `push`.
pub fn push(
    device: &mut Device,
    path: &Path,
    (no_confirm, no_restart): (bool, bool),
    json: bool,
) -> Result<(), DeviceCommandError> {
    let bytes = files::read_pack(path)?;
    let header = *files::parse_pack(path, &bytes)?.header();
    let block = Block::behind(&bytes)
        .map_err(|_| DeviceCommandError::Malformed(path.to_owned()))?
        .ok_or_else(|| DeviceCommandError::Unsigned(path.to_owned()))?;
    let board = device.info()?.board;
    let wanted = String::from_utf8_lossy(&block.board).trim_end_matches('\0').to_owned();
    if !wanted.is_empty() && board != wanted.as_str() {
        let (pack, board) = (path.to_owned(), board.as_str().to_owned());
        return Err(DeviceCommandError::OtherBoard { pack, wanted, board });
    }
    let signed = &bytes[..(header.length as usize + BLOCK_BYTES).min(bytes.len())];
    let runs = |info: &Info| info.pack.is_ok_and(|pack| pack.checksum == header.checksum);
    let mut told = json!({
        "pack": path.display().to_string(),
        "bytes": signed.len(),
        "checksum": format!("{:08x}", header.checksum),
        "key": block.key.to_string(),
        "counter": block.counter,
        "sent_bytes": 0,
        "resumed_at": 0,
    });
    // An earlier push may have come as far as the trial, or farther.
    let mut now = device.info()?;
    let mut resumed = String::new();
    if !runs(&now) {
        if device.packs()?.keys == 0 {
            return Err(DeviceCommandError::NoKeys);
        }
        let progress = bar(signed.len() as u64, "pack", true);
        let sent = device.send_pack(signed, |done, _| progress.set_position(done.into()));
        let sent = sent.map_err(|error| match error {
            LinkError::Device(_) => error.into(),
            error => DeviceCommandError::BrokenOff(error),
        })?;
        progress.finish_and_clear();
        told["resumed_at"] = json!(sent.there);
        told["sent_bytes"] = json!(sent.length - sent.there);
        if sent.there > 0 {
            resumed = format!("; {} of its bytes were there from an earlier transfer", sent.there);
        }
        let finished = device.pack_finish();
        now = device.info()?;
        // Had it started in between, it may run the pack on trial already, which another start would end.
        if !runs(&now) {
            finished?;
            if no_restart {
                told["state"] = json!("waiting");
                let text =
                    format!("the pack is sound; the board runs it on trial at its next start{resumed}");
                crate::print(json, &told, &text);
                return Ok(());
            }
            now = device.restart()?;
            if !runs(&now) && device.packs()?.trial {
                // It took the pack and cannot run it: the next start goes back.
                now = device.restart()?;
            }
            if !runs(&now) {
                return Err(DeviceCommandError::WentBack { runs: running(&now) });
            }
        }
    }
    let trial = device.packs()?.trial;
    let (state, text) = match (trial, no_confirm) {
        (true, false) => {
            match device.confirm() {
                // Whether it was confirmed before is found by asking.
                Err(LinkError::Device(DeviceError::StartedAnew)) => {}
                outcome => outcome?,
            }
            now = device.info()?;
            if !runs(&now) || device.packs()?.trial {
                // Not confirmed before it started: it went back.
                return Err(DeviceCommandError::WentBack { runs: running(&now) });
            }
            ("confirmed", "the board runs the pack and keeps it")
        }
        (true, true) => (
            "trial",
            "the board runs the pack on trial: `supple device confirm` keeps it, a restart goes back",
        ),
        (false, _) => (
            "running",
            "the board runs this pack already: nothing was sent, and the least counter that it takes is as it was",
        ),
    };
    told["state"] = json!(state);
    crate::print(json, &told, &format!("{text}{resumed}"));
    Ok(())
}

fn running(now: &Info) -> String {
    match now.pack {
        Ok(pack) => format!("the pack with checksum {:08x}", pack.checksum),
        Err(error) => format!("none ({error})"),
    }
}

/// `confirm`.
pub fn confirm(device: &mut Device, json: bool) -> Result<(), DeviceCommandError> {
    device.confirm()?;
    let state = device.packs()?;
    let object = json!({ "confirmed": true, "packs": info::packs_object(&state) });
    crate::print(json, &object, "the pack that runs is kept");
    Ok(())
}

/// `restart`.
pub fn restart(device: &mut Device, json: bool) -> Result<(), DeviceCommandError> {
    let now = device.restart()?;
    let state = device.packs()?;
    let object =
        json!({ "restarted": true, "pack": info::pack_object(&now), "packs": info::packs_object(&state) });
    let mut text = match pack_of(&now) {
        Ok(pack) => format!("started anew; runs the pack with checksum {:08x}", pack.checksum),
        Err(error) => format!("started anew; no pack runs: {error}"),
    };
    if state.trial {
        text += " on trial: `supple device confirm` keeps it, the next start goes back";
    }
    crate::print(json, &object, &text);
    Ok(())
}

impl From<DeviceError> for DeviceCommandError {
    fn from(error: DeviceError) -> Self {
        LinkError::Device(error).into()
    }
}
