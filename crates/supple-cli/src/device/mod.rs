//! `supple device`: talk to a board.
//!
//! | module | what |
//! |---|---|
//! | `arguments`, `error` | the command line, and what can go wrong |
//! | `line` | where the board is |
//! | `samples`, `feed` | labelled samples, and how they get to it |
//! | `learn`, `predict` | heads at work |
//! | `keep`, `push`, `pull` | versions, packs, heads read back |
//! | `info`, `monitor` | what it tells of itself |

mod arguments;
mod error;
mod feed;
mod info;
mod keep;
mod learn;
mod line;
mod monitor;
mod predict;
mod pull;
mod push;
mod samples;

use std::time::Duration;

use clap::CommandFactory;
use clap::error::ErrorKind;
use indicatif::{ProgressBar, ProgressStyle};
use supple_link::host::{Client, LinkError, Transport};
use supple_link::{HeadFacts, Info, PackFacts};

pub use self::arguments::DeviceArguments;
use self::arguments::DeviceVerb;
pub use self::error::DeviceCommandError;
use self::line::Port;
use crate::arguments::Arguments;

/// A device at the other end of any line.
type Device = Client<Box<dyn Transport>>;

/// Runs the verb.
pub fn run(arguments: &DeviceArguments) -> Result<(), DeviceCommandError> {
    let json = arguments.json;
    let mut device = connect(arguments)?;
    let device = &mut device;
    match &arguments.verb {
        DeviceVerb::Info => info::info(device, json),
        DeviceVerb::Heads => info::heads(device, json),
        DeviceVerb::Adapt(adapt) => learn::adapt(device, adapt, json),
        DeviceVerb::Predict(predict) => predict::predict(device, predict, json),
        DeviceVerb::Save { support } => keep::save(device, *support, json),
        DeviceVerb::Versions => keep::versions(device, json),
        DeviceVerb::Restore { version, head } => keep::restore(device, *version, head.as_deref(), json),
        DeviceVerb::Reset(choice) => learn::reset(device, choice, json),
        DeviceVerb::Enrol(choice) => learn::enrol(device, choice, json),
        DeviceVerb::Forget { class, head } => learn::forget(device, *class, head, json),
        DeviceVerb::Push { pack, no_confirm, no_restart } => {
            push::push(device, pack, (*no_confirm, *no_restart), json)
        }
        DeviceVerb::Confirm => push::confirm(device, json),
        DeviceVerb::Restart => push::restart(device, json),
        DeviceVerb::Pull { out } => pull::pull(device, out, json),
        DeviceVerb::Monitor { interval, count } => monitor::monitor(device, *interval, *count, json),
    }
}

/// Opens the line and waits for the board's first answer.
fn connect(arguments: &DeviceArguments) -> Result<Device, DeviceCommandError> {
    let Some(port) = &arguments.port else {
        let missing = "name the line to the board with --port (a serial port, tcp:HOST:PORT or qemu:BOARD)";
        Arguments::command().error(ErrorKind::MissingRequiredArgument, missing).exit()
    };
    let line = Port::of(port)?.open(arguments.baud)?;
    Ok(Client::connect_within(line, Duration::from_secs(arguments.patience))?)
}

/// What the pack of the board holds, or why it does not run.
fn pack_of(info: &Info) -> Result<PackFacts, DeviceCommandError> {
    info.pack.map_err(|error| LinkError::Device(error).into())
}

/// Lets what follows concern a head, by name or number; the first where none is named.
fn select(
    device: &mut Device,
    pack: &PackFacts,
    name: Option<&str>,
) -> Result<(u16, HeadFacts), DeviceCommandError> {
    let Some(name) = name else { return Ok((0, device.select(0)?)) };
    let mut known = Vec::new();
    for head in 0..pack.heads {
        let facts = device.select(head)?;
        if facts.name == name {
            return Ok((head, facts));
        }
        known.push(facts.name.as_str().to_owned());
    }
    match name.parse().ok().filter(|number| *number < pack.heads) {
        Some(number) => Ok((number, device.select(number)?)),
        None => Err(DeviceCommandError::NoHead { name: name.to_owned(), known: known.join(", ") }),
    }
}

/// Bytes as hexadecimal digits.
fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// A bar on standard error, of samples or of bytes.
fn bar(length: u64, what: &'static str, bytes: bool) -> ProgressBar {
    let template = match bytes {
        true => "{prefix} {bar:30} {bytes}/{total_bytes} ({bytes_per_sec}, {eta} left)",
        false => "{prefix} {bar:30} {pos}/{len} ({eta} left)",
    };
    let bar = ProgressBar::new(length).with_prefix(what);
    bar.set_style(ProgressStyle::with_template(template).unwrap_or_else(|_| ProgressStyle::default_bar()));
    bar
}
