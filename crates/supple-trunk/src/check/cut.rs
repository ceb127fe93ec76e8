//! The part of a graph that one tensor needs.

use std::collections::{HashMap, HashSet};

use tract_onnx::pb::{GraphProto, ValueInfoProto};

use super::CheckError;
use crate::refusal::shown;

/// Most names shown where one is not found.
const NEAR: usize = 5;
/// Longest names compared, and most of them: hostile models may have very many.
const COMPARED: (usize, usize) = (80, 4096);

/// The nodes, constants and inputs that `output` needs, or the graph's own output where it has one; `output`
/// becomes the graph's only output.
///
/// Nodes beside or behind it do not matter any more, whatever they are.
pub fn cut(mut graph: GraphProto, output: Option<&str>) -> Result<GraphProto, CheckError> {
    let output = match output {
        Some(name) => name.to_owned(),
        None => match &graph.output[..] {
            [output] => output.name.clone(),
            outputs => {
                let names = outputs.iter().take(NEAR).map(|output| shown(&output.name)).collect();
                return Err(CheckError::Outputs { count: outputs.len(), names });
            }
        },
    };
    // Several nodes may claim a name; the check refuses that, so all are kept.
    let mut givers: HashMap<&str, Vec<usize>> = HashMap::new();
    for (index, node) in graph.node.iter().enumerate() {
        for name in node.output.iter().filter(|name| !name.is_empty()) {
            givers.entry(name).or_default().push(index);
        }
    }
    if !givers.contains_key(output.as_str()) {
        return Err(unknown(&graph, output));
    }
    let mut needed: HashSet<&str> = HashSet::from([output.as_str()]);
    let mut kept = vec![false; graph.node.len()];
    let mut open = vec![output.as_str()];
    while let Some(name) = open.pop() {
        for index in givers.get(name).into_iter().flatten() {
            if !std::mem::replace(&mut kept[*index], true) {
                let inputs = graph.node[*index].input.iter().filter(|input| !input.is_empty());
                open.extend(inputs.map(String::as_str).filter(|input| needed.insert(input)));
            }
        }
    }
    let needed: HashSet<String> = needed.into_iter().map(str::to_owned).collect();
    let mut kept = kept.into_iter();
    graph.node.retain(|_| kept.next() == Some(true));
    graph.initializer.retain(|constant| constant.name.is_empty() || needed.contains(&constant.name));
    // One input is kept even where nothing reads it: then that is what is wrong.
    if graph.input.len() > 1 {
        graph.input.retain(|input| needed.contains(&input.name));
    }
    graph.output = vec![ValueInfoProto { name: output, ..ValueInfoProto::default() }];
    Ok(graph)
}

fn unknown(graph: &GraphProto, output: String) -> CheckError {
    let stored = graph.initializer.iter().any(|constant| constant.name == output)
        || graph.input.iter().any(|input| input.name == output);
    if stored {
        return CheckError::NotComputed(shown(&output));
    }
    let (length, most) = COMPARED;
    let wanted: Vec<char> = output.chars().take(length).collect();
    let mut near: Vec<(usize, String)> = Vec::new();
    for node in graph.node.iter().take(most) {
        for name in node.output.iter().filter(|name| !name.is_empty()) {
            // A node's own name is an easy mistake for its output's.
            let away = if node.name == output { 0 } else { distance(&wanted, name, length) };
            near.push((away, shown(name)));
        }
    }
    near.sort();
    near.truncate(NEAR);
    CheckError::NoSuchTensor { name: shown(&output), near: near.into_iter().map(|(_, name)| name).collect() }
}

/// How many letters differ (Levenshtein's distance), less so where one name holds the other.
fn distance(wanted: &[char], name: &str, length: usize) -> usize {
    let name: Vec<char> = name.chars().take(length).collect();
    let mut row: Vec<usize> = (0..=name.len()).collect();
    for (i, letter) in wanted.iter().enumerate() {
        let mut before = row[0];
        row[0] = i + 1;
        for (j, other) in name.iter().enumerate() {
            let changed = before + usize::from(letter != other);
            before = row[j + 1];
            row[j + 1] = changed.min(row[j] + 1).min(before + 1);
        }
    }
    let holds = !wanted.is_empty() && name.windows(wanted.len()).any(|part| part == wanted);
    if holds { 1 } else { row[name.len()] }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tract_onnx::pb::NodeProto;

    fn node(op: &str, input: &str, output: &str) -> NodeProto {
        NodeProto {
            op_type: op.into(),
            name: format!("{op}_node"),
            input: vec![input.into()],
            output: vec![output.into()],
            ..NodeProto::default()
        }
    }

    fn graph() -> GraphProto {
        let value = |name: &str| ValueInfoProto { name: name.into(), ..ValueInfoProto::default() };
        GraphProto {
            node: vec![
                node("Relu", "x", "features"),
                node("LSTM", "features", "scores"),
                node("Sigmoid", "features", "other"),
            ],
            input: vec![value("x"), value("unused")],
            output: vec![value("scores"), value("other")],
            ..GraphProto::default()
        }
    }

    #[test]
    fn only_what_is_needed_stays() {
        let cut = cut(graph(), Some("features")).unwrap();
        assert_eq!(cut.node.iter().map(|node| node.op_type.as_str()).collect::<Vec<_>>(), ["Relu"]);
        assert_eq!((cut.input.len(), cut.output[0].name.as_str()), (1, "features"));
    }

    #[test]
    fn names_that_are_none_are_told_with_those_like_them() {
        let text = |output| cut(graph(), output).unwrap_err().to_string();
        assert!(text(None).contains("2 outputs (`scores`, `other`)"), "{}", text(None));
        assert!(text(Some("feature")).contains("no tensor `feature`; near it: `features`"));
        assert!(text(Some("LSTM_node")).contains("near it: `scores`"));
        assert!(text(Some("x")).contains("nothing to compute"));
    }

    #[test]
    fn distances_count_letters() {
        let of = |wanted: &str, name: &str| distance(&wanted.chars().collect::<Vec<_>>(), name, 80);
        assert_eq!((of("kitten", "sitting"), of("", "abc"), of("abc", "")), (3, 3, 3));
        assert_eq!(of("feat", "/model/feat/Relu"), 1);
    }
}
