//! Families of regression tasks, from which any number of tasks can be drawn.
//!
//! A task is a function with something hidden in it; its samples are what a device gets to see of it.

use rand::RngExt;
use rand_chacha::ChaCha8Rng;

use super::arm::Arm;
use super::sinusoid::Sinusoid;
use crate::random::{Purpose, stream};
use crate::samples::{Answer, DataSet, DataSetBuilder, DataSetError, SampleShape};

/// A family.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Family {
    /// Sinusoids of unknown amplitude and phase.
    Sinusoid,
    /// Torques of a two-link arm with an unknown payload.
    Arm,
}

/// A task of a family.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Task {
    /// Of [`Family::Sinusoid`].
    Sinusoid(Sinusoid),
    /// Of [`Family::Arm`].
    Arm(Arm),
}

impl Family {
    /// As reports call it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Sinusoid => "sinusoid",
            Self::Arm => "arm",
        }
    }

    /// Values of an input.
    pub fn inputs(self) -> usize {
        match self {
            Self::Sinusoid => 1,
            Self::Arm => super::arm::INPUTS,
        }
    }

    /// What is predicted, with units.
    pub fn outputs(self) -> &'static [&'static str] {
        match self {
            Self::Sinusoid => &["y"],
            Self::Arm => &super::arm::OUTPUTS,
        }
    }

    /// Draws a task.
    pub fn draw(self, random: &mut ChaCha8Rng) -> Task {
        match self {
            Self::Sinusoid => Task::Sinusoid(Sinusoid::draw(random)),
            Self::Arm => Task::Arm(Arm::draw(random)),
        }
    }

    /// A data set of so many tasks, each a domain of so many samples.
    pub fn generate(self, seed: u64, tasks: usize, samples: usize) -> Result<DataSet, DataSetError> {
        let labels = vec![DataSetBuilder::values(self.name(), self.outputs())];
        let mut builder = DataSetBuilder::new(self.name(), SampleShape::vector(self.inputs()), labels);
        let (mut input, mut target) = (Vec::new(), Vec::new());
        for task in 0..tasks {
            let mut random = stream(seed, Purpose::Generation, task as u64, 0);
            let drawn = self.draw(&mut random);
            let domain = format!("{}{task:04}", self.name());
            for _ in 0..samples {
                input.clear();
                target.clear();
                drawn.sample(&mut random, &mut input, &mut target);
                builder.push(&domain, &domain, &input, &[Answer::Values(target.clone())])?;
            }
        }
        builder.finish()
    }
}

impl Task {
    /// Appends a sample's input and target.
    pub fn sample(&self, random: &mut ChaCha8Rng, input: &mut Vec<f32>, target: &mut Vec<f32>) {
        match self {
            Self::Sinusoid(sinusoid) => {
                let x = random.random_range(-5.0..5.0);
                input.push(x);
                target.push(sinusoid.at(x));
            }
            Self::Arm(arm) => arm.sample(random, input, target),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_seed_gives_the_same_set_and_tasks_differ() {
        for family in [Family::Sinusoid, Family::Arm] {
            let set = |seed| family.generate(seed, 3, 4).unwrap();
            assert_eq!((set(1).len(), set(1).domains().len()), (12, 3));
            assert_eq!(set(1).fingerprint(), set(1).fingerprint());
            assert_ne!(set(1).fingerprint(), set(2).fingerprint());
            assert_eq!(set(1).shape().len(), family.inputs());
        }
    }
}
