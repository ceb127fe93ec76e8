//! The server for Linux-class boards: the twin's bits by the plan, tract's features close, and what it has acknowledged
//! survives kills.
//!
//! Needs the built program `supple-edge` (`cargo build --release --workspace`).

use std::ffi::OsStr;
use std::fs;
use std::path::PathBuf;
use std::process::{Command, Output, Stdio};
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

use ed25519_dalek::{Signer, SigningKey};
use supple_link::host::{Child, Client, LinkError};
use supple_link::message::{TrialOutcome, VersionFacts};
use supple_link::{DeviceError, PackArea, PackFault, PackRefusal};
use supple_pack::keys;
use supple_pack::sign::{Terms, sign};
use supple_pack::signature::KeyId;
use supple_pack::write::{HeadParts, TrunkParts, pack, trunk_hash};
use supple_pack::{AlignedBytes, Element, HeadTask, LabelMeaning, Pack, Shape, Start, Value};
use supple_runtime::{HeadMemory, Label, Learner, MemoryNeed, SupportCache, Use};
use supple_tests::{full, root};

#[path = "edge/episode.rs"]
mod episode;
#[path = "edge/server.rs"]
mod server;
#[path = "../../crates/supple-runtime/examples/episode/told.rs"]
mod told;

use server::{Server, program};

/// Largest part of the largest feature that tract may differ by from the plan.
const TOLERANCE: f32 = 1e-5;

const SMALL: [&str; 8] =
    ["--pack-room", "64KiB", "--heads-room", "64KiB", "--versions", "4", "--memory", "1MiB"];

/// Features of the small pack, and its classes.
const FEATURES: u16 = 64;

fn omniglot() -> PathBuf {
    root().join("models/omniglot/omniglot.supple")
}

fn folder() -> tempfile::TempDir {
    tempfile::tempdir().expect("a temporary folder")
}

fn file(folder: &tempfile::TempDir, name: &str, bytes: &[u8]) -> PathBuf {
    let path = folder.path().join(name);
    fs::write(&path, bytes).expect("the temporary folder is writable");
    path
}

/// A pack of 17 KB whose trunk hands its input through; its name decides its checksum.
fn small_pack(name: &str) -> Vec<u8> {
    let value = Value::whole(0, Shape { height: 1, width: 1, channels: FEATURES }, Element::F32);
    let arena = FEATURES.into();
    let trunk = TrunkParts {
        name: name.to_owned(),
        input: value,
        output: value,
        arena,
        ops: vec![],
        weights: vec![],
    };
    let count = usize::from(FEATURES) * usize::from(FEATURES + 1);
    let head = HeadParts {
        name: "classes".into(),
        trunk: trunk_hash(&trunk),
        data: [0; 16],
        hidden: 0,
        capacity: FEATURES,
        max_support: 4,
        cache: Element::F32,
        task: HeadTask::Classes(LabelMeaning::Fresh),
        start: Start::Learned,
        momentum: 0.5,
        parameters: (0..count).map(|at| (at % 17) as f32 / 64.0).collect(),
        rates: vec![vec![[0.5, 0.25]]],
    };
    pack(&trunk, &[head]).expect("sound")
}

/// Numbers that only this sequence has.
struct Random(u64);

impl Random {
    fn below(&mut self, below: u64) -> u64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % below
    }

    fn feature(&mut self) -> Vec<f32> {
        (0..FEATURES).map(|_| self.below(1 << 20) as f32 / (1 << 19) as f32 - 1.0).collect()
    }
}

/// The values of a line.
fn values(line: &str) -> Vec<f32> {
    let words = line.split(' ').skip(1);
    words.map(|word| f32::from_bits(u32::from_str_radix(word, 16).expect("bits"))).collect()
}

/// What the device's arithmetic makes of these feature vectors, told like an episode, without the features.
fn heads_twin(pack: &[u8], features: &[Vec<f32>]) -> Vec<String> {
    let bytes = AlignedBytes::copy_of(pack);
    let pack = Pack::parse(&bytes).expect("sound");
    let head = pack.heads().next().expect("a head");
    let need = MemoryNeed::of_head(&head.spec);
    let (mut floats, mut labels) = (vec![0.0; need.learner()], vec![0; need.labels]);
    let mut support = vec![0.0; need.support()];
    let mut support = SupportCache::new(&head.spec, &mut support).expect("room");
    let steps = head.spec.steps.into();
    let mut learner =
        Learner::new(head, HeadMemory { floats: &mut floats, labels: &mut labels }).expect("room");
    learner.begin(told::WAY).expect("classes");
    for (class, feature) in features.iter().take(told::WAY).enumerate() {
        let sample = support.push(feature).expect("room");
        learner.label(sample, Label::Class(class), Use::Support).expect("a class");
    }
    let before = learner.support_loss(&mut support).expect("samples");
    learner.adapt(&mut support, steps).expect("samples");
    let after = learner.support_loss(&mut support).expect("samples");
    assert!(after < before, "nothing is learned");
    let mut lines = vec![
        told::line("loss.before", &[before]),
        told::line("loss.after", &[after]),
        told::line("head", &learner.parameters().concat()),
    ];
    for (sample, feature) in features.iter().enumerate().skip(told::WAY) {
        lines.push(told::line(&format!("logits.{sample}"), learner.outputs(feature).expect("a feature")));
    }
    lines
}

#[test]
fn the_plan_has_the_twins_bits_and_tract_is_close_with_heads_that_learn_alike() {
    let folder = folder();
    let pack = fs::read(omniglot()).expect("it is in the repository");
    let server = |kind: &'static str| {
        let arguments: [&dyn AsRef<OsStr>; 4] = [&"--trunk", &kind, &"--pack", &omniglot()];
        Server::start(&folder.path().join(kind), &arguments)
    };
    let (plan, tract) = (server("plan"), server("tract"));
    let (mut plan, mut tract) = (plan.client(), tract.client());
    let (mut largest, mut different) = (0.0_f32, 0);
    for seed in 1..=3 {
        let inputs = episode::inputs(seed);
        let expected = told::told(&AlignedBytes::copy_of(&pack), &inputs).expect("a sound pack");
        let found = episode::on(&mut plan, &inputs).expect("it answers");
        assert_eq!(found.len(), expected.len());
        for (found, expected) in found.iter().zip(&expected) {
            let name = expected.split(' ').next().expect("a name");
            assert!(found == expected, "seed {seed}: {name} has other bits than the twin");
        }
        let found = episode::on(&mut tract, &inputs).expect("it answers");
        let is_feature = |line: &&String| line.starts_with("features.");
        let features: Vec<Vec<f32>> = found.iter().filter(is_feature).map(|line| values(line)).collect();
        let of_plan = expected.iter().filter(is_feature).map(|line| values(line));
        assert_eq!(features.len(), 2 * told::WAY);
        for (sample, (tract, plan)) in features.iter().zip(of_plan).enumerate() {
            let most = plan.iter().fold(0.0_f32, |most, value| most.max(value.abs()));
            assert!(most > 0.0 && tract.len() == plan.len());
            for (tract, plan) in tract.iter().zip(&plan) {
                let difference = (plan - tract).abs() / most;
                assert!(difference <= TOLERANCE, "seed {seed}, sample {sample}: {plan} beside {tract}");
                largest = largest.max(difference);
                different += u32::from(plan.to_bits() != tract.to_bits());
            }
        }
        let heads: Vec<String> = found.iter().filter(|line| !is_feature(line)).cloned().collect();
        let twin = heads_twin(&pack, &features);
        assert!(heads == twin, "seed {seed}: on tract's features the head learns otherwise than the twin");
    }
    println!("tract beside the plan: largest difference {largest:.1e} of the largest feature");
    assert!(different > 0, "it is the plan that ran in tract's place");
}

#[test]
fn a_trunk_that_tract_does_not_run_is_told() {
    let folder = folder();
    let pack = root().join("models/omniglot-int8/omniglot-int8.supple");
    let state = folder.path().join("state");
    let output = run(&[&"--state", &state, &"--stdio", &"--trunk", &"tract", &"--pack", &pack]);
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(!output.status.success() && said.contains("i8") && said.contains("`plan`"), "{said}");
    assert!(!state.exists(), "a refused start leaves a state file");
    // A file that runs by its plan.
    let server = Server::start(&state, &[&"--trunk", &"plan", &"--pack", &pack]);
    let info = server.client().info().expect("it answers");
    assert!(info.pack.is_ok() && info.memory.stack_high_water > 0 && info.memory.fixed > 1 << 20, "{info:?}");
    drop(server);
    let server = Server::start(&state, &[&"--trunk", &"tract"]);
    let info = server.client().info().expect("it answers");
    assert_eq!(info.pack.map(|_| ()), Err(DeviceError::Pack(PackFault::NotBuilt)));
    assert_eq!(info.board, "edge");
    drop(server);
    // And over the line, where what runs goes on.
    let other = folder.path().join("other");
    let ring = keys::block(&[*key().verifying_key().as_bytes()]).expect("a key");
    let (first, ring) = (file(&folder, "first", &small_pack("first")), file(&folder, "keys", &ring));
    let server = Server::start(&other, &[&"--trunk", &"tract", &"--pack", &first, &"--keys", &ring]);
    let mut device = server.client();
    let before = device.info().expect("it answers").pack.expect("tract runs it");
    let sent = signed(&fs::read(&pack).expect("it is there"), 1);
    device.send_pack(&sent, |_, _| ()).expect("room");
    let refused = device.pack_finish().expect_err("tract does not run it");
    let not_built = PackRefusal::Pack(PackFault::NotBuilt);
    assert!(matches!(refused, LinkError::Device(DeviceError::PackRefused(refusal)) if refusal == not_built));
    assert_eq!(device.restart().expect("it answers").pack, Ok(before));
}

/// A version and the head in it.
#[derive(Debug, Clone, PartialEq)]
struct Kept {
    version: u32,
    head: Vec<u32>,
}

fn bits(values: Vec<f32>) -> Vec<u32> {
    values.into_iter().map(f32::to_bits).collect()
}

/// Learns something and keeps it until the server is gone; `before_save` is called before each save.
fn learn_and_save(
    device: &mut Client<supple_link::host::Tcp>,
    random: &mut Random,
    kept: &mut Option<Kept>,
    under_way: &mut Option<Vec<u32>>,
    saves: &mut u32,
    mut before_save: impl FnMut(u32),
) -> Result<(), LinkError> {
    for save in 0.. {
        device.clear_support()?;
        for _ in 0..2 {
            device.feature(&random.feature())?;
            device.push_support(random.below(FEATURES.into()) as u16)?;
        }
        device.step()?;
        let head = bits(device.read_head()?);
        *under_way = Some(head.clone());
        before_save(save);
        let VersionFacts { version, .. } = device.save(random.below(2) == 0)?;
        assert!(kept.as_ref().is_none_or(|kept| kept.version < version));
        *kept = Some(Kept { version, head });
        *under_way = None;
        *saves += 1;
    }
    Ok(())
}

#[test]
fn a_killed_server_loses_nothing_that_it_acknowledged() {
    let kills = if full() { 300 } else { 24 };
    let folder = folder();
    let pack = file(&folder, "pack", &small_pack("kills"));
    let state = folder.path().join("state");
    let mut random = Random(1);
    let (mut kept, mut under_way): (Option<Kept>, _) = (None, None);
    let (mut saves, mut arrived) = (0, 0);
    for kill in 0..=kills {
        let mut arguments: Vec<&dyn AsRef<OsStr>> = vec![];
        if kill == 0 {
            arguments.extend(SMALL.iter().map(|argument| argument as &dyn AsRef<OsStr>));
            arguments.extend([&"--pack" as &dyn AsRef<OsStr>, &pack]);
        }
        let mut server = Server::start(&state, &arguments);
        let mut device = server.client();
        let found = match device.version(None).expect("it answers") {
            Some(facts) => {
                assert!(facts.own_trunk);
                let head = bits(device.read_head().expect("it is restored"));
                Some(Kept { version: facts.version, head })
            }
            None => None,
        };
        if found != kept {
            // The save that the kill cut short has come to its end all the same.
            let found = found.as_ref().unwrap_or_else(|| panic!("kill {kill}: {kept:?} is lost"));
            let newer = kept.as_ref().is_none_or(|kept| kept.version < found.version);
            assert!(newer && Some(&found.head) == under_way.as_ref(), "kill {kill}: another head is there");
            arrived += 1;
        }
        kept = found;
        if kill == kills {
            break;
        }
        if kept.is_none() {
            device.begin(FEATURES).expect("classes");
        }
        // Every second server is killed in its first save or soon after, the others later.
        let (first, wait) = (kill % 2, Duration::from_micros(random.below(30_000)));
        let (ready, is_ready) = mpsc::channel();
        let killer = thread::spawn(move || {
            is_ready.recv().expect("a save");
            thread::sleep(wait);
            server.kill();
        });
        let ended = learn_and_save(&mut device, &mut random, &mut kept, &mut under_way, &mut saves, |save| {
            if save == first {
                ready.send(()).expect("it waits");
            }
        });
        assert!(matches!(ended, Err(LinkError::Transport(_))), "kill {kill}: {ended:?}");
        killer.join().expect("it was killed");
    }
    println!("{kills} kills: {saves} saves acknowledged, none lost; {arrived} more had come to their end");
    assert!(saves >= kills / 2);
}

fn key() -> SigningKey {
    SigningKey::from_bytes(&[7; 32])
}

fn signed(pack: &[u8], counter: u32) -> Vec<u8> {
    let id = KeyId::of(key().verifying_key().as_bytes());
    let terms = Terms { counter, board: Some("edge".to_owned()) };
    sign(pack, id, &terms, |bytes| key().sign(bytes).to_bytes()).expect("sound")
}

fn checksum(pack: &[u8]) -> u32 {
    Pack::parse(&AlignedBytes::copy_of(pack)).expect("sound").header().checksum
}

fn runs(device: &mut Client<supple_link::host::Tcp>) -> u32 {
    device.info().expect("it answers").pack.expect("a sound pack").checksum
}

#[test]
fn packs_come_over_the_line_through_kills_and_are_tried() {
    let folder = folder();
    let first = small_pack("first");
    let pack = file(&folder, "pack", &first);
    let ring = keys::block(&[*key().verifying_key().as_bytes()]).expect("a key");
    let ring = file(&folder, "keys", &ring);
    let state = folder.path().join("state");
    let start = || {
        let mut arguments: Vec<&dyn AsRef<OsStr>> = vec![&"--pack", &pack, &"--keys", &ring];
        arguments.extend(SMALL.iter().map(|argument| argument as &dyn AsRef<OsStr>));
        Server::start(&state, &arguments)
    };
    let mut server = start();
    let mut device = server.client();
    assert_eq!(runs(&mut device), checksum(&first));
    // Nobody vouches for this one.
    device.send_pack(&small_pack("unsigned"), |_, _| ()).expect("room");
    let refused = device.pack_finish().expect_err("it is not signed");
    assert!(
        matches!(refused, LinkError::Device(DeviceError::PackRefused(PackRefusal::Unsigned))),
        "{refused:?}"
    );

    let second = small_pack("second");
    let transfer = signed(&second, 3);
    let mut runs_yet = true;
    let cut = device.send_pack(&transfer, |done, _| {
        if done >= 10_000 && std::mem::take(&mut runs_yet) {
            server.kill();
        }
    });
    assert!(matches!(cut, Err(LinkError::Transport(_))), "{cut:?}");
    let mut server = start();
    let mut device = server.client();
    assert_eq!(runs(&mut device), checksum(&first));
    let sent = device.send_pack(&transfer, |_, _| ()).expect("room");
    assert!((8192..=transfer.len() as u32 / 4096 * 4096).contains(&sent.there), "{sent:?}");
    device.pack_finish().expect("it is signed");
    let info = device.restart().expect("it starts anew, on the same line");
    assert_eq!(info.pack.expect("a sound pack").checksum, checksum(&second));
    let state = device.packs().expect("it answers");
    assert_eq!(
        (state.running, state.trial, state.unit, state.room, state.keys),
        (PackArea::B, true, 4096, 65_536, 1)
    );
    device.confirm().expect("it runs");
    server.kill();

    // What was confirmed runs on; a trial that is cut short is rolled back.
    let mut server = start();
    let mut device = server.client();
    assert_eq!(runs(&mut device), checksum(&second));
    let third = small_pack("third");
    device.send_pack(&signed(&third, 2), |_, _| ()).expect("room");
    let refused = device.pack_finish().expect_err("an older counter");
    assert!(matches!(refused, LinkError::Device(DeviceError::PackRefused(PackRefusal::OldCounter { .. }))));
    device.send_pack(&signed(&third, 4), |_, _| ()).expect("room");
    device.pack_finish().expect("it is signed");
    device.restart().expect("it starts anew");
    assert_eq!(runs(&mut device), checksum(&third));
    server.kill();
    let server = start();
    let mut device = server.client();
    assert_eq!(runs(&mut device), checksum(&second));
    let state = device.packs().expect("it answers");
    assert_eq!((state.last, state.trial), (TrialOutcome::RolledBack, false));
}

#[test]
fn heads_and_samples_live_through_a_restart_in_the_process() {
    let folder = folder();
    let pack = file(&folder, "pack", &small_pack("restart"));
    let mut arguments: Vec<&dyn AsRef<OsStr>> = vec![&"--pack", &pack];
    arguments.extend(SMALL.iter().map(|argument| argument as &dyn AsRef<OsStr>));
    let server = Server::start(&folder.path().join("state"), &arguments);
    let mut device = server.client();
    let mut random = Random(2);
    device.begin(3).expect("classes");
    for class in 0..3 {
        device.feature(&random.feature()).expect("a feature");
        device.push_support(class).expect("room");
    }
    device.step().expect("samples");
    device.save(true).expect("room");
    let saved = bits(device.read_head().expect("a head"));
    device.step().expect("samples");
    let further = bits(device.read_head().expect("a head"));
    device.restart().expect("it starts anew");
    assert_eq!(bits(device.read_head().expect("it is restored")), saved);
    // With its samples, labels and velocity: the next step is the same.
    device.step().expect("samples");
    assert_eq!(bits(device.read_head().expect("a head")), further);
    // The process went on, and so does the line.
    drop(device);
    assert_eq!(server.client().versions().expect("it answers").len(), 1);
}

#[test]
fn the_standard_streams_are_a_line_too() {
    let folder = folder();
    let pack = file(&folder, "pack", &small_pack("streams"));
    let mut command = Command::new(program());
    command.args(["--stdio", "--state"]).arg(folder.path().join("state")).arg("--pack").arg(pack).args(SMALL);
    let mut device = Client::connect(Child::start(command).expect("it starts")).expect("it answers");
    device.begin(2).expect("classes");
    device.feature(&[1.0; 64]).expect("a feature");
    assert_eq!(device.logits().expect("a head").len(), 2);
    device.restart().expect("it starts anew");
    drop(device);
    // The end of its input is its end.
    let ended = run(&[&"--stdio", &"--state", &folder.path().join("state")]);
    assert_eq!((ended.status.code(), ended.stdout.as_slice()), (Some(0), &[][..]));
}

fn run(arguments: &[&dyn AsRef<OsStr>]) -> Output {
    let mut command = Command::new(program());
    command.args(arguments.iter().map(AsRef::as_ref)).stdin(Stdio::null());
    command.output().expect("it starts")
}

#[test]
fn what_cannot_be_served_is_refused_with_its_reason() {
    let folder = folder();
    let state = folder.path().join("state");
    let bad = file(&folder, "bad", b"neither pack nor keys");
    let pack = file(&folder, "pack", &small_pack("refused"));
    let refused = |arguments: &[&dyn AsRef<OsStr>], code: i32, words: &[&str]| {
        let output = run(arguments);
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!((output.status.code(), output.stdout.len()), (Some(code), 0), "{said}");
        assert!(words.iter().all(|word| said.contains(word)), "{said}");
        assert!(!said.contains("panicked"), "{said}");
    };
    refused(&[&"--state", &state], 2, &["--listen", "--stdio"]);
    refused(&[&"--state", &state, &"--listen", &"0.0.0.0:0"], 2, &["own addresses", "ssh -L"]);
    refused(&[&"--state", &state, &"--stdio", &"--pack", &bad], 1, &["bad"]);
    refused(&[&"--state", &state, &"--stdio", &"--keys", &bad], 1, &["no keys", "supple key ring"]);
    refused(&[&"--state", &state, &"--stdio", &"--versions", &"1"], 1, &["at least 2 versions"]);
    let room: [&dyn AsRef<OsStr>; 7] =
        [&"--state", &state, &"--stdio", &"--pack", &pack, &"--pack-room", &"8KiB"];
    refused(&room, 1, &["more than 8192 bytes", "--pack-room"]);
    assert!(!state.exists(), "a refused start leaves a state file");
    let nowhere = folder.path().join("no/such/folder");
    refused(&[&"--state", &nowhere, &"--stdio"], 1, &["cannot be used", "check the folder"]);

    let mut arguments: Vec<&dyn AsRef<OsStr>> = vec![&"--pack", &pack];
    arguments.extend(SMALL.iter().map(|argument| argument as &dyn AsRef<OsStr>));
    let mut server = Server::start(&state, &arguments);
    refused(&[&"--state", &state, &"--stdio"], 1, &["another server uses", "--state"]);
    let taken: [&dyn AsRef<OsStr>; 4] = [&"--state", &bad, &"--listen", &server.address];
    refused(&taken, 1, &["not a whole state file"]);
    server.kill();
    refused(&[&"--state", &state, &"--stdio", &"--memory", &"2MiB"], 1, &["other sizes", "leave them out"]);
    assert_eq!(fs::read(&bad).expect("it is there"), b"neither pack nor keys");
}

#[test]
fn a_device_without_a_pack_says_so_and_takes_one() {
    let folder = folder();
    let ring = keys::block(&[*key().verifying_key().as_bytes()]).expect("a key");
    let ring = file(&folder, "keys", &ring);
    let mut arguments: Vec<&dyn AsRef<OsStr>> = vec![&"--keys", &ring];
    arguments.extend(SMALL.iter().map(|argument| argument as &dyn AsRef<OsStr>));
    let server = Server::start(&folder.path().join("state"), &arguments);
    let mut device = server.client();
    assert!(matches!(device.info().expect("it answers").pack, Err(DeviceError::Pack(_))));
    let pack = small_pack("the first over the line");
    device.send_pack(&signed(&pack, 0), |_, _| ()).expect("room");
    device.pack_finish().expect("it is signed");
    device.restart().expect("it starts anew");
    assert_eq!(runs(&mut device), checksum(&pack));
    device.confirm().expect("it runs");
}

#[test]
fn clients_take_turns() {
    let folder = folder();
    let pack = file(&folder, "pack", &small_pack("turns"));
    let server = Server::start(&folder.path().join("state"), &[&"--pack", &pack]);
    let mut first = server.client();
    first.begin(5).expect("classes");
    let address = server.address.clone();
    let second = thread::spawn(move || {
        let line = supple_link::host::Tcp::connect(&address).expect("it listens");
        let mut device = Client::connect(line).expect("its turn comes");
        device.select(0).expect("a head").way
    });
    first.select(0).expect("it is still its turn");
    drop(first);
    assert_eq!(second.join().expect("it was served"), 5, "the device is the same for all clients");
}
