//! `supple doctor`: what is there to build for boards, to flash them and to talk to them.

mod checks;

use std::fmt::Write as _;

use clap::Args;
use serde_json::{Value, json};

use self::checks::{Check, Need};

/// Arguments of `doctor`.
#[derive(Debug, Args)]
pub struct DoctorArguments {
    /// Print one JSON object.
    #[arg(long)]
    pub json: bool,
}

/// Something that the emulated way needs is missing.
#[derive(Debug, thiserror::Error)]
#[error("emulated boards need what is missing above ({0}): run the commands beside it")]
pub struct DoctorError(String);

/// Runs the verb.
pub fn run(arguments: &DoctorArguments) -> Result<(), DoctorError> {
    let checks = checks::all();
    let missing: Vec<&str> = checks
        .iter()
        .filter(|check| !check.ok && check.need == Need::Emulated)
        .map(|check| check.name.as_str())
        .collect();
    let object = json!({
        "ok": missing.is_empty(),
        "checks": checks.iter().map(object).collect::<Vec<_>>(),
    });
    crate::print(arguments.json, &object, &lines(&checks));
    if missing.is_empty() { Ok(()) } else { Err(DoctorError(missing.join(", "))) }
}

fn object(check: &Check) -> Value {
    json!({
        "name": check.name,
        "for": check.need.name(),
        "ok": check.ok,
        "found": check.found,
        "fix": check.fix.as_ref().filter(|_| !check.ok),
    })
}

fn lines(checks: &[Check]) -> String {
    let mut text = String::new();
    for need in [Need::Emulated, Need::Silicon, Need::Data] {
        let _ = writeln!(text, "{}:", need.title());
        for check in checks.iter().filter(|check| check.need == need) {
            let state = if check.ok { "ok     " } else { "missing" };
            let _ = writeln!(text, "  {state} {}: {}", check.name, check.found);
            if let Some(fix) = check.fix.as_ref().filter(|_| !check.ok) {
                let _ = writeln!(text, "          -> {fix}");
            }
        }
    }
    text.trim_end().to_owned()
}
