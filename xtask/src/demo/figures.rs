//! What came out of the demo, and whether it is good.

use std::cmp::Ordering;
use std::fs;
use std::path::Path;

use serde_json::{Value, json};

use super::{DemoError, FIGURES, PACK, PAGE};

/// What came out.
#[derive(Debug, Clone, PartialEq)]
pub struct Figures {
    before: f64,
    after: f64,
    episodes: u64,
    equal: u64,
    ram_bytes: u64,
    flash_bytes: u64,
    step_instructions: u64,
    inference_instructions: u64,
}

/// What a program printed, and which.
pub struct Printed {
    pub command: String,
    pub text: String,
    pub json: Value,
}

impl Printed {
    fn missing(&self, key: &'static str) -> DemoError {
        DemoError::Output { command: self.command.clone(), key, printed: self.text.trim().to_owned() }
    }

    fn whole(&self, key: &'static str) -> Result<u64, DemoError> {
        self.json.pointer(key).and_then(Value::as_u64).ok_or_else(|| self.missing(key))
    }

    /// Mean accuracies at step 0 and at the last step.
    fn accuracies(&self) -> Result<(f64, f64), DemoError> {
        let steps = self.json["steps"].as_array().map_or(&[][..], Vec::as_slice);
        let mean = |step: Option<&Value>| step.and_then(|step| step["mean"].as_f64());
        let before = mean(steps.iter().find(|step| step["step"] == 0));
        let after = mean(steps.iter().max_by_key(|step| step["step"].as_u64()));
        before.zip(after).ok_or_else(|| self.missing("/steps/0/mean"))
    }
}

impl Figures {
    /// The accuracies of the host's evaluation, the rest of the emulated board's.
    pub fn from(twin: &Printed, qemu: &Printed) -> Result<Self, DemoError> {
        let (before, after) = twin.accuracies()?;
        Ok(Self {
            before,
            after,
            episodes: qemu.whole("/bit_equal/episodes")?,
            equal: qemu.whole("/bit_equal/equal")?,
            ram_bytes: qemu.whole("/device/ram_bytes")?,
            flash_bytes: qemu.whole("/device/flash_bytes")?,
            step_instructions: qemu.whole("/device/step_instructions")?,
            inference_instructions: qemu.whole("/device/inference_instructions")?,
        })
    }

    /// Adaptation must help, and the board must compute what the host computes.
    pub fn check(&self) -> Result<(), DemoError> {
        let &Self { before, after, episodes, equal, .. } = self;
        if after.partial_cmp(&before) != Some(Ordering::Greater) {
            return Err(DemoError::NotBetter { before, after });
        }
        if equal != episodes || episodes == 0 {
            return Err(DemoError::NotEqual { equal, episodes });
        }
        Ok(())
    }

    /// What `demo.json` holds.
    pub fn json(&self, training_seconds: f64, seconds: f64) -> Value {
        json!({
            "before": self.before,
            "after": self.after,
            "bit_equal": { "episodes": self.episodes, "equal": self.equal },
            "ram_bytes": self.ram_bytes,
            "flash_bytes": self.flash_bytes,
            "step_instructions": self.step_instructions,
            "inference_instructions": self.inference_instructions,
            "training_seconds": training_seconds,
            "seconds": seconds,
        })
    }

    /// For people.
    pub fn summary(&self, board: &str, seconds: f64) -> String {
        format!(
            "\nFive characters never seen before, learned from one drawing of each:\n  \
             accuracy      {:.1} % before, {:.1} % after adaptation\n  \
             {board:<13} {} of {} episodes bit for bit the host's\n  \
             RAM, flash    {:.1} KB, {:.1} KB\n  \
             instructions  {:.1} thousand a gradient step, {:.1} thousand an inference\n  \
             time          {seconds:.0} s from training to page\n\n  \
             page          {PAGE}\n  figures       {FIGURES}\n  pack          {PACK}\n",
            100.0 * self.before,
            100.0 * self.after,
            self.equal,
            self.episodes,
            self.ram_bytes as f64 / 1000.0,
            self.flash_bytes as f64 / 1000.0,
            self.step_instructions as f64 / 1000.0,
            self.inference_instructions as f64 / 1000.0,
        )
    }
}

/// Writes a whole file or none.
pub fn write(path: &Path, value: &Value) -> Result<(), DemoError> {
    let failed = |source| DemoError::File { what: format!("writing {}", path.display()), source };
    let part = path.with_extension("json.part");
    fs::write(&part, format!("{value:#}\n")).map_err(failed)?;
    fs::rename(&part, path).map_err(failed)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn printed(json: Value) -> Printed {
        Printed { command: "supple eval".to_owned(), text: json.to_string(), json }
    }

    fn twin(before: f64, after: f64) -> Printed {
        printed(json!({ "steps": [
            { "step": 0, "mean": before }, { "step": 1, "mean": 0.5 }, { "step": 2, "mean": after },
        ]}))
    }

    fn qemu(equal: u64, episodes: u64) -> Printed {
        printed(json!({
            "bit_equal": { "episodes": episodes, "equal": equal },
            "device": { "ram_bytes": 1, "flash_bytes": 2, "step_instructions": 3, "inference_instructions": 4 },
        }))
    }

    #[test]
    fn figures_come_from_the_twin_and_the_board() {
        let figures = Figures::from(&twin(0.2, 0.9), &qemu(10, 10)).expect("all is there");
        figures.check().expect("better and equal");
        let json = figures.json(60.0, 90.5);
        assert_eq!((&json["before"], &json["after"]), (&json!(0.2), &json!(0.9)));
        assert_eq!(json["bit_equal"], json!({ "episodes": 10, "equal": 10 }));
        assert_eq!((&json["ram_bytes"], &json["inference_instructions"]), (&json!(1), &json!(4)));
    }

    #[test]
    fn no_gain_and_other_bits_are_failures() {
        let check = |twin, qemu| Figures::from(&twin, &qemu).expect("all is there").check();
        for after in [0.2, 0.1] {
            assert!(matches!(check(twin(0.2, after), qemu(10, 10)), Err(DemoError::NotBetter { .. })));
        }
        for (equal, episodes) in [(9, 10), (0, 0)] {
            assert!(matches!(check(twin(0.2, 0.9), qemu(equal, episodes)), Err(DemoError::NotEqual { .. })));
        }
    }

    #[test]
    fn what_is_not_there_is_named() {
        let error = Figures::from(&twin(0.2, 0.9), &printed(json!({}))).expect_err("no figures").to_string();
        assert!(error.contains("/bit_equal/episodes"), "{error}");
        let error = Figures::from(&printed(Value::Null), &qemu(1, 1)).expect_err("no steps").to_string();
        assert!(error.contains("/steps/0/mean") && error.contains("supple eval"), "{error}");
    }
}
