//! Several tasks learned together: shared trunks, a head for each task, labels that may be missing.
//!
//! | module | what |
//! |---|---|
//! | [`hard`] | one trunk for all tasks |
//! | [`soft`] | a trunk for each task, held close to each other |
//! | [`weights`] | how much each task's loss counts |
//! | [`recipe`] | what decides a joint training |
//! | [`check`](self) | whether a recipe makes sense, by itself and with the data |
//! | [`trainer`] | joint training in minibatches |
//! | [`start`](self) | from a recipe and data to a trainer |
//! | [`state`] | what changes from step to step, and its file |
//! | [`validation`] | accuracy or error of each task |
//! | [`transfer`] | a trained trunk on its own |
//! | [`model`] | trunks and heads in one flat vector |
//! | [`programs`] | a batch as a program |
//! | [`batch`] | samples and labels as numbers |
//! | [`error`] | why a training cannot start, or went wrong |
//!
//! A device runs the trunk with statistics fixed, and adapts one linear head; see [`transfer`] for how a trunk that was
//! trained here gets a meta-learned head.
//!
//! Not supported: variation of samples; tasks that share a part of the trunk only.

pub mod batch;
mod check;
pub mod error;
pub mod hard;
pub mod model;
pub mod programs;
pub mod recipe;
pub mod soft;
mod start;
pub mod state;
pub mod trainer;
pub mod transfer;
pub mod validation;
pub mod weights;

#[cfg(test)]
mod tests;

pub use error::{MultiTaskError, TaskDiverged};
pub use model::{HeadPlan, TaskModel};
pub use recipe::{MultiTaskRecipe, SharingRecipe, TaskHeadRecipe};
pub use state::MultiTaskState;
pub use trainer::{MultiTaskTrainer, TaskProgress};
pub use transfer::TrainedTrunk;
pub use validation::TaskMetric;
pub use weights::WeightsRecipe;
