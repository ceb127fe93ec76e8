//! What happens on a board, live.

use std::io::{IsTerminal, stdout};
use std::thread;
use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use serde_json::{Value, json};
use supple_link::host::LinkError;
use supple_link::{Counters, DeviceError, Info, VersionFacts};

use super::{Device, DeviceCommandError, info, keep};
use crate::signal;

/// How long Ctrl-C may have to wait.
const NAP: Duration = Duration::from_millis(50);

/// `monitor`: looks again and again until Ctrl-C, or so many times.
pub fn monitor(
    device: &mut Device,
    interval: f64,
    count: Option<u64>,
    json: bool,
) -> Result<(), DeviceCommandError> {
    if !(0.05..=3600.0).contains(&interval) {
        return Err(DeviceCommandError::Interval(interval));
    }
    let interval = Duration::from_secs_f64(interval);
    let stopped = signal::watch()?;
    let live = !json && stdout().is_terminal();
    let view = ProgressBar::with_draw_target(None, ProgressDrawTarget::stdout());
    view.set_style(ProgressStyle::with_template("{msg}").unwrap_or_else(|_| ProgressStyle::default_bar()));
    let start = Instant::now();
    // Where a flash keeps nothing, asking again would only be counted as refused.
    let mut keeps = true;
    let mut looks = 0;
    while !stopped() && count.is_none_or(|count| looks < count) {
        looks += 1;
        let next = Instant::now() + interval;
        let look = Look::at(device, start.elapsed(), &mut keeps)?;
        match (json, live) {
            // One line each, unlike a single result.
            (true, _) => crate::print(false, &Value::Null, &look.object().to_string()),
            (false, true) => view.set_message(look.view()),
            (false, false) => crate::print(false, &Value::Null, &look.line()),
        }
        let last = count == Some(looks);
        while !last && !stopped() && Instant::now() < next {
            thread::sleep(NAP.min(next.saturating_duration_since(Instant::now())));
        }
    }
    // What was seen last stays on the screen.
    view.abandon();
    if live {
        crate::print(false, &Value::Null, "");
    }
    Ok(())
}

/// What was seen at one time.
struct Look {
    after: Duration,
    info: Info,
    counters: Counters,
    newest: Option<VersionFacts>,
}

impl Look {
    fn at(device: &mut Device, after: Duration, keeps: &mut bool) -> Result<Self, DeviceCommandError> {
        let info = device.info()?;
        let counters = device.counters()?;
        // Without a flash that keeps anything there are no versions, and all the rest is still worth seeing.
        let newest = match keeps.then(|| device.version(None)) {
            None => None,
            Some(Err(LinkError::Device(DeviceError::Flash(_)))) => {
                *keeps = false;
                None
            }
            Some(newest) => newest?,
        };
        Ok(Self { after, info, counters, newest })
    }

    fn object(&self) -> Value {
        let Counters { requests, refusals, samples, steps, adaptations, .. } = self.counters;
        json!({
            "seconds": (self.after.as_secs_f64() * 1e3).round() / 1e3,
            "board": self.info.board.as_str(),
            "pack": info::pack_object(&self.info),
            "requests": requests,
            "refusals": refusals,
            "samples": samples,
            "steps": steps,
            "adaptations": adaptations,
            "adaptations_refused": self.counters.adaptations_refused,
            "saves": self.counters.saves,
            "ram_high_water_bytes": self.counters.ram_high_water,
            "stack_high_water_bytes": self.info.memory.stack_high_water,
            "loss_before": self.counters.losses.map(|(before, _)| before),
            "loss_after": self.counters.losses.map(|(_, after)| after),
            "newest_version": self.newest.as_ref().map(keep::object),
        })
    }

    /// What stands for the pack.
    fn pack(&self) -> String {
        match &self.info.pack {
            Ok(pack) => format!("pack {:08x}", pack.checksum),
            Err(error) => format!("no pack runs ({error})"),
        }
    }

    fn losses(&self) -> String {
        self.counters.losses.map_or("-".to_owned(), |(before, after)| format!("{before:.4} -> {after:.4}"))
    }

    fn version(&self) -> String {
        self.newest.map_or("none".to_owned(), |facts| facts.version.to_string())
    }

    fn line(&self) -> String {
        let counters = &self.counters;
        format!(
            "{:8.1} s  requests {} ({} refused)  samples {}  steps {}  adaptations {} ({} undone)  loss {}  saves {}, \
             newest {}  RAM {}",
            self.after.as_secs_f64(),
            counters.requests,
            counters.refusals,
            counters.samples,
            counters.steps,
            counters.adaptations,
            counters.adaptations_refused,
            self.losses(),
            counters.saves,
            self.version(),
            counters.ram_high_water
        )
    }

    fn view(&self) -> String {
        let counters = &self.counters;
        let memory = &self.info.memory;
        format!(
            "{}  {}  watched for {:.0} s (Ctrl-C ends)\n\
             requests      {:>10}   refused {}\n\
             samples       {:>10}\n\
             steps         {:>10}\n\
             adaptations   {:>10}   undone  {}\n\
             last loss     {}\n\
             saves         {:>10}   newest version {}\n\
             RAM at most   {:>10} B of which stack {} of {}",
            self.info.board,
            self.pack(),
            self.after.as_secs_f64(),
            counters.requests,
            counters.refusals,
            counters.samples,
            counters.steps,
            counters.adaptations,
            counters.adaptations_refused,
            self.losses(),
            counters.saves,
            self.version(),
            counters.ram_high_water,
            memory.stack_high_water,
            memory.stack
        )
    }
}
