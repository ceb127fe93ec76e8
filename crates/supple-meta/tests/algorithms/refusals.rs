//! What makes no sense is refused, and said how to mend.

use supple_data::SampleShape;
use supple_meta::algorithm::{Adapts, AlgorithmError, AlgorithmRecipe, Learner};
use supple_meta::model::Loss;

use crate::{CONVOLUTION, DENSE};

fn check(recipe: &str, loss: Loss, adapts: Adapts) -> Result<(), AlgorithmError> {
    let recipe: AlgorithmRecipe = toml::from_str(recipe).unwrap();
    let learner = Learner::new(SampleShape::vector(4), &[DENSE], (0, 3), loss, adapts).unwrap();
    recipe.build().check(&learner)
}

#[test]
fn parts_and_losses_that_do_not_go_with_an_algorithm() {
    let refused = |recipe: &str, loss, adapts| check(recipe, loss, adapts).unwrap_err();
    let (classes, numbers) = (Loss::SummedCrossEntropy, Loss::SquaredError);
    assert_eq!(refused("name = 'anil'", classes, Adapts::LastBlock), AlgorithmError::HeadOnly("anil"));
    assert_eq!(refused("name = 'reptile'", classes, Adapts::Head), AlgorithmError::FixedBlocks("reptile"));
    for name in ["prototypes", "proto-maml"] {
        let recipe = format!("name = '{name}'");
        assert_eq!(refused(&recipe, numbers, Adapts::Everything), AlgorithmError::NeedsClasses(name));
    }
    let recipe = "name = 'maml'\nbatch_norm_per_step = true";
    let error = refused(recipe, numbers, Adapts::Everything);
    assert_eq!(error, AlgorithmError::NoBatchNorm("maml"));
    assert!(error.to_string().contains("leave it out"));
    // Of blocks that are not adapted, batch normalisation has no steps.
    let input = SampleShape { height: 4, width: 4, channels: 2 };
    let learner = Learner::new(input, &[CONVOLUTION], (0, 3), classes, Adapts::Head).unwrap();
    let recipe: AlgorithmRecipe = toml::from_str(recipe).unwrap();
    assert_eq!(recipe.build().check(&learner), Err(AlgorithmError::NoBatchNorm("maml")));
}

#[test]
fn a_frozen_trunk_need_not_be_adapted_by_reptile() {
    let loss = Loss::SummedCrossEntropy;
    let mut learner = Learner::new(SampleShape::vector(4), &[DENSE], (0, 3), loss, Adapts::Head).unwrap();
    learner.trunk_frozen = true;
    let recipe: AlgorithmRecipe = toml::from_str("name = 'reptile'").unwrap();
    recipe.build().check(&learner).unwrap();
}

#[test]
fn numbers_out_of_range() {
    for (name, key, value) in [
        ("maml", "steps", "0"),
        ("fomaml", "steps", "101"),
        ("anil", "inner_learning_rate", "0.0"),
        ("meta-sgd", "inner_learning_rate", "nan"),
        ("per-step-rates", "early_step_share", "1.5"),
        ("maml", "early_steps_fade_until", "0.0"),
        ("cavia", "context", "0"),
        ("cavia", "steps", "0"),
        ("proto-maml", "temperature", "-1.0"),
        ("proto-maml", "steps", "0"),
        ("prototypes", "temperature", "inf"),
        ("ridge", "lambda", "0.0"),
        ("ridge", "scale", "0.0"),
        ("reptile", "minibatch", "0"),
        ("reptile", "momentum", "nan"),
        ("maml", "momentum", "1.0"),
        ("proto-maml", "momentum", "-0.1"),
    ] {
        let adapts = if name == "anil" { Adapts::Head } else { Adapts::Everything };
        let refused = check(&format!("name = '{name}'\n{key} = {value}"), Loss::SummedCrossEntropy, adapts);
        match refused {
            Err(AlgorithmError::OutOfRange { algorithm, what, .. }) => {
                assert_eq!((algorithm, what), (name, key))
            }
            other => panic!("{name}, {key} = {value}: {other:?}"),
        }
    }
}

#[test]
fn unknown_names_and_keys() {
    for recipe in ["name = 'mammal'", "name = 'ridge'\nsteps = 3", "name = 'maml'\ninner_rate = 1"] {
        assert!(toml::from_str::<AlgorithmRecipe>(recipe).is_err(), "{recipe}");
    }
}
