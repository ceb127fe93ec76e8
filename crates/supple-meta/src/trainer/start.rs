//! From a recipe and data to a trainer.

use sha2::{Digest, Sha256};
use supple_data::DataSet;
use supple_data::generated::regression::Family;
use supple_data::part::{Part, PartError, split};
use supple_data::random::{Purpose, stream};
use supple_data::render::Orientation;
use supple_data::tasks::{TaskError, TaskKind, TaskSampler, TaskShape};
use supple_data::{Labels, SampleShape};

use super::batch::TaskSource;
use super::fixed::FixedTrunk;
use super::programs::Programs;
use super::{Group, State, Trainer};
use crate::algorithm::{Adapts, AlgorithmError, Learner};
use crate::model::{Block, BlockError, Loss};
use crate::outer::{OuterOptimiser, OuterRecipe};
use crate::recipe::{Kind, Recipe, RecipeError, Source, TrunkRecipe};
use crate::standardise::Standardise;

/// Query samples a class of a validation episode, where there are as many.
const VALIDATION_QUERIES: usize = 15;

/// Why training cannot start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The recipe makes no sense.
    #[error(transparent)]
    Recipe(#[from] RecipeError),
    /// The trunk's blocks do not fit together.
    #[error(transparent)]
    Trunk(#[from] BlockError),
    /// The algorithm cannot work so.
    #[error(transparent)]
    Algorithm(#[from] AlgorithmError),
    /// The data cannot be split.
    #[error("{0} (in the recipe: hold_back of [data])")]
    Part(#[from] PartError),
    /// The data does not give such tasks.
    #[error("{0} (in the recipe: way, shots and queries of [training])")]
    Task(TaskError),
    /// What is held back gives no validation.
    #[error(
        "no validation on what is held back: {0} (in the recipe: hold_back of [data], validation_shot of [training])"
    )]
    Validation(TaskError),
    /// More classes than the head has rows.
    #[error(
        "{set} has {classes} classes whose labels keep their meaning, but head.capacity is {capacity}: raise it to {classes}"
    )]
    Capacity {
        /// The data set.
        set: String,
        /// Its classes.
        classes: usize,
        /// As the recipe says.
        capacity: usize,
    },
    /// Classes with labels of numbers, or the other way round.
    #[error("the main task of {set} is numbers, for which kind of [task] must be `new-domain`: change it")]
    NotClasses {
        /// The data set.
        set: String,
    },
    /// Standardised inputs cannot be folded into the first block.
    #[error(
        "standardise of [trunk] needs a dense first block, into which it is folded; the first block here is none: leave it out"
    )]
    Standardise,
    /// A trunk for other samples.
    #[error(
        "the trunk of start takes inputs of {trunk:?}, the data has samples of {data:?}: give data of that shape, or another trunk"
    )]
    Input {
        /// Of the trunk.
        trunk: SampleShape,
        /// Of the data.
        data: SampleShape,
    },
    /// The head does what no device can.
    #[error(
        "a device cannot do this: {0}; change it, or set on_device = false in [head] to train a start for hosts"
    )]
    NotOnDevice(&'static str),
    /// The checkpoint belongs to something else.
    #[error(
        "the checkpoint was made with another recipe or other data: train into an empty folder, or leave --resume out"
    )]
    OtherCheckpoint,
}

/// A trunk from elsewhere.
#[derive(Debug, Clone, PartialEq)]
pub struct TrunkStart {
    /// The shape of its input.
    pub input: SampleShape,
    /// Its blocks, without batch normalisation.
    pub blocks: Vec<Block>,
    /// Weights and bias of each block that has any, in the order of [`crate::model::Network`].
    pub values: Vec<f32>,
}

/// What a training starts from.
enum Origin<'a, 'd> {
    /// The recipe's blocks, or those of another training.
    Blocks(Option<TrunkStart>),
    /// A trunk that is run elsewhere, and a head.
    Fixed(&'d dyn FixedTrunk, Option<&'a [f32]>),
}

impl<'d> Trainer<'d> {
    /// Prepares a training from the start; `trunk` is what the recipe's `start` names.
    pub fn new(recipe: Recipe, set: &'d DataSet, trunk: Option<TrunkStart>) -> Result<Self, StartError> {
        Self::start(recipe, set, &Origin::Blocks(trunk))
    }

    /// Prepares the training of a head alone, on features of a trunk that is run elsewhere. It goes on from the
    /// [`head_values`](Self::head_values) of another training with the same head, if there are any.
    pub fn on_features(
        recipe: Recipe,
        set: &'d DataSet,
        trunk: &'d dyn FixedTrunk,
        head: Option<&[f32]>,
    ) -> Result<Self, StartError> {
        // The trunk takes inputs as they are: what they went through in its training has become part of it.
        let trunk_recipe = TrunkRecipe { standardise: false, ..recipe.trunk.clone() };
        let recipe = Recipe { trunk: trunk_recipe, ..recipe };
        Self::start(recipe, set, &Origin::Fixed(trunk, head))
    }

    fn start(recipe: Recipe, set: &'d DataSet, from: &Origin<'_, 'd>) -> Result<Self, StartError> {
        recipe.check()?;
        let input = match from {
            Origin::Blocks(trunk) => trunk.as_ref().map(|trunk| trunk.input),
            Origin::Fixed(trunk, _) => Some(trunk.input()),
        };
        if let Some(trunk) = input
            && trunk != set.shape()
        {
            return Err(StartError::Input { trunk, data: set.shape() });
        }
        let classes = match &set.tasks()[0].labels {
            Labels::Classes { names, .. } => Some(names.len()),
            Labels::Values { .. } => None,
        };
        let meaning = meaning(&recipe, set, classes)?;
        let outputs = match &set.tasks()[0].labels {
            Labels::Classes { .. } => recipe.head.capacity,
            Labels::Values { names, .. } => names.len(),
        };
        let loss = match classes {
            Some(_) => Loss::SummedCrossEntropy,
            None => Loss::SquaredError,
        };
        let head = (recipe.head.hidden, outputs);
        let mut learner = match from {
            Origin::Blocks(trunk) => {
                let blocks = trunk.as_ref().map_or(&recipe.trunk.blocks, |trunk| &trunk.blocks);
                let mut learner = Learner::new(set.shape(), blocks, head, loss, recipe.task.adapts)?;
                learner.trunk_frozen = recipe.trunk.frozen;
                learner
            }
            Origin::Fixed(trunk, _) => Learner::on_features(trunk.features(), head, loss),
        };
        let mut algorithm = recipe.algorithm.build();
        algorithm.check(&learner)?;
        algorithm.prepare(&mut learner);

        // Step sizes are learned at a rate of their own.
        let first_extra = match algorithm.rate_parameters() {
            range if range.is_empty() => learner.parameters.len(),
            range => learner.parameters.get(range.start).offset,
        };
        if recipe.head.on_device {
            let step_sizes = algorithm.step_sizes(&learner, &vec![0.0; learner.parameters.len()]);
            on_device(&recipe, step_sizes.is_some())?;
        }
        let (training_part, held_back) = split(set, &recipe.data.hold_back())?;
        let standardise = match recipe.trunk.standardise {
            false => None,
            true if !recipe.trunk.begins_dense() => return Err(StartError::Standardise),
            true => Some(Standardise::of(set, &training_part)),
        };
        let tasks = tasks(&recipe, set, &training_part, meaning, classes.is_none())?;
        let shape = (recipe.training.validation_way, recipe.training.validation_shot);
        let validation = validation(&recipe, set, &held_back, meaning, shape)?;
        let mut random = stream(recipe.seed, Purpose::Initialisation, 0, 0);
        let mut learned = learner.parameters.initial(&mut random);
        let first_of_head = learner.parameters.get(learner.head_range().start).offset;
        match from {
            Origin::Blocks(Some(trunk)) => learned[..first_of_head].copy_from_slice(&trunk.values),
            Origin::Fixed(_, Some(head)) if head.len() == learned.len() => learned.copy_from_slice(head),
            Origin::Blocks(None) | Origin::Fixed(..) => {}
        }
        let channels = learner.network.normalised_channels();
        let statistics = channels.iter().flat_map(|channels| [0.0, 1.0].map(|value| vec![value; *channels]));
        let optimiser = match recipe.training.meta_step {
            Some(_) => OuterRecipe::ReptileStep,
            None => OuterRecipe::Adam,
        };
        let state = State {
            identity: identity(&recipe, set, from),
            iteration: 0,
            optimiser: OuterOptimiser::new(optimiser, learned.len()),
            learned,
            statistics: statistics.flatten().collect(),
            fixed: false,
            usual_loss: 0.0,
        };
        let frozen = if recipe.trunk.frozen { first_of_head } else { 0 };
        let trunk = match from {
            Origin::Blocks(_) => None,
            Origin::Fixed(trunk, _) => Some(*trunk),
        };
        let groups = (0..recipe.training.groups).map(|_| Group::default()).collect();
        let variation = recipe.training.variation();
        Ok(Self {
            recipe,
            learner,
            algorithm,
            tasks,
            validation,
            set,
            held_back,
            variation,
            standardise,
            trunk,
            programs: Programs::default(),
            groups,
            first_extra,
            frozen,
            first_of_head,
            state,
        })
    }
}

/// Whether a device could adapt such a head.
fn on_device(recipe: &Recipe, step_sizes: bool) -> Result<(), StartError> {
    match () {
        () if recipe.task.adapts != Adapts::Head => {
            Err(StartError::NotOnDevice("adapts of [task] is more than the head"))
        }
        () if !step_sizes => Err(StartError::NotOnDevice(
            "the algorithm of [algorithm] does not adapt by gradient steps with a size for each step (as anil and \
             proto-maml do, with rates = \"per-step\" or \"fixed\")",
        )),
        () => Ok(()),
    }
}

/// Rows of the head that classes choose from, where labels keep their meaning.
fn meaning(recipe: &Recipe, set: &DataSet, classes: Option<usize>) -> Result<Option<usize>, StartError> {
    let capacity = recipe.head.capacity;
    match (recipe.task.kind, classes) {
        (Kind::NewClasses, None) => Err(StartError::NotClasses { set: set.name().to_owned() }),
        (Kind::NewDomain, Some(classes)) if classes > capacity => {
            Err(StartError::Capacity { set: set.name().to_owned(), classes, capacity })
        }
        (Kind::NewDomain, Some(_)) => Ok(Some(capacity)),
        _ => Ok(None),
    }
}

fn kind(recipe: &Recipe) -> TaskKind {
    match recipe.task.kind {
        Kind::NewClasses => TaskKind::NewClasses,
        Kind::NewDomain => TaskKind::NewDomain,
    }
}

fn tasks<'d>(
    recipe: &Recipe,
    set: &'d DataSet,
    part: &Part,
    meaning: Option<usize>,
    regression: bool,
) -> Result<TaskSource<'d>, StartError> {
    let training = &recipe.training;
    let orientations: &'static [Orientation] = match (set.drawings().is_some(), training.mirrored_classes) {
        (false, _) => &[Orientation::UPRIGHT],
        (true, _) if recipe.task.kind == Kind::NewDomain => &[Orientation::UPRIGHT],
        (true, true) => Orientation::ALL,
        (true, false) => Orientation::TURNS,
    };
    let sampler = |shot: &usize| {
        let shape = TaskShape { way: training.way, shot: *shot, queries: training.queries };
        match regression {
            true => TaskSampler::regression(set, part, 0, *shot, training.queries),
            false => TaskSampler::new(set, part, kind(recipe), shape, orientations),
        }
    };
    let samplers =
        training.shots.iter().map(sampler).collect::<Result<Vec<_>, _>>().map_err(StartError::Task)?;
    let family = match recipe.data.source {
        Source::Sinusoid => Some(Family::Sinusoid),
        Source::Arm => Some(Family::Arm),
        _ => None,
    };
    // The generator's tasks have the shape of the set's, or the set is the user's own.
    let family = family.filter(|family| {
        let outputs = samplers.first().map_or(0, |sampler: &TaskSampler| sampler.targets(0).len());
        (family.inputs(), family.outputs().len()) == (set.shape().len(), outputs)
    });
    Ok(TaskSource { samplers, meaning, regression, family, shuffled_share: training.shuffled_share })
}

/// Episodes of what was held back.
pub(super) fn validation<'d>(
    recipe: &Recipe,
    set: &'d DataSet,
    part: &Part,
    meaning: Option<usize>,
    (way, shot): (usize, usize),
) -> Result<TaskSource<'d>, StartError> {
    let way = way.min(recipe.head.capacity);
    let regression = matches!(set.tasks()[0].labels, Labels::Values { .. });
    // As many queries as there are samples for, where classes have few.
    let mut last = None;
    for queries in (1..=VALIDATION_QUERIES).rev() {
        let shape = TaskShape { way, shot, queries };
        let sampler = match regression {
            true => TaskSampler::regression(set, part, 0, shot, queries),
            false => TaskSampler::new(set, part, kind(recipe), shape, &[Orientation::UPRIGHT]),
        };
        match sampler {
            Ok(sampler) => {
                let samplers = vec![sampler];
                return Ok(TaskSource { samplers, meaning, regression, family: None, shuffled_share: 0.0 });
            }
            Err(error) => last = last.or(Some(error)),
        }
    }
    Err(StartError::Validation(last.unwrap_or(TaskError::NoOrientation)))
}

/// A checkpoint is tied to its recipe and data by this.
fn identity(recipe: &Recipe, set: &DataSet, from: &Origin) -> u64 {
    let mut hash = Sha256::new();
    // A recipe that was read can be written.
    hash.update(toml::to_string(recipe).unwrap_or_default());
    hash.update(set.fingerprint());
    let values = match from {
        Origin::Blocks(trunk) => trunk.as_ref().map_or(&[][..], |trunk| &trunk.values),
        Origin::Fixed(trunk, head) => {
            hash.update(trunk.name());
            head.unwrap_or_default()
        }
    };
    values.iter().for_each(|value| hash.update(value.to_bits().to_le_bytes()));
    let digest = hash.finalize();
    digest.first_chunk().map_or(0, |eight| u64::from_le_bytes(*eight))
}
