//! Versions of the heads that are kept.

use serde_json::{Value, json};
use supple_link::VersionFacts;

use super::{Device, DeviceCommandError, pack_of, select};

/// `save`.
pub fn save(device: &mut Device, support: bool, json: bool) -> Result<(), DeviceCommandError> {
    let facts = device.save(support)?;
    crate::print(json, &object(&facts), &format!("saved: {}", line(&facts)));
    Ok(())
}

/// `versions`.
pub fn versions(device: &mut Device, json: bool) -> Result<(), DeviceCommandError> {
    let versions = device.versions()?;
    let all = json!({ "versions": versions.iter().map(object).collect::<Vec<_>>() });
    let lines: Vec<String> = versions.iter().map(line).collect();
    let text = if lines.is_empty() { "none is kept".to_owned() } else { lines.join("\n") };
    crate::print(json, &all, &text);
    Ok(())
}

/// `restore`.
pub fn restore(
    device: &mut Device,
    version: Option<u32>,
    head: Option<&str>,
    json: bool,
) -> Result<(), DeviceCommandError> {
    let facts = pack_of(&device.info()?)?;
    let chosen = head.map(|head| select(device, &facts, Some(head))).transpose()?;
    let (number, name) = chosen.map(|(number, head)| (number, head.name.as_str().to_owned())).unzip();
    // Named, so that what is told is what was restored.
    let version = match version {
        Some(version) => Some(version),
        None => device.version(None)?.map(|newest| newest.version),
    };
    device.restore(version, number)?;
    let which = version.map_or_else(|| "what was saved".to_owned(), |version| format!("version {version}"));
    let what = name.as_ref().map_or_else(|| "all heads are".to_owned(), |name| format!("head `{name}` is"));
    let object = json!({ "restored": true, "version": version, "head": name });
    crate::print(json, &object, &format!("{what} as in {which}"));
    Ok(())
}

/// A version, in JSON.
pub fn object(facts: &VersionFacts) -> Value {
    json!({
        "version": facts.version,
        "own_trunk": facts.own_trunk,
        "heads": facts.heads,
        "samples": facts.samples,
        "bytes": facts.bytes,
    })
}

fn line(facts: &VersionFacts) -> String {
    let support = match facts.samples {
        0 => String::new(),
        samples => format!(", support samples {samples}"),
    };
    let trunk = if facts.own_trunk { "" } else { "; for another trunk than the one that runs" };
    format!("version {}: heads {}{support}, {} bytes{trunk}", facts.version, facts.heads, facts.bytes)
}
