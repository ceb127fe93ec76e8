//! `supple key`: keys that sign packs, and keys that boards trust.

mod pem;
pub mod sign;

use std::error::Error;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use serde_json::{Value, json};
use supple_pack::AlignedBytes;
use supple_pack::keys::{self, Keys, KeysError};
use supple_pack::signature::{Block, KeyId, SignatureError, verify};

use crate::arguments::key::{
    CheckArguments, KeyVerb, NewArguments, RingArguments, ShowArguments, SignArguments,
};
use crate::boards::Board;
use crate::files::{self, FileError};
use crate::inspect::{self, hexadecimal};
use pem::{Key, KeyFileError, WriteError};
use sign::{SigningError, signed};

/// Runs the verb.
pub fn run(verb: &KeyVerb) -> Result<(), Box<dyn Error>> {
    match verb {
        KeyVerb::New(arguments) => Ok(new(arguments)?),
        KeyVerb::Ring(arguments) => Ok(ring(arguments)?),
        KeyVerb::Show(arguments) => Ok(show(arguments)?),
        KeyVerb::Sign(arguments) => Ok(sign_pack(arguments)?),
        KeyVerb::Check(arguments) => Ok(check(arguments)?),
    }
}

fn new(arguments: &NewArguments) -> Result<(), WriteError> {
    let ending = |ending: &str| {
        let mut name = arguments.name.clone().into_os_string();
        name.push(ending);
        PathBuf::from(name)
    };
    let (secret, public) = (ending(".pem"), ending(".pub.pem"));
    let key = pem::make(&secret, &public)?;
    let id = KeyId::of(key.as_bytes()).to_string();
    let lines = format!(
        "key {id}\nsecret half in {}: keep it where only you can read it\npublic half in {}: for `supple key ring`",
        secret.display(),
        public.display()
    );
    crate::print(arguments.json, &json!({"id": id, "secret": secret, "public": public}), &lines);
    Ok(())
}

/// Why there is no block of keys.
#[derive(Debug, thiserror::Error)]
enum RingError {
    /// A key.
    #[error(transparent)]
    Key(#[from] KeyFileError),
    /// All of them together.
    #[error("these keys make no block: {0}")]
    Keys(#[from] KeysError),
    /// The block could not be written.
    #[error(transparent)]
    File(#[from] FileError),
}

fn ring(arguments: &RingArguments) -> Result<(), RingError> {
    let keys: Result<Vec<_>, _> =
        arguments.keys.iter().map(|path| pem::read_public(path).map(|key| key.to_bytes())).collect();
    let keys = keys?;
    let block = keys::block(&keys)?;
    files::write(&arguments.out, &block)?;
    print_keys(arguments.json, "ring", &keys);
    Ok(())
}

/// Why a file of keys cannot be told.
#[derive(Debug, thiserror::Error)]
enum ShowError {
    /// A key file.
    #[error(transparent)]
    Key(#[from] KeyFileError),
    /// A block of keys.
    #[error(transparent)]
    Ring(#[from] RingFileError),
}

fn show(arguments: &ShowArguments) -> Result<(), ShowError> {
    let path = &arguments.file;
    let (kind, keys) = if files::read(path).map_err(KeyFileError::File)?.starts_with(&keys::MAGIC) {
        let bytes = files::read(path).map_err(RingFileError::File)?;
        ("ring", read_ring(path, &bytes)?.iter().copied().collect())
    } else {
        match pem::read(path)? {
            Key::Secret(key) => ("secret", vec![key.verifying_key().to_bytes()]),
            Key::Public(key) => ("public", vec![key.to_bytes()]),
        }
    };
    print_keys(arguments.json, kind, &keys);
    Ok(())
}

/// Why a block of keys cannot be used.
#[derive(Debug, thiserror::Error)]
enum RingFileError {
    /// It cannot be read.
    #[error(transparent)]
    File(#[from] FileError),
    /// It is none.
    #[error("{path}: {source}")]
    Keys {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        source: KeysError,
    },
}

fn read_ring<'b>(path: &Path, bytes: &'b [u8]) -> Result<Keys<'b>, RingFileError> {
    Keys::read(bytes).map_err(|source| RingFileError::Keys { path: path.to_owned(), source })
}

/// Of a secret key, only the public half is told.
fn print_keys(as_json: bool, kind: &str, keys: &[[u8; 32]]) {
    let object = |key: &[u8; 32]| json!({"id": KeyId::of(key).to_string(), "public": hexadecimal(key)});
    let mut lines = match (kind, keys.len()) {
        ("ring", 1) => "a block of one key".to_owned(),
        ("ring", count) => format!("a block of {count} keys"),
        (kind, _) => format!("a {kind} key"),
    };
    for key in keys {
        // Writing to a string cannot fail.
        let _ = write!(lines, "\n{}  public half {}", KeyId::of(key), hexadecimal(key));
    }
    let keys: Vec<Value> = keys.iter().map(object).collect();
    crate::print(as_json, &json!({"kind": kind, "keys": keys}), &lines);
}

/// Why a pack was not signed.
#[derive(Debug, thiserror::Error)]
enum SignVerbError {
    /// A file could not be read or written.
    #[error(transparent)]
    File(#[from] FileError),
    /// The key, or the pack.
    #[error(transparent)]
    Signing(#[from] SigningError),
}

fn sign_pack(arguments: &SignArguments) -> Result<(), SignVerbError> {
    let pack = files::read(&arguments.pack)?;
    let bytes = signed(&arguments.pack, &pack, &arguments.key, &arguments.terms)?;
    files::write(&arguments.out, &bytes)?;
    let bytes = AlignedBytes::copy_of(&bytes);
    inspect::print(arguments.json, &arguments.out, &bytes, &Board::DEFAULT, json!({}))?;
    Ok(())
}

/// Why a pack is not to be trusted.
#[derive(Debug, thiserror::Error)]
enum CheckError {
    /// The pack cannot be read, or is unsound.
    #[error(transparent)]
    File(#[from] FileError),
    /// The block of keys.
    #[error(transparent)]
    Ring(#[from] RingFileError),
    /// Its signature.
    #[error("{path}: {source}")]
    Signature {
        /// The pack.
        path: PathBuf,
        /// What is wrong with it.
        source: SignatureError,
    },
}

/// In the order in which a device does.
fn check(arguments: &CheckArguments) -> Result<(), CheckError> {
    let path = &arguments.pack;
    let bytes = files::read_pack(path)?;
    let ring = files::read(&arguments.ring)?;
    let keys = read_ring(&arguments.ring, &ring)?;
    let failed = |source| CheckError::Signature { path: path.clone(), source };
    let named = Block::behind(&bytes).map_err(failed)?;
    let named = named.as_ref().and_then(Block::board_name).unwrap_or_default();
    let block = verify(&bytes, &keys, arguments.board.as_deref().unwrap_or(named)).map_err(failed)?;
    files::parse_pack(path, &bytes)?;
    let lines = format!("{}: the signature is genuine\n{}", path.display(), inspect::signature_line(&block));
    crate::print(arguments.json, &inspect::signature(Some(&block)), &lines);
    Ok(())
}
