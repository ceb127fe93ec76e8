//! What cannot be trained is refused before training, with what to do.

use supple_data::part::Part;

use super::super::{MultiTaskError, MultiTaskRecipe, MultiTaskTrainer};
use super::{parts, questions, recipe};

fn refused(text: &str, tasks: &[&str], change: impl Fn(&mut MultiTaskRecipe)) -> MultiTaskError {
    let set = questions(40, 0.0, 0);
    let mut recipe = recipe(text, tasks);
    change(&mut recipe);
    let (training, validation) = parts(&set);
    match MultiTaskTrainer::new(recipe, &set, (&training, &validation), None) {
        Ok(_) => panic!("{text} is accepted"),
        Err(error) => error,
    }
}

const TRUNK: &str = "trunk.blocks = [{ dense = 4 }, { dense = 3 }]\n";

#[test]
fn what_the_data_has_not() {
    let error = refused(TRUNK, &["side", "taste"], |_| {});
    assert!(matches!(error, MultiTaskError::UnknownTask { .. }));
    let message = error.to_string();
    assert!(["questions", "`taste`", "`wave`"].iter().all(|part| message.contains(part)), "{message}");
    let error = refused(TRUNK, &["side"], |recipe| recipe.heads[0].outputs = Some(2));
    assert!(matches!(error, MultiTaskError::LabelOutOfRange { label: 2, outputs: 2, .. }), "{error}");
    assert!(error.to_string().contains("at least 3"), "{error}");
    let error = refused(TRUNK, &["bend"], |recipe| recipe.heads[0].outputs = Some(1));
    assert!(matches!(error, MultiTaskError::Outputs { found: 2, .. }), "{error}");
    let error = refused(TRUNK, &["bend"], |recipe| {
        recipe.heads[0].kind = Some(super::super::recipe::AnswerKind::Classification);
    });
    assert!(error.to_string().contains("for classes, but the labels of questions are numbers"), "{error}");
}

#[test]
fn a_task_of_which_all_labels_are_missing() {
    let set = questions(40, 1.0, 0);
    let part = Part::all(&set);
    let error = MultiTaskTrainer::new(recipe(TRUNK, &["wave"]), &set, (&part, &part), None).err().unwrap();
    assert!(matches!(&error, MultiTaskError::AllMissing { task, .. } if task == "wave"), "{error}");
}

#[test]
fn values_that_make_no_sense() {
    let cases = [
        ("training.batch = 0", "batch"),
        ("training = { batch = 6, groups = 4 }", "groups"),
        ("training = { iterations = 5, epochs = 5 }", "leave one out"),
        ("training.learning_rate = 0", "learning_rate"),
        ("training.learning_rate = nan", "learning_rate"),
        ("device.max_support = 0", "device.max_support"),
        ("weights = { name = 'grad-norm', alpha = -1 }", "alpha"),
        ("weights = { name = 'dynamic-average', temperature = 0 }", "temperature"),
        ("sharing = { kind = 'soft', strength = [0.1, 0.1, 0.1] }", "2 blocks"),
        ("sharing = { kind = 'soft', strength = -1 }", "strength"),
        ("sharing.kind = 'soft'\nweights.name = 'pc-grad'", "`pc-grad`"),
        ("sharing.kind = 'soft'\nweights.name = 'grad-norm'", "hard sharing"),
        ("trunk.frozen = true", "start from"),
        ("trunk.start = 'trunk.onnx'", "none was given"),
        ("trunk.frozen = true\nsharing.kind = 'soft'", "soft"),
    ];
    for (text, part) in cases {
        // A key of the whole comes before any table.
        let error = refused(&format!("{text}\n{TRUNK}"), &["side"], |_| {}).to_string();
        assert!(error.contains(part), "{text}: {error}");
    }
    let error = refused(TRUNK, &[], |_| {}).to_string();
    assert!(error.contains("at least one task"), "{error}");
    assert_eq!(refused(TRUNK, &["side", "side"], |_| {}), MultiTaskError::Twice("side".to_owned()));
    let error = refused(TRUNK, &["side"], |recipe| recipe.heads[0].weight = Some(2.0)).to_string();
    assert!(error.contains("fixed"), "{error}");
    let error = refused(TRUNK, &["side"], |recipe| recipe.heads[0].steps = 0).to_string();
    assert!(error.contains("steps of the head of `side`"), "{error}");
    let error =
        refused(TRUNK, &["side"], |recipe| recipe.heads[0].inner_learning_rate = f64::NAN).to_string();
    assert!(error.contains("inner_learning_rate"), "{error}");
    let error = refused(TRUNK, &["side"], |recipe| recipe.heads[0].huber = Some(1.0)).to_string();
    assert!(error.contains("numbers"), "{error}");
}

#[test]
fn an_unknown_key_is_named() {
    for text in
        ["heads = [{ task = 'a', step = 1 }]", "heads = []\ntraining.steps = 1", "heads = []\nspeed = 1"]
    {
        let error = toml::from_str::<MultiTaskRecipe>(&format!("{text}\n{TRUNK}")).unwrap_err().to_string();
        assert!(["`step`", "`steps`", "`speed`"].iter().any(|key| error.contains(key)), "{error}");
    }
}

#[test]
fn what_is_printed_with_all_defaults_is_the_same_recipe() {
    let text = "heads = [{ task = 'a' }]\nsharing.kind = 'soft'\nweights.name = 'grad-norm'\n";
    let recipe: MultiTaskRecipe = toml::from_str(&format!("{text}{TRUNK}")).unwrap();
    let printed = toml::to_string(&recipe).unwrap();
    assert_eq!(toml::from_str::<MultiTaskRecipe>(&printed).unwrap(), recipe, "{printed}");
}
