//! Ridge regression on the support features, solved in closed form: the other baseline without gradient steps.
//!
//! Targets are one-hot, or the numbers; features and targets are centred, which is a bias without penalty. As there are fewer samples
//! than features, the dual form is solved: (K + λ I) A = Y with K the products of all pairs of samples. λ is
//! [`PENALTY`] times the mean of K's diagonal, so that scaled features give the same answers.

use supple_data::tasks::TaskEpisode;

use super::features::Features;
use super::trace::Answers;

/// The penalty, as a multiple of the mean squared length of the centred features.
const PENALTY: f64 = 0.1;

/// Accuracy or squared error on an episode's queries.
pub fn score(episode: &TaskEpisode, features: &Features, answers: Answers) -> f64 {
    let support: Vec<&[f32]> = episode.support.iter().map(|sample| features.of(sample.drawing)).collect();
    let fit = Fit::new(&support, &answers.targets(&episode.support, episode.way));
    let each =
        episode.query.iter().map(|query| answers.score(query, &fit.outputs(features.of(query.drawing))));
    each.sum::<f64>() / episode.query.len() as f64
}

/// A fitted regression.
struct Fit {
    mean: Vec<f64>,
    /// `[output][feature]`.
    weights: Vec<f64>,
    /// By output.
    bias: Vec<f64>,
}

impl Fit {
    /// `targets` are `[output][sample]`.
    fn new(support: &[&[f32]], targets: &[Vec<f64>]) -> Self {
        let (count, length) = (support.len(), support.first().map_or(0, |feature| feature.len()));
        let column = |index: usize| support.iter().map(|f| f64::from(f[index])).sum::<f64>() / count as f64;
        let mean: Vec<f64> = (0..length).map(column).collect();
        let centred: Vec<Vec<f64>> =
            support.iter().map(|f| f.iter().zip(&mean).map(|(x, m)| f64::from(*x) - m).collect()).collect();
        let mut kernel: Vec<f64> = centred.iter().flat_map(|a| centred.iter().map(|b| dot(a, b))).collect();
        let diagonal = (0..count).map(|i| kernel[i * count + i]).sum::<f64>() / count as f64;
        // Samples that are all alike have no spread to measure a penalty by.
        let penalty = if diagonal > 0.0 { PENALTY * diagonal } else { 1.0 };
        (0..count).for_each(|i| kernel[i * count + i] += penalty);
        factor(&mut kernel, count);
        let bias: Vec<f64> = targets.iter().map(|target| target.iter().sum::<f64>() / count as f64).collect();
        let mut weights = Vec::with_capacity(targets.len() * length);
        for (target, mean) in targets.iter().zip(&bias) {
            let mut target: Vec<f64> = target.iter().map(|value| value - mean).collect();
            solve(&kernel, &mut target);
            weights
                .extend((0..length).map(|f| centred.iter().zip(&target).map(|(c, a)| c[f] * a).sum::<f64>()));
        }
        Self { mean, weights, bias }
    }

    fn outputs(&self, feature: &[f32]) -> Vec<f64> {
        let centred: Vec<f64> = feature.iter().zip(&self.mean).map(|(x, m)| f64::from(*x) - m).collect();
        let rows = self.weights.chunks_exact(self.mean.len().max(1));
        rows.zip(&self.bias).map(|(row, bias)| bias + dot(row, &centred)).collect()
    }
}

fn dot(a: &[f64], b: &[f64]) -> f64 {
    a.iter().zip(b).map(|(a, b)| a * b).sum()
}

/// Cholesky's factor of a symmetric positive matrix, in its lower triangle.
fn factor(matrix: &mut [f64], size: usize) {
    for column in 0..size {
        for row in column..size {
            let (first, second) = (row * size, column * size);
            let known = dot(&matrix[first..first + column], &matrix[second..second + column]);
            let value = matrix[first + column] - known;
            matrix[first + column] = if row == column {
                value.max(f64::MIN_POSITIVE).sqrt()
            } else {
                value / matrix[second + column]
            };
        }
    }
}

/// Solves for one right-hand side in its place, given the factor.
fn solve(factor: &[f64], target: &mut [f64]) {
    let size = target.len();
    for row in 0..size {
        let known = dot(&factor[row * size..row * size + row], &target[..row]);
        target[row] = (target[row] - known) / factor[row * size + row];
    }
    for row in (0..size).rev() {
        let known: f64 = (row + 1..size).map(|below| factor[below * size + row] * target[below]).sum();
        target[row] = (target[row] - known) / factor[row * size + row];
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_positive_system_is_solved() {
        let matrix = [4.0, 2.0, 1.0, 2.0, 5.0, 3.0, 1.0, 3.0, 6.0];
        let solution = [1.0, -2.0, 3.0];
        let mut target: Vec<f64> = matrix.chunks(3).map(|row| dot(row, &solution)).collect();
        let mut lower = matrix;
        factor(&mut lower, 3);
        solve(&lower, &mut target);
        assert!(target.iter().zip(solution).all(|(a, b)| (a - b).abs() < 1e-12), "{target:?}");
    }

    #[test]
    fn the_dual_is_the_primal() {
        // One feature: weights = Σ x y / (Σ x² + λ) of centred values; λ = 0.1 (1 + 0 + 1) / 3.
        let support: [&[f32]; 3] = [&[1.0], &[2.0], &[3.0]];
        let fit = Fit::new(&support, &[vec![1.0, 0.0, 0.0], vec![0.0, 1.0, 1.0]]);
        let expected = -1.0 / (2.0 + 0.1 * 2.0 / 3.0);
        assert!((fit.weights[0] - expected).abs() < 1e-12, "{:?}", fit.weights);
        assert!((fit.weights[0] + fit.weights[1]).abs() < 1e-12);
        let [low, high] = [0.5, 2.9].map(|x| fit.outputs(&[x]));
        assert!(low[0] > low[1] && high[0] < high[1]);
        assert!((low[0] - (1.0 / 3.0 + expected * (0.5 - 2.0))).abs() < 1e-9, "{low:?}");
    }

    #[test]
    fn samples_that_are_all_alike_are_no_trouble() {
        let fit = Fit::new(&[&[1.0, 1.0], &[1.0, 1.0]], &[vec![1.0, 0.0], vec![0.0, 1.0]]);
        assert_eq!(fit.outputs(&[3.0, 0.0]), [0.5, 0.5]);
    }
}
