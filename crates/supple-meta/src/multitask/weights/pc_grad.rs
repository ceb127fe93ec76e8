//! Gradient surgery (Yu et al., "Gradient Surgery for Multi-Task Learning", 2020): of each task's gradient by what is
//! shared, the part against another task's gradient is taken out, task after task in random order; the results are
//! added. Heads, which are not shared, go along their own gradients.

use rand::RngExt;
use supple_data::random::{Purpose, stream};

use crate::matrix::Real;

/// For each task, all others in random order, for one iteration of a training.
pub fn orders(tasks: usize, seed: u64, iteration: u64) -> Vec<Vec<usize>> {
    // The order of samples is drawn from part 0.
    let mut random = stream(seed, Purpose::Training, iteration, 1);
    (0..tasks)
        .map(|task| {
            let mut others: Vec<usize> = (0..tasks).filter(|other| *other != task).collect();
            for last in (1..others.len()).rev() {
                others.swap(last, random.random_range(0..=last));
            }
            others
        })
        .collect()
}

/// Gradient i is projected onto the plane across each gradient j of `orders[i]` in turn, where it points against it.
/// Gradients are all of one length; that of a task without labels is zero and conflicts with none.
pub fn project<T: Real + Into<f64>>(gradients: &[Vec<T>], orders: &[Vec<usize>]) -> Vec<Vec<T>> {
    // Sums in `f64` and in one order: the same for any number of threads.
    let product = |a: &[T], b: &[T]| a.iter().zip(b).map(|(a, b)| (*a).into() * (*b).into()).sum::<f64>();
    let squares: Vec<f64> = gradients.iter().map(|gradient| product(gradient, gradient)).collect();
    let project_one = |(gradient, order): (&Vec<T>, &Vec<usize>)| {
        let mut projected = gradient.clone();
        for other in order {
            let along = product(&projected, &gradients[*other]);
            if along < 0.0 {
                let share = T::of(along / squares[*other]);
                for (value, other) in projected.iter_mut().zip(&gradients[*other]) {
                    *value -= share * *other;
                }
            }
        }
        projected
    };
    gradients.iter().zip(orders).map(project_one).collect()
}

/// The sum of gradients, in the tasks' order.
pub fn sum<T: Real>(gradients: &[Vec<T>]) -> Vec<T> {
    let Some((first, rest)) = gradients.split_first() else { return Vec::new() };
    let mut sum = first.clone();
    for gradient in rest {
        sum.iter_mut().zip(gradient).for_each(|(sum, value)| *sum += *value);
    }
    sum
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn two_gradients_by_hand() {
        let gradients = [vec![1.0f64, 0.0], vec![-1.0, 1.0]];
        // 1st: (1, 0) + ½ (−1, 1). 2nd: (−1, 1) + (1, 0).
        let projected = project(&gradients, &orders(2, 1, 1));
        assert_eq!(projected, [vec![0.5, 0.5], vec![0.0, 1.0]]);
        assert_eq!(sum(&projected), [0.5, 1.5]);
    }

    #[test]
    fn orders_are_drawn_anew_each_iteration_and_repeat_by_seed() {
        assert_eq!(orders(5, 3, 7), orders(5, 3, 7));
        assert_ne!(orders(5, 3, 7), orders(5, 3, 8));
        for (task, order) in orders(5, 3, 7).into_iter().enumerate() {
            let mut all = order.clone();
            all.push(task);
            all.sort_unstable();
            assert_eq!(all, [0, 1, 2, 3, 4]);
        }
    }

    proptest! {
        #[test]
        fn gradients_without_conflict_stay_as_they_are(
            values in prop::collection::vec(prop::collection::vec(0.0f32..3.0, 6), 1..5),
            seed: u64,
        ) {
            let orders = orders(values.len(), seed, 0);
            prop_assert_eq!(&project(&values, &orders), &values);
        }

        #[test]
        fn of_two_gradients_none_stays_against_the_other(
            values in prop::collection::vec(prop::collection::vec(-3.0f64..3.0, 4), 2),
        ) {
            let projected = project(&values, &orders(2, 1, 0));
            for (one, other) in [(0, 1), (1, 0)] {
                let along: f64 = projected[one].iter().zip(&values[other]).map(|(a, b)| a * b).sum();
                prop_assert!(along > -1e-9, "{along}");
            }
        }
    }
}
