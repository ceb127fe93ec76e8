//! Tables of results that are a part of the repository: a test finds the rows anew and fails when they differ.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::{env, fs};

use crate::root;

/// A tab-separated table in `tests/tables`, a heading and then rows, each named by its first column.
#[derive(Debug, Clone)]
pub struct Table {
    path: PathBuf,
    heading: String,
    rows: BTreeMap<String, String>,
}

impl Table {
    /// An empty table with these columns; `name` is its file.
    pub fn new(name: &str, columns: &[&str]) -> Self {
        Self {
            path: root().join("tests/tables").join(name),
            heading: columns.join("\t"),
            rows: BTreeMap::new(),
        }
    }

    /// Adds a row.
    ///
    /// # Panics
    /// If there is a row of that name.
    pub fn add(&mut self, cells: &[&str]) {
        let clean: Vec<String> =
            cells.iter().map(|cell| cell.split_whitespace().collect::<Vec<_>>().join(" ")).collect();
        let before = self.rows.insert(clean[0].clone(), clean.join("\t"));
        assert!(before.is_none(), "two rows are called {}", clean[0]);
    }

    /// Holds the rows against the file's, or writes them to it when `SUPPLE_BLESS` is `1`.
    ///
    /// # Panics
    /// If they differ, or if the file cannot be written.
    pub fn check(&self) {
        let rows: String = self.rows.values().map(|row| format!("{row}\n")).collect();
        let found = format!("{}\n{rows}", self.heading);
        if env::var_os("SUPPLE_BLESS").is_some_and(|value| value == "1") {
            fs::write(&self.path, found).unwrap_or_else(|error| panic!("{}: {error}", self.path.display()));
            println!("{} was written anew", self.path.display());
            return;
        }
        let kept = fs::read_to_string(&self.path).unwrap_or_default();
        if kept == found {
            return;
        }
        let difference = difference(&kept, &found);
        panic!(
            "{} has changed:\n{difference}If that is right, run the test again with SUPPLE_BLESS=1.",
            self.path.display()
        );
    }
}

/// The lines that only one of the two has, `-` for the first and `+` for the second, ordered by name.
fn difference(kept: &str, found: &str) -> String {
    let mut lines: Vec<(&str, char)> = Vec::new();
    lines.extend(kept.lines().filter(|line| !found.lines().any(|other| other == *line)).map(|l| (l, '-')));
    lines.extend(found.lines().filter(|line| !kept.lines().any(|other| other == *line)).map(|l| (l, '+')));
    // Stable: the kept line of a name stays before the found one.
    lines.sort_by_key(|(line, _)| line.split('\t').next());
    lines.iter().map(|(line, sign)| format!("{sign} {line}\n")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_difference_names_both_sides() {
        let kept = "case\tplan\na\tpass\nb\tpass\n";
        let found = "case\tplan\na\tmismatch\nb\tpass\nc\tpass\n";
        assert_eq!(difference(kept, found), "- a\tpass\n+ a\tmismatch\n+ c\tpass\n");
    }

    #[test]
    fn cells_are_kept_on_their_line() {
        let mut table = Table::new("none.tsv", &["case", "reason"]);
        table.add(&["a", "two\nlines\tand a tab"]);
        assert_eq!(table.rows["a"], "a\ttwo lines and a tab");
    }
}
