//! Fixed weights; by default all tasks alike, with which every other weighting should be compared (Kurin et al., "In
//! Defense of the Unitary Scalarization for Deep Multi-Task Learning", 2022).

use serde::{Deserialize, Serialize};

/// One weight a task.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Fixed {
    /// Each positive.
    pub weights: Vec<f64>,
}

impl Fixed {
    /// All tasks alike: weights of 1.
    pub fn equal(tasks: usize) -> Self {
        Self { weights: vec![1.0; tasks] }
    }
}
