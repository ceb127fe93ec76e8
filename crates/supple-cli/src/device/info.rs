//! What a board tells of itself.

use std::fmt::Write as _;

use serde_json::{Value, json};
use supple_link::message::{PackArea, Task, TrialOutcome};
use supple_link::{HeadFacts, Info, PackState};

use super::{Device, DeviceCommandError, hex, pack_of};

/// `info`.
pub fn info(device: &mut Device, json: bool) -> Result<(), DeviceCommandError> {
    let info = device.info()?;
    // Not every board can be sent a pack.
    let packs = device.packs();
    let heads = match info.pack {
        Ok(_) => all_heads(device, &info)?,
        Err(_) => Vec::new(),
    };
    let object = json!({
        "board": info.board.as_str(),
        "protocol": info.protocol,
        "clock_hertz": info.clock.hertz,
        "memory": {
            "given_bytes": info.memory.given,
            "fixed_bytes": info.memory.fixed,
            "stack_bytes": info.memory.stack,
            "stack_high_water_bytes": info.memory.stack_high_water,
        },
        "pack": pack_object(&info),
        "heads": heads.iter().map(head_object).collect::<Vec<_>>(),
        "packs": match &packs {
            Ok(state) => packs_object(state),
            Err(error) => json!({ "error": error.to_string() }),
        },
    });
    let mut text = format!("{}: protocol {}", info.board, info.protocol);
    let memory = &info.memory;
    let _ = write!(
        text,
        "\n  memory: {} bytes for the pack, {} set aside in all; stack at most {} of {}",
        memory.given, memory.fixed, memory.stack_high_water, memory.stack
    );
    match &info.pack {
        Ok(pack) => {
            let _ = write!(
                text,
                "\n  pack: {} bytes, checksum {:08x}, trunk {}, takes {} values, gives {} features, at most {} support samples",
                pack.length,
                pack.checksum,
                hex(&pack.trunk),
                pack.input,
                pack.features,
                pack.max_support
            );
        }
        Err(error) => {
            let _ = write!(text, "\n  no pack runs: {error}");
        }
    }
    for (index, head) in heads.iter().enumerate() {
        let _ = write!(text, "\n  {}", head_line(index, head));
    }
    match &packs {
        Ok(state) => {
            let _ = write!(text, "\n  {}", packs_line(state));
        }
        Err(error) => {
            let _ = write!(text, "\n  packs over the line: {error}");
        }
    }
    crate::print(json, &object, &text);
    Ok(())
}

/// `heads`.
pub fn heads(device: &mut Device, json: bool) -> Result<(), DeviceCommandError> {
    let info = device.info()?;
    pack_of(&info)?;
    let heads = all_heads(device, &info)?;
    let lines: Vec<String> = heads.iter().enumerate().map(|(index, head)| head_line(index, head)).collect();
    let object = json!({ "heads": heads.iter().map(head_object).collect::<Vec<_>>() });
    crate::print(json, &object, &lines.join("\n"));
    Ok(())
}

/// What each head of the pack is; leaves the first selected.
pub fn all_heads(device: &mut Device, info: &Info) -> Result<Vec<HeadFacts>, DeviceCommandError> {
    let count = pack_of(info)?.heads;
    let heads = (0..count).rev().map(|head| device.select(head)).collect::<Result<Vec<_>, _>>()?;
    Ok(heads.into_iter().rev().collect())
}

/// What a head predicts, in a word.
pub fn task_name(task: Task) -> &'static str {
    match task {
        Task::Classes => "classes",
        Task::Numbers => "numbers",
    }
}

fn head_object(head: &HeadFacts) -> Value {
    json!({
        "name": head.name.as_str(),
        "predicts": task_name(head.task),
        "hidden": head.hidden,
        "capacity": head.capacity,
        "steps": head.steps,
        "way": head.way,
    })
}

fn head_line(index: usize, head: &HeadFacts) -> String {
    let what = task_name(head.task);
    let hidden = if head.hidden > 0 { format!(", {} hidden units", head.hidden) } else { String::new() };
    let begun = if head.way > 0 { format!("has {} now", head.way) } else { "has not begun".to_owned() };
    format!(
        "head {index} `{}`: at most {} {what}, {begun}{hidden}; trained for {} steps",
        head.name, head.capacity, head.steps
    )
}

/// The pack that runs; `null` with the reason where none does.
pub fn pack_object(info: &Info) -> Value {
    match &info.pack {
        Ok(pack) => json!({
            "runs": true,
            "bytes": pack.length,
            "checksum": format!("{:08x}", pack.checksum),
            "trunk": hex(&pack.trunk),
            "input": pack.input,
            "features": pack.features,
            "heads": pack.heads,
            "max_support": pack.max_support,
            "memory_bytes": pack.memory,
        }),
        Err(error) => json!({ "runs": false, "reason": error.to_string() }),
    }
}

fn area(area: PackArea) -> &'static str {
    match area {
        PackArea::A => "a",
        PackArea::B => "b",
    }
}

/// Packs, in JSON.
pub fn packs_object(state: &PackState) -> Value {
    json!({
        "running": area(state.running),
        "trial": state.trial,
        "waiting": state.waiting,
        "last_trial": match state.last {
            TrialOutcome::None => "none",
            TrialOutcome::Confirmed => "confirmed",
            TrialOutcome::RolledBack => "rolled-back",
        },
        "room_bytes": state.room,
        "erase_bytes": state.unit,
        "keys": state.keys,
    })
}

fn packs_line(state: &PackState) -> String {
    let mut text = format!("runs area {}", area(state.running).to_uppercase());
    if state.trial {
        text += " on trial (`supple device confirm` keeps it)";
    }
    if state.waiting {
        text += ", another pack waits for the next start";
    }
    match state.last {
        TrialOutcome::None => {}
        TrialOutcome::Confirmed => text += "; the last trial was confirmed",
        TrialOutcome::RolledBack => text += "; the last trial was rolled back",
    }
    let _ = write!(text, "; room for {} bytes; {} keys known", state.room, state.keys);
    text
}
