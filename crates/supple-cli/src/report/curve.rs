//! Accuracy against gradient steps, with the baselines beside it.

use std::fmt::Write;

use super::text::{escape, percent, percent_margin, words};
use super::{Point, Shots};

const WIDTH: f64 = 540.0;
const HEIGHT: f64 = 330.0;
const LEFT: f64 = 62.0;
const RIGHT: f64 = 418.0;
const TOP: f64 = 14.0;
const BOTTOM: f64 = 274.0;
/// Least distance of two labels in the margin.
const PITCH: f64 = 36.0;
/// Most ticks along the steps.
const MOST_TICKS: usize = 10;

/// Where steps and accuracies lie.
struct Scale {
    first: usize,
    last: usize,
    /// The accuracies' range, in tenths.
    low: i32,
    high: i32,
}

impl Scale {
    fn new<'a>(steps: &'a [Point], baselines: impl Iterator<Item = &'a Point> + Clone) -> Self {
        let all = || steps.iter().chain(baselines.clone());
        let lowest = all().map(|point| point.mean - point.ci95).fold(1.0, f64::min);
        let highest = all().map(|point| point.mean + point.ci95).fold(0.0, f64::max);
        // The least above float noise: 0.3 / 0.1 is a little less than 3.
        let low = ((10.0 * lowest + 1e-9).floor() as i32).clamp(0, 8);
        let high = ((10.0 * highest - 1e-9).ceil() as i32).clamp(low + 2, 10);
        let number = |fold: fn(usize, usize) -> usize| steps.iter().map(|p| p.step).reduce(fold).unwrap_or(0);
        Self { first: number(usize::min), last: number(usize::max), low, high }
    }

    fn x(&self, step: usize) -> f64 {
        let span = (self.last - self.first).max(1) as f64;
        LEFT + (RIGHT - LEFT) * (step - self.first) as f64 / span
    }

    fn y(&self, accuracy: f64) -> f64 {
        let share = (10.0 * accuracy - f64::from(self.low)) / f64::from(self.high - self.low);
        BOTTOM - (BOTTOM - TOP) * share.clamp(0.0, 1.0)
    }
}

/// A line's name at its right end.
struct Label {
    class: String,
    name: String,
    value: String,
    /// Where the line ends.
    at: f64,
    /// Where there is room for the text.
    y: f64,
}

/// What a figure's words are.
struct Words {
    title: &'static str,
    /// Below the horizontal axis.
    axis: &'static str,
    /// Of one point.
    unit: &'static str,
}

/// Over steps; nothing without steps or with figures that are not numbers.
pub fn svg(steps: &[Point], baselines: &[(String, Point)]) -> Option<String> {
    let words =
        Words { title: "Accuracy by gradient step", axis: "gradient steps on the support set", unit: "step" };
    let baselines: Vec<(String, Vec<Point>)> =
        baselines.iter().map(|(name, point)| (name.clone(), vec![*point])).collect();
    figure(steps, &baselines, &words)
}

/// Over shots, likewise.
pub fn over_shots(shots: &Shots) -> Option<String> {
    let words =
        Words { title: "Accuracy by support samples", axis: "support samples of each class", unit: "shot" };
    figure(&shots.main, &shots.baselines, &words)
}

/// Ours with its band, others with bars; a single point is a line across.
fn figure(main: &[Point], baselines: &[(String, Vec<Point>)], words_of: &Words) -> Option<String> {
    let finite = |point: &Point| point.mean.is_finite() && point.ci95.is_finite();
    let baselines = baselines.iter().filter(|(_, points)| points.iter().all(finite));
    let baselines: Vec<&(String, Vec<Point>)> = baselines.collect();
    let (first, last) = (main.first()?, main.last()?);
    if !main.iter().all(finite) {
        return None;
    }
    let scale = Scale::new(main, baselines.iter().flat_map(|(_, points)| points));
    let Words { title, axis, unit } = *words_of;
    let title = format!(
        "{title}: {} at {unit} {}, {} at {unit} {}",
        percent(first.mean),
        first.step,
        percent(last.mean),
        last.step
    );
    let mut svg = format!(
        "<svg viewBox=\"0 0 {WIDTH} {HEIGHT}\" role=\"img\" aria-label=\"{title}\">\n<title>{title}</title>\n",
        title = escape(&title)
    );
    svg.push_str(&axes(&scale, axis));
    let mut labels = Vec::new();
    for (index, (name, points)) in baselines.iter().enumerate() {
        let Some(point) = points.last() else { continue };
        let (class, y) = (format!("baseline b{}", index % 4), scale.y(point.mean));
        svg.push_str(&other(&scale, &class, name, points));
        labels.push(Label { class, name: words(name), value: percent(point.mean), at: y, y });
    }
    svg.push_str(&line(&scale, main, unit));
    let y = scale.y(last.mean);
    let name = "adapted".to_owned();
    labels.push(Label { class: "main".to_owned(), name, value: percent(last.mean), at: y, y });
    spread(&mut labels);
    for label in &labels {
        svg.push_str(&text(label));
    }
    svg.push_str("</svg>\n");
    Some(svg)
}

/// A baseline's line, and its intervals as bars where it has more than one.
fn other(scale: &Scale, class: &str, name: &str, points: &[Point]) -> String {
    let title = |point: &Point| {
        format!(
            "<title>{}: {} {}</title>",
            escape(&words(name)),
            percent(point.mean),
            percent_margin(point.ci95)
        )
    };
    if let [point] = points {
        let y = scale.y(point.mean);
        return format!("<path class=\"{class}\" d=\"M{LEFT} {y:.1}H{RIGHT}\">{}</path>\n", title(point));
    }
    let spots: Vec<String> =
        points.iter().map(|p| format!("{:.1} {:.1}", scale.x(p.step), scale.y(p.mean))).collect();
    let mut svg = format!("<path class=\"{class}\" d=\"M{}\" />\n", spots.join("L"));
    for point in points {
        let (x, low, high) =
            (scale.x(point.step), scale.y(point.mean - point.ci95), scale.y(point.mean + point.ci95));
        let _ = writeln!(
            svg,
            "<path class=\"{class} whisker\" d=\"M{:.1} {low:.1}h6m-3 0V{high:.1}m-3 0h6\">{}</path>",
            x - 3.0,
            title(point)
        );
    }
    svg
}

fn axes(scale: &Scale, name: &str) -> String {
    let mut svg = String::from("<g class=\"axis\">\n");
    let every = if scale.high - scale.low > 6 { 2 } else { 1 };
    for tenth in (scale.low..=scale.high).filter(|tenth| tenth % every == 0) {
        let y = scale.y(f64::from(tenth) / 10.0);
        let _ = writeln!(
            svg,
            "<path class=\"grid\" d=\"M{LEFT} {y:.1}H{RIGHT}\" /><text class=\"end\" x=\"{:.1}\" y=\"{:.1}\">{}</text>",
            LEFT - 8.0,
            y + 5.0,
            10 * tenth
        );
    }
    for step in (scale.first..=scale.last).step_by(tick(scale.last - scale.first)) {
        let x = scale.x(step);
        let _ = writeln!(
            svg,
            "<path d=\"M{x:.1} {BOTTOM}v5\" /><text class=\"middle\" x=\"{x:.1}\" y=\"{:.1}\">{step}</text>",
            BOTTOM + 21.0
        );
    }
    let (middle, centre) = ((LEFT + RIGHT) / 2.0, (TOP + BOTTOM) / 2.0);
    let _ = writeln!(
        svg,
        "<path d=\"M{LEFT} {BOTTOM}H{RIGHT}\" />\n\
         <text class=\"middle\" x=\"{middle:.1}\" y=\"{:.1}\">{name}</text>\n\
         <text class=\"middle\" transform=\"translate(17 {centre:.1}) rotate(-90)\">accuracy on the queries (%)</text>\n</g>",
        HEIGHT - 10.0
    );
    svg
}

/// Steps between two ticks: 1, 2, 5, 10, 20, ….
fn tick(span: usize) -> usize {
    let decades = std::iter::successors(Some(1usize), |decade| decade.checked_mul(10));
    let mut ticks = decades.flat_map(|decade| [1, 2, 5].map(|factor| decade.saturating_mul(factor)));
    ticks.find(|tick| span / tick <= MOST_TICKS).unwrap_or(usize::MAX)
}

/// The band, the line and its points.
fn line(scale: &Scale, steps: &[Point], unit: &str) -> String {
    let spot = |point: &Point, mean: f64| format!("{:.1},{:.1}", scale.x(point.step), scale.y(mean));
    let upper = steps.iter().map(|point| spot(point, point.mean + point.ci95));
    let lower = steps.iter().rev().map(|point| spot(point, point.mean - point.ci95));
    let band: Vec<String> = upper.chain(lower).collect();
    let means: Vec<String> = steps.iter().map(|point| spot(point, point.mean)).collect();
    let mut svg = format!(
        "<polygon class=\"band\" points=\"{}\" />\n<polyline class=\"main\" points=\"{}\" />\n",
        band.join(" "),
        means.join(" ")
    );
    for point in steps {
        let _ = writeln!(
            svg,
            "<circle class=\"main\" cx=\"{:.1}\" cy=\"{:.1}\" r=\"4\"><title>{unit} {}: {} {}</title></circle>",
            scale.x(point.step),
            scale.y(point.mean),
            point.step,
            percent(point.mean),
            percent_margin(point.ci95)
        );
    }
    svg
}

/// Moves labels apart, from the top down, then up again where they went beyond the bottom; closer where there are many.
fn spread(labels: &mut [Label]) {
    let room = (BOTTOM - 10.0) - (TOP + 4.0);
    let pitch = PITCH.min(room / labels.len().saturating_sub(1).max(1) as f64);
    labels.sort_by(|a, b| a.at.total_cmp(&b.at));
    let mut least = TOP + 4.0;
    for label in labels.iter_mut() {
        label.y = label.at.max(least);
        least = label.y + pitch;
    }
    let mut most = BOTTOM - 10.0;
    for label in labels.iter_mut().rev() {
        label.y = label.y.min(most);
        most = label.y - pitch;
    }
}

fn text(label: &Label) -> String {
    let Label { class, name, value, at, y } = label;
    let x = RIGHT + 20.0;
    format!(
        "<path class=\"leader {class}\" d=\"M{:.1} {at:.1}L{:.1} {y:.1}\" />\
         <text class=\"label {class}\"><tspan x=\"{x:.1}\" y=\"{y:.1}\">{}</tspan><tspan class=\"number\" x=\"{x:.1}\" dy=\"16\">{value}</tspan></text>\n",
        RIGHT + 6.0,
        RIGHT + 17.0,
        escape(name)
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn point(step: usize, mean: f64) -> Point {
        Point { step, mean, ci95: 0.01 }
    }

    #[test]
    fn points_lie_where_their_values_say() {
        let steps = [point(0, 0.25), point(1, 0.5), point(4, 0.95)];
        let scale = Scale::new(&steps, [].iter());
        assert_eq!((scale.low, scale.high), (2, 10));
        assert_eq!([0, 1, 2, 4].map(|step| scale.x(step)), [62.0, 151.0, 240.0, 418.0]);
        assert_eq!([0.2, 0.6, 1.0].map(|accuracy| scale.y(accuracy)), [274.0, 144.0, 14.0]);
        let svg = svg(&steps, &[]).unwrap();
        assert!(
            svg.contains("<polyline class=\"main\" points=\"62.0,257.8 151.0,176.5 418.0,30.2\" />"),
            "{svg}"
        );
    }

    #[test]
    fn baselines_widen_the_range_and_are_named() {
        let steps = [point(0, 0.75), point(5, 0.95)];
        let baselines = [("random_start".to_owned(), point(5, 0.35))];
        assert_eq!(Scale::new(&steps, baselines.iter().map(|(_, point)| point)).low, 3);
        let svg = svg(&steps, &baselines).unwrap();
        assert!(svg.contains(">random start</tspan>") && svg.contains("class=\"baseline b0\""), "{svg}");
    }

    #[test]
    fn labels_keep_apart_and_inside() {
        let label = |at| Label { class: String::new(), name: String::new(), value: String::new(), at, y: at };
        let mut labels = [270.0, 271.0, 20.0, 21.0].map(label);
        spread(&mut labels);
        let ys = labels.map(|label| label.y);
        assert!(ys.windows(2).all(|pair| pair[1] - pair[0] >= PITCH), "{ys:?}");
        assert_eq!((ys[0], ys[3]), (20.0, 264.0));
    }

    #[test]
    fn ticks_are_round_and_few() {
        assert_eq!([0, 5, 10, 11, 64, 1000].map(tick), [1, 1, 1, 2, 10, 100]);
    }

    #[test]
    fn one_step_and_no_step_are_no_trouble() {
        assert!(svg(&[], &[]).is_none());
        assert!(svg(&[point(0, f64::NAN)], &[]).is_none());
        let svg = svg(&[point(0, 1.0)], &[]).unwrap();
        assert!(!svg.contains("NaN") && !svg.contains("inf"));
    }
}
