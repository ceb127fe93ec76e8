//! Bytes to the text of a recipe: keys that there are, values that they take, most of the time.

use std::fmt::Write;

use arbitrary::{Result, Unstructured};

use crate::keys::{ALGORITHM, ALGORITHMS, BLOCKS, HEAD, JOINT, Key, Kind, META, WEIGHTINGS, WEIGHTS};

/// The most keys at the top.
const MOST_KEYS: u8 = 6;

/// A text, and whether it is of a joint training.
pub fn arbitrary(u: &mut Unstructured) -> Result<(String, bool)> {
    let mut text = String::with_capacity(512);
    let joint: bool = u.arbitrary()?;
    let shape: u8 = u.arbitrary()?;
    // What no recipe does without is seldom left out.
    if shape & 0x0f > 0 {
        text.push_str("trunk.blocks = ");
        list(u, &mut text, shape >> 7, |u, text| {
            let keys = u.choose(&BLOCKS)?;
            table(u, text, keys)
        })?;
    }
    if shape & 0x70 > 0 {
        if joint {
            text.push_str("\nheads = ");
            list(u, &mut text, 1, |u, text| table(u, text, HEAD))?;
        } else {
            text.push_str("\ntraining.iterations = ");
            number(u, &mut text)?;
        }
    }
    for _ in 0..u.int_in_range(0..=MOST_KEYS)? {
        text.push('\n');
        let keys = if joint { JOINT } else { META };
        let key = u.choose(keys)?;
        entry(u, &mut text, key)?;
    }
    match (joint, u.arbitrary::<u8>()? % 4) {
        (_, 0) => {}
        (false, _) => named(u, &mut text, "algorithm", ALGORITHMS, ALGORITHM)?,
        (true, _) => named(u, &mut text, "weights", WEIGHTINGS, WEIGHTS)?,
    }
    Ok((text, joint))
}

/// A table that a name in it gives its keys.
fn named(u: &mut Unstructured, text: &mut String, table: &str, names: &[&str], keys: &[Key]) -> Result<()> {
    let _ = write!(text, "\n[{table}]\nname = '{}'", u.choose(names)?);
    for _ in 0..u.int_in_range(0..=3_u8)? {
        text.push('\n');
        let key = u.choose(keys)?;
        entry(u, text, key)?;
    }
    Ok(())
}

fn list(
    u: &mut Unstructured,
    text: &mut String,
    least: u8,
    mut item: impl FnMut(&mut Unstructured, &mut String) -> Result<()>,
) -> Result<()> {
    text.push('[');
    for index in 0..u.int_in_range(least..=2)? {
        if index > 0 {
            text.push_str(", ");
        }
        item(u, text)?;
    }
    text.push(']');
    Ok(())
}

/// An inline table: the first key always, the others now and then.
fn table(u: &mut Unstructured, text: &mut String, keys: &[Key]) -> Result<()> {
    let chosen: u16 = u.arbitrary()?;
    text.push_str("{ ");
    let mut first = true;
    for (bit, key) in keys.iter().enumerate() {
        // What a table does not do without comes first in its list, and is seldom left out.
        let wanted = if key.1 { chosen & 0xf000 != 0 } else { chosen >> bit & 1 > 0 };
        if wanted {
            text.push_str(if first { "" } else { ", " });
            first = false;
            entry(u, text, key)?;
        }
    }
    text.push_str(" }");
    Ok(())
}

fn entry(u: &mut Unstructured, text: &mut String, Key(name, _, kind): &Key) -> Result<()> {
    text.push_str(name);
    text.push_str(" = ");
    // One value in sixteen is of some other kind.
    let kind = if u.arbitrary::<u8>()? & 0x0f == 0x0f { u.choose(&Kind::ALL)? } else { kind };
    value(u, text, kind)
}

fn value(u: &mut Unstructured, text: &mut String, kind: &Kind) -> Result<()> {
    match kind {
        Kind::Count => number(u, text),
        Kind::Real => real(u, text),
        Kind::Flag => {
            text.push_str(if u.arbitrary()? { "true" } else { "false" });
            Ok(())
        }
        Kind::One(names) => {
            let _ = write!(text, "\"{}\"", u.choose(names)?);
            Ok(())
        }
        Kind::Name => string(u, text),
        Kind::Counts => list(u, text, 0, number),
        Kind::Pair => match u.arbitrary()? {
            true => number(u, text),
            false => {
                text.push('[');
                number(u, text)?;
                text.push_str(", ");
                number(u, text)?;
                text.push(']');
                Ok(())
            }
        },
        Kind::HoldBack => match u.int_in_range(0..=3_u8)? {
            0 => within(u, text, "last-domains", number),
            1 => within(u, text, "domains", |u, text| list(u, text, 0, string)),
            2 => within(u, text, "last-classes", number),
            _ => within(u, text, "classes", |u, text| list(u, text, 0, string)),
        },
        Kind::Sharing => match u.int_in_range(0..=2_u8)? {
            0 => {
                text.push_str("{ kind = 'hard' }");
                Ok(())
            }
            1 => within(u, text, "kind = 'soft', strength", real),
            _ => within(u, text, "kind = 'soft', strength", |u, text| list(u, text, 0, real)),
        },
    }
}

fn within(
    u: &mut Unstructured,
    text: &mut String,
    key: &str,
    value: impl FnOnce(&mut Unstructured, &mut String) -> Result<()>,
) -> Result<()> {
    let _ = write!(text, "{{ {key} = ");
    value(u, text)?;
    text.push_str(" }");
    Ok(())
}

/// Mostly small.
fn number(u: &mut Unstructured, text: &mut String) -> Result<()> {
    let byte: u8 = u.arbitrary()?;
    let _ = match byte {
        0..=200 => write!(text, "{}", byte % 32),
        201..=230 => write!(text, "{}", u.arbitrary::<u16>()?),
        231..=240 => write!(text, "{}", u.arbitrary::<i64>()?),
        241 => write!(text, "{}", i64::MAX),
        242 => write!(text, "18446744073709551615"),
        243 => write!(text, "0x{:x}", u.arbitrary::<u32>()?),
        244 => write!(text, "-1"),
        _ => write!(text, "1_0{byte}"),
    };
    Ok(())
}

fn real(u: &mut Unstructured, text: &mut String) -> Result<()> {
    let byte: u8 = u.arbitrary()?;
    let _ = match byte {
        0..=100 => write!(text, "{}.{}", byte / 50, byte % 50),
        101..=180 => write!(text, "{}e-{}", byte % 10, byte % 9),
        181..=200 => write!(text, "{:e}", f64::from_bits(u.arbitrary()?)),
        201..=210 => write!(text, "nan"),
        211..=220 => write!(text, "inf"),
        221..=225 => write!(text, "-0.0"),
        226..=230 => write!(text, "1e999"),
        231..=240 => write!(text, "-{byte}.5"),
        _ => write!(text, "{byte}"),
    };
    Ok(())
}

fn string(u: &mut Unstructured, text: &mut String) -> Result<()> {
    let byte: u8 = u.arbitrary()?;
    let _ = match byte {
        0..=150 => write!(text, "'{}'", ['a', 'b', 'c', 'd'][usize::from(byte % 4)]),
        151..=180 => write!(text, "\"\\u00{byte:02x}\\n\\\"\""),
        181..=200 => write!(text, "''"),
        201..=220 => write!(text, "'{:>width$}'", "é", width = usize::from(byte - 180)),
        _ => write!(text, "\"{}\"", char::from_u32(u.arbitrary::<u16>()?.into()).unwrap_or('\\')),
    };
    Ok(())
}
