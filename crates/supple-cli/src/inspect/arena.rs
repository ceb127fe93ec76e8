//! The arena's worst moment, seen from a pack alone.

use std::collections::HashMap;

use supple_pack::{Op, Pack, Value};

/// A stretch of the arena that holds a value from one moment to another, both included.
struct Life {
    words: [u64; 2],
    moments: [usize; 2],
}

/// Words of the largest set of values that are needed at one moment: no arena for this plan is smaller.
pub fn largest_live_set(pack: &Pack) -> u64 {
    let trunk = pack.trunk();
    let mut lives: Vec<Life> = Vec::new();
    // By first word, the value that lies there now.
    let mut current: HashMap<u32, usize> = HashMap::new();
    let mut write = |value: &Value, moment: usize, lives: &mut Vec<Life>| {
        let start = u64::from(value.offset);
        let words = [start, start + value.words()];
        // Parts of a value may be written one after the other, and a value may replace one that it is made from.
        if let Some(life) = current.get(&value.offset).map(|index| &mut lives[*index])
            && life.words == words
            && life.moments[1] + 1 >= moment
        {
            life.moments[1] = moment;
            return;
        }
        current.insert(value.offset, lives.len());
        lives.push(Life { words, moments: [moment; 2] });
    };
    let read = |value: &Value, moment: usize, lives: &mut Vec<Life>| {
        let start = u64::from(value.offset);
        if let Some(life) = lives.iter_mut().rev().find(|life| life.words[0] == start) {
            life.moments[1] = life.moments[1].max(moment);
        }
    };
    write(&trunk.input, 0, &mut lives);
    let (mut moment, mut together) = (0, 0);
    for op in pack.ops() {
        if let Op::Rows { ops } = op {
            moment += 1;
            together = ops;
            continue;
        }
        if together > 0 {
            together -= 1;
        } else {
            moment += 1;
        }
        op.inputs().into_iter().flatten().for_each(|value| read(value, moment, &mut lives));
        if let Some(output) = op.output() {
            write(output, moment, &mut lives);
        }
    }
    read(&trunk.output, moment + 1, &mut lives);
    (0..=moment + 1).map(|at| words_at(&lives, at)).max().unwrap_or(0)
}

/// Words that are needed at a moment, those that two values share counted once.
fn words_at(lives: &[Life], moment: usize) -> u64 {
    let live = lives.iter().filter(|life| (life.moments[0]..=life.moments[1]).contains(&moment));
    let mut stretches: Vec<[u64; 2]> = live.map(|life| life.words).collect();
    stretches.sort_unstable();
    let (mut words, mut end) = (0, 0);
    for [start, stop] in stretches {
        words += stop.saturating_sub(end.max(start));
        end = end.max(stop);
    }
    words
}

#[cfg(test)]
mod tests {
    use supple_pack::write::{AlignedBytes, pack};
    use supple_trunk::{CompileOptions, Layer, Model, compile, to_onnx};

    use super::*;

    #[test]
    fn a_chain_s_worst_moment() {
        let conv = |input_channels: usize, output_channels: usize| Layer::Conv2d {
            weights: vec![0.25; input_channels * output_channels * 9],
            bias: None,
            input_channels,
            output_channels,
            kernel: [3, 3],
            stride: [2, 2],
            padding: [1; 4],
        };
        let layers = vec![conv(1, 4), Layer::Relu, conv(4, 4), Layer::Flatten];
        let onnx = to_onnx(&Model { name: String::new(), input: [1, 16, 16], layers }).unwrap();
        let compiled = compile(&onnx, &CompileOptions::default()).unwrap();
        let bytes = AlignedBytes::copy_of(&pack(&compiled.parts, &[]).unwrap());
        let found = largest_live_set(&Pack::parse(&bytes).unwrap());
        // The input, three rows of the first layer's output, the second's output.
        assert_eq!(found, 256 + 3 * 8 * 4 + 4 * 4 * 4);
        assert_eq!(4 * found as usize, compiled.report.arena_lower_bound_bytes);
    }
}
