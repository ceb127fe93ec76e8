//! A gradient step as it is defined, in plain loops, on the labelled samples alone.
#![allow(clippy::needless_range_loop)]

use super::*;
use crate::kernels::softmax::{cross_entropy, softmax};

/// A sample to learn from: features, and a class or numbers.
#[derive(Debug, Clone)]
pub struct Sample {
    pub feature: Vec<f32>,
    pub class: usize,
    pub targets: Vec<f32>,
}

/// A head's numbers.
#[derive(Debug, Clone)]
pub struct Plain {
    pub features: usize,
    pub hidden: usize,
    pub way: usize,
    pub task: HeadTask,
    pub momentum: f32,
    /// Weights and biases of the hidden layer, then of the last one.
    pub values: Vec<f32>,
    pub velocity: Vec<f32>,
}

impl Plain {
    fn inputs(&self) -> usize {
        if self.hidden > 0 { self.hidden } else { self.features }
    }

    /// Where the last layer begins.
    fn last(&self) -> usize {
        self.hidden * (self.features + 1)
    }

    /// What the last layer sees.
    pub fn units(&self, feature: &[f32]) -> Vec<f32> {
        if self.hidden == 0 {
            return feature.to_vec();
        }
        let bias = self.hidden * self.features;
        let unit = |unit: usize| {
            let mut sum = self.values[bias + unit];
            for j in 0..self.features {
                sum += feature[j] * self.values[unit * self.features + j];
            }
            if sum > 0.0 { sum } else { 0.0 }
        };
        (0..self.hidden).map(unit).collect()
    }

    pub fn outputs(&self, feature: &[f32]) -> Vec<f32> {
        let (units, last, inputs) = (self.units(feature), self.last(), self.inputs());
        let output = |out: usize| {
            let mut sum = self.values[last + self.way * inputs + out];
            for j in 0..inputs {
                sum += units[j] * self.values[last + out * inputs + j];
            }
            sum
        };
        (0..self.way).map(output).collect()
    }

    fn deltas(&self, sample: &Sample, samples: usize) -> Vec<f32> {
        let mut outputs = self.outputs(&sample.feature);
        if self.task == HeadTask::Numbers {
            let scale = 2.0 / (samples * self.way) as f32;
            return outputs
                .iter()
                .zip(&sample.targets)
                .map(|(output, target)| (output - target) * scale)
                .collect();
        }
        softmax(&mut outputs);
        outputs[sample.class] -= 1.0;
        outputs.iter().map(|output| output * (self.way as f32 / samples as f32)).collect()
    }

    pub fn loss(&self, samples: &[Sample]) -> f32 {
        let mut sum = 0.0;
        for sample in samples {
            let mut outputs = self.outputs(&sample.feature);
            if self.task == HeadTask::Numbers {
                for (output, target) in outputs.iter().zip(&sample.targets) {
                    sum += (output - target) * (output - target);
                }
            } else {
                sum += cross_entropy(&mut outputs, sample.class);
            }
        }
        let numbers = if self.task == HeadTask::Numbers { self.way } else { 1 };
        sum / (samples.len() * numbers) as f32
    }

    /// One step; `rates` of each layer.
    pub fn step(&mut self, samples: &[Sample], rates: &[[f32; 2]]) {
        let (last, inputs, way) = (self.last(), self.inputs(), self.way);
        let deltas: Vec<_> = samples.iter().map(|sample| self.deltas(sample, samples.len())).collect();
        let units: Vec<_> = samples.iter().map(|sample| self.units(&sample.feature)).collect();
        let mut gradient = vec![0.0; self.values.len()];
        let mut add = |at: usize, product: f32| gradient[at] += product;
        for ((sample, deltas), units) in samples.iter().zip(&deltas).zip(&units) {
            for out in 0..way {
                (0..inputs).for_each(|j| add(last + out * inputs + j, deltas[out] * units[j]));
                add(last + way * inputs + out, deltas[out]);
            }
            for unit in 0..self.hidden {
                let mut passed = 0.0;
                for out in 0..way {
                    passed += self.values[last + out * inputs + unit] * deltas[out];
                }
                let delta = if units[unit] > 0.0 { passed } else { 0.0 };
                (0..self.features).for_each(|j| add(unit * self.features + j, delta * sample.feature[j]));
                add(self.hidden * self.features + unit, delta);
            }
        }
        for at in 0..self.values.len() {
            let layer = if at < last { 0 } else { rates.len() - 1 };
            let biases = if at < last { self.hidden * self.features } else { last + way * inputs };
            let rate = rates[layer][usize::from(at >= biases)];
            let mut by = gradient[at];
            if self.momentum > 0.0 {
                self.velocity[at] = self.momentum * self.velocity[at] + by;
                by = self.velocity[at];
            }
            self.values[at] -= rate * by;
        }
    }
}
