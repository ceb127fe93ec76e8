//! What moves under each algorithm, and what cannot.

use supple_data::SampleShape;
use supple_meta::algorithm::{Adapts, AlgorithmRecipe};
use supple_meta::model::Loss;

use crate::{DENSE, Setting};

/// Recipes by name, and what of their learner has no outer gradient: a head that is made anew for each task.
const ALL: [(&str, &[&str]); 10] = [
    ("maml", &[]),
    ("fomaml", &[]),
    ("anil", &[]),
    ("meta-sgd", &[]),
    ("per-step-rates", &[]),
    ("cavia", &[]),
    ("proto-maml", &["head.weights", "head.bias"]),
    ("prototypes", &["head.weights", "head.bias"]),
    ("ridge", &["head.weights", "head.bias"]),
    ("reptile", &[]),
];

#[test]
fn every_parameter_moves_under_every_algorithm() {
    for (name, still) in ALL {
        let recipe: AlgorithmRecipe = toml::from_str(&format!("name = '{name}'")).unwrap();
        let adapts = if name == "anil" { Adapts::Head } else { Adapts::Everything };
        let input = SampleShape::vector(4);
        let setting = Setting::new(input, &[DENSE, DENSE], Loss::SummedCrossEntropy, adapts, recipe.build());
        assert_eq!(setting.algorithm.name(), name);
        let mut compiled = setting.compile();
        let mut parameters = setting.start();
        let task = setting.task(2.0);
        let before = compiled.run(&parameters, &task);
        assert!(before.outputs.iter().all(|output| output.is_finite()), "{name}");
        for parameter in setting.learner.parameters.list() {
            let moves = before.gradient[parameter.range()].iter().any(|value| value.abs() > 1e-9);
            assert_eq!(moves, !still.contains(&parameter.name.as_str()), "{name}: {}", parameter.name);
        }
        // A task's own gradient makes it better.
        for _ in 0..20 {
            let found = compiled.run(&parameters, &task);
            parameters.iter_mut().zip(&found.gradient).for_each(|(value, g)| *value -= 0.02 * g);
        }
        let after = compiled.run(&parameters, &task).loss;
        assert!(after < before.loss, "{name}: {} to {after}", before.loss);
    }
}

#[test]
fn answers_depend_on_the_support_targets_and_not_on_those_of_the_query() {
    for (name, _) in ALL {
        let recipe: AlgorithmRecipe = toml::from_str(&format!("name = '{name}'")).unwrap();
        let adapts = if name == "anil" { Adapts::Head } else { Adapts::Everything };
        let input = SampleShape::vector(4);
        let setting = Setting::new(input, &[DENSE], Loss::SummedCrossEntropy, adapts, recipe.build());
        let mut compiled = setting.compile();
        let (parameters, task) = (setting.start(), setting.task(2.0));
        let found = compiled.run(&parameters, &task);
        let mut other = task.clone();
        let query_targets = task.len() - setting.way * setting.query;
        other[query_targets..].rotate_left(1);
        let answers = compiled.run(&parameters, &other).outputs;
        assert_eq!(found.outputs, answers, "{name}");
        let mut other = task.clone();
        let support_targets = 4 * setting.support..(4 + setting.way) * setting.support;
        other[support_targets].rotate_left(1);
        assert_ne!(found.outputs, compiled.run(&parameters, &other).outputs, "{name}");
    }
}
