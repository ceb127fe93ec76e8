//! What is printed: JSON for programs, a table for people.

use std::fmt::Write;

use serde_json::{Value, json};

/// What a program reached on a case.
#[derive(Debug, Clone, PartialEq)]
pub struct Measured {
    /// The case.
    pub case: String,
    /// `supple`, or a peer's name.
    pub program: String,
    /// Threads, each on a processor of its own.
    pub threads: usize,
    /// Outer iterations in a second of processor time, where the system tells that.
    pub iterations_per_cpu_second: Option<f64>,
    /// Outer iterations in a second on the wall.
    pub iterations_per_second: Option<f64>,
    /// Outer iterations.
    pub iterations: Option<u64>,
    /// What was learned.
    pub final_metric: Option<f64>,
    /// What the figure is called.
    pub metric: String,
}

/// Our own name.
pub const SUPPLE: &str = "supple";

impl Measured {
    fn json(&self) -> Value {
        json!({
            "case": self.case,
            "program": self.program,
            "threads": self.threads,
            "iterations_per_cpu_second": self.iterations_per_cpu_second,
            "iterations_per_second": self.iterations_per_second,
            "iterations": self.iterations,
            "final_metric": self.final_metric,
            "metric": self.metric,
        })
    }
}

/// All results as one list.
pub fn json(results: &[Measured]) -> Value {
    results.iter().map(Measured::json).collect()
}

/// All results as lines; the ratio is our speed over that of the line's program.
pub fn table(results: &[Measured]) -> String {
    let mut text = format!(
        "{:<14} {:<14} {:>7} {:>16} {:>14} {:>11} {:>10}  metric\n",
        "case", "program", "threads", "iterations/CPU s", "supple is … ×", "iterations", "figure"
    );
    for result in results {
        let ours = results.iter().find(|other| other.program == SUPPLE && other.case == result.case);
        let speed = result.iterations_per_cpu_second;
        let ratio = ours
            .filter(|_| result.program != SUPPLE)
            .and_then(|ours| Some(ours.iterations_per_cpu_second? / speed?));
        let two = |value: Option<f64>| value.map_or_else(|| "–".to_owned(), |value| format!("{value:.2}"));
        let four = |value: Option<f64>| value.map_or_else(|| "–".to_owned(), |value| format!("{value:.4}"));
        let whole = result.iterations.map_or_else(|| "–".to_owned(), |value| value.to_string());
        // Writing to a string does not fail.
        let _ = writeln!(
            text,
            "{:<14} {:<14} {:>7} {:>16} {:>14} {:>11} {:>10}  {}",
            result.case,
            result.program,
            result.threads,
            two(speed),
            two(ratio),
            whole,
            four(result.final_metric),
            result.metric
        );
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    fn result(program: &str, speed: f64) -> Measured {
        Measured {
            case: "sine-maml".to_owned(),
            program: program.to_owned(),
            threads: 1,
            iterations_per_cpu_second: Some(speed),
            iterations_per_second: Some(speed),
            iterations: Some(100),
            final_metric: Some(0.5),
            metric: "error".to_owned(),
        }
    }

    #[test]
    fn ratios_are_ours_over_theirs() {
        let text = table(&[result(SUPPLE, 300.0), result("jax", 200.0)]);
        let lines: Vec<&str> = text.lines().collect();
        assert!(lines[1].contains("300.00") && lines[1].contains('–'), "{text}");
        assert!(lines[2].contains("1.50"), "{text}");
    }

    #[test]
    fn without_ours_there_is_no_ratio() {
        let text = table(&[result("jax", 200.0)]);
        assert!(text.contains('–'), "{text}");
    }

    #[test]
    fn json_has_the_keys_that_others_rely_on() {
        let list = json(&[result("jax", 200.0)]);
        for key in ["case", "program", "threads", "iterations_per_cpu_second", "final_metric"] {
            assert!(list[0].get(key).is_some(), "{key}");
        }
    }
}
