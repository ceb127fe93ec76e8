//! The runtime's errors in the protocol's words.

use supple_link::{DeviceError, PackFault};
use supple_pack::PackError;
use supple_pack::header::HeaderError;
use supple_runtime::AdaptError;

/// What is wrong with a pack, in few words.
pub fn pack_fault(error: &PackError) -> PackFault {
    match error {
        PackError::Header(HeaderError::Magic | HeaderError::Short(_)) => PackFault::Missing,
        PackError::Header(HeaderError::Version(_)) => PackFault::Version,
        PackError::Header(HeaderError::Lengths) | PackError::Length { .. } => PackFault::Length,
        PackError::Checksum => PackFault::Checksum,
        _ => PackFault::Content,
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
        AdaptError::SupportFull { max_support } => {
            DeviceError::SupportFull { max_support: max_support as u16 }
        }
        AdaptError::NoSupport => DeviceError::NoSupport,
        AdaptError::MemoryTooSmall { .. } | AdaptError::FeatureLength { .. } => DeviceError::Refused,
    }
}
