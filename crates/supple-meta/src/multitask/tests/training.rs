//! Whole trainings.

use rayon::ThreadPoolBuilder;
use supple_data::random::{Purpose, stream};

use super::super::batch::Batch;
use super::super::state::{read, write};
use super::super::{MultiTaskError, MultiTaskRecipe};
use super::{ALL, WEIGHTS, judged, questions, recipe, train, trainer};
use crate::adam::Adam;
use crate::graph::{Graph, Program, Workspace};
use crate::model::{HeadShape, Loss, Network, Parameters, Statistics};

/// The textbook's case: an input, a dense layer of 128, heads of one output.
fn textbook() -> MultiTaskRecipe {
    toml::from_str(include_str!("../../../../../models/dense128/recipe.toml")).unwrap()
}

#[test]
fn the_textbooks_network_learns_all_tasks_by_hard_and_soft_sharing_with_missing_labels() {
    let set = questions(1500, 0.3, 0);
    let mut recipe = textbook();
    recipe.heads = ["sum", "wave"].iter().map(|task| super::TaskHeadRecipe::of(task)).collect();
    for sharing in ["kind = 'hard'", "kind = 'soft'\nstrength = 1e-4"] {
        recipe.sharing = toml::from_str(sharing).unwrap();
        let trained = train(recipe.clone(), &set);
        // Deviations of the labels are 28 m and 0.7 s.
        let [sum, wave] = judged(&trained)[..] else { panic!() };
        assert!(sum < 2.0 && wave < 0.2, "{sharing}: {sum} m, {wave} s");
    }
}

#[test]
fn every_weighting_learns_mixed_heads() {
    let set = questions(600, 0.3, 0);
    for weights in WEIGHTS {
        let text = format!(
            "trunk = {{ blocks = [{{ dense = 48 }}], standardise = true }}
             weights.name = '{weights}'
             training = {{ epochs = 40, batch = 32, learning_rate = 0.01 }}"
        );
        let found = judged(&train(recipe(&text, &ALL), &set));
        assert!(
            found[0] > 0.85 && found[1] < 4.0 && found[2] < 0.35 && found[3] < 0.35,
            "{weights}: {found:?}"
        );
    }
}

#[test]
fn one_task_is_plain_training() {
    let set = questions(150, 0.0, 0);
    let text = "trunk = { blocks = [{ dense = 6 }], standardise = true }
                training = { iterations = 30, batch = 20, learning_rate = 0.01 }";
    let mut joint = trainer(recipe(text, &["bend"]), &set);

    let mut parameters = Parameters::default();
    let blocks = joint.recipe().trunk.blocks.clone();
    let network = Network::new(set.shape(), &blocks, &mut parameters).unwrap();
    let head = HeadShape { features: 6, hidden: 0, outputs: 2 };
    head.add("head", &mut parameters);
    let mut graph = Graph::new();
    let nodes = parameters.nodes(&mut graph, 0);
    let (x, targets) = (graph.input(1, 0, 6, 20), graph.input(2, 0, 2, 20));
    let features = network.forward(&mut graph, &nodes, x, &Statistics::Batch).output;
    let outputs = head.forward(&mut graph, &nodes[2..], features);
    let loss = Loss::SquaredError.of(&mut graph, outputs, targets, None);
    let gradients = graph.gradients(loss, &nodes);
    let program = Program::new(&graph, &gradients);

    let mut plain = parameters.initial(&mut stream(1, Purpose::Initialisation, 0, 0));
    let (mut adam, mut batch, mut workspace) =
        (Adam::new(plain.len()), Batch::default(), Workspace::default());
    for step in 0..30u64 {
        let samples = joint.samples(step * 20..step * 20 + 20);
        batch.fill(&set, joint.standardise(), &joint.labels, &samples, 20);
        let arguments: [&[f32]; 3] = [&plain, &batch.inputs, &batch.targets];
        program.run(&mut workspace, &arguments);
        let gradient: Vec<f32> =
            (0..gradients.len()).flat_map(|i| program.output(&workspace, &arguments, i).to_vec()).collect();
        let rate = 0.01 * (0.5 * (1.0 + (std::f64::consts::PI * step as f64 / 30.0).cos())) as f32;
        adam.update(&mut plain, &gradient, |_| rate);
        joint.iterate().unwrap();
    }
    // A mean over known labels divides where the plain mean multiplies.
    for (joint, plain) in joint.state().parameters.iter().zip(&plain) {
        assert!((joint - plain).abs() < 1e-4, "{joint} {plain}");
    }
    let equal = joint.state().parameters.clone();
    for weights in ["grad-norm", "dynamic-average", "pc-grad"] {
        let trained = train(recipe(&format!("weights.name = '{weights}'\n{text}"), &["bend"]), &set);
        assert_eq!(trained.state().parameters, equal, "{weights}");
    }
    let soft = format!("sharing = {{ kind = 'soft', strength = 0.5 }}\n{text}");
    assert_eq!(train(recipe(&soft, &["bend"]), &set).state().parameters, equal);
}

#[test]
fn strong_soft_sharing_makes_trunks_alike_and_none_leaves_tasks_alone() {
    let set = questions(200, 0.2, 0);
    let text = |strength: f64| {
        format!(
            "sharing = {{ kind = 'soft', strength = {strength} }}
             trunk = {{ blocks = [{{ dense = 8 }}], standardise = true }}
             training = {{ iterations = 60, batch = 32, learning_rate = 0.01, gradient_clip = 1e6 }}"
        )
    };
    let distance = |strength| {
        let trained = train(recipe(&text(strength), &["sum", "wave"]), &set);
        let trunks = [0, 1].map(|task| trained.trunk(task).unwrap().parameters);
        let squares = trunks[0].iter().zip(&trunks[1]).map(|(a, b)| (a - b) * (a - b));
        squares.sum::<f32>().sqrt()
    };
    let [none, some, strong] = [0.0, 0.01, 1.0].map(distance);
    assert!(none > some && some > strong && strong < 0.2 * none, "{none} {some} {strong}");
    // Without a penalty, a task does not know of the other.
    let both = train(recipe(&text(0.0), &["sum", "wave"]), &questions(200, 0.0, 0)).trunk(0);
    let alone = train(recipe(&text(0.0), &["sum"]), &questions(200, 0.0, 0)).trunk(0);
    let (both, alone) = (both.unwrap().parameters, alone.unwrap().parameters);
    assert!(both.iter().zip(&alone).all(|(a, b)| (a - b).abs() < 1e-5));
}

/// All that makes a state large: batch normalisation, groups, a hidden layer.
fn rich(weights: &str, iterations: u64) -> MultiTaskRecipe {
    let text = format!(
        "trunk = {{ blocks = [{{ dense = 8, batch_norm = true }}], standardise = true }}
         weights.name = '{weights}'
         training = {{ iterations = {iterations}, batch = 32, groups = 4, learning_rate = 0.01 }}"
    );
    let mut recipe = recipe(&text, &ALL);
    recipe.heads[1].hidden = 4;
    recipe
}

#[test]
fn a_resumed_training_gives_the_same_bytes() {
    let set = questions(90, 0.3, 0);
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("checkpoint");
    for weights in WEIGHTS {
        let whole = train(rich(weights, 24), &set);
        // Before and after statistics are fixed.
        for stop in [5, 17] {
            let mut first = trainer(rich(weights, 24), &set);
            (0..stop).for_each(|_| drop(first.iterate().unwrap()));
            write(&path, first.state()).unwrap();
            let mut second = trainer(rich(weights, 24), &set);
            second.resume(read(&path).unwrap()).unwrap();
            while !second.finished() {
                second.iterate().unwrap();
            }
            second.finish();
            assert_eq!(second.state(), whole.state(), "{weights}");
            assert_eq!(second.validate(), whole.validate(), "{weights}");
        }
    }
    let mut other = trainer(rich("equal", 25), &set);
    assert_eq!(other.resume(read(&path).unwrap()), Err(MultiTaskError::OtherCheckpoint));
}

#[test]
fn any_number_of_threads_gives_the_same_bytes() {
    let set = questions(300, 0.3, 0);
    for weights in WEIGHTS {
        let [one, three] = [1, 3].map(|threads| {
            let pool = ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
            pool.install(|| {
                let trained = train(rich(weights, 12), &set);
                (trained.state().clone(), trained.validate())
            })
        });
        assert_eq!(one, three, "{weights}");
    }
}

#[test]
fn divergence_names_the_step_and_the_task() {
    let set = questions(100, 0.0, 0);
    let text = "trunk = { blocks = [{ dense = 8 }], standardise = true }
                training = { iterations = 400, learning_rate = 1e4, gradient_clip = 1e9 }";
    let mut exploding = trainer(recipe(text, &["side", "wave"]), &set);
    let error = (0..400).find_map(|_| exploding.iterate().err()).expect("it explodes");
    assert!(["side", "wave"].contains(&error.task.as_str()) && error.iteration > 0, "{error}");
    let message = error.to_string();
    assert!(message.contains(&error.task) && message.contains(&error.iteration.to_string()), "{message}");
    let before = exploding.state().clone();
    assert!(exploding.iterate().is_err(), "what has diverged goes no further");
    assert_eq!(exploding.state().parameters, before.parameters);

    let mut broken = trainer(recipe(text, &["side", "wave"]), &set);
    let head = broken.model().values(broken.model().head_range(1));
    let mut state = broken.state().clone();
    state.parameters[head.start] = f32::NAN;
    broken.resume(state).unwrap();
    let error = broken.iterate().unwrap_err();
    assert_eq!((error.iteration, error.task.as_str(), error.what), (0, "wave", "loss"));
    assert!(error.value.is_nan());
}

#[test]
fn a_task_without_labels_in_the_validation_part_has_no_value() {
    let set = questions(100, 0.0, 0);
    let (training, mut validation) = super::parts(&set);
    validation.domains.fill(false);
    let text = "trunk.blocks = [{ dense = 4 }]\ntraining.iterations = 2";
    let trainer =
        super::MultiTaskTrainer::new(recipe(text, &["side", "bend"]), &set, (&training, &validation), None)
            .unwrap();
    for metric in trainer.validate() {
        assert_eq!((metric.value, metric.known), (None, 0));
    }
    assert_eq!(trainer.judge_training()[1].each.len(), 2);
}
