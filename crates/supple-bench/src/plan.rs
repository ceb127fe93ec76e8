//! A trunk's plan beside tract: the same model, in one process, by turns, on one thread.
//!
//! The trunk is 1×28×28, then four convolutions 3 × 3 of 32 channels with padding 1 and relu, strides 2, 2, 1 and 1,
//! flattened: 1,411,200 multiply-accumulates. Both read the same input and hand out a copy of the features.

use std::error::Error;
use std::time::{Duration, Instant};

use rand::RngExt;
use supple_data::random::{Purpose, stream};
use supple_pack::Pack;
use supple_pack::write::{AlignedBytes, pack};
use supple_runtime::{PlanTrunk, Trunk};
use supple_trunk::{CompileOptions, Layer, Model, Oracle, compile, to_onnx};

/// Channels of each convolution.
const CHANNELS: usize = 32;
/// Runs of one program before it is the other's turn: some milliseconds, so that a slow moment hits both.
const TURN: usize = 25;
/// Turns whose times are not kept.
const WARM_UP: usize = 4;
/// Largest part of the largest feature that the two may differ by.
const TOLERANCE: f32 = 1e-4;

/// Times of single runs, in ascending order.
#[derive(Debug, Clone, Default)]
pub struct Times(Vec<Duration>);

impl Times {
    /// The middle one.
    pub fn median(&self) -> Duration {
        self.0.get(self.0.len() / 2).copied().unwrap_or_default()
    }

    /// The fastest.
    pub fn fastest(&self) -> Duration {
        self.0.first().copied().unwrap_or_default()
    }

    /// How many.
    pub fn count(&self) -> usize {
        self.0.len()
    }
}

/// What both took.
#[derive(Debug, Clone)]
pub struct Compared {
    /// Multiply-accumulates of a run.
    pub macs: u64,
    /// Our plan.
    pub plan: Times,
    /// tract's optimised model.
    pub tract: Times,
}

/// Measures until either limit is reached.
pub fn compare(
    seed: u64,
    iterations: Option<u64>,
    limit: Option<Duration>,
) -> Result<Compared, Box<dyn Error>> {
    let onnx = to_onnx(&model(seed))?;
    let tract = Oracle::optimised(&onnx)?;
    let compiled = compile(&onnx, &CompileOptions::default())?;
    let bytes = AlignedBytes::copy_of(&pack(&compiled.parts, &[])?);
    let pack = Pack::parse(&bytes)?;
    let mut arena = vec![0.0; pack.trunk().arena as usize];
    let mut plan = PlanTrunk::new(&pack, &mut arena)?;
    let mut features = vec![0.0; plan.feature_length()];
    let mut random = stream(seed, Purpose::Evaluation, 0, 0);
    let input: Vec<f32> = (0..plan.input_length()).map(|_| random.random::<f32>()).collect();

    plan.features(&input, &mut features)?;
    let expected = tract.features(&input)?;
    let largest = expected.iter().fold(0.0f32, |largest, value| largest.max(value.abs()));
    for (found, place) in features.iter().zip(&compiled.report.feature_order) {
        let near = expected.get(*place as usize).is_some_and(|e| (found - e).abs() <= TOLERANCE * largest);
        if !near {
            return Err("the plan and tract give different features".into());
        }
    }

    let (mut ours, mut theirs) = (Vec::new(), Vec::new());
    let start = Instant::now();
    let mut turn = 0;
    while iterations.is_none_or(|iterations| (ours.len() as u64) < iterations)
        && limit.is_none_or(|limit| start.elapsed() < limit)
    {
        let (mut a, mut b) = (Vec::with_capacity(TURN), Vec::with_capacity(TURN));
        for _ in 0..TURN {
            let start = Instant::now();
            plan.features(&input, &mut features)?;
            a.push(start.elapsed());
        }
        for _ in 0..TURN {
            let start = Instant::now();
            let found = tract.features(&input)?;
            b.push(start.elapsed());
            // Used, so that it is made.
            features[0] = found[0];
        }
        turn += 1;
        if turn > WARM_UP {
            ours.append(&mut a);
            theirs.append(&mut b);
        }
    }
    ours.sort_unstable();
    theirs.sort_unstable();
    Ok(Compared { macs: compiled.report.macs, plan: Times(ours), tract: Times(theirs) })
}

fn model(seed: u64) -> Model {
    let mut random = stream(seed, Purpose::Initialisation, 0, 0);
    let mut layers = Vec::new();
    for (block, stride) in [2, 2, 1, 1].into_iter().enumerate() {
        let inputs = if block == 0 { 1 } else { CHANNELS };
        let bound = (6.0 / (9 * inputs) as f32).sqrt();
        layers.push(Layer::Conv2d {
            weights: (0..CHANNELS * inputs * 9).map(|_| random.random_range(-bound..bound)).collect(),
            bias: Some((0..CHANNELS).map(|_| random.random_range(-0.1..0.1)).collect()),
            input_channels: inputs,
            output_channels: CHANNELS,
            kernel: [3, 3],
            stride: [stride; 2],
            padding: [1; 4],
        });
        layers.push(Layer::Relu);
    }
    layers.push(Layer::Flatten);
    Model { name: "conv4".into(), input: [1, 28, 28], layers }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_are_measured_equally_often() {
        let compared = compare(0, Some(2 * TURN as u64), None).unwrap();
        assert_eq!(compared.macs, 1_411_200);
        assert_eq!((compared.plan.count(), compared.tract.count()), (2 * TURN, 2 * TURN));
        assert!(compared.plan.fastest() > Duration::ZERO);
        assert!(compared.plan.fastest() <= compared.plan.median());
    }
}
