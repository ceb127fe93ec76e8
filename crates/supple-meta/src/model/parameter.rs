//! Parameters, and where they lie in the one flat vector that is learned.

use rand::Rng;

use crate::graph::{Graph, Node};
use crate::random::normal;

/// Where a parameter starts.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Initial {
    /// The same number everywhere.
    Constant(f32),
    /// Normal with this standard deviation.
    Normal(f32),
}

/// A parameter: a matrix in the vector.
#[derive(Debug, Clone, PartialEq)]
pub struct Parameter {
    /// What it is, e.g. `block2.weights`.
    pub name: String,
    /// Rows.
    pub rows: usize,
    /// Columns.
    pub columns: usize,
    /// Its first value in the vector.
    pub offset: usize,
    /// Where it starts.
    pub initial: Initial,
}

impl Parameter {
    /// The number of its values.
    pub fn len(&self) -> usize {
        self.rows * self.columns
    }

    /// Never; there for symmetry.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Its place in the vector.
    pub fn range(&self) -> std::ops::Range<usize> {
        self.offset..self.offset + self.len()
    }
}

/// All parameters of something, one after the other.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Parameters {
    list: Vec<Parameter>,
    len: usize,
}

impl Parameters {
    /// Adds one at the end; gives its index.
    pub fn push(&mut self, name: impl Into<String>, rows: usize, columns: usize, initial: Initial) -> usize {
        self.list.push(Parameter { name: name.into(), rows, columns, offset: self.len, initial });
        self.len += rows * columns;
        self.list.len() - 1
    }

    /// Gives one another number of columns; those after it move up.
    pub fn widen(&mut self, index: usize, columns: usize) {
        self.list[index].columns = columns;
        self.len = 0;
        for parameter in &mut self.list {
            parameter.offset = self.len;
            self.len += parameter.len();
        }
    }

    /// In order.
    pub fn list(&self) -> &[Parameter] {
        &self.list
    }

    /// By its index.
    pub fn get(&self, index: usize) -> &Parameter {
        &self.list[index]
    }

    /// Values in the vector.
    pub fn len(&self) -> usize {
        self.len
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.list.is_empty()
    }

    /// A node for each, read from `argument`.
    pub fn nodes(&self, graph: &mut Graph, argument: usize) -> Vec<Node> {
        self.list.iter().map(|p| graph.input(argument, p.offset, p.rows, p.columns)).collect()
    }

    /// A start for the vector.
    pub fn initial(&self, random: &mut impl Rng) -> Vec<f32> {
        let mut values = Vec::with_capacity(self.len);
        for parameter in &self.list {
            values.extend((0..parameter.len()).map(|_| match parameter.initial {
                Initial::Constant(value) => value,
                Initial::Normal(deviation) => deviation * normal(random),
            }));
        }
        values
    }
}
