//! Trunks that go from one training to another.

use super::super::hard::hard;
use super::super::{MultiTaskError, MultiTaskTrainer, TrainedTrunk};
use super::{judged, parts, questions, recipe, train};
use crate::algorithm::{Adapts, Learner};
use crate::model::Loss;

const TEXT: &str = "trunk = { blocks = [{ dense = 32, batch_norm = true }], standardise = true }
                    training = { epochs = 20, batch = 32, learning_rate = 0.01 }";

#[test]
fn a_frozen_trunk_stays_bit_for_bit_while_a_new_head_learns() {
    let set = questions(600, 0.2, 0);
    let trained = train(recipe(TEXT, &["side", "wave"]), &set);
    let trunk = trained.trunk(0).unwrap();
    let mut frozen = recipe(TEXT, &["sum"]);
    frozen.trunk.frozen = true;
    let (training, validation) = parts(&set);
    let start = |recipe| MultiTaskTrainer::new(recipe, &set, (&training, &validation), Some(&trunk)).unwrap();
    let mut second = start(frozen);
    let before = judged(&second)[0];
    while !second.finished() {
        second.iterate().unwrap();
    }
    second.finish();
    assert_eq!(second.trunk(0).unwrap(), trunk);
    let after = judged(&second)[0];
    assert!(after < 0.6 * before, "{before} {after}");
    // As a mere start it goes on learning.
    let mut third = start(recipe(TEXT, &["sum"]));
    assert_eq!(third.trunk(0).unwrap(), trunk);
    // A head starts at zero, so the first step moves the head alone.
    (0..2).for_each(|_| drop(third.iterate().unwrap()));
    assert_ne!(third.trunk(0).unwrap().parameters, trunk.parameters);
}

#[test]
fn a_meta_training_starts_from_it() {
    let set = questions(200, 0.0, 0);
    let trained = train(recipe(TEXT, &["side", "wave"]), &set);
    let trunk = trained.trunk(0).unwrap();
    let bytes = postcard::to_stdvec(&trunk).unwrap();
    let trunk: TrainedTrunk = postcard::from_bytes(&bytes).unwrap();
    let blocks = &trained.recipe().trunk.blocks;
    let learner = Learner::new(set.shape(), blocks, (0, 5), Loss::SummedCrossEntropy, Adapts::Head).unwrap();
    let mut learned = vec![7.0; learner.parameters.len()];
    let mut statistics = vec![7.0; 2 * 32];
    trunk.write_over(&learner.network, &learner.parameters, &mut learned, &mut statistics).unwrap();
    let head = learner.parameters.get(learner.head_range().start).offset;
    assert_eq!(learned[..head], trunk.parameters);
    assert!(learned[head..].iter().all(|value| *value == 7.0));
    assert_eq!(statistics, trunk.statistics);
    let again = TrainedTrunk::of(
        &learner.network,
        &learner.parameters,
        &learned,
        &statistics,
        trunk.standardise.as_ref(),
    );
    assert_eq!(again, trunk);
}

#[test]
fn a_trunk_from_an_onnx_file_serves_frozen() {
    let set = questions(300, 0.0, 0);
    let blocks = vec![crate::model::Block::Dense { dense: 12, relu: true, batch_norm: false }];
    let values: Vec<f32> = (0..7 * 12).map(|i| (i as f32 * 1.7).sin() * 0.3).collect();
    let mut start = crate::trainer::TrunkStart { input: set.shape(), blocks: blocks.clone(), values };
    let trunk = TrainedTrunk::from_elsewhere(&start).unwrap();
    let mut recipe = recipe("trunk = { start = 'trunk.onnx', frozen = true }", &["sum", "side"]);
    recipe.trunk.blocks = blocks;
    let (training, validation) = parts(&set);
    let mut trainer = MultiTaskTrainer::new(recipe, &set, (&training, &validation), Some(&trunk)).unwrap();
    assert!(trainer.standardise().is_none(), "it has a scale of its own");
    while !trainer.finished() {
        trainer.iterate().unwrap();
    }
    assert_eq!(trainer.trunk(0).unwrap().parameters, start.values);
    start.values.pop();
    assert!(matches!(TrainedTrunk::from_elsewhere(&start), Err(MultiTaskError::Start(_))));
}

#[test]
fn soft_sharing_starts_all_trunks_from_it() {
    let set = questions(200, 0.0, 0);
    let trunk = train(recipe(TEXT, &["side"]), &set).trunk(0).unwrap();
    let (training, validation) = parts(&set);
    let soft = recipe(&format!("sharing.kind = 'soft'\n{TEXT}"), &["sum", "wave"]);
    let trainer = MultiTaskTrainer::new(soft, &set, (&training, &validation), Some(&trunk)).unwrap();
    assert_eq!([0, 1].map(|task| trainer.trunk(task).unwrap()), [trunk.clone(), trunk]);
}

#[test]
fn features_from_elsewhere_need_no_trunk() {
    let set = questions(600, 0.0, 0);
    let trained = train(
        recipe("trunk = { blocks = [], standardise = true }\ntraining.learning_rate = 0.05", &["sum"]),
        &set,
    );
    assert!(trained.trunk(0).is_none());
    let error = judged(&trained)[0];
    assert!(error < 0.5, "a sum is linear: {error}");
}

#[test]
fn a_trunk_that_does_not_fit_is_refused() {
    let set = questions(100, 0.0, 0);
    let trained = train(recipe(&format!("{TEXT}\n").replace("20", "1"), &["side"]), &set);
    let good = trained.trunk(0).unwrap();
    let (training, validation) = parts(&set);
    let refused = |text: &str, trunk: &TrainedTrunk| {
        let made = MultiTaskTrainer::new(recipe(text, &["sum"]), &set, (&training, &validation), Some(trunk));
        match made.err() {
            Some(MultiTaskError::Start(message)) => message,
            other => panic!("{other:?}"),
        }
    };
    assert!(refused("trunk.blocks = [{ dense = 31, batch_norm = true }]", &good).contains("[32, 6]"));
    assert!(refused("trunk.blocks = [{ dense = 32 }]", &good).contains("parameter 3"));
    let mut other = good.clone();
    other.parameters[3] = f32::NAN;
    assert!(refused(TEXT, &other).contains("finite"));
    let mut other = good.clone();
    other.statistics.pop();
    assert!(refused(TEXT, &other).contains("63 statistics"));
    let mut other = good.clone();
    other.standardise.as_mut().unwrap().mean.pop();
    assert!(refused(TEXT, &other).contains("standardisation"));
    let mut other = good;
    other.input = [1, 1, 5];
    assert!(refused(TEXT, &other).contains("inputs"));
    // No trunk, nothing to start.
    assert!(hard(set.shape(), &[], &[]).is_ok());
}
