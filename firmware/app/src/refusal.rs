//! The runtime's errors in the protocol's words.

use supple_link::{DeviceError, FlashFault, PackFault, PackRefusal};
use supple_pack::PackError;
use supple_pack::header::HeaderError;
use supple_pack::signature::SignatureError;
use supple_runtime::{AdaptError, CacheError};
use supple_store::AppendError;
use supple_store::snapshot::SnapshotError;

/// What is wrong with a pack, in few words.
pub fn pack_fault(error: &PackError) -> PackFault {
    match error {
        PackError::Header(error) => header_fault(error),
        PackError::Length { .. } => PackFault::Length,
        PackError::Checksum => PackFault::Checksum,
        PackError::NotBuilt { .. } => PackFault::NotBuilt,
        _ => PackFault::Content,
    }
}

fn header_fault(error: &HeaderError) -> PackFault {
    match error {
        HeaderError::Magic | HeaderError::Short(_) => PackFault::Missing,
        HeaderError::Version(_) => PackFault::Version,
        HeaderError::Lengths => PackFault::Length,
    }
}

/// Why a pack's signature is not taken.
pub fn signature_refusal(error: SignatureError) -> PackRefusal {
    match error {
        SignatureError::Header(error) => PackRefusal::Pack(header_fault(&error)),
        SignatureError::Length { .. } => PackRefusal::Pack(PackFault::Length),
        SignatureError::Unsigned => PackRefusal::Unsigned,
        SignatureError::Malformed => PackRefusal::Malformed,
        SignatureError::UnknownKey(_) | SignatureError::UnusableKey(_) => PackRefusal::UnknownKey,
        SignatureError::OtherBoard => PackRefusal::OtherBoard,
        SignatureError::Wrong => PackRefusal::Signature,
    }
}

/// Why a record is not written.
pub fn append_refusal(error: AppendError) -> DeviceError {
    match error {
        AppendError::TooLong { length, longest } => {
            DeviceError::SnapshotTooLong { needed: length, room: longest }
        }
        AppendError::Sequence => DeviceError::Flash(FlashFault::Exhausted),
        AppendError::Flash => DeviceError::Flash(FlashFault::NotWritten),
        // Lengths are counted before.
        AppendError::Length | AppendError::Content => DeviceError::Refused,
    }
}

/// Why a version is not restored.
pub fn snapshot_refusal(error: SnapshotError, version: u32) -> DeviceError {
    match error {
        SnapshotError::Read(_) => DeviceError::Flash(FlashFault::Unusable),
        SnapshotError::Magic
        | SnapshotError::Version(_)
        | SnapshotError::Length
        | SnapshotError::Content(_) => DeviceError::BrokenVersion { version },
    }
}

/// Why the learner refused.
pub fn adapt_refusal(error: AdaptError) -> DeviceError {
    match error {
        AdaptError::NotBegun => DeviceError::NotBegun,
        AdaptError::WayOutOfRange { way, capacity } => {
            DeviceError::WayOutOfRange { way: way as u16, capacity: capacity as u16 }
        }
        AdaptError::RowOutOfRange { row, capacity } => {
            DeviceError::RowOutOfRange { row: row as u16, capacity: capacity as u16 }
        }
        AdaptError::LabelOutOfRange { label, way } => {
            DeviceError::LabelOutOfRange { label: label as u16, way: way as u16 }
        }
        AdaptError::NotAllNumbers { way, capacity } => {
            DeviceError::NotAllNumbers { way: way as u16, capacity: capacity as u16 }
        }
        AdaptError::OtherTask => DeviceError::OtherTask,
        AdaptError::TargetLength { expected, got } => {
            DeviceError::TargetLength { expected: expected as u16, got: got as u16 }
        }
        AdaptError::TargetNotFinite { index } => DeviceError::TargetNotFinite { index: index as u16 },
        AdaptError::NoSupport => DeviceError::NoSupport,
        AdaptError::NoFurtherClass { capacity } => DeviceError::NoFurtherClass { capacity: capacity as u16 },
        AdaptError::LastClass => DeviceError::LastClass,
        // Memory is shared out as the pack needs, only samples in the cache are labelled, and the app is built with all
        // kinds of heads.
        AdaptError::MemoryTooSmall { .. }
        | AdaptError::NotBuilt { .. }
        | AdaptError::WorkTooSmall { .. }
        | AdaptError::OtherCache
        | AdaptError::SampleOutOfRange { .. }
        | AdaptError::FeatureLength { .. } => DeviceError::Refused,
    }
}

/// Why the support cache refused.
pub fn cache_refusal(error: CacheError) -> DeviceError {
    match error {
        CacheError::Full { max_support } => DeviceError::SupportFull { max_support: max_support as u16 },
        CacheError::NotFinite { index } => DeviceError::FeatureNotFinite { index: index as u32 },
        CacheError::MemoryTooSmall { .. }
        | CacheError::NotBuilt { .. }
        | CacheError::FeatureLength { .. } => DeviceError::Refused,
    }
}

/// Why a head does not run; `too_small` says by how much its memory was.
pub fn head_fault(error: AdaptError, too_small: DeviceError) -> DeviceError {
    match error {
        AdaptError::NotBuilt { .. } => DeviceError::Pack(PackFault::NotBuilt),
        _ => too_small,
    }
}

/// Why there is no support cache; `too_small` says by how much its memory was.
pub fn cache_fault(error: CacheError, too_small: DeviceError) -> DeviceError {
    match error {
        CacheError::NotBuilt { .. } => DeviceError::Pack(PackFault::NotBuilt),
        _ => too_small,
    }
}
