//! The page of an evaluation: one HTML file that needs nothing else, neither scripts nor the network.

mod bars;
mod curve;
mod example;
mod look;
mod text;
mod tiles;

#[cfg(test)]
mod tests;

pub use look::Look;
use text::{escape, percent, percent_margin};

/// The page's looks, light and dark.
const STYLE: &str = include_str!("style.css");

/// All that a page shows.
#[derive(Debug, Clone)]
pub struct Page {
    /// The headline.
    pub title: String,
    /// What came out, in one sentence.
    pub summary: String,
    /// What was evaluated and how: pack, data, split, way, shot, episodes, seed, ….
    pub facts: Vec<(String, String)>,
    /// Accuracy after each gradient step, from 0.
    pub steps: Vec<Point>,
    /// What the same episodes give by other means.
    pub baselines: Vec<(String, Point)>,
    /// Which of those the intervals set apart.
    pub separation: String,
    /// The same over shots, if that was asked for.
    pub shots: Option<Shots>,
    /// One episode, drawn.
    pub example: Example,
    /// What the device needs, if it ran on one.
    pub device: Option<DeviceFigures>,
    /// How to get this page again.
    pub command: String,
}

/// An accuracy: mean over the episodes and half the width of its 95 % interval, both fractions.
#[derive(Debug, Clone, Copy)]
pub struct Point {
    /// Gradient steps taken.
    pub step: usize,
    /// The mean.
    pub mean: f64,
    /// Half the interval's width.
    pub ci95: f64,
}

/// An episode.
#[derive(Debug, Clone, Default)]
pub struct Example {
    /// What was learned from.
    pub support: Vec<Shown>,
    /// What was judged.
    pub queries: Vec<Judged>,
    /// Names of the classes by label, where they have any.
    pub names: Vec<String>,
    /// What samples are called, e.g. `drawings`.
    pub noun: String,
}

/// A sample and its class.
#[derive(Debug, Clone)]
pub struct Shown {
    /// The class, from 0.
    pub label: usize,
    /// What it looks like.
    pub look: Look,
}

/// A query and what the head said.
#[derive(Debug, Clone)]
pub struct Judged {
    /// The query with its true class.
    pub shown: Shown,
    /// The class predicted before adaptation.
    pub before: usize,
    /// The class predicted after adaptation.
    pub after: usize,
}

/// Accuracy against the number of support samples; a point's `step` is the shot.
#[derive(Debug, Clone)]
pub struct Shots {
    /// Gradient steps that ours took.
    pub steps: usize,
    /// Ours.
    pub main: Vec<Point>,
    /// By other means.
    pub baselines: Vec<(String, Vec<Point>)>,
}

/// What the pack needs on a device.
#[derive(Debug, Clone)]
pub struct DeviceFigures {
    /// The board.
    pub board: String,
    /// Terms of the RAM in bytes: arena, head, guard, cache, work, labels, static, stack.
    pub ram: Vec<(String, u64)>,
    /// Their sum.
    pub ram_bytes: u64,
    /// Terms of the flash in bytes: code, pack.
    pub flash: Vec<(String, u64)>,
    /// Their sum.
    pub flash_bytes: u64,
    /// Instructions of one inference.
    pub inference_instructions: Option<u64>,
    /// Instructions of one gradient step.
    pub step_instructions: Option<u64>,
    /// Episodes that were bit for bit the twin's, of how many.
    pub bit_equal: Option<(usize, usize)>,
}

/// The whole page.
pub fn render(page: &Page) -> String {
    let device = page.device.as_ref().map_or_else(String::new, bars::section);
    format!(
        "<!DOCTYPE html>\n\
         <html lang=\"en\">\n<head>\n<meta charset=\"utf-8\" />\n\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\" />\n\
         <meta name=\"color-scheme\" content=\"light dark\" />\n\
         <title>{title}</title>\n<style>\n{STYLE}</style>\n</head>\n<body>\n<main>\n\
         <header>\n<p class=\"brand\">Supple · evaluation</p>\n<h1>{title}</h1>\n\
         <p class=\"summary\">{summary}</p>\n</header>\n\
         {tiles}{example}{curve}{shots}{device}{facts}{command}</main>\n</body>\n</html>\n",
        title = escape(&page.title),
        summary = escape(&page.summary),
        tiles = tiles::section(page),
        example = example::section(&page.example),
        curve = curve_section(page),
        shots = page.shots.as_ref().map_or_else(String::new, shots_section),
        facts = facts(&page.facts),
        command = command(&page.command),
    )
}

/// Longer tables of the curve's figures start folded.
const MOST_OPEN_ROWS: usize = 16;

/// The curve, and its figures as a table: for who does not see it, and where lines lie close.
fn curve_section(page: &Page) -> String {
    let Some(svg) = curve::svg(&page.steps, &page.baselines) else { return String::new() };
    let row = |name: &str, point: &Point| {
        format!(
            "<tr><th scope=\"row\">{}</th><td>{}</td><td>{}</td></tr>\n",
            escape(name),
            percent(point.mean),
            percent_margin(point.ci95)
        )
    };
    let steps = page.steps.iter().map(|point| row(&format!("step {}", point.step), point));
    let baselines = page.baselines.iter().map(|(name, point)| row(&text::words(name), point));
    let rows: String = steps.chain(baselines).collect();
    let open = if page.steps.len() + page.baselines.len() > MOST_OPEN_ROWS { "" } else { " open=\"\"" };
    format!(
        "<section>\n<h2>Accuracy by gradient step</h2>\n\
         <p>Mean over all episodes; the band is its 95 % confidence interval. {separation}</p>\n<div class=\"beside\">\n<figure class=\"curve\">\n{svg}</figure>\n\
         <details{open}>\n<summary>The figures</summary>\n<table class=\"figures\">\n\
         <thead><tr><th scope=\"col\">after</th><th scope=\"col\">accuracy</th><th scope=\"col\">95 %</th></tr></thead>\n\
         <tbody>\n{rows}</tbody>\n</table>\n</details>\n</div>\n</section>\n",
        separation = escape(&page.separation)
    )
}

/// The curve over shots with its figures.
fn shots_section(shots: &Shots) -> String {
    let Some(svg) = curve::over_shots(shots) else { return String::new() };
    let all = || [("adapted", &shots.main)].into_iter().chain(shots.baselines.iter().map(|(n, p)| (&**n, p)));
    let heads: String =
        all().map(|(name, _)| format!("<th scope=\"col\">{}</th>", escape(&text::words(name)))).collect();
    let cell = |point: Option<&Point>| match point {
        Some(point) => format!("<td>{} {}</td>", percent(point.mean), percent_margin(point.ci95)),
        None => "<td></td>".to_owned(),
    };
    let row = |(index, point): (usize, &Point)| {
        let cells: String = all().map(|(_, points)| cell(points.get(index))).collect();
        format!("<tr><th scope=\"row\">{}</th>{cells}</tr>\n", point.step)
    };
    let rows: String = shots.main.iter().enumerate().map(row).collect();
    let steps = shots.steps;
    let plural = if steps == 1 { "" } else { "s" };
    format!(
        "<section>\n<h2>Accuracy by support samples</h2>\n\
         <p>After {steps} gradient step{plural}, computed on the host; bands and bars are 95 % confidence intervals.</p>\n\
         <figure class=\"curve\">\n{svg}</figure>\n<details open=\"\">\n<summary>The figures</summary>\n\
         <div class=\"wide\"><table class=\"figures\">\n\
         <thead><tr><th scope=\"col\">samples a class</th>{heads}</tr></thead>\n\
         <tbody>\n{rows}</tbody>\n</table></div>\n</details>\n</section>\n"
    )
}

fn facts(facts: &[(String, String)]) -> String {
    if facts.is_empty() {
        return String::new();
    }
    let row = |(name, value): &(String, String)| {
        format!("<tr><th scope=\"row\">{}</th><td>{}</td></tr>\n", escape(name), escape(value))
    };
    let rows: String = facts.iter().map(row).collect();
    format!(
        "<section>\n<h2>What was evaluated</h2>\n<table class=\"facts\">\n<tbody>\n{rows}</tbody>\n</table>\n</section>\n"
    )
}

fn command(command: &str) -> String {
    format!("<section>\n<h2>This page again</h2>\n<pre><code>{}</code></pre>\n</section>\n", escape(command))
}
