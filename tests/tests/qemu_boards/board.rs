//! An emulated board, over its line.

use supple_link::Adaptation;
use supple_link::host::{Child, Client, Label};

use super::episode::{Device, Outcome};

impl Device for Client<Child> {
    fn select(&mut self, head: usize) {
        Self::select(self, head as u16).expect("a head");
    }

    fn begin(&mut self, way: usize) {
        Self::begin(self, way as u16).expect("classes");
    }

    fn clear(&mut self) {
        self.clear_support().expect("it answers");
    }

    fn sample(&mut self, input: &[f32]) -> Vec<f32> {
        self.input(input).expect("an input");
        self.features().expect("features");
        self.push_sample(Label::None, false).expect("room");
        self.read_features().expect("features")
    }

    fn label(&mut self, sample: usize, label: Label, held_back: bool) {
        Self::label(self, sample as u16, label, held_back).expect("a label");
    }

    fn step(&mut self) {
        Self::step(self).expect("a step");
    }

    fn adapt(&mut self, steps: usize) -> Outcome {
        match Self::adapt(self, steps as u16).expect("support").outcome {
            Adaptation::Adapted { before, after } => (true, before.to_bits(), after.to_bits()),
            Adaptation::Refused { before, after } => (false, before.to_bits(), after.to_bits()),
        }
    }

    fn outputs(&mut self) -> Vec<f32> {
        self.logits().expect("features")
    }

    fn enrol(&mut self) -> usize {
        Self::enrol(self).expect("room for a class").into()
    }

    fn forget(&mut self, class: usize) {
        Self::forget(self, class as u16).expect("a class");
    }

    fn numbers(&mut self) -> Vec<f32> {
        self.read_head().expect("a head")
    }
}
