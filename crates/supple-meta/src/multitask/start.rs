//! From a recipe and data to a trainer.

use sha2::{Digest, Sha256};
use supple_data::DataSet;
use supple_data::part::Part;
use supple_data::random::{Purpose, stream};

use super::batch::HeadLabels;
use super::error::MultiTaskError;
use super::hard::hard;
use super::model::{HeadPlan, TaskModel};
use super::programs::Wanted;
use super::recipe::{MultiTaskRecipe, SharingRecipe, Strength};
use super::soft::{Penalty, soft};
use super::state::MultiTaskState;
use super::trainer::{Group, MultiTaskTrainer};
use super::transfer::TrainedTrunk;
use super::weights::{Weighting, WeightsRecipe};
use crate::adam::Adam;
use crate::standardise::Standardise;

impl<'d> MultiTaskTrainer<'d> {
    /// Prepares a training on one part of a data set, judged on another. A sample belongs if a label of any head is
    /// known. With `start`, all trunks start from it, and inputs go through its standardisation instead of one of the
    /// training part.
    pub fn new(
        recipe: MultiTaskRecipe,
        set: &'d DataSet,
        (training_part, validation_part): (&Part, &Part),
        start: Option<&TrainedTrunk>,
    ) -> Result<Self, MultiTaskError> {
        recipe.check()?;
        let allowed = |part: &Part| (0..set.len()).filter(|s| part.allows(set, *s)).collect::<Vec<_>>();
        let training = allowed(training_part);
        let labels = recipe.labels(set, &training)?;
        let labelled = |mut samples: Vec<usize>| {
            samples.retain(|sample| labels.iter().any(|labels| labels.knows(*sample)));
            samples
        };
        let (training, validation) = (labelled(training), labelled(allowed(validation_part)));
        let (model, penalty) = model(&recipe, set, &labels)?;
        let classifies: Vec<bool> = labels.iter().map(HeadLabels::classifies).collect();
        let fixed: Vec<f64> = recipe.heads.iter().map(|head| head.weight.unwrap_or(1.0)).collect();

        let mut parameters =
            model.parameters.initial(&mut stream(recipe.seed, Purpose::Initialisation, 0, 0));
        let first = model.trunks.first().map_or(0..0, |_| model.values(model.trunk_range(0)));
        for trunk in 1..model.trunks.len() {
            // All trunks start alike, see `soft`.
            parameters.copy_within(first.clone(), model.values(model.trunk_range(trunk)).start);
        }
        let channels = model.trunks.iter().flat_map(|trunk| trunk.normalised_channels());
        let statistics = channels.flat_map(|channels| [0.0, 1.0].map(|value| vec![value; channels]));
        let mut statistics: Vec<f32> = statistics.flatten().collect();
        let standardise = match start {
            Some(start) => {
                start.start(&model, &mut parameters, &mut statistics)?;
                start.standardise.clone()
            }
            None if recipe.trunk.start.is_some() => return Err(MultiTaskError::StartNotGiven),
            None if recipe.trunk.frozen && !model.trunks.is_empty() => {
                return Err(MultiTaskError::FrozenWithoutStart);
            }
            None if recipe.trunk.standardise => Some(Standardise::over(set, training.iter().copied())),
            None => None,
        };
        let trained = match recipe.trunk.frozen {
            true => model.values(model.heads_range()),
            false => 0..parameters.len(),
        };
        let state = MultiTaskState {
            identity: identity(&recipe, set, [training_part, validation_part]),
            iteration: 0,
            adam: Adam::new(trained.len()),
            weighting: Weighting::new(&recipe.weights, &classifies, &fixed),
            // What is frozen has been normalised by its statistics, and goes on so.
            fixed: recipe.trunk.frozen,
            usual_losses: vec![0.0; labels.len()],
            parameters,
            statistics,
            standardise,
        };
        let groups = (0..recipe.training.groups).map(|_| Group::default()).collect();
        let batch = recipe.training.batch_of(training.len());
        let steps = recipe.training.steps(training.len());
        let wanted = wanted(&recipe, &model);
        Ok(Self {
            recipe,
            set,
            model,
            labels,
            training,
            validation,
            penalty,
            trained,
            wanted,
            batch,
            steps,
            order: None,
            groups,
            program: None,
            state,
        })
    }
}

fn model(
    recipe: &MultiTaskRecipe,
    set: &DataSet,
    labels: &[HeadLabels],
) -> Result<(TaskModel, Option<Penalty>), MultiTaskError> {
    let plans: Vec<HeadPlan> = recipe
        .heads
        .iter()
        .zip(labels)
        .map(|(head, labels)| HeadPlan {
            task: head.task.clone(),
            hidden: head.hidden,
            outputs: labels.outputs,
            loss: head.loss(labels.classifies()),
        })
        .collect();
    let blocks = &recipe.trunk.blocks;
    let SharingRecipe::Soft { strength } = &recipe.sharing else {
        return Ok((hard(set.shape(), blocks, &plans)?, None));
    };
    let model = soft(set.shape(), blocks, &plans)?;
    let layers = Penalty::layers(&model.trunks[0]);
    let strengths = match strength {
        Strength::Same(one) => vec![*one; layers],
        Strength::Each(each) if each.len() == layers => each.clone(),
        Strength::Each(each) => {
            return Err(MultiTaskError::Value {
                key: "sharing.strength".to_owned(),
                problem: format!(
                    "lists {} numbers, but {layers} blocks have parameters: give one for each, or a single number",
                    each.len()
                ),
            });
        }
    };
    let penalty = Penalty::new(&model, &strengths);
    Ok((model, Some(penalty)))
}

/// Which gradients a step needs.
fn wanted(recipe: &MultiTaskRecipe, model: &TaskModel) -> Wanted {
    let all = 0..model.parameters.list().len();
    match (recipe.weights, model.last_shared()) {
        _ if recipe.trunk.frozen => Wanted { together: model.heads_range(), apart: 0..0 },
        (WeightsRecipe::PcGrad, _) => Wanted { together: model.heads_range(), apart: model.trunks_range() },
        (WeightsRecipe::GradNorm { .. }, Some(last)) => Wanted { together: all, apart: last..last + 1 },
        _ => Wanted { together: all, apart: 0..0 },
    }
}

/// A checkpoint is tied to its recipe, data and parts by this.
fn identity(recipe: &MultiTaskRecipe, set: &DataSet, parts: [&Part; 2]) -> u64 {
    let mut hash = Sha256::new();
    // A recipe that was read can be written.
    hash.update(toml::to_string(recipe).unwrap_or_default());
    hash.update(set.fingerprint());
    for part in parts {
        for side in [&part.domains, &part.classes] {
            hash.update((side.len() as u64).to_le_bytes());
            side.iter().for_each(|allowed| hash.update([u8::from(*allowed)]));
        }
    }
    let digest = hash.finalize();
    digest.first_chunk().map_or(0, |eight| u64::from_le_bytes(*eight))
}
