//! Who may know whom: the crate map, held against `cargo metadata` of both workspaces.
//!
//! Development dependencies may go further (a test of the runtime writes packs), but not to tract or nalgebra.

use std::collections::BTreeMap;
use std::env;
use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde::Deserialize;
use supple_tests::root;

/// Where a crate runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Runs {
    /// On a device: no `std`.
    Device,
    /// On a host.
    Host,
}

use Runs::{Device, Host};

/// A crate's line on the map: where it runs, and which of our crates it may depend on.
type Line = (&'static str, Runs, &'static [&'static str]);

/// What the command and the whole-way tests are made of.
const BELOW_THE_COMMAND: &[&str] = &[
    "supple-data",
    "supple-link",
    "supple-meta",
    "supple-pack",
    "supple-runtime",
    "supple-signal",
    "supple-store",
    "supple-trunk",
];

/// The host's workspace.
const HOST: &[Line] = &[
    ("supple-pack", Device, &[]),
    ("supple-runtime", Device, &["supple-pack"]),
    ("supple-store", Device, &["supple-pack"]),
    ("supple-link", Device, &["supple-pack"]),
    ("supple-trunk", Host, &["supple-pack", "supple-runtime"]),
    ("supple-signal", Device, &[]),
    ("supple-data", Host, &["supple-signal"]),
    ("supple-meta", Host, &["supple-data", "supple-pack", "supple-runtime"]),
    ("supple-bench", Host, &["supple-data", "supple-meta", "supple-pack", "supple-runtime", "supple-trunk"]),
    ("supple-cli", Host, BELOW_THE_COMMAND),
    // No tract here, or the first `cargo xtask` would compile it.
    ("xtask", Host, &["supple-link", "supple-pack"]),
    ("supple-tests", Host, BELOW_THE_COMMAND),
];

/// The firmware's main loop.
const APP: Line = ("supple-app", Device, &["supple-link", "supple-pack", "supple-runtime", "supple-store"]);

/// What measures a board without the main loop.
const BENCH: Line = ("supple-device-bench", Device, &["supple-pack", "supple-runtime"]);

/// What boards have in common.
const PARTS: Line = ("supple-parts", Device, &["supple-app"]);

/// What boards do on a panic.
const PANIC: Line = ("supple-panic", Device, &[]);

/// Every folder of `firmware/boards`.
const BOARD: Line = ("a board", Device, &["supple-app", "supple-panic", "supple-parts"]);

/// What turns a no_std crate into one of the host's.
const HOST_FEATURES: [&str; 4] = ["host", "std", "tract", "write"];

#[derive(Deserialize)]
struct Metadata {
    packages: Vec<Package>,
}

#[derive(Deserialize)]
struct Package {
    name: String,
    license: Option<String>,
    manifest_path: PathBuf,
    dependencies: Vec<Dependency>,
    features: BTreeMap<String, Vec<String>>,
}

#[derive(Deserialize)]
struct Dependency {
    name: String,
    /// `None` for a normal one.
    kind: Option<String>,
    optional: bool,
    features: Vec<String>,
    /// Only ours have one.
    path: Option<PathBuf>,
}

impl Dependency {
    fn is_development(&self) -> bool {
        self.kind.as_deref() == Some("dev")
    }
}

impl Package {
    /// What it is built from; development dependencies left out.
    fn built_from(&self) -> impl Iterator<Item = &Dependency> {
        self.dependencies.iter().filter(|dependency| !dependency.is_development())
    }

    fn line(&self) -> Line {
        if let Some(line) = [APP, BENCH, PANIC, PARTS].into_iter().find(|line| line.0 == self.name) {
            return line;
        }
        let folder = self.manifest_path.parent().and_then(Path::parent);
        if folder.is_some_and(|folder| folder.ends_with("firmware/boards")) {
            return BOARD;
        }
        let line = HOST.iter().find(|line| line.0 == self.name);
        *line.unwrap_or_else(|| panic!("{} is not on the map: add it to this test", self.name))
    }

    fn manifest(&self) -> toml::Table {
        let text = fs::read_to_string(&self.manifest_path).expect("cargo has just read it");
        text.parse().expect("cargo has just parsed it")
    }
}

/// The members of a workspace; nothing is resolved, so no registry is needed.
fn members(workspace: &str) -> Vec<Package> {
    let cargo = env::var_os("CARGO").unwrap_or_else(|| OsString::from("cargo"));
    let mut command = Command::new(cargo);
    command.current_dir(root().join(workspace)).args(["metadata", "--format-version", "1", "--no-deps"]);
    let output = command.output().expect("cargo runs this test");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let metadata: Metadata = serde_json::from_slice(&output.stdout).expect("cargo's metadata");
    assert!(!metadata.packages.is_empty(), "{workspace} has no members");
    metadata.packages
}

fn all_members() -> Vec<Package> {
    [members("."), members("firmware")].into_iter().flatten().collect()
}

#[test]
fn every_crate_knows_only_those_below_it() {
    for package in all_members() {
        let (_, _, allowed) = package.line();
        for dependency in package.built_from().filter(|dependency| dependency.path.is_some()) {
            let name = dependency.name.as_str();
            assert!(allowed.contains(&name), "{} must not depend on {name}", package.name);
        }
    }
}

#[test]
fn no_crate_for_devices_depends_on_one_of_the_hosts() {
    let host = |name: &str| HOST.iter().any(|(other, runs, _)| *other == name && *runs == Host);
    for package in all_members().iter().filter(|package| package.line().1 == Device) {
        for dependency in package.built_from().filter(|dependency| dependency.path.is_some()) {
            assert!(
                !host(&dependency.name),
                "{} runs on devices, {} does not",
                package.name,
                dependency.name
            );
            let taken = dependency.features.iter().find(|feature| HOST_FEATURES.contains(&feature.as_str()));
            assert_eq!(taken, None, "{} takes a host's feature of {}", package.name, dependency.name);
        }
        // What is on by default, by way of other features too.
        let mut on = vec!["default"];
        let mut next = 0;
        while let Some(name) = on.get(next) {
            let more = package.features.get(*name).into_iter().flatten().map(String::as_str);
            let more: Vec<&str> = more.filter(|name| !on.contains(name)).collect();
            on.extend(more);
            next += 1;
        }
        let taken = on.iter().find(|feature| HOST_FEATURES.contains(feature));
        assert_eq!(taken, None, "{} runs on devices, a host's feature is on by default", package.name);
    }
}

#[test]
fn crates_for_devices_are_no_std() {
    for package in all_members().iter().filter(|package| package.line().1 == Device) {
        let source = package.manifest_path.with_file_name("src");
        let read = |file: &str| fs::read_to_string(source.join(file)).ok();
        let text = read("lib.rs").or_else(|| read("main.rs")).expect("a crate has a lib.rs or a main.rs");
        let declared = text.lines().any(|line| {
            line == "#![no_std]" || line.starts_with("#![cfg_attr(") && line.contains("no_std)]")
        });
        assert!(declared, "{} runs on devices: declare it no_std", package.name);
    }
}

#[test]
fn tract_stays_in_the_trunk_compiler_and_behind_the_runtimes_feature() {
    for package in all_members() {
        for dependency in
            package.dependencies.iter().filter(|dependency| dependency.name.starts_with("tract"))
        {
            let allowed = match package.name.as_str() {
                "supple-trunk" => true,
                "supple-runtime" => dependency.optional && !dependency.is_development(),
                // Conformance is measured on models that the compiler refuses.
                "supple-tests" => dependency.is_development(),
                _ => false,
            };
            assert!(allowed, "{} must not depend on {} like this", package.name, dependency.name);
        }
    }
}

#[test]
fn a_chips_makers_library_stays_in_its_board() {
    for package in all_members().iter().filter(|package| package.name != "esp32-c3") {
        let found = package.dependencies.iter().find(|dependency| dependency.name.starts_with("esp-"));
        assert!(found.is_none(), "{} must not depend on esp-hal and its like", package.name);
    }
}

#[test]
fn nalgebra_stays_in_meta_training() {
    for package in all_members().iter().filter(|package| package.name != "supple-meta") {
        let found = package.dependencies.iter().find(|dependency| dependency.name.starts_with("nalgebra"));
        assert!(found.is_none(), "{} must not depend on nalgebra", package.name);
    }
}

#[test]
fn every_member_shares_lints_and_licence() {
    for package in all_members() {
        assert_eq!(package.license.as_deref(), Some("MIT OR Apache-2.0"), "{}", package.name);
        let manifest = package.manifest();
        let from_workspace = |section: &toml::Value| section.get("workspace").and_then(toml::Value::as_bool);
        let lints = manifest.get("lints").and_then(from_workspace);
        assert_eq!(lints, Some(true), "{}: add `[lints] workspace = true`", package.name);
        let licence = manifest["package"].get("license").and_then(from_workspace);
        assert_eq!(licence, Some(true), "{}: write `license.workspace = true`", package.name);
    }
    for file in ["LICENSE-MIT", "LICENSE-APACHE"] {
        assert!(root().join(file).is_file(), "{file} is missing");
    }
}

#[test]
fn the_map_itself_has_no_way_round() {
    for (name, runs, allowed) in HOST.iter().filter(|line| line.1 == Device) {
        for other in *allowed {
            let line = HOST.iter().find(|line| line.0 == *other).expect("on the map");
            assert_eq!(line.1, *runs, "{name} must not know {other}");
        }
    }
}
