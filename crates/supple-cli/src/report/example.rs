//! One episode, drawn: what was learned from, and what was judged before and after.

use super::text::class_name;
use super::{Drawing, Example, Judged, drawing};

/// Queries shown at most, evenly over the classes (but one of each): a page should not be megabytes.
const MOST_QUERIES: usize = 60;

/// The section, or nothing where there is no example.
pub fn section(example: &Example) -> String {
    if example.support.is_empty() {
        return String::new();
    }
    let (shown, count) = (shown(&example.queries), example.queries.len());
    let right =
        |said: fn(&Judged) -> usize| example.queries.iter().filter(|q| said(q) == q.drawing.label).count();
    let (before, after) = (right(|query| query.before), right(|query| query.after));
    let some =
        if shown.len() < count { format!(" {} of them are shown.", shown.len()) } else { String::new() };
    let many = if example.support.iter().filter(|d| d.label == 0).count() > 1 { " shots-many" } else { "" };
    let queries: String = shown.iter().map(|query| card(query)).collect();
    format!(
        "<section>\n<h2>One episode</h2>\n\
         <p>The support set: all that was learned from, by class.</p>\n\
         <div class=\"support{many}\">\n{}</div>\n\
         <p>The queries: other drawings of the same classes, each judged before and after adaptation. \
         Right before: {before} of {count}. Right after: <strong>{after} of {count}</strong>.{some}</p>\n\
         <div class=\"queries\">\n{queries}</div>\n</section>\n",
        support(&example.support)
    )
}

fn support(drawings: &[Drawing]) -> String {
    let classes = drawings.iter().map(|drawing| drawing.label + 1).max().unwrap_or(0);
    let of_class = |class: usize| {
        let name = class_name(class);
        let of_it = drawings.iter().filter(|drawing| drawing.label == class);
        let svgs: String =
            of_it.map(|d| drawing::svg(&d.pixels, &format!("support drawing of class {name}"))).collect();
        if svgs.is_empty() {
            return String::new();
        }
        format!(
            "<figure><figcaption>class <b>{name}</b></figcaption><div class=\"shots\">{svgs}</div></figure>\n"
        )
    };
    (0..classes).map(of_class).collect()
}

/// A query with what was said of it.
fn card(query: &Judged) -> String {
    let truth = class_name(query.drawing.label);
    let line = |when: &str, said: usize| {
        let (class, sign, word) =
            if said == query.drawing.label { ("right", "✓", "right") } else { ("wrong", "✗", "wrong") };
        format!(
            "<span class=\"when\">{when}</span><b class=\"{class}\" title=\"{word}\">{} {sign}</b>",
            class_name(said)
        )
    };
    format!(
        "<figure class=\"{}\">{}<figcaption><span class=\"when\">is</span><b>{truth}</b>{}{}</figcaption></figure>\n",
        if query.after == query.drawing.label { "query" } else { "query missed" },
        drawing::svg(&query.drawing.pixels, &format!("query of class {truth}")),
        line("before", query.before),
        line("after", query.after),
    )
}

/// The first queries of each class, ordered by class.
fn shown(queries: &[Judged]) -> Vec<&Judged> {
    let classes = queries.iter().map(|query| query.drawing.label + 1).max().unwrap_or(0);
    let each = if queries.len() <= MOST_QUERIES { queries.len() } else { (MOST_QUERIES / classes).max(1) };
    (0..classes)
        .flat_map(|class| queries.iter().filter(move |query| query.drawing.label == class).take(each))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn judged(label: usize, before: usize, after: usize) -> Judged {
        Judged { drawing: Drawing { label, pixels: vec![255; 28 * 28] }, before, after }
    }

    #[test]
    fn right_and_wrong_are_told_by_sign_and_colour() {
        let card = card(&judged(1, 0, 1));
        assert!(card.contains("<b class=\"wrong\" title=\"wrong\">A ✗</b>"), "{card}");
        assert!(card.contains("<b class=\"right\" title=\"right\">B ✓</b>"), "{card}");
    }

    #[test]
    fn many_queries_are_thinned_evenly_and_all_are_counted() {
        let queries: Vec<Judged> = (0..300).map(|i| judged(i % 20, 0, i % 20)).collect();
        let example = Example { support: vec![Drawing { label: 0, pixels: vec![0; 784] }], queries };
        let section = section(&example);
        assert_eq!(section.matches("<figure class=\"query").count(), 60);
        assert!(section.contains("Right before: 15 of 300."), "{section}");
        assert!(section.contains("300 of 300</strong>. 60 of them are shown."));
        for class in 0..20 {
            assert_eq!(shown(&example.queries).iter().filter(|q| q.drawing.label == class).count(), 3);
        }
    }

    #[test]
    fn no_support_no_section() {
        assert!(section(&Example { support: vec![], queries: vec![] }).is_empty());
    }
}
