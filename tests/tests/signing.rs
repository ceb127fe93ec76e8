//! Keys and signed packs, the whole way with the command: keys made, packs signed, inspected and checked; and openssl,
//! where there is one, held against both.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::LazyLock;

use serde_json::{Value, json};
use supple_pack::keys::Keys;
use supple_pack::signature::{BLOCK_BYTES, Block, KeyId, SIGNATURE_BYTES};
use supple_tests::run::{Scratch, Training, read, run, scratch, supple, train};
use supple_tests::skipped;

static SCRATCH: LazyLock<Scratch> = LazyLock::new(|| scratch("signing"));
static TRAINED: LazyLock<(Training, PathBuf)> = LazyLock::new(|| train(&SCRATCH, "trained", &[]));

/// A pair of keys.
struct Pair {
    secret: PathBuf,
    public: PathBuf,
    id: String,
}

impl Pair {
    fn new(name: &str) -> Self {
        let told = run(&mut supple(&[&"key", &"new", &SCRATCH.join(name), &"--json"])).json();
        let secret = SCRATCH.join(&format!("{name}.pem"));
        let public = SCRATCH.join(&format!("{name}.pub.pem"));
        assert_eq!((&told["secret"], &told["public"]), (&json!(secret), &json!(public)));
        Self { secret, public, id: told["id"].as_str().expect("an id").to_owned() }
    }
}

fn ring(name: &str, keys: &[&Path]) -> PathBuf {
    let out = SCRATCH.join(name);
    run(supple(&[&"key", &"ring", &"-o", &out]).args(keys)).succeeded();
    out
}

fn sign(pack: &Path, key: &Path, name: &str, more: &[&str]) -> PathBuf {
    let out = SCRATCH.join(name);
    run(supple(&[&"key", &"sign", &pack, &"--key", &key, &"-o", &out]).args(more)).succeeded();
    out
}

fn check(pack: &Path, ring: &Path, more: &[&str]) -> Command {
    let mut command = supple(&[&"key", &"check", &pack, &"--ring", &ring, &"--json"]);
    command.args(more);
    command
}

fn inspect(pack: &Path) -> Value {
    run(&mut supple(&[&"inspect", &pack, &"--json"])).json()
}

#[test]
fn a_pair_is_made_once_and_its_secret_is_its_owner_s() {
    let pair = Pair::new("once");
    #[cfg(unix)]
    {
        let mode = |path| {
            std::os::unix::fs::PermissionsExt::mode(&fs::metadata(path).expect("a file").permissions())
        };
        assert_eq!(mode(&pair.secret) & 0o777, 0o600);
        assert_eq!(mode(&pair.public) & 0o444, 0o444);
    }
    let (secret, public) = (read(&pair.secret), read(&pair.public));
    let again = || run(&mut supple(&[&"key", &"new", &SCRATCH.join("once")]));
    again().refused(&["once.pub.pem", "never written over"]);
    fs::remove_file(&pair.public).expect("ours");
    again().refused(&["once.pem", "never written over"]);
    assert!(!pair.public.exists());
    assert_eq!(read(&pair.secret), secret);
    fs::rename(&pair.secret, SCRATCH.join("moved.pem")).expect("ours");
    fs::write(&pair.public, &public).expect("ours");
    again().refused(&["once.pub.pem"]);
    assert!(!pair.secret.exists());

    let other = Pair::new("other");
    assert_ne!(other.id, pair.id);
    let nowhere = SCRATCH.join("no-such-folder/key");
    run(&mut supple(&[&"key", &"new", &nowhere])).refused(&["no-such-folder", "folder exists"]);
}

#[test]
fn keys_are_told_without_their_secret() {
    let pair = Pair::new("told");
    let show = |file: &Path| run(&mut supple(&[&"key", &"show", &file, &"--json"])).json();
    let secret = show(&pair.secret);
    let public = show(&pair.public);
    assert_eq!((&secret["kind"], &public["kind"]), (&json!("secret"), &json!("public")));
    assert_eq!(secret["keys"], public["keys"]);
    assert_eq!(public["keys"][0]["id"], json!(pair.id));
    let told = public["keys"][0]["public"].as_str().expect("digits");
    assert!(told.len() == 64 && told.starts_with(&pair.id));
    let other = Pair::new("told-too");
    let block = ring("told.bin", &[&pair.public, &other.public]);
    assert_eq!(show(&block)["kind"], json!("ring"));
    assert_eq!(show(&block)["keys"].as_array().map(Vec::len), Some(2));
    let bytes = read(&block);
    let ids: Vec<_> =
        Keys::read(&bytes).expect("sound").iter().map(|key| KeyId::of(key).to_string()).collect();
    assert_eq!(ids, [pair.id, other.id]);
}

#[test]
fn a_pack_is_signed_inspected_checked_and_run() {
    let (training, plain) = &*TRAINED;
    let (ours, theirs) = (Pair::new("ours"), Pair::new("theirs"));
    let block = ring("ours.bin", &[&theirs.public, &ours.public]);
    let signed = SCRATCH.join("signed.supple");
    let mut pack = supple(&[&"pack", &training.out, &"-o", &signed, &"--sign", &ours.secret, &"--json"]);
    let told = run(pack.args(["--counter", "3", "--for-board", "mps2-an386"])).json();
    let claims = json!({"key": ours.id, "counter": 3, "board": "mps2-an386"});
    assert_eq!(told["signature"], claims);
    assert_eq!(inspect(&signed)["signature"], claims);
    assert_eq!(inspect(plain)["signature"], Value::Null);
    // The pack is as it was, the block takes flash.
    let (plain_bytes, bytes) = (read(plain), read(&signed));
    assert_eq!(bytes[..plain_bytes.len()], plain_bytes);
    assert_eq!(inspect(&signed)["flash_bytes"], json!(plain_bytes.len() + BLOCK_BYTES));
    let text = run(&mut supple(&[&"inspect", &signed])).succeeded();
    assert!(text.contains(&format!("signed by the key {} for mps2-an386, counter 3", ours.id)), "{text}");

    assert_eq!(run(&mut check(&signed, &block, &["--board", "mps2-an386"])).json(), claims);
    run(&mut check(&signed, &block, &["--board", "microbit"])).refused(&["another board", "--for-board"]);
    let strangers = ring("strangers.bin", &[&theirs.public]);
    run(&mut check(&signed, &strangers, &[])).refused(&[&ours.id, "keys block"]);
    run(&mut check(plain, &block, &[])).refused(&["not signed", "supple key sign"]);
    for at in [plain_bytes.len() / 2, plain_bytes.len() + 16, bytes.len() - 1] {
        let mut changed = bytes.clone();
        changed[at] ^= 1;
        let changed = SCRATCH.file("changed.supple", changed);
        run(&mut check(&changed, &block, &[])).refused(&["signature is wrong"]);
    }

    // The same signature over the same bytes, whoever asks for it; another takes its place.
    let more = ["--counter", "3", "--for-board", "mps2-an386"];
    assert_eq!(read(sign(plain, &ours.secret, "again.supple", &more)), bytes);
    let other = sign(&signed, &theirs.secret, "other.supple", &[]);
    let claims = json!({"key": theirs.id, "counter": 0, "board": null});
    assert_eq!(run(&mut check(&other, &block, &["--board", "microbit"])).json(), claims);
    assert_eq!(read(&other).len(), bytes.len());

    let eval = |pack: &Path| {
        let mut command = supple(&[&"eval", &pack, &"--data", &"glyphs:2", &"--json"]);
        run(command.args(["--way", "4", "--queries", "2", "--episodes", "2"])).json()["steps"].clone()
    };
    assert_eq!(eval(&signed), eval(plain));
}

#[test]
fn what_cannot_sign_or_be_signed_is_refused_and_leaves_nothing() {
    let (training, pack) = &*TRAINED;
    let pair = Pair::new("refusing");
    let out = SCRATCH.join("refused.supple");
    let sign = |pack: &Path, key: &Path, more: &[&str]| {
        run(supple(&[&"key", &"sign", &pack, &"--key", &key, &"-o", &out]).args(more))
    };
    sign(pack, &pair.public, &[]).refused(&["public key", "secret one"]);
    sign(pack, pack, &[]).refused(&["no key in PEM", "supple key new"]);
    sign(pack, &SCRATCH.join("none.pem"), &[]).refused(&["none.pem", "check the path"]);
    let damaged = String::from_utf8(read(&pair.secret)).expect("text").replace("MC4CAQAw", "MC4CAQAx");
    sign(pack, &SCRATCH.file("damaged.pem", damaged), &[]).refused(&["damaged.pem", "Ed25519"]);
    sign(&pair.secret, &pair.secret, &[]).refused(&["not a pack"]);
    let mut bytes = read(pack);
    bytes[100] ^= 1;
    sign(&SCRATCH.file("damaged.supple", &bytes), &pair.secret, &[]).refused(&["checksum"]);
    sign(pack, &pair.secret, &["--for-board", "two words"]).refused(&["two words", "without spaces"]);
    sign(pack, &pair.secret, &["--counter", "4294967296"]).misused(&["--counter"]);
    run(&mut supple(&[&"pack", &training.out, &"-o", &out, &"--sign", &pair.public]))
        .refused(&["secret one"]);
    run(&mut supple(&[&"pack", &training.out, &"-o", &out, &"--counter", &"1"])).misused(&["--sign"]);
    assert!(!out.exists());

    let (block, public) = (SCRATCH.join("refused.bin"), pair.public.as_path());
    let ring = |keys: &[&Path]| run(supple(&[&"key", &"ring", &"-o", &block]).args(keys));
    ring(&[&pair.secret]).refused(&["secret key", "public one"]);
    ring(&[public, public]).refused(&[&pair.id, "once"]);
    ring(&[public; 5]).refused(&["1 to 4"]);
    ring(&[]).misused(&["PUB.pem"]);
    // The point of order 1: with it, every pair of a number and that number times the base point is a signature.
    let weak = "-----BEGIN PUBLIC KEY-----\nMCowBQYDK2VwAyEAAQAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=\n-----END PUBLIC KEY-----\n";
    ring(&[&SCRATCH.file("weak.pem", weak)]).refused(&["weak"]);
    assert!(!block.exists());
    // A secret key must never come to lie in a board.
    run(&mut check(pack, &pair.public, &[])).refused(&["SKEY"]);
}

/// Runs openssl; `None` where there is none.
fn openssl(arguments: &[&dyn AsRef<std::ffi::OsStr>]) -> Option<Vec<u8>> {
    let mut command = Command::new("openssl");
    command.args(arguments.iter().map(AsRef::as_ref)).stdin(Stdio::null());
    let output = match command.output() {
        Ok(output) => output,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return None,
        Err(error) => panic!("{command:?}: {error}"),
    };
    assert!(output.status.success(), "{command:?}: {}", String::from_utf8_lossy(&output.stderr));
    Some(output.stdout)
}

#[test]
fn openssl_makes_keys_and_understands_ours() {
    let (secret, public) = (SCRATCH.join("openssl.pem"), SCRATCH.join("openssl.pub.pem"));
    if openssl(&[&"genpkey", &"-algorithm", &"ed25519", &"-out", &secret]).is_none() {
        return skipped("openssl");
    }
    openssl(&[&"pkey", &"-in", &secret, &"-pubout", &"-out", &public]);
    let block = ring("openssl.bin", &[&public]);
    let signed = sign(&TRAINED.1, &secret, "by-openssl-s-key.supple", &["--counter", "1"]);
    run(&mut check(&signed, &block, &[])).json();
    // With lines for people above the key, and the public half derived anew.
    let told = openssl(&[&"pkey", &"-in", &secret, &"-text"]).expect("it is there");
    let signed_again = sign(&TRAINED.1, &SCRATCH.file("told.pem", told), "told.supple", &["--counter", "1"]);
    assert_eq!(read(&signed), read(&signed_again));

    // openssl finds our signature right, and makes the same itself.
    let pair = Pair::new("for-openssl");
    let derived = openssl(&[&"pkey", &"-in", &pair.secret, &"-pubout"]);
    assert_eq!(derived, Some(read(&pair.public)));
    let signed = read(sign(&TRAINED.1, &pair.secret, "for-openssl.supple", &["--for-board", "microbit"]));
    let (message, signature) = signed.split_at(signed.len() - SIGNATURE_BYTES);
    assert_eq!(
        Block::behind(&signed).expect("whole").map(|block| block.signature.to_vec()),
        Some(signature.to_vec())
    );
    let (message, place) = (SCRATCH.file("message", message), SCRATCH.file("signature", signature));
    openssl(&[
        &"pkeyutl",
        &"-verify",
        &"-pubin",
        &"-inkey",
        &pair.public,
        &"-rawin",
        &"-in",
        &message,
        &"-sigfile",
        &place,
    ]);
    openssl(&[&"pkeyutl", &"-sign", &"-inkey", &pair.secret, &"-rawin", &"-in", &message, &"-out", &place]);
    assert_eq!(read(&place), signature);

    // Keys that are none for this.
    let encrypted = SCRATCH.join("encrypted.pem");
    openssl(&[&"pkey", &"-in", &secret, &"-aes256", &"-passout", &"pass:x", &"-out", &encrypted]);
    let other = SCRATCH.join("x25519.pem");
    openssl(&[&"genpkey", &"-algorithm", &"x25519", &"-out", &other]);
    let show = |file: &Path| run(&mut supple(&[&"key", &"show", &file]));
    show(&encrypted).refused(&["encrypted", "openssl pkey -in"]);
    show(&other).refused(&["Ed25519", "supple key new"]);
}
