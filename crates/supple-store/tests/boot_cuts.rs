//! A device that is updated again and again, with its power cut at any operation: it always runs a pack that was
//! confirmed, or one on trial that it has not run before.

use supple_pack::signature::KeyId;
use supple_store::boot::Trial;
use supple_store::simulated::SimulatedFlash;
use supple_store::{AppendError, Area, Boot, Journal, Region};

type Flash = SimulatedFlash<4, 256>;

const REGION: Region = Region { start: 0, segment_bytes: 256, segments: 3 };
const KEY: KeyId = KeyId([7; 8]);

/// What lies in an area.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Pack {
    number: u32,
    confirmed: bool,
    /// Whether it was begun on trial.
    tried: bool,
}

struct Device {
    flash: Flash,
    areas: [Pack; 2],
    /// The greatest counter that a confirmation was acknowledged or found for.
    floor: u32,
}

/// The power went off.
struct Cut;

fn keep(journal: &mut Journal, flash: &mut Flash, boot: &Boot) -> Result<(), Cut> {
    let bytes = boot.to_bytes();
    match journal.append(flash, bytes.len() as u32, |writer| writer.write(&bytes)) {
        Ok(_) => Ok(()),
        Err(AppendError::Flash) => Err(Cut),
        Err(error) => panic!("{error}"),
    }
}

impl Device {
    /// One life: starts, runs a pack, confirms it if it is on trial and `confirms`, and installs the next.
    fn live(&mut self, confirms: bool, next: u32) -> Result<(), Cut> {
        let mut journal = Journal::open(&mut self.flash, REGION).expect("opens");
        let mut boot = Boot::default();
        if let Some(newest) = journal.newest() {
            let mut bytes = [0; supple_store::boot::BOOT_BYTES];
            journal.read(&mut self.flash, &newest, 0, &mut bytes).expect("reads");
            boot = Boot::from_bytes(&bytes).expect("only boot records are written here");
        }
        assert!(boot.counter(&KEY) >= self.floor, "the counter fell");
        self.floor = boot.counter(&KEY);
        let (area, record) = boot.start();
        if let Some(record) = record {
            keep(&mut journal, &mut self.flash, &record)?;
            boot = record;
        }
        let pack = &mut self.areas[area.index()];
        if boot.is_trial() {
            assert!(!pack.tried, "{pack:?} runs again, unconfirmed");
            pack.tried = true;
            if !confirms {
                return Ok(());
            }
            // From here on the confirmation may be in flash, acknowledged or not.
            pack.confirmed = true;
            let number = pack.number;
            boot = boot.confirm().expect("on trial");
            keep(&mut journal, &mut self.flash, &boot)?;
            self.floor = number;
        }
        assert!(pack_of(&self.areas, area).confirmed, "{:?} runs", self.areas);
        if let Some(withdrawn) = boot.withdraw() {
            keep(&mut journal, &mut self.flash, &withdrawn)?;
            boot = withdrawn;
        }
        // The running area is never written.
        self.areas[area.other().index()] = Pack { number: next, confirmed: false, tried: false };
        let installed = boot.install(KEY, next, |_| true).expect("a rising counter");
        keep(&mut journal, &mut self.flash, &installed)?;
        assert!(matches!(installed.trial(), Trial::Waiting(_)));
        Ok(())
    }
}

fn pack_of(areas: &[Pack; 2], area: Area) -> Pack {
    areas[area.index()]
}

#[test]
fn updates_survive_cuts_at_every_operation_and_pair_of_operations() {
    let (mut devices, mut lives, mut cut_short, mut updated) = (0, 0, 0, 0);
    for first in 0..260 {
        for second in 0..80 {
            let first_pack = Pack { number: 0, confirmed: true, tried: false };
            let nothing = Pack { number: 0, confirmed: false, tried: true };
            let seed = first * 1000 + second;
            let mut device = Device {
                flash: SimulatedFlash::with_content(vec![0xa5; 768], 0xff, seed),
                areas: [first_pack, nothing],
                floor: 0,
            };
            let mut cuts = [first, second].into_iter();
            device.flash.cut_at(cuts.next().unwrap_or_default() + 1);
            for life in 1..=7 {
                lives += 1;
                // The third pack does not work.
                if device.live(life != 4, life).is_err() {
                    cut_short += 1;
                    device.flash.power_up();
                    if let Some(cut) = cuts.next() {
                        device.flash.cut_at(cut + 1);
                    }
                }
            }
            devices += 1;
            updated += u64::from(device.floor > 0);
            assert_eq!((device.flash.violations(), device.flash.stale_writes()), (0, 0));
        }
    }
    println!(
        "{devices} devices: {lives} starts, {cut_short} power cuts, {updated} devices updated in the end"
    );
    assert!(cut_short > devices && updated > devices * 9 / 10);
}
