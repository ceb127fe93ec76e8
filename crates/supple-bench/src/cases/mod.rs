//! One outer iteration of each case.

use crate::protocol::CaseName;

/// A training under way.
pub trait Case {
    /// So many outer iterations, one after the other.
    fn iterate(&mut self, count: usize);

    /// What was learned, on held-out tasks, and what the figure is called.
    fn final_metric(&mut self) -> (f64, &'static str);
}

/// What a case is started with.
#[derive(Debug, Clone, Copy)]
pub struct Settings {
    /// Of tasks and starting parameters.
    pub seed: u64,
    /// How many outer iterations are to come after [`crate::measure::WARM_UP`], where that is known.
    pub iterations: Option<u64>,
}

/// Why a case does not start.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum CaseError {
    /// Ours has no such case yet.
    #[error("case {0} is not implemented; measure another with --case")]
    NotImplemented(CaseName),
}

/// Draws the starting parameters, compiles what is needed and fills pools of tasks: none of it is measured.
///
/// Work is spread over rayon's global threads.
pub fn start(name: CaseName, _settings: &Settings) -> Result<Box<dyn Case>, CaseError> {
    Err(CaseError::NotImplemented(name))
}
