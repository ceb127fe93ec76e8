//! A trained trunk on its own: parameters, statistics and standardisation, to start other trainings from.
//!
//! Trunks of a joint training and of a meta-training lie in their vectors alike (first, in the order of
//! [`crate::model::Network`]), so each can start from the other's. A trunk that was trained elsewhere and has the same blocks comes in the same
//! way; of one that has not, the features serve: as inputs of a model without blocks.

use serde::{Deserialize, Serialize};

use super::error::MultiTaskError;
use super::model::TaskModel;
use crate::model::{Network, Parameters};
use crate::standardise::Standardise;
use crate::trainer::TrunkStart;

/// A trunk's numbers.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct TrainedTrunk {
    /// Height, width and channels of an input.
    pub input: [usize; 3],
    /// Rows and columns of each parameter.
    pub layout: Vec<[usize; 2]>,
    /// All parameters, one flat vector.
    pub parameters: Vec<f32>,
    /// Statistics of batch normalisation: layer after layer mean, then variance.
    pub statistics: Vec<f32>,
    /// What inputs go through first, if anything.
    pub standardise: Option<Standardise>,
}

impl TrainedTrunk {
    /// Out of longer vectors that begin with a trunk's values: those of a meta-training's state, say. `parameters` are
    /// those that the network was made with.
    ///
    /// # Panics
    /// If the vectors are shorter than the trunk.
    pub fn of(
        network: &Network,
        parameters: &Parameters,
        values: &[f32],
        statistics: &[f32],
        standardise: Option<&Standardise>,
    ) -> Self {
        let (input, layout) = shapes(network, parameters);
        let length = layout.iter().map(|[rows, columns]| rows * columns).sum();
        let normalised = 2 * network.normalised_channels().iter().sum::<usize>();
        Self {
            input,
            layout,
            parameters: values[..length].to_vec(),
            statistics: statistics[..normalised].to_vec(),
            standardise: standardise.cloned(),
        }
    }

    /// A trunk from an ONNX file. Its blocks must be the recipe's.
    pub fn from_elsewhere(trunk: &TrunkStart) -> Result<Self, MultiTaskError> {
        let mut parameters = Parameters::default();
        let network = Network::new(trunk.input, &trunk.blocks, &mut parameters)?;
        let (found, expected) = (trunk.values.len(), parameters.len());
        if found != expected {
            return Err(MultiTaskError::Start(format!("it has {found} parameters, not {expected}")));
        }
        Ok(Self::of(&network, &parameters, &trunk.values, &[], None))
    }

    /// Writes the trunk over the beginning of longer vectors. Inputs must then go through the trunk's own
    /// standardisation.
    pub fn write_over(
        &self,
        network: &Network,
        parameters: &Parameters,
        values: &mut [f32],
        statistics: &mut [f32],
    ) -> Result<(), MultiTaskError> {
        let (input, layout) = shapes(network, parameters);
        let refuse = |problem: String| Err(MultiTaskError::Start(problem));
        if input != self.input {
            return refuse(format!("it reads inputs of {:?}, not {input:?}", self.input));
        }
        if layout != self.layout {
            let first = layout.iter().zip(&self.layout).take_while(|(a, b)| a == b).count();
            let size = |layout: &[[usize; 2]]| layout.get(first).copied();
            return refuse(format!(
                "its parameter {} is {:?}, not {:?} (rows, columns)",
                first + 1,
                size(&self.layout),
                size(&layout)
            ));
        }
        let length: usize = layout.iter().map(|[rows, columns]| rows * columns).sum();
        let normalised = 2 * network.normalised_channels().iter().sum::<usize>();
        if (self.parameters.len(), self.statistics.len()) != (length, normalised) {
            return refuse(format!(
                "it has {} parameters and {} statistics, not {length} and {normalised}",
                self.parameters.len(),
                self.statistics.len()
            ));
        }
        let scales = self.standardise.iter().flat_map(|own| own.mean.iter().chain(&own.factor));
        let mut all = self.parameters.iter().chain(&self.statistics).chain(scales);
        if all.any(|value| !value.is_finite()) {
            return refuse("it holds values that are no finite numbers".to_owned());
        }
        let channels = self.standardise.as_ref().map(|own| (own.mean.len(), own.factor.len()));
        if channels.is_some_and(|channels| channels != (input[2], input[2])) {
            return refuse(format!("its standardisation is not of {} channels", input[2]));
        }
        values[..length].copy_from_slice(&self.parameters);
        statistics[..normalised].copy_from_slice(&self.statistics);
        Ok(())
    }

    /// Writes the trunk over every trunk of a model.
    pub(super) fn start(
        &self,
        model: &TaskModel,
        values: &mut [f32],
        statistics: &mut [f32],
    ) -> Result<(), MultiTaskError> {
        let normalised = model.statistics_of_trunk();
        for (index, network) in model.trunks.iter().enumerate() {
            let first = model.values(model.trunk_range(index)).start;
            let statistics = &mut statistics[index * normalised..];
            self.write_over(network, &model.parameters, &mut values[first..], statistics)?;
        }
        Ok(())
    }
}

/// The shape of a network's input, and rows and columns of its parameters.
fn shapes(network: &Network, parameters: &Parameters) -> ([usize; 3], Vec<[usize; 2]>) {
    let input = network.input();
    let layers = network.layers().iter();
    let indices = layers.flat_map(|layer| layer.first_parameter..layer.first_parameter + layer.parameters);
    let layout = indices.map(|index| {
        let parameter = parameters.get(index);
        [parameter.rows, parameter.columns]
    });
    ([input.height, input.width, input.channels], layout.collect())
}
