//! How samples are varied in training, so that a trunk learns what does not matter.

use rand::{Rng, RngExt};

use crate::render::{Orientation, Warp, WarpLimits};
use crate::samples::{DataSet, SampleShape};

/// Limits of what is varied. Each quantity is drawn evenly up to its limit unless said otherwise; 0 turns it off.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Variation {
    /// How often a sample is varied at all.
    pub probability: f64,
    /// Of drawings.
    pub warp: WarpLimits,
    /// Shift along a signal, as a fraction of its length; what moves out comes in as the edge's value.
    pub shift: f32,
    /// Change of the logarithm of all values' scale.
    pub log_gain: f32,
    /// Standard deviation of noise added to each value.
    pub noise: f32,
    /// Added to all values.
    pub offset: f32,
    /// Stretch of the time axis: change of its logarithm.
    pub log_stretch: f32,
    /// Longest stretch of a signal that is blanked with its mean, as a fraction of its length.
    pub time_mask: f32,
    /// Most channels next to each other that are blanked with their mean.
    pub channel_mask: usize,
    /// Largest shift across channels (bands of a spectrum).
    pub channel_shift: usize,
    /// Largest angle by which triples of channels (axes of a motion sensor) are turned, radians; the same turn for
    /// all samples of a task, since a device is worn one way.
    pub turn: f32,
    /// Standard deviation of the logarithm of a gain for each channel; the same for all samples of a task.
    pub task_log_gain: f32,
    /// Standard deviation of an offset for each channel; the same for all samples of a task.
    pub task_offset: f32,
}

impl Default for Variation {
    fn default() -> Self {
        Self {
            probability: 0.0,
            warp: WarpLimits { rotation: 0.0, log_scale: 0.0, shear: 0.0, shift: 0.0 },
            shift: 0.0,
            log_gain: 0.0,
            noise: 0.0,
            offset: 0.0,
            log_stretch: 0.0,
            time_mask: 0.0,
            channel_mask: 0,
            channel_shift: 0,
            turn: 0.0,
            task_log_gain: 0.0,
            task_offset: 0.0,
        }
    }
}

/// A variation with what is the same for a whole task.
#[derive(Debug, Clone)]
pub struct TaskVariation {
    limits: Variation,
    turn: Option<[f32; 9]>,
    gains: Vec<f32>,
    offsets: Vec<f32>,
}

/// A standard normal value (Box and Muller 1958).
fn normal(random: &mut impl Rng) -> f32 {
    let radius = libm::sqrtf(-2.0 * libm::logf(1.0 - random.random::<f32>()));
    radius * libm::cosf(core::f32::consts::TAU * random.random::<f32>())
}

fn even(limit: f32, random: &mut impl Rng) -> f32 {
    limit * (2.0 * random.random::<f32>() - 1.0)
}

impl Variation {
    /// Draws what a task's samples share.
    pub fn for_task(&self, random: &mut impl Rng) -> TaskVariation {
        let turn = (self.turn > 0.0).then(|| rotation(self.turn, random));
        // As many as any signal here has channels.
        const MOST: usize = 64;
        let mut drawn = |deviation: f32| -> Vec<f32> {
            if deviation > 0.0 { (0..MOST).map(|_| deviation * normal(random)).collect() } else { Vec::new() }
        };
        let gains = drawn(self.task_log_gain).into_iter().map(libm::expf).collect();
        let offsets = drawn(self.task_offset);
        TaskVariation { limits: *self, turn, gains, offsets }
    }
}

/// A turn about a random axis (Rodrigues' formula).
fn rotation(limit: f32, random: &mut impl Rng) -> [f32; 9] {
    let mut axis = [normal(random), normal(random), normal(random)];
    let length = libm::sqrtf(axis.iter().map(|a| a * a).sum::<f32>()).max(1e-6);
    axis.iter_mut().for_each(|a| *a /= length);
    let (sine, cosine) = libm::sincosf(even(limit, random));
    let [x, y, z] = axis;
    let rest = 1.0 - cosine;
    [
        cosine + x * x * rest,
        x * y * rest - z * sine,
        x * z * rest + y * sine,
        y * x * rest + z * sine,
        cosine + y * y * rest,
        y * z * rest - x * sine,
        z * x * rest - y * sine,
        z * y * rest + x * sine,
        cosine + z * z * rest,
    ]
}

impl TaskVariation {
    /// Writes a sample, varied or not, as the input of a trunk.
    pub fn render(
        &self,
        set: &DataSet,
        sample: usize,
        orientation: Orientation,
        input: &mut [f32],
        random: &mut impl Rng,
    ) {
        let varied = random.random_bool(self.limits.probability);
        if set.drawings().is_some() {
            if varied {
                let warp = Warp::sample(&self.limits.warp, random);
                set.render_warped(sample, orientation, &warp, input);
            } else {
                set.render(sample, orientation, input);
            }
            return;
        }
        set.render(sample, orientation, input);
        self.common(set.shape(), input);
        if varied {
            self.vary(set.shape(), input, random);
        }
    }

    /// What all samples of the task share.
    fn common(&self, shape: SampleShape, input: &mut [f32]) {
        let channels = shape.channels;
        for pixel in input.chunks_exact_mut(channels) {
            if let Some(m) = &self.turn {
                for axes in pixel.as_chunks_mut::<3>().0 {
                    let [x, y, z] = *axes;
                    *axes = std::array::from_fn(|i| m[3 * i] * x + m[3 * i + 1] * y + m[3 * i + 2] * z);
                }
            }
            pixel.iter_mut().zip(&self.gains).for_each(|(value, gain)| *value *= gain);
            pixel.iter_mut().zip(&self.offsets).for_each(|(value, offset)| *value += offset);
        }
    }

    fn vary(&self, shape: SampleShape, input: &mut [f32], random: &mut impl Rng) {
        let limits = &self.limits;
        let (width, channels) = (shape.width, shape.channels);
        if limits.shift > 0.0 || limits.log_stretch > 0.0 {
            let before = input.to_vec();
            let shift = even(limits.shift, random) * width as f32;
            let stretch = libm::expf(even(limits.log_stretch, random));
            let centre = (width as f32 - 1.0) / 2.0;
            for (row, line) in input.chunks_exact_mut(width * channels).enumerate() {
                let before = &before[row * width * channels..][..width * channels];
                for (column, pixel) in line.chunks_exact_mut(channels).enumerate() {
                    let from = (column as f32 - centre) * stretch + centre + shift;
                    let from = from.clamp(0.0, width as f32 - 1.0);
                    let (left, part) = (from as usize, from - libm::floorf(from));
                    let right = (left + 1).min(width - 1);
                    for (channel, value) in pixel.iter_mut().enumerate() {
                        let (a, b) = (before[left * channels + channel], before[right * channels + channel]);
                        *value = a + part * (b - a);
                    }
                }
            }
        }
        if limits.channel_shift > 0 {
            let most = limits.channel_shift.min(channels) as i32;
            let shift = random.random_range(-most..=most) as isize;
            for pixel in input.chunks_exact_mut(channels) {
                let before = pixel.to_vec();
                for (channel, value) in pixel.iter_mut().enumerate() {
                    let from = (channel as isize + shift).clamp(0, channels as isize - 1);
                    *value = before[from as usize];
                }
            }
        }
        let gain = libm::expf(even(limits.log_gain, random));
        let offset = even(limits.offset, random);
        for value in input.iter_mut() {
            let noise = if limits.noise > 0.0 { limits.noise * normal(random) } else { 0.0 };
            *value = *value * gain + offset + noise;
        }
        let longest = (limits.time_mask * width as f32) as usize;
        let mean = input.iter().sum::<f32>() / input.len() as f32;
        if longest > 0 {
            let length = random.random_range(0..=longest);
            let first = random.random_range(0..=width - length);
            for line in input.chunks_exact_mut(width * channels) {
                line[first * channels..(first + length) * channels].fill(mean);
            }
        }
        if limits.channel_mask > 0 {
            let count = random.random_range(0..=limits.channel_mask.min(channels - 1));
            let first = random.random_range(0..=channels - count);
            for pixel in input.chunks_exact_mut(channels) {
                pixel[first..first + count].fill(mean);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::random::{Purpose, stream};
    use crate::samples::{Answer, DataSetBuilder};

    fn set() -> DataSet {
        let tasks = vec![DataSetBuilder::classes("c", &[])];
        let mut builder = DataSetBuilder::new("t", SampleShape::signal(8, 3), tasks);
        let values: Vec<f32> = (0..24).map(|i| i as f32 * 0.25).collect();
        builder.push("1", "d", &values, &[Answer::Class("a".into())]).unwrap();
        builder.finish().unwrap()
    }

    #[test]
    fn nothing_is_varied_by_default_and_a_stream_repeats() {
        let set = set();
        let mut plain = [0.0; 24];
        set.render(0, Orientation::UPRIGHT, &mut plain);
        let render = |variation: &Variation, seed| {
            let mut random = stream(seed, Purpose::Training, 0, 0);
            let mut input = [0.0; 24];
            let task = variation.for_task(&mut random);
            task.render(&set, 0, Orientation::UPRIGHT, &mut input, &mut random);
            input
        };
        assert_eq!(render(&Variation::default(), 1), plain);
        let strong = Variation {
            probability: 1.0,
            shift: 0.2,
            log_gain: 0.2,
            noise: 0.1,
            time_mask: 0.3,
            channel_mask: 1,
            channel_shift: 1,
            log_stretch: 0.1,
            ..Variation::default()
        };
        assert_eq!(render(&strong, 1), render(&strong, 1));
        assert_ne!(render(&strong, 1), render(&strong, 2));
        assert!(render(&strong, 3).iter().all(|value| value.is_finite()));
    }

    #[test]
    fn a_turn_keeps_lengths() {
        let set = set();
        let turned = Variation { turn: 1.0, ..Variation::default() };
        let mut random = stream(5, Purpose::Training, 0, 0);
        let (mut plain, mut input) = ([0.0; 24], [0.0; 24]);
        set.render(0, Orientation::UPRIGHT, &mut plain);
        turned.for_task(&mut random).render(&set, 0, Orientation::UPRIGHT, &mut input, &mut random);
        let length = |v: &[f32]| v.iter().map(|x| x * x).sum::<f32>();
        for (a, b) in plain.chunks(3).zip(input.chunks(3)) {
            assert!((length(a) - length(b)).abs() < 1e-3 * (1.0 + length(a)) && a != b);
        }
    }
}
