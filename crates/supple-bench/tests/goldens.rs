//! The evaluation's own gradient steps against PyTorch's: `tests/goldens`.

use std::fs;
use std::path::Path;

use serde_json::Value;
use supple_bench::evaluation::sine_errors;
use supple_bench::tasks::RegressionBatch;

fn numbers(value: &Value) -> Vec<f32> {
    value.as_array().expect("a list").iter().map(|value| value.as_f64().expect("a number") as f32).collect()
}

#[test]
fn steps_of_the_relu_network_are_torchs() {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/goldens/maml_dense.json");
    let text = fs::read_to_string(file).expect("tests/goldens is part of the checkout");
    let golden: Value = serde_json::from_str(&text).expect("JSON");
    let cases = golden["cases"].as_array().expect("cases");
    let case = cases.iter().find(|case| case["name"] == "relu-3-steps").expect("the case");
    let parameters = case["parameters"].as_array().expect("parameters");
    let parameters: Vec<Vec<f32>> = parameters.iter().map(|tensor| numbers(&tensor["values"])).collect();
    let rate = case["rate"].as_f64().expect("the rate") as f32;
    let tasks = case["tasks"].as_array().expect("tasks");
    let expected = case["expected"]["query_losses"].as_array().expect("losses of each task");
    for (task, expected) in tasks.iter().zip(expected) {
        let of = |key: &str| numbers(&task[key]["values"]);
        let batch = RegressionBatch {
            shots: 5,
            queries: 5,
            support_x: of("support_x"),
            support_y: of("support_y"),
            query_x: of("query_x"),
            query_y: of("query_y"),
        };
        let errors = sine_errors(&parameters, &batch, rate, 3);
        for (step, expected) in numbers(expected).into_iter().enumerate() {
            let error = errors[step + 1];
            assert!((error - f64::from(expected)).abs() < 1e-5 * error, "{step}: {error} {expected}");
        }
    }
}
