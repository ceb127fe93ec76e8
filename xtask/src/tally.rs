//! Counts tests from what `cargo test -- --show-output` prints.

use std::fmt;

/// How a test says that it did not find its data; what is missing follows.
const SKIPPED: &str = "SKIPPED (no data): ";

/// How many tests passed, failed and were skipped.
///
/// A test that says so is skipped and has not passed, whatever its harness reports; so is a test marked `#[ignore]`.
/// Displays as the closing line, `N passed, N failed, N skipped`.
#[derive(Debug, Clone, Default)]
pub struct Tally {
    passed: u64,
    failed: u64,
    skipped: u64,
    reasons: Vec<String>,
    part: Part,
    skipped_here: u64,
}

/// Where in the output of one test program a line stands.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
enum Part {
    /// Neither of the following.
    #[default]
    Running,
    /// Among what the tests that passed have printed.
    Passed {
        /// The test whose output comes next.
        test: String,
        /// It has said that it was skipped.
        counted: bool,
    },
    /// Among what the tests that failed have printed.
    Failed,
}

impl Tally {
    /// Takes the next line.
    pub fn read(&mut self, line: &str) {
        let line = line.trim_end();
        if line == "successes:" {
            self.part = Part::Passed { test: String::new(), counted: false };
        } else if line == "failures:" {
            self.part = Part::Failed;
        } else if let Some(counts) = line.strip_prefix("test result: ") {
            self.passed += count(counts, "passed").saturating_sub(self.skipped_here);
            self.failed += count(counts, "failed");
            self.skipped += count(counts, "ignored");
            self.skipped_here = 0;
            self.part = Part::Running;
        } else if let Some(what) = line.strip_prefix(SKIPPED) {
            self.skip(what);
        } else if let (Part::Passed { test, counted }, Some(name)) = (&mut self.part, heading(line)) {
            *test = name.to_owned();
            *counted = false;
        }
    }

    /// Counts a check that failed without a failed test.
    pub fn fail(&mut self) {
        self.failed += 1;
    }

    /// How many tests and checks have failed so far.
    pub fn failed(&self) -> u64 {
        self.failed
    }

    /// What was skipped: the test and what it did not find.
    pub fn reasons(&self) -> &[String] {
        &self.reasons
    }

    fn skip(&mut self, what: &str) {
        match &mut self.part {
            Part::Failed | Part::Passed { counted: true, .. } => {}
            Part::Passed { test, counted } => {
                *counted = true;
                self.skipped += 1;
                self.skipped_here += 1;
                self.reasons.push(format!("{test}: {what}"));
            }
            Part::Running => {
                self.skipped += 1;
                self.reasons.push(what.to_owned());
            }
        }
    }
}

impl fmt::Display for Tally {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{} passed, {} failed, {} skipped", self.passed, self.failed, self.skipped)
    }
}

/// The number before a word in `ok. 12 passed; 0 failed; …`.
fn count(counts: &str, word: &str) -> u64 {
    let mut words = counts.split([' ', ';', '.']).filter(|word| !word.is_empty());
    let mut before = 0;
    words
        .find_map(|next| {
            let found = (next == word).then_some(before);
            before = next.parse().unwrap_or(0);
            found
        })
        .unwrap_or(0)
}

/// The test's name in `---- name stdout ----`.
fn heading(line: &str) -> Option<&str> {
    line.strip_prefix("---- ")?.strip_suffix(" stdout ----")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tally(output: &str) -> Tally {
        let mut tally = Tally::default();
        output.lines().for_each(|line| tally.read(line));
        tally
    }

    #[test]
    fn results_of_several_programs_are_summed() {
        let tally = tally(
            "running 12 tests\n\
             test a ... ok\n\
             test result: ok. 12 passed; 0 failed; 0 ignored; 0 measured; 0 filtered out; finished in 0.03s\n\
             running 5 tests\n\
             test result: FAILED. 2 passed; 3 failed; 1 ignored; 0 measured; 4 filtered out; finished in 61.20s\n",
        );
        assert_eq!(tally.to_string(), "14 passed, 3 failed, 1 skipped");
    }

    #[test]
    fn nothing_gives_nothing() {
        assert_eq!(tally("").to_string(), "0 passed, 0 failed, 0 skipped");
        assert_eq!(tally("test result: \ntest result: ok.\n").to_string(), "0 passed, 0 failed, 0 skipped");
        assert_eq!(
            tally("thread 'x' said 7 passed; 8 failed;\n").to_string(),
            "0 passed, 0 failed, 0 skipped"
        );
    }

    #[test]
    fn a_test_without_its_data_is_skipped_and_not_passed() {
        let tally = tally(
            "successes:\n\
             \n\
             ---- omniglot::splits stdout ----\n\
             SKIPPED (no data): omniglot/images_background.zip\n\
             SKIPPED (no data): omniglot/images_evaluation.zip\n\
             \n\
             ---- other stdout ----\n\
             a word\n\
             \n\
             successes:\n    omniglot::splits\n    other\n\
             \n\
             test result: ok. 2 passed; 0 failed; 0 ignored; 0 measured; 0 filtered out; finished in 0.00s\n\
             test result: ok. 4 passed; 0 failed; 0 ignored; 0 measured; 0 filtered out; finished in 0.00s\n",
        );
        assert_eq!(tally.to_string(), "5 passed, 0 failed, 1 skipped");
        assert_eq!(tally.reasons(), ["omniglot::splits: omniglot/images_background.zip"]);
    }

    #[test]
    fn a_test_that_skips_a_part_and_fails_has_failed() {
        let tally = tally(
            "successes:\n\nsuccesses:\n\n\
             failures:\n\
             \n\
             ---- half stdout ----\n\
             SKIPPED (no data): fsdd\n\
             thread 'half' panicked at src/lib.rs:1:1:\n\
             \n\
             failures:\n    half\n\
             \n\
             test result: FAILED. 1 passed; 1 failed; 0 ignored; 0 measured; 0 filtered out; finished in 0.00s\n",
        );
        assert_eq!(tally.to_string(), "1 passed, 1 failed, 0 skipped");
    }

    #[test]
    fn a_program_without_a_harness_is_counted_too() {
        assert_eq!(tally("SKIPPED (no data): har_spsw\n").to_string(), "0 passed, 0 failed, 1 skipped");
    }

    #[test]
    fn a_failed_check_counts() {
        let mut tally = tally(
            "test result: ok. 1 passed; 0 failed; 0 ignored; 0 measured; 0 filtered out; finished in 0.00s",
        );
        tally.fail();
        assert_eq!((tally.failed(), tally.to_string().as_str()), (1, "1 passed, 1 failed, 0 skipped"));
    }
}
