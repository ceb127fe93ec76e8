//! Where an ONNX model could be cut, for `supple inspect`.

use std::fmt::Write as _;

use serde_json::{Value, json};
use supple_trunk::Candidate;

/// Longest name in a table; a longer one is shown whole in the JSON object.
const NAME: usize = 48;

/// The candidates for programs.
pub fn object(candidates: &[Candidate]) -> Value {
    let cut = |candidate: &Candidate| {
        json!({
            "tensor": candidate.tensor,
            "operator": candidate.operator,
            "shape": candidate.shape,
            "elements": candidate.elements,
            "macs": candidate.macs,
            "parameter_bytes": candidate.parameter_bytes,
            "compiles": candidate.problem.is_none(),
            "problem": candidate.problem,
        })
    };
    candidates.iter().map(cut).collect()
}

/// The candidates for people: those that compile, and what stops the others.
pub fn lines(candidates: &[Candidate]) -> String {
    let compiling = candidates.iter().filter(|candidate| candidate.problem.is_none()).count();
    let mut text = format!(
        "{compiling} of {} tensors can be the output (supple compile --output NAME):\n{:<20} {:>16} {:>12} {:>12}  tensor",
        candidates.len(),
        "operator",
        "shape",
        "MAC",
        "weight bytes"
    );
    for candidate in candidates {
        let shape = candidate.shape.iter().map(usize::to_string).collect::<Vec<_>>().join(" × ");
        let _ = write!(
            text,
            "\n{:<20} {shape:>16} {:>12} {:>12}  {}",
            candidate.operator,
            candidate.macs,
            candidate.parameter_bytes,
            shown(&candidate.tensor)
        );
        if let Some(problem) = &candidate.problem {
            let _ = write!(text, "  (no: {})", problem.lines().next().unwrap_or_default());
        }
    }
    let longest = candidates.iter().rfind(|candidate| candidate.problem.is_none());
    let verdict = match longest {
        Some(longest) => format!("the longest part that compiles ends at `{}`", shown(&longest.tensor)),
        None => "no part of it compiles".to_owned(),
    };
    let _ = write!(text, "\n{verdict}");
    text
}

/// A name fit to be printed: a model's may hold anything.
fn shown(name: &str) -> String {
    let mut text: String = name.chars().take(NAME).flat_map(char::escape_debug).collect();
    if name.chars().nth(NAME).is_some() {
        text.push('…');
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    fn candidate(tensor: &str, problem: Option<&str>) -> Candidate {
        Candidate {
            tensor: tensor.into(),
            node: "n".into(),
            operator: "Relu".into(),
            shape: vec![1, 16],
            elements: 16,
            macs: 1000,
            parameter_bytes: 64,
            problem: problem.map(str::to_owned),
        }
    }

    #[test]
    fn the_longest_part_is_named_and_the_rest_explained() {
        let text =
            lines(&[candidate("a", None), candidate("b\u{1b}", None), candidate("c", Some("needs d"))]);
        assert!(text.starts_with("2 of 3 tensors") && !text.contains('\u{1b}'), "{text}");
        assert!(text.contains("c  (no: needs d)") && text.ends_with("ends at `b\\u{1b}`"), "{text}");
        assert!(lines(&[candidate("a", Some("x"))]).ends_with("no part of it compiles"));
        assert_eq!(object(&[candidate("a", None)])[0]["compiles"], true);
    }
}
