//! Time of a trunk of 1,411,200 multiply-accumulates on this processor, one thread:
//! 28 × 28 × 1, four convolutions 3 × 3 of 32 channels, strides 2, 2, 1, 1, relu.
//!
//! `cargo run --release --package supple-runtime --features host --example speed`

use std::error::Error;
use std::time::Instant;

use supple_pack::op::{Epilogue, Layer};
use supple_pack::write::{AlignedBytes, TrunkParts, pack};
use supple_pack::{Activation, Element, Op, Pack, Shape, Value, Window};
use supple_runtime::PlanTrunk;

fn trunk() -> TrunkParts {
    let value = |offset, side, channels| {
        Value::whole(offset, Shape { height: side, width: side, channels }, Element::F32)
    };
    let mut input = value(0, 28, 1);
    let first = input;
    // Values lie by turns at the start and behind the largest that may lie there.
    let mut offsets = [14 * 14 * 32, 0].into_iter().cycle();
    let (mut ops, mut weights) = (Vec::new(), Vec::<f32>::new());
    for (side, stride) in [(14, 2), (7, 2), (7, 1), (7, 1)] {
        let output = value(offsets.next().unwrap_or_default(), side, 32);
        let count = usize::from(input.shape.channels) * 9 * 32;
        let at = weights.len() as u32;
        weights.extend((0..count).map(|i| ((i * 7919 % 1000) as f32 - 500.0) / 4000.0));
        let bias = weights.len() as u32;
        weights.extend((0..32).map(|i| i as f32 / 100.0));
        let epilogue = Epilogue::Float(Activation::Relu);
        let window = Window { kernel: [3, 3], stride: [stride; 2], pad: [1, 1], dilation: [1, 1] };
        ops.push(Op::Convolution {
            layer: Layer { input, output, weights: at, bias, epilogue },
            window,
            groups: 1,
        });
        input = output;
    }
    let arena = 2 * 14 * 14 * 32;
    TrunkParts { name: "speed".to_owned(), input: first, output: input, arena, ops, weights }
}

fn main() -> Result<(), Box<dyn Error>> {
    let parts = trunk();
    let macs: u64 = parts.ops.iter().map(Op::macs).sum();
    let bytes = AlignedBytes::copy_of(&pack(&parts, &[])?);
    let pack = Pack::parse(&bytes)?;
    let mut arena = vec![0.0; pack.trunk().arena as usize];
    let mut trunk = PlanTrunk::new(&pack, &mut arena)?;
    let mut times = Vec::new();
    let mut sum = 0.0;
    for run in 0..4000 {
        trunk.input_mut().iter_mut().enumerate().for_each(|(i, x)| *x = ((i * run) % 17) as f32 / 17.0);
        let start = Instant::now();
        sum += trunk.run()?.iter().sum::<f32>();
        times.push(start.elapsed().as_nanos());
    }
    times.sort_unstable();
    println!(
        "{macs} multiply-accumulates: median {:.1} us, fastest {:.1} us (checksum {sum})",
        times[times.len() / 2] as f64 / 1000.0,
        times[0] as f64 / 1000.0
    );
    Ok(())
}
