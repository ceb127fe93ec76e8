//! One episode, drawn: what was learned from, and what was judged before and after.

use super::text::{class_name, escape};
use super::{Example, Judged, Shown, look};

/// Queries shown at most, evenly over the classes (but one of each): a page should not be megabytes.
const MOST_QUERIES: usize = 60;

/// The section, or nothing where there is no example.
pub fn section(example: &Example) -> String {
    if example.support.is_empty() {
        return String::new();
    }
    let (shown, count) = (shown(&example.queries), example.queries.len());
    let right =
        |said: fn(&Judged) -> usize| example.queries.iter().filter(|q| said(q) == q.shown.label).count();
    let (before, after) = (right(|query| query.before), right(|query| query.after));
    let some =
        if shown.len() < count { format!(" {} of them are shown.", shown.len()) } else { String::new() };
    let many = if example.support.iter().filter(|d| d.label == 0).count() > 1 { " shots-many" } else { "" };
    // Words need more room than letters.
    let named = if example.names.iter().any(|name| name.len() > 3) { " named" } else { "" };
    let queries: String = shown.iter().map(|query| card(query, &example.names)).collect();
    format!(
        "<section>\n<h2>One episode</h2>\n\
         <p>The support set: all that was learned from, by class.</p>\n\
         <div class=\"support{many}\">\n{}</div>\n\
         <p>The queries: other {} of the same classes, each judged before and after adaptation. \
         Right before: {before} of {count}. Right after: <strong>{after} of {count}</strong>.{some}</p>\n\
         <div class=\"queries{named}\">\n{queries}</div>\n</section>\n",
        support(&example.support, &example.names),
        escape(&example.noun),
    )
}

fn support(drawings: &[Shown], names: &[String]) -> String {
    let classes = drawings.iter().map(|drawing| drawing.label + 1).max().unwrap_or(0);
    let of_class = |class: usize| {
        let name = name(names, class);
        let of_it = drawings.iter().filter(|drawing| drawing.label == class);
        let svgs: String =
            of_it.map(|d| look::svg(&d.look, &format!("support sample of class {name}"))).collect();
        if svgs.is_empty() {
            return String::new();
        }
        format!(
            "<figure><figcaption>class <b>{}</b></figcaption><div class=\"shots\">{svgs}</div></figure>\n",
            escape(&name)
        )
    };
    (0..classes).map(of_class).collect()
}

/// A query with what was said of it.
fn card(query: &Judged, names: &[String]) -> String {
    let truth = name(names, query.shown.label);
    let line = |when: &str, said: usize| {
        let (class, sign, word) =
            if said == query.shown.label { ("right", "✓", "right") } else { ("wrong", "✗", "wrong") };
        format!(
            "<span class=\"when\">{when}</span><b class=\"{class}\" title=\"{word}\">{} {sign}</b>",
            escape(&name(names, said))
        )
    };
    format!(
        "<figure class=\"{}\">{}<figcaption><span class=\"when\">is</span><b>{}</b>{}{}</figcaption></figure>\n",
        if query.after == query.shown.label { "query" } else { "query missed" },
        look::svg(&query.shown.look, &format!("query of class {truth}")),
        escape(&truth),
        line("before", query.before),
        line("after", query.after),
    )
}

/// A class's own name where it has one, or a letter.
fn name(names: &[String], class: usize) -> String {
    names.get(class).cloned().unwrap_or_else(|| class_name(class))
}

/// The first queries of each class, ordered by class.
fn shown(queries: &[Judged]) -> Vec<&Judged> {
    let classes = queries.iter().map(|query| query.shown.label + 1).max().unwrap_or(0);
    let each = if queries.len() <= MOST_QUERIES { queries.len() } else { (MOST_QUERIES / classes).max(1) };
    (0..classes)
        .flat_map(|class| queries.iter().filter(move |query| query.shown.label == class).take(each))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::Look;

    fn ink(label: usize) -> Shown {
        Shown { label, look: Look::Drawing { width: 28, pixels: vec![255; 28 * 28] } }
    }

    fn judged(label: usize, before: usize, after: usize) -> Judged {
        Judged { shown: ink(label), before, after }
    }

    #[test]
    fn right_and_wrong_are_told_by_sign_and_colour() {
        let card = card(&judged(1, 0, 1), &[]);
        assert!(card.contains("<b class=\"wrong\" title=\"wrong\">A ✗</b>"), "{card}");
        assert!(card.contains("<b class=\"right\" title=\"right\">B ✓</b>"), "{card}");
    }

    #[test]
    fn classes_that_keep_their_meaning_are_named() {
        let names = ["<walking>".to_owned(), "lying".to_owned()];
        let card = card(&judged(1, 0, 1), &names);
        assert!(card.contains("&lt;walking&gt; ✗") && card.contains("<b>lying</b>"), "{card}");
    }

    #[test]
    fn many_queries_are_thinned_evenly_and_all_are_counted() {
        let queries: Vec<Judged> = (0..300).map(|i| judged(i % 20, 0, i % 20)).collect();
        let example = Example { support: vec![ink(0)], queries, ..Example::default() };
        let section = section(&example);
        assert_eq!(section.matches("<figure class=\"query").count(), 60);
        assert!(section.contains("Right before: 15 of 300."), "{section}");
        assert!(section.contains("300 of 300</strong>. 60 of them are shown."));
        for class in 0..20 {
            assert_eq!(shown(&example.queries).iter().filter(|q| q.shown.label == class).count(), 3);
        }
    }

    #[test]
    fn no_support_no_section() {
        assert!(section(&Example::default()).is_empty());
    }
}
