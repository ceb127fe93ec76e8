//! A drawing as vectors: crisp at every size.

use std::fmt::Write;

use super::text::escape;

/// Pixels a side.
const SIDE: usize = 28;
/// Steps of ink that are told apart; more would only make the page larger.
const LEVELS: usize = 16;

/// An SVG of rows of ink.
///
/// Each level of ink is one path of rectangles, one for every horizontal run, with the ink as its opacity.
pub fn svg(pixels: &[u8], title: &str) -> String {
    let mut paths = vec![String::new(); LEVELS + 1];
    for (row, inks) in pixels.chunks(SIDE).enumerate() {
        let mut column = 0;
        for run in inks.chunk_by(|&a, &b| level(a) == level(b)) {
            let (width, path) = (run.len(), &mut paths[level(run[0])]);
            // Writing to a string cannot fail.
            let _ = write!(path, "M{column} {row}h{width}v1h-{width}z");
            column += width;
        }
    }
    let mut svg = format!(
        "<svg class=\"ink\" viewBox=\"0 0 {SIDE} {SIDE}\" role=\"img\" aria-label=\"{title}\"><title>{title}</title>",
        title = escape(title)
    );
    for (level, path) in paths.iter().enumerate().skip(1).filter(|(_, path)| !path.is_empty()) {
        let opacity = level as f64 / LEVELS as f64;
        let _ = write!(svg, "<path fill-opacity=\"{opacity:.2}\" d=\"{path}\" />");
    }
    svg.push_str("</svg>");
    svg
}

/// The level of an ink: 0 for none, [`LEVELS`] for full.
fn level(ink: u8) -> usize {
    (usize::from(ink) * LEVELS + 127) / 255
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn runs_of_equal_ink_are_one_rectangle() {
        let mut pixels = vec![0; SIDE * SIDE];
        pixels[2 * SIDE + 3..2 * SIDE + 8].fill(255);
        pixels[2 * SIDE + 8..2 * SIDE + 10].fill(128);
        pixels[27 * SIDE + 27] = 255;
        let svg = svg(&pixels, "a");
        assert!(svg.contains("<path fill-opacity=\"1.00\" d=\"M3 2h5v1h-5zM27 27h1v1h-1z\" />"), "{svg}");
        assert!(svg.contains("<path fill-opacity=\"0.50\" d=\"M8 2h2v1h-2z\" />"), "{svg}");
        assert_eq!(svg.matches("<path").count(), 2);
    }

    #[test]
    fn runs_do_not_go_round_the_end_of_a_row() {
        let mut pixels = vec![0; SIDE * SIDE];
        pixels[SIDE - 1..=SIDE].fill(255);
        assert!(svg(&pixels, "a").contains("M27 0h1v1h-1zM0 1h1v1h-1z"));
    }

    #[test]
    fn no_ink_no_path() {
        assert!(!svg(&[0; SIDE * SIDE], "a").contains("<path"));
        assert!(!svg(&[], "a").contains("<path"));
    }
}
