//! What goes where in a device's memory.

use super::DeviceFigures;
use super::text::{escape, kilobytes, thousands};

/// The section about the device.
pub fn section(device: &DeviceFigures) -> String {
    format!(
        "<section>\n<h2>Memory on {}</h2>\n<p>In bytes; 1\u{a0}KB is 1,000 bytes.</p>\n\
         <div class=\"pair\">\n{}{}</div>\n</section>\n",
        escape(&device.board),
        bars("RAM", "ram", &device.ram, device.ram_bytes),
        bars("Flash", "flash", &device.flash, device.flash_bytes),
    )
}

/// A table whose middle column is drawn.
fn bars(name: &str, class: &str, terms: &[(String, u64)], total: u64) -> String {
    let largest = terms.iter().map(|(_, bytes)| *bytes).max().unwrap_or(0);
    let row = |(term, bytes): &(String, u64)| {
        format!(
            "<tr><th scope=\"row\">{}</th><td class=\"bar\">{}</td><td>{}</td></tr>\n",
            escape(term),
            bar(*bytes, largest),
            thousands(*bytes)
        )
    };
    let rows: String = terms.iter().map(row).collect();
    format!(
        "<table class=\"bars {class}\">\n<caption>{name} <b>{}</b></caption>\n<tbody>\n{rows}</tbody>\n\
         <tfoot><tr><th scope=\"row\">sum</th><td></td><td>{}</td></tr></tfoot>\n</table>\n",
        kilobytes(total),
        thousands(total)
    )
}

/// A bar; the number beside it says the same to who does not see it.
fn bar(bytes: u64, largest: u64) -> String {
    format!(
        "<svg viewBox=\"0 0 100 10\" preserveAspectRatio=\"none\" aria-hidden=\"true\"><rect width=\"{:.2}\" height=\"10\" /></svg>",
        100.0 * bytes as f64 / largest.max(1) as f64
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_largest_term_fills_its_row() {
        let terms = [("arena".to_owned(), 8000), ("labels".to_owned(), 20), ("none".to_owned(), 0)];
        let table = bars("RAM", "ram", &terms, 8020);
        for width in ["100.00", "0.25", "0.00"] {
            assert!(table.contains(&format!("<rect width=\"{width}\"")), "{table}");
        }
        assert!(table.contains("<td>8,000</td>") && table.contains("<b>8.0\u{a0}KB</b>"));
    }

    #[test]
    fn no_terms_no_division_by_zero() {
        assert!(bars("RAM", "ram", &[("a".to_owned(), 0)], 0).contains("<rect width=\"0.00\""));
    }
}
