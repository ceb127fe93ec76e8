//! Whether a recipe makes sense by itself, and with the data.

use supple_data::{DataSet, Labels};

use super::batch::{HeadLabels, TargetScale};
use super::error::MultiTaskError;
use super::recipe::{AnswerKind, MultiTaskRecipe, SharingRecipe, Strength, TaskHeadRecipe};
use super::weights::WeightsRecipe;
use crate::model::Loss;
use crate::recipe::Precision;

fn wrong<T>(key: impl Into<String>, problem: &str) -> Result<T, MultiTaskError> {
    Err(MultiTaskError::Value { key: key.into(), problem: problem.to_owned() })
}

impl MultiTaskRecipe {
    /// Checks values and how they go together.
    pub fn check(&self) -> Result<(), MultiTaskError> {
        let training = &self.training;
        let positive = |value: f64| value.is_finite() && value > 0.0;
        let strengths = match &self.sharing {
            SharingRecipe::Soft { strength: Strength::Same(one) } => std::slice::from_ref(one),
            SharingRecipe::Soft { strength: Strength::Each(all) } => all,
            SharingRecipe::Hard => &[],
        };
        let soft = matches!(self.sharing, SharingRecipe::Soft { .. });
        let untrained = self.trunk.frozen || soft || self.trunk.blocks.is_empty();
        match () {
            () if self.heads.is_empty() => wrong("heads", "must list at least one task"),
            () if training.iterations.is_some() && training.epochs.is_some() => {
                wrong("training", "has both iterations and epochs: leave one out")
            }
            () if training.iterations == Some(0) => wrong("training.iterations", "must be at least 1"),
            () if training.epochs == Some(0) => wrong("training.epochs", "must be at least 1"),
            () if !(1..=65_536).contains(&training.batch) => {
                wrong("training.batch", "must be within 1..=65536")
            }
            () if training.groups == 0 || !training.batch.is_multiple_of(training.groups) => {
                wrong("training.groups", "must divide training.batch")
            }
            () if !positive(training.learning_rate.into()) => {
                wrong("training.learning_rate", "must be a positive number")
            }
            () if !positive(training.gradient_clip.into()) => {
                wrong("training.gradient_clip", "must be a positive number")
            }
            () if !(0.0..=1.0).contains(&training.fixed_statistics_after) => {
                wrong("training.fixed_statistics_after", "must be within 0 and 1")
            }
            () if strengths.iter().any(|value| !(value.is_finite() && *value >= 0.0)) => {
                wrong("sharing.strength", "must be zero or positive")
            }
            () if self.trunk.precision == Precision::Int8 => wrong(
                "trunk.precision",
                "is for one head at a time: train the trunk jointly in f32, then name it as the start of a recipe with \
                 precision = \"int8\"",
            ),
            () if self.device.max_support == 0 => wrong("device.max_support", "must be at least 1"),
            () if soft && self.trunk.frozen => wrong(
                "trunk.frozen",
                "cannot be true with soft sharing, which moves trunks towards each other",
            ),
            () if soft && self.trunk.blocks.is_empty() => {
                wrong("trunk.blocks", "must not be empty with soft sharing: there would be nothing to share")
            }
            () if self.weights.needs_shared_layer() && untrained => {
                Err(MultiTaskError::NothingShared(self.weights.name()))
            }
            () => Ok(()),
        }?;
        match self.weights {
            WeightsRecipe::Uncertainty { rate_factor } if !positive(rate_factor.into()) => {
                wrong("weights.rate_factor", "must be a positive number")
            }
            WeightsRecipe::GradNorm { alpha, .. } if !(0.0..=10.0).contains(&alpha) => {
                wrong("weights.alpha", "must be within 0 and 10")
            }
            WeightsRecipe::GradNorm { rate, .. } if !positive(rate) => {
                wrong("weights.rate", "must be a positive number")
            }
            WeightsRecipe::DynamicAverage { temperature } if !positive(temperature) => {
                wrong("weights.temperature", "must be a positive number")
            }
            _ => Ok(()),
        }?;
        for (index, head) in self.heads.iter().enumerate() {
            self.check_head(index, head)?;
        }
        Ok(())
    }

    fn check_head(&self, index: usize, head: &TaskHeadRecipe) -> Result<(), MultiTaskError> {
        let key = |name: &str| format!("{name} of the head of `{}`", head.task);
        let positive = |value: f64| value.is_finite() && value > 0.0;
        match () {
            () if self.heads[..index].iter().any(|other| other.task == head.task) => {
                Err(MultiTaskError::Twice(head.task.clone()))
            }
            () if head.hidden > 4096 => wrong(key("hidden"), "must be within 0..=4096"),
            () if head.outputs.is_some_and(|outputs| !(1..=65_536).contains(&outputs)) => {
                wrong(key("outputs"), "must be within 1..=65536")
            }
            () if head.huber.is_some_and(|limit| !positive(limit)) => {
                wrong(key("huber"), "must be a positive number")
            }
            () if !(1..=100).contains(&head.steps) => wrong(key("steps"), "must be within 1..=100"),
            () if !(positive(head.inner_learning_rate) && head.inner_learning_rate <= 1e3) => {
                wrong(key("inner_learning_rate"), "must be a positive number, at most 1000")
            }
            () if head.weight.is_some_and(|weight| !positive(weight)) => {
                wrong(key("weight"), "must be a positive number")
            }
            () if head.weight.is_some() && self.weights != WeightsRecipe::Fixed => wrong(
                key("weight"),
                "is used by weights = { name = \"fixed\" } alone: take those, or leave it out",
            ),
            () => Ok(()),
        }
    }

    /// Finds the heads' labels in a data set, of which `training` are the samples that are trained on.
    pub fn labels<'d>(
        &self,
        set: &'d DataSet,
        training: &[usize],
    ) -> Result<Vec<HeadLabels<'d>>, MultiTaskError> {
        self.heads.iter().map(|head| head.labels(set, training)).collect()
    }
}

impl TaskHeadRecipe {
    /// What training makes small.
    pub fn loss(&self, classifies: bool) -> Loss {
        match (classifies, self.huber) {
            (true, _) => Loss::CrossEntropy { scale: 1.0 },
            (false, Some(limit)) => Loss::Huber { limit },
            (false, None) => Loss::SquaredError,
        }
    }

    fn labels<'d>(&self, set: &'d DataSet, training: &[usize]) -> Result<HeadLabels<'d>, MultiTaskError> {
        let name = || (set.name().to_owned(), self.task.clone());
        let Some(task) = set.tasks().iter().find(|task| task.name == self.task) else {
            let known = set.tasks().iter().map(|task| format!("`{}`", task.name)).collect::<Vec<_>>();
            let ((set, task), known) = (name(), known.join(", "));
            return Err(MultiTaskError::UnknownTask { set, task, known });
        };
        let found = match &task.labels {
            Labels::Classes { .. } => AnswerKind::Classification,
            Labels::Values { .. } => AnswerKind::Regression,
        };
        if let Some(wanted) = self.kind.filter(|wanted| *wanted != found) {
            let (set, task) = name();
            return Err(MultiTaskError::Kind { set, task, wanted, found });
        }
        let labels = match &task.labels {
            Labels::Classes { names, of } => {
                let outputs = self.outputs.unwrap_or(names.len());
                let beyond = |(sample, class): (usize, &Option<u32>)| {
                    class.filter(|class| *class as usize >= outputs).map(|class| (sample, class))
                };
                if let Some((sample, label)) = of.iter().enumerate().find_map(beyond) {
                    let (set, task) = name();
                    return Err(MultiTaskError::LabelOutOfRange { set, task, sample, label, outputs });
                }
                if self.huber.is_some() {
                    return wrong(
                        format!("huber of the head of `{}`", self.task),
                        "is for numbers: leave it out",
                    );
                }
                HeadLabels { labels: &task.labels, outputs, scale: TargetScale::none(outputs) }
            }
            Labels::Values { names, of } => {
                let outputs = names.len();
                if let Some(wanted) = self.outputs.filter(|wanted| *wanted != outputs) {
                    let (set, task) = name();
                    return Err(MultiTaskError::Outputs { set, task, outputs: wanted, found: outputs });
                }
                let scale = match self.scale_targets {
                    true => TargetScale::of(of, outputs, training),
                    false => TargetScale::none(outputs),
                };
                HeadLabels { labels: &task.labels, outputs, scale }
            }
        };
        if !training.iter().any(|sample| labels.knows(*sample)) {
            let (set, task) = name();
            return Err(MultiTaskError::AllMissing { set, task });
        }
        Ok(labels)
    }
}
