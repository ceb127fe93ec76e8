//! A model compiled to a plan, packed, read back and run by the device's runtime.

use supple_pack::write::pack;
use supple_pack::{AlignedBytes, Pack};
use supple_runtime::{PlanTrunk, Trunk};
use supple_trunk::{CompileError, CompileOptions, compile};

/// Why a model did not become a plan that runs.
#[derive(Debug, thiserror::Error)]
pub enum NoPlan {
    /// The compiler says that it cannot.
    #[error("{}", reasons(.0))]
    Refused(CompileError),
    /// The compiler saw that its own plan is wrong, or could not tell.
    #[error("{}", reasons(.0))]
    HeldBack(CompileError),
    /// What the compiler let out does not run.
    #[error("the compiled plan does not run: {0}")]
    Broken(String),
}

/// A plan that takes and gives values in the order of its model.
pub struct Plan {
    bytes: AlignedBytes,
    input_order: Vec<u32>,
    feature_order: Vec<u32>,
}

impl Plan {
    /// Compiles a model.
    pub fn compile(onnx: &[u8], options: &CompileOptions) -> Result<Self, NoPlan> {
        let compiled = compile(onnx, options).map_err(|error| match error {
            CompileError::Verify(_) => NoPlan::HeldBack(error),
            other => NoPlan::Refused(other),
        })?;
        let bytes = pack(&compiled.parts, &[]).map_err(|error| NoPlan::Broken(error.to_string()))?;
        let input_order = compiled.report.input_order;
        Ok(Self {
            bytes: AlignedBytes::copy_of(&bytes),
            input_order,
            feature_order: compiled.report.feature_order,
        })
    }

    /// What the plan gives for one sample, both in the model's order.
    pub fn run(&self, sample: &[f32]) -> Result<Vec<f32>, NoPlan> {
        let broken = |why: String| NoPlan::Broken(why);
        let pack = Pack::parse(&self.bytes).map_err(|error| broken(error.to_string()))?;
        let mut arena = vec![0.0; pack.trunk().arena as usize];
        let mut plan = PlanTrunk::new(&pack, &mut arena).map_err(|error| broken(error.to_string()))?;
        let ordered: Option<Vec<f32>> =
            self.input_order.iter().map(|place| sample.get(*place as usize).copied()).collect();
        let ordered = ordered.ok_or_else(|| broken("it reads more than the model's input".into()))?;
        let mut features = vec![0.0; plan.feature_length()];
        plan.features(&ordered, &mut features).map_err(|error| broken(error.to_string()))?;
        let mut output = vec![f32::NAN; features.len()];
        for (feature, place) in features.iter().zip(&self.feature_order) {
            *output
                .get_mut(*place as usize)
                .ok_or_else(|| broken(format!("feature {place} lies beyond its features")))? = *feature;
        }
        Ok(output)
    }
}

/// The compiler's message on one line: every refusal, without the list of what would have been supported and
/// without the nodes' names, which are numbers in most models.
fn reasons(error: &CompileError) -> String {
    let text = error.to_string();
    let mut lines = text.lines().filter(|line| !line.starts_with("supported operators"));
    let head = lines.next().unwrap_or_default().trim_end_matches(':');
    let mut refused: Vec<String> = Vec::new();
    for line in lines {
        let line = line.trim();
        let refusal = match line.strip_prefix("node `").and_then(|rest| rest.split_once("` (")) {
            Some((_, rest)) => rest.replacen(')', "", 1),
            None => line.to_owned(),
        };
        if !refused.contains(&refusal) {
            refused.push(refusal);
        }
    }
    if refused.is_empty() { head.to_owned() } else { refused.join("; ") }
}
