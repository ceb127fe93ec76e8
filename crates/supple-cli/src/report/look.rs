//! A sample as vectors, crisp at every size: a drawing's ink, a signal's channels as lines, many channels as a map, a
//! vector's values as bars.

use std::fmt::Write;

use super::text::escape;

/// Steps of ink that are told apart; more would only make the page larger.
const LEVELS: usize = 16;
/// Channels that are drawn as lines; more are a map.
const MOST_LINES: usize = 8;
/// Points of a line, columns and rows of a map, bars of a vector at most: a page should not be megabytes.
const MOST_POINTS: usize = 64;
const MOST_COLUMNS: usize = 28;
const MOST_ROWS: usize = 20;
/// The side of a plot, in its own units.
const SIDE: f64 = 100.0;

/// What a sample looks like.
#[derive(Debug, Clone, PartialEq)]
pub enum Look {
    /// Rows of so many pixels of ink, 255 being full.
    Drawing {
        /// Pixels of a row.
        width: usize,
        /// All rows.
        pixels: Vec<u8>,
    },
    /// A signal: `[time][channel]`.
    Signal {
        /// Channels.
        channels: usize,
        /// The values.
        values: Vec<f32>,
    },
    /// A vector.
    Vector(Vec<f32>),
}

/// An SVG of a sample.
pub fn svg(look: &Look, title: &str) -> String {
    match look {
        Look::Drawing { width, pixels } => ink(pixels, *width, title),
        Look::Signal { channels, values } if *channels <= MOST_LINES => lines(values, *channels, title),
        Look::Signal { channels, values } => map(values, *channels, title),
        Look::Vector(values) => bars(values, title),
    }
}

/// An SVG's first tag and its title.
fn open(class: &str, width: f64, height: f64, title: &str) -> String {
    format!(
        "<svg class=\"{class}\" viewBox=\"0 0 {width} {height}\" preserveAspectRatio=\"none\" role=\"img\" aria-label=\"{title}\"><title>{title}</title>",
        title = escape(title)
    )
}

/// Rows of ink. Each level of ink is one path of rectangles, one for every horizontal run, with the ink as its opacity.
fn ink(pixels: &[u8], width: usize, title: &str) -> String {
    let mut paths = vec![String::new(); LEVELS + 1];
    for (row, inks) in pixels.chunks(width.max(1)).enumerate() {
        let mut column = 0;
        for run in inks.chunk_by(|&a, &b| level(a) == level(b)) {
            let (width, path) = (run.len(), &mut paths[level(run[0])]);
            // Writing to a string cannot fail.
            let _ = write!(path, "M{column} {row}h{width}v1h-{width}z");
            column += width;
        }
    }
    let height = pixels.len().div_ceil(width.max(1)).max(1);
    let mut svg = open("ink", width as f64, height as f64, title);
    for (level, path) in paths.iter().enumerate().skip(1).filter(|(_, path)| !path.is_empty()) {
        let opacity = level as f64 / LEVELS as f64;
        let _ = write!(svg, "<path fill-opacity=\"{opacity:.2}\" d=\"{path}\" />");
    }
    svg.push_str("</svg>");
    svg
}

/// Least and largest; a range of nothing where they are no numbers.
fn range(values: &[f32]) -> (f32, f32) {
    let finite = || values.iter().copied().filter(|value| value.is_finite());
    let (low, high) = (finite().fold(f32::INFINITY, f32::min), finite().fold(f32::NEG_INFINITY, f32::max));
    if low < high { (low, high) } else { (low.min(0.0) - 0.5, low.min(0.0) + 0.5) }
}

/// A value's share of a range, from 0 to 1.
fn share(value: f32, (low, high): (f32, f32)) -> f64 {
    let share = f64::from(value - low) / f64::from(high - low);
    if share.is_finite() { share.clamp(0.0, 1.0) } else { 0.0 }
}

/// So many places spread evenly over a length.
fn spread(length: usize, most: usize) -> impl Iterator<Item = usize> {
    let count = length.min(most);
    (0..count).map(move |place| place * length / count.max(1))
}

/// A line for each channel, all on one scale.
fn lines(values: &[f32], channels: usize, title: &str) -> String {
    let (length, range) = (values.len() / channels.max(1), range(values));
    let mut svg = open("plot", SIDE, SIDE, title);
    for channel in 0..channels {
        let _ = write!(svg, "<polyline class=\"c{}\" points=\"", channel % 4);
        for time in spread(length, MOST_POINTS) {
            let x = SIDE * time as f64 / length.saturating_sub(1).max(1) as f64;
            let y = SIDE * (0.96 - 0.92 * share(values[time * channels + channel], range));
            let _ = write!(svg, "{x:.1},{y:.1} ");
        }
        svg.push_str("\" />");
    }
    svg.push_str("</svg>");
    svg
}

/// Time to the right, channels upwards, values as ink.
fn map(values: &[f32], channels: usize, title: &str) -> String {
    let (length, range) = (values.len() / channels.max(1), range(values));
    let times: Vec<usize> = spread(length, MOST_COLUMNS).collect();
    let mut rows: Vec<usize> = spread(channels, MOST_ROWS).collect();
    rows.reverse();
    let ink_at =
        |channel: usize, time: usize| (255.0 * share(values[time * channels + channel], range)) as u8;
    let pixels: Vec<u8> =
        rows.iter().flat_map(|channel| times.iter().map(|time| ink_at(*channel, *time))).collect();
    ink(&pixels, times.len(), title)
}

/// A bar for each value, from zero up or down.
fn bars(values: &[f32], title: &str) -> String {
    let (low, high) = range(values);
    let range = (low.min(0.0), high.max(0.0));
    let shown: Vec<f32> = spread(values.len(), MOST_POINTS).map(|index| values[index]).collect();
    let mut svg = open("plot", SIDE, SIDE, title);
    let (step, zero) = (SIDE / shown.len().max(1) as f64, SIDE * (1.0 - share(0.0, range)));
    svg.push_str("<path class=\"c0\" d=\"");
    for (index, value) in shown.iter().enumerate() {
        let top = SIDE * (1.0 - share(*value, range));
        let (x, width) = (step * index as f64, 0.8 * step);
        let _ = write!(svg, "M{x:.1} {zero:.1}V{top:.1}h{width:.1}V{zero:.1}z");
    }
    svg.push_str("\" /></svg>");
    svg
}

/// The level of an ink: 0 for none, [`LEVELS`] for full.
fn level(ink: u8) -> usize {
    (usize::from(ink) * LEVELS + 127) / 255
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Of a drawing of 28 × 28.
    const SIDE: usize = 28;

    fn svg(pixels: &[u8], title: &str) -> String {
        super::svg(&Look::Drawing { width: SIDE, pixels: pixels.to_vec() }, title)
    }

    #[test]
    fn signals_are_lines_on_one_scale_and_many_channels_a_map() {
        let values = vec![0.0, 1.0, 0.5, 1.0, 1.0, 0.0];
        let svg = super::svg(&Look::Signal { channels: 2, values }, "s");
        assert!(svg.contains("<polyline class=\"c0\" points=\"0.0,96.0 50.0,50.0 100.0,4.0 \" />"), "{svg}");
        assert_eq!(svg.matches("<polyline").count(), 2);
        let values = (0..9 * 3).map(|i| i as f32).collect();
        let svg = super::svg(&Look::Signal { channels: 9, values }, "s");
        assert!(svg.contains("viewBox=\"0 0 3 9\"") && !svg.contains("<polyline"), "{svg}");
    }

    #[test]
    fn vectors_are_bars_from_zero_and_nothing_is_no_trouble() {
        let svg = super::svg(&Look::Vector(vec![1.0, -1.0]), "v");
        assert!(svg.contains("M0.0 50.0V0.0h40.0V50.0zM50.0 50.0V100.0h40.0V50.0z"), "{svg}");
        let looks = [
            Look::Vector(vec![]),
            Look::Vector(vec![f32::NAN, 3.0]),
            Look::Signal { channels: 0, values: vec![] },
            Look::Signal { channels: 9, values: vec![f32::INFINITY; 18] },
        ];
        for look in looks {
            let svg = super::svg(&look, "n");
            assert!(!svg.contains("NaN") && !svg.contains("inf"), "{svg}");
        }
    }

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
