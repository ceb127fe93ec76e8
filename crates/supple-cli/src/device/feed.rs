//! How samples get to a device: as they are, or as features of the twin.

use std::path::Path;

use supple_data::{DataSet, Orientation};
use supple_link::PackFacts;
use supple_pack::{AlignedBytes, Pack};
use supple_runtime::{PlanTrunk, Trunk};

use super::Device;
use super::arguments::DrawArguments;
use super::error::DeviceCommandError;
use super::samples::Sample;
use crate::files;

/// A pack on this side of the line, where one was named.
pub struct Twin {
    bytes: Option<AlignedBytes>,
}

impl Twin {
    /// Reads the pack, if one is named.
    pub fn read(path: Option<&Path>) -> Result<Self, DeviceCommandError> {
        Ok(Self { bytes: path.map(files::read_pack).transpose()? })
    }

    /// The pack, if one is named; it must have a head of that name.
    pub fn pack(&self, path: Option<&Path>, head: &str) -> Result<Option<Pack<'_>>, DeviceCommandError> {
        let (Some(bytes), Some(path)) = (&self.bytes, path) else { return Ok(None) };
        let pack = files::parse_pack(path, bytes)?;
        if !pack.heads().any(|other| other.spec.name == head) {
            return Err(DeviceCommandError::OtherPack { pack: path.to_owned(), name: head.to_owned() });
        }
        Ok(Some(pack))
    }
}

/// What goes over the line.
pub enum Feed<'p> {
    /// Samples.
    Samples,
    /// Features of the twin.
    Features(Pack<'p>),
}

impl<'p> Feed<'p> {
    /// As the command line says; checked against what the device takes.
    pub fn of(
        arguments: &DrawArguments,
        pack: Option<Pack<'p>>,
        device: &PackFacts,
    ) -> Result<Self, DeviceCommandError> {
        let Some((pack, path)) = pack.filter(|_| arguments.stream_features).zip(arguments.pack.clone())
        else {
            return Ok(Self::Samples);
        };
        let given = pack.trunk().output.elements();
        if given != device.features as usize {
            return Err(DeviceCommandError::OtherFeatures { pack: path, given, takes: device.features });
        }
        Ok(Self::Features(pack))
    }

    /// Whether values of so many elements can be sent.
    pub fn check(&self, what: &str, given: usize, device: &PackFacts) -> Result<(), DeviceCommandError> {
        let (takes, heads_only) = match self {
            Self::Samples => (device.input, device.input == device.features),
            Self::Features(pack) => (pack.trunk().input.elements() as u32, false),
        };
        if given == takes as usize {
            return Ok(());
        }
        Err(DeviceCommandError::Input { what: what.to_owned(), given, takes, heads_only })
    }

    /// Brings the features of a sample onto the device.
    pub fn sample(
        &self,
        device: &mut Device,
        set: &DataSet,
        sample: Sample,
    ) -> Result<(), DeviceCommandError> {
        let mut input = vec![0.0; set.shape().len()];
        set.render(sample.index, Orientation::UPRIGHT, &mut input);
        self.values(device, &input)
    }

    /// Likewise of an input.
    pub fn values(&self, device: &mut Device, input: &[f32]) -> Result<(), DeviceCommandError> {
        match self {
            Self::Samples => {
                device.input(input)?;
                device.features()?;
            }
            Self::Features(pack) => {
                let mut arena = vec![0.0; pack.trunk().arena as usize];
                let mut feature = vec![0.0; pack.trunk().output.elements()];
                let trunk = PlanTrunk::new(pack, &mut arena);
                let ran = trunk.and_then(|mut trunk| Trunk::features(&mut trunk, input, &mut feature));
                ran.map_err(|error| DeviceCommandError::Features(error.into()))?;
                device.feature(&feature)?;
            }
        }
        Ok(())
    }
}
