//! Key files: PKCS#8 and SPKI in PEM, as openssl writes them.

use std::fs;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use ed25519_dalek::pkcs8::spki::der::pem::LineEnding;
use ed25519_dalek::pkcs8::spki::{DecodePublicKey, EncodePublicKey};
use ed25519_dalek::pkcs8::{DecodePrivateKey, EncodePrivateKey, KeypairBytes};
use ed25519_dalek::{SigningKey, VerifyingKey};

use crate::files::{self, FileError};

/// What stands in the lines around a key.
const SECRET: &str = "PRIVATE KEY";
const ENCRYPTED: &str = "ENCRYPTED PRIVATE KEY";
const PUBLIC: &str = "PUBLIC KEY";

/// Why a key file gives no key.
#[derive(Debug, thiserror::Error)]
pub enum KeyFileError {
    /// It cannot be read.
    #[error(transparent)]
    File(#[from] FileError),
    /// No key at all.
    #[error(
        "{0} holds no key in PEM: make one with `supple key new` or `openssl genpkey -algorithm ed25519`"
    )]
    NoPem(PathBuf),
    /// Behind a password.
    #[error(
        "the key in {0} is encrypted: write it in clear with `openssl pkey -in {0} -out KEY.pem`, to a place that only you can read"
    )]
    Encrypted(PathBuf),
    /// The public half where the secret one is needed.
    #[error("{0} holds a public key: give the secret one of the pair")]
    Public(PathBuf),
    /// The secret half where the public one is enough.
    #[error("{0} holds a secret key, which is to stay where it is: give the public one of the pair")]
    Secret(PathBuf),
    /// A secret key that is none of Ed25519.
    #[error("the secret key in {0} is damaged or none of Ed25519: give one as `supple key new` writes it")]
    BrokenSecret(PathBuf),
    /// A public key that is none of Ed25519.
    #[error("the public key in {0} is damaged or none of Ed25519: give one as `supple key new` writes it")]
    BrokenPublic(PathBuf),
    /// A public key that lets anybody sign.
    #[error(
        "the public key in {0} is weak: anybody could sign for it; make another pair with `supple key new`"
    )]
    Weak(PathBuf),
}

/// A key from a file.
pub enum Key {
    /// A whole pair.
    Secret(SigningKey),
    /// Its public half.
    Public(VerifyingKey),
}

/// Reads a key of either kind.
pub fn read(path: &Path) -> Result<Key, KeyFileError> {
    let bytes = files::read(path)?;
    let text = str::from_utf8(&bytes).map_err(|_| KeyFileError::NoPem(path.to_owned()))?;
    if let Some(pem) = block(text, SECRET) {
        let key = SigningKey::from_pkcs8_pem(pem);
        key.map(Key::Secret).map_err(|_| KeyFileError::BrokenSecret(path.to_owned()))
    } else if block(text, ENCRYPTED).is_some() {
        Err(KeyFileError::Encrypted(path.to_owned()))
    } else if let Some(pem) = block(text, PUBLIC) {
        let key = VerifyingKey::from_public_key_pem(pem)
            .map_err(|_| KeyFileError::BrokenPublic(path.to_owned()))?;
        if key.is_weak() { Err(KeyFileError::Weak(path.to_owned())) } else { Ok(Key::Public(key)) }
    } else {
        Err(KeyFileError::NoPem(path.to_owned()))
    }
}

/// A key with the lines around it. openssl may write a few for people before and behind.
fn block<'t>(text: &'t str, kind: &str) -> Option<&'t str> {
    let end = format!("-----END {kind}-----");
    let (_, from) = text.split_at_checked(text.find(&format!("-----BEGIN {kind}-----"))?)?;
    from.get(..from.find(&end)? + end.len())
}

/// Reads a secret key.
pub fn read_secret(path: &Path) -> Result<SigningKey, KeyFileError> {
    match read(path)? {
        Key::Secret(key) => Ok(key),
        Key::Public(_) => Err(KeyFileError::Public(path.to_owned())),
    }
}

/// Reads a public key.
pub fn read_public(path: &Path) -> Result<VerifyingKey, KeyFileError> {
    match read(path)? {
        Key::Public(key) => Ok(key),
        Key::Secret(_) => Err(KeyFileError::Secret(path.to_owned())),
    }
}

/// Why a new pair was not written. Neither file is there then that was not there before.
#[derive(Debug, thiserror::Error)]
pub enum WriteError {
    /// A key must not be lost.
    #[error("{0} is there already: a key is never written over; give another name, or move it away")]
    Exists(PathBuf),
    /// It could not be written.
    #[error("cannot write {path}: {source}; check that the folder exists, its rights and the disk's room")]
    Write {
        /// The file.
        path: PathBuf,
        /// The system's reason.
        source: io::Error,
    },
    /// The system gives no random numbers.
    #[error("the system gives no random numbers: {0}; try on another machine")]
    Chance(getrandom::Error),
    /// A key that cannot be told in PEM.
    #[error("the new key cannot be written in PEM: {0}; report this")]
    Pem(String),
}

/// Makes a pair and writes both halves, the secret one for its owner's eyes alone.
pub fn make(secret: &Path, public: &Path) -> Result<VerifyingKey, WriteError> {
    let mut seed = [0; 32];
    getrandom::fill(&mut seed).map_err(WriteError::Chance)?;
    let key = SigningKey::from_bytes(&seed);
    // Without the public half, which openssl 3.0 does not read.
    let pair = KeypairBytes { secret_key: seed, public_key: None };
    let told = |error: &dyn std::fmt::Display| WriteError::Pem(error.to_string());
    let secret_pem = pair.to_pkcs8_pem(LineEnding::LF).map_err(|error| told(&error))?;
    let public_pem = key.verifying_key().to_public_key_pem(LineEnding::LF).map_err(|error| told(&error))?;
    // The public half last: it vouches for there being a secret one.
    if public.exists() {
        return Err(WriteError::Exists(public.to_owned()));
    }
    write_new(secret, secret_pem.as_bytes(), 0o600)?;
    write_new(public, public_pem.as_bytes(), 0o666).inspect_err(|_| {
        // Ours, and of no use; that it stays is no harm either.
        let _ = fs::remove_file(secret);
    })?;
    Ok(key.verifying_key())
}

/// Writes a file that must not be there yet, whole or not at all, with these rights (less what the user's mask takes).
fn write_new(path: &Path, bytes: &[u8], mode: u32) -> Result<(), WriteError> {
    let failed = |source| WriteError::Write { path: path.to_owned(), source };
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty());
    let mut builder = tempfile::Builder::new();
    builder.prefix(".supple-").suffix(".tmp");
    #[cfg(unix)]
    builder.permissions(std::os::unix::fs::PermissionsExt::from_mode(mode));
    #[cfg(not(unix))]
    let _ = mode;
    let mut file = builder.tempfile_in(folder.unwrap_or(Path::new("."))).map_err(failed)?;
    file.write_all(bytes).and_then(|()| file.as_file().sync_all()).map_err(failed)?;
    match file.persist_noclobber(path) {
        Ok(_) => Ok(()),
        Err(error) if error.error.kind() == io::ErrorKind::AlreadyExists => {
            Err(WriteError::Exists(path.to_owned()))
        }
        Err(error) => Err(failed(error.error)),
    }
}
