//! Arguments of `key`, and of whatever signs a pack.

use std::path::PathBuf;

use clap::{Args, Subcommand};

/// What to do with keys.
#[derive(Debug, Subcommand)]
pub enum KeyVerb {
    /// Make a key pair: NAME.pem, to be kept secret, and NAME.pub.pem.
    New(NewArguments),
    /// Put public keys into the block that a board trusts; a programmer writes it to the board.
    Ring(RingArguments),
    /// Tell what a key file or a block of keys holds.
    Show(ShowArguments),
    /// Sign a pack.
    Sign(SignArguments),
    /// Check a pack's signature as a board does.
    Check(CheckArguments),
}

/// Arguments of `key new`.
#[derive(Debug, Args)]
pub struct NewArguments {
    /// Where to write, without `.pem`.
    pub name: PathBuf,
    /// Print one JSON object.
    #[arg(long)]
    pub json: bool,
}

/// Arguments of `key ring`.
#[derive(Debug, Args)]
pub struct RingArguments {
    /// Public keys, up to four.
    #[arg(required = true, value_name = "PUB.pem")]
    pub keys: Vec<PathBuf>,
    /// The block to write.
    #[arg(short, long = "out", value_name = "KEYS.bin")]
    pub out: PathBuf,
    /// Print one JSON object.
    #[arg(long)]
    pub json: bool,
}

/// Arguments of `key show`.
#[derive(Debug, Args)]
pub struct ShowArguments {
    /// A secret or public key, or a block of keys.
    pub file: PathBuf,
    /// Print one JSON object.
    #[arg(long)]
    pub json: bool,
}

/// Arguments of `key sign`.
#[derive(Debug, Args)]
pub struct SignArguments {
    /// The pack; a signature that it has is replaced.
    pub pack: PathBuf,
    /// The secret key, Ed25519 in PKCS#8, as `supple key new` and `openssl genpkey -algorithm ed25519` write it.
    #[arg(long, value_name = "KEY.pem")]
    pub key: PathBuf,
    #[command(flatten)]
    #[allow(missing_docs)]
    pub terms: TermsArguments,
    /// The signed pack to write.
    #[arg(short, long = "out", value_name = "OUT.supple")]
    pub out: PathBuf,
    /// Print one JSON object.
    #[arg(long)]
    pub json: bool,
}

/// Arguments of `key check`.
#[derive(Debug, Args)]
pub struct CheckArguments {
    /// The signed pack.
    pub pack: PathBuf,
    /// The block of keys that the board trusts.
    #[arg(long, value_name = "KEYS.bin")]
    pub ring: PathBuf,
    /// The board that is to run it; by default the one that the signature names.
    #[arg(long)]
    pub board: Option<String>,
    /// Print one JSON object.
    #[arg(long)]
    pub json: bool,
}

/// Whether to sign a pack that is written, and how.
#[derive(Debug, Clone, Args)]
pub struct Signing {
    /// Sign the pack with this secret key, Ed25519 in PKCS#8, as `supple key new` writes it.
    #[arg(long = "sign", value_name = "KEY.pem")]
    pub key: Option<PathBuf>,
    #[command(flatten)]
    #[allow(missing_docs)]
    pub terms: TermsArguments,
}

/// What a signature says of a pack.
#[derive(Debug, Clone, Args)]
pub struct TermsArguments {
    /// The signature's security counter. A board that has confirmed a pack takes none of the same key with a lower one.
    #[arg(long, value_name = "N", default_value_t = 0, requires = "key")]
    pub counter: u32,
    /// The only board that may run the pack; by default any.
    #[arg(long, value_name = "BOARD", requires = "key")]
    pub for_board: Option<String>,
}
