//! Hard sharing: one trunk, a head for each task (Caruana, "Multitask Learning", 1997).
//!
//! Heads may be of mixed kinds, each linear or with a hidden layer. A task whose label a sample has not adds nothing to
//! the loss, so data sets of several origins can be joined.

use supple_data::SampleShape;

use super::model::{HeadPlan, TaskModel};
use crate::model::{Block, BlockError, Network, Parameters};

/// One trunk for all tasks. Without blocks, inputs are features already: what a frozen trunk from elsewhere left.
pub fn hard(input: SampleShape, blocks: &[Block], heads: &[HeadPlan]) -> Result<TaskModel, BlockError> {
    let mut parameters = Parameters::default();
    let mut trunks = Vec::new();
    if !blocks.is_empty() {
        let network = Network::new(input, blocks, &mut parameters)?;
        trunks.push((network, 0..parameters.list().len()));
    }
    Ok(TaskModel::new(input, trunks, parameters, heads))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Loss;

    #[test]
    fn trunk_comes_first_and_heads_follow() {
        let blocks = [Block::Dense { dense: 8, relu: true, batch_norm: false }];
        let plan = |task: &str, hidden, outputs, loss| HeadPlan { task: task.into(), hidden, outputs, loss };
        let plans = [
            plan("gas", 0, 6, Loss::CrossEntropy { scale: 1.0 }),
            plan("concentration", 4, 1, Loss::SquaredError),
        ];
        let model = hard(SampleShape::vector(3), &blocks, &plans).unwrap();
        assert_eq!(model.values(model.trunk_range(0)), 0..3 * 8 + 8);
        assert_eq!(model.values(model.head_range(0)), 32..32 + 6 * 8 + 6);
        assert_eq!(model.head_range(1).len(), 4);
        assert_eq!(model.parameters.len(), 32 + 54 + (4 * 8 + 4) + (4 + 1));
        assert_eq!(model.last_shared(), Some(0));
        let bare = hard(SampleShape::vector(3), &[], &plans).unwrap();
        assert_eq!((bare.last_shared(), bare.heads[0].shape.features), (None, 3));
    }
}
