//! The checked-in table, `tests/tables/device.tsv`, and what may not grow.

use std::fmt::Write;

use super::cases::Figures;

/// Where it lies, from the checkout's root.
pub const PATH: &str = "tests/tables/device.tsv";
/// What a figure may grow by, in percent.
const GROWTH: u64 = 2;
/// The same with another compiler than the table's: another release inlines and allocates registers otherwise, which
/// moves single figures by some percent either way without any change of ours.
const GROWTH_OTHER_COMPILER: u64 = 10;
const HEADING: &str = "case\tboard\tinstructions\tcycles\tram\tstack\tcode";
const COMPILER: &str = "# ";

/// A row: what is compared.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Row {
    case: String,
    board: String,
    /// In the order of the heading; cycles of a board that has no estimate are 0.
    figures: [u64; 5],
}

const NAMES: [&str; 5] = ["instructions", "cycles", "RAM", "stack", "code"];

impl Row {
    fn of(figures: &Figures) -> Self {
        let Figures { instructions, ram, stack, code, .. } = *figures;
        let cycles = figures.cycles.unwrap_or(0);
        let (case, board) = (figures.case.to_owned(), figures.board.to_owned());
        Self { case, board, figures: [instructions, cycles, ram, stack, code] }
    }

    fn parse(line: &str) -> Option<Self> {
        let mut fields = line.split('\t');
        let (case, board) = (fields.next()?.to_owned(), fields.next()?.to_owned());
        let mut figures = [0; 5];
        for figure in &mut figures {
            *figure = fields.next()?.parse().ok()?;
        }
        fields.next().is_none().then_some(Self { case, board, figures })
    }
}

/// The table's text, with the rows of other boards and cases that it held before.
pub fn write(before: &str, compiler: &str, results: &[Figures]) -> String {
    let new: Vec<Row> = results.iter().map(Row::of).collect();
    let same = |a: &Row, b: &Row| a.case == b.case && a.board == b.board;
    let mut rows: Vec<Row> = before.lines().filter_map(Row::parse).collect();
    for row in new {
        match rows.iter_mut().find(|old| same(old, &row)) {
            Some(old) => *old = row,
            None => rows.push(row),
        }
    }
    let mut text = format!("{COMPILER}{compiler}\n{HEADING}\n");
    for Row { case, board, figures } in rows {
        let figures = figures.map(|figure| figure.to_string()).join("\t");
        // Writing to a string does not fail.
        let _ = writeln!(text, "{case}\t{board}\t{figures}");
    }
    text
}

/// What is wrong: figures that grew, and cases that the table lacks. Empty where all is well; shrunk figures are told
/// on standard error.
pub fn check(table: &str, compiler: &str, results: &[Figures]) -> Vec<String> {
    let theirs = table.lines().find_map(|line| line.strip_prefix(COMPILER)).unwrap_or("");
    let growth = if theirs == compiler {
        GROWTH
    } else {
        eprintln!(
            "the table is of {theirs}, this is {compiler}: figures may be {GROWTH_OTHER_COMPILER} % larger"
        );
        GROWTH_OTHER_COMPILER
    };
    let rows: Vec<Row> = table.lines().filter_map(Row::parse).collect();
    let mut wrong = Vec::new();
    for row in results.iter().map(Row::of) {
        let Some(old) = rows.iter().find(|old| old.case == row.case && old.board == row.board) else {
            wrong.push(format!("{} on {}: not in the table", row.case, row.board));
            continue;
        };
        for ((name, new), old) in NAMES.iter().zip(row.figures).zip(old.figures) {
            let change = format!("{} on {}: {name} {old} -> {new}", row.case, row.board);
            if new * 100 > old * (100 + growth) {
                wrong.push(format!("{change}, more than {growth} % larger"));
            } else if new * 100 < old * (100 - growth) {
                eprintln!("{change}, smaller: `--bless` keeps it so");
            }
        }
    }
    wrong
}

#[cfg(test)]
mod tests {
    use super::*;

    const COMPILER: &str = "rustc 1.95.0";

    fn figures(case: &'static str, instructions: u64, code: u64) -> Figures {
        Figures {
            case,
            board: "mps2-an386",
            instructions,
            trunk_instructions: None,
            cycles: Some(2 * instructions),
            stalls: Some(0),
            macs: 640,
            ram: 2000,
            stack: 400,
            memory: Vec::new(),
            code,
        }
    }

    #[test]
    fn what_is_written_passes_and_more_than_two_percent_does_not() {
        let table = write("", COMPILER, &[figures("step", 1000, 5000)]);
        let check =
            |instructions, code, compiler| check(&table, compiler, &[figures("step", instructions, code)]);
        assert_eq!(check(1000, 5000, COMPILER), Vec::<String>::new());
        assert_eq!(check(1020, 5100, COMPILER), Vec::<String>::new());
        assert_eq!(check(900, 4000, COMPILER), Vec::<String>::new());
        let wrong = check(1000, 5101, COMPILER);
        assert_eq!(wrong, ["step on mps2-an386: code 5000 -> 5101, more than 2 % larger"]);
        // Cycles grow with instructions.
        assert_eq!(check(1021, 5000, COMPILER).len(), 2);
        assert_eq!(check(1100, 5500, "rustc 1.96.0"), Vec::<String>::new());
        assert_eq!(check(1101, 5000, "rustc 1.96.0").len(), 2);
    }

    #[test]
    fn a_case_without_a_row_is_wrong_and_new_rows_leave_the_others() {
        let table = write("", COMPILER, &[figures("step", 1000, 5000), figures("trunk", 7, 9)]);
        assert_eq!(check(&table, COMPILER, &[figures("parse", 1, 1)]).len(), 1);
        let again = write(&table, COMPILER, &[figures("trunk", 8, 9)]);
        assert_eq!(check(&again, COMPILER, &[figures("step", 1000, 5000), figures("trunk", 8, 9)]).len(), 0);
        assert_eq!(again.lines().count(), 4);
    }
}
