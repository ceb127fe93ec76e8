//! The headline figures.

use super::text::{escape, kilobytes, percent, percent_margin, thousands, words};
use super::{DeviceFigures, Page};

/// All tiles.
pub fn section(page: &Page) -> String {
    let mut tiles = accuracy(page);
    match &page.device {
        Some(device) => tiles.push_str(&on_device(device)),
        // Without a device there is room for what the same episodes give by other means.
        None => {
            for (name, point) in &page.baselines {
                let note = format!("{}, the same episodes", percent_margin(point.ci95));
                tiles.push_str(&tile("", &words(name), &percent(point.mean), &note));
            }
        }
    }
    format!("<div class=\"tiles\">\n{tiles}</div>\n")
}

fn accuracy(page: &Page) -> String {
    let (Some(before), Some(after)) = (page.steps.first(), page.steps.last()) else { return String::new() };
    let steps = after.step - before.step.min(after.step);
    let plural = if steps == 1 { "" } else { "s" };
    let value = format!(
        "<span class=\"from\">{}</span> <span class=\"arrow\" aria-label=\"to\">→</span> {}",
        percent(before.mean),
        percent(after.mean)
    );
    let note = format!("before → after {steps} gradient step{plural}; {} (95 %)", percent_margin(after.ci95));
    raw_tile("wide", "accuracy", &value, &note)
}

fn on_device(device: &DeviceFigures) -> String {
    let mut tiles = String::new();
    if let Some((equal, episodes)) = device.bit_equal {
        let (class, sign) = if equal == episodes { ("good", "✓") } else { ("bad", "✗") };
        let value = format!("{} of {} {sign}", thousands(equal as u64), thousands(episodes as u64));
        tiles.push_str(&tile(class, "bit-equal", &value, "episodes: the board's bits are the host's"));
    }
    for (name, bytes, note) in [
        ("RAM", device.ram_bytes, "adaptation and stack included"),
        ("flash", device.flash_bytes, "code and pack"),
    ] {
        tiles.push_str(&tile("", name, &kilobytes(bytes), note));
    }
    for (name, instructions, note) in [
        ("a gradient step", device.step_instructions, "on the whole support set"),
        ("an inference", device.inference_instructions, "of one query"),
    ] {
        if let Some(instructions) = instructions {
            tiles.push_str(&tile("", name, &thousands(instructions), &format!("instructions {note}")));
        }
    }
    tiles
}

/// A tile of text.
fn tile(class: &str, name: &str, value: &str, note: &str) -> String {
    raw_tile(class, name, &escape(value), note)
}

/// A tile whose value is markup.
fn raw_tile(class: &str, name: &str, value: &str, note: &str) -> String {
    format!(
        "<div class=\"tile {class}\"><p class=\"name\">{}</p><p class=\"value\">{value}</p><p class=\"note\">{}</p></div>\n",
        escape(name),
        escape(note)
    )
}
