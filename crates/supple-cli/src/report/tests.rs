use super::*;

fn drawing(label: usize) -> Shown {
    let pixels = (0..28 * 28).map(|i| if i % 28 == 3 + label { 255 } else { 0 }).collect();
    Shown { label, look: Look::Drawing { width: 28, pixels } }
}

fn page(device: bool) -> Page {
    let point = |step, mean| Point { step, mean, ci95: 0.006 };
    let text = |name: &str, bytes| (name.to_owned(), bytes);
    Page {
        title: "Five <new> glyphs & one drawing each".to_owned(),
        summary: "It \"learns\".".to_owned(),
        facts: vec![("pack".to_owned(), "<script>alert('x')</script>".to_owned())],
        steps: vec![point(0, 0.2), point(1, 0.81), point(2, 0.93)],
        baselines: vec![
            ("proto<types".to_owned(), point(2, 0.9)),
            ("random_start".to_owned(), point(2, 0.6)),
        ],
        example: Example {
            support: (0..5).map(drawing).collect(),
            queries: (0..15)
                .map(|i| Judged { shown: drawing(i % 5), before: 0, after: if i == 7 { 0 } else { i % 5 } })
                .collect(),
            names: vec![],
            noun: "drawings".to_owned(),
        },
        separation: "Ours is better than <all>.".to_owned(),
        shots: None,
        device: device.then(|| DeviceFigures {
            board: "mps2-<an386>".to_owned(),
            ram: vec![text("arena", 12_544), text("stack", 2_048)],
            ram_bytes: 14_592,
            flash: vec![text("code", 40_000), text("pack", 165_000)],
            flash_bytes: 205_000,
            inference_instructions: Some(4_321_000),
            step_instructions: Some(54_321),
            bit_equal: Some((10, 10)),
        }),
        command: "supple eval 'a&b.supple' --report x.html".to_owned(),
    }
}

/// Every tag that is opened is closed, in order, and attributes are quoted.
fn check(html: &str) {
    let mut open = Vec::new();
    let body = html.split_once("</style>").expect("styles").1;
    assert!(!html.contains("<script") && !html.contains("http"));
    for piece in body.split('<').skip(1) {
        let (tag, _) = piece.split_once('>').unwrap_or_else(|| panic!("`<{piece}` has no end"));
        assert_eq!(tag.matches('"').count() % 2, 0, "<{tag}>");
        assert_eq!(tag.matches('=').count(), tag.matches("=\"").count(), "<{tag}>");
        let name = tag.split_whitespace().next().unwrap_or_default();
        if let Some(closed) = tag.strip_prefix('/') {
            assert_eq!(open.pop(), Some(closed), "</{closed}> closes something else");
        } else if !tag.ends_with('/') {
            open.push(name);
        }
    }
    // What was opened before the style sheet.
    assert_eq!(open, Vec::<&str>::new());
}

/// The page without what the check has not seen opened.
fn inner(html: &str) -> String {
    html.replace("</head>", "").replace("</html>", "")
}

#[test]
fn tags_are_balanced_and_nothing_comes_from_elsewhere() {
    for device in [true, false] {
        check(&inner(&render(&page(device))));
    }
}

#[test]
fn text_is_escaped_wherever_it_stands() {
    let html = render(&page(true));
    assert!(html.contains("<h1>Five &lt;new&gt; glyphs &amp; one drawing each</h1>"));
    assert!(html.contains("&lt;script&gt;") && html.contains("proto&lt;types"));
    assert!(html.contains("Memory on mps2-&lt;an386&gt;") && html.contains("&#39;a&amp;b.supple&#39;"));
}

#[test]
fn a_page_with_a_device_has_its_figures() {
    let html = render(&page(true));
    for figure in ["54,321", "4,321,000", "14.6\u{a0}KB", "205\u{a0}KB", "10 of 10 ✓", "93.0\u{a0}%"] {
        assert!(html.contains(figure), "{figure}");
    }
}

#[test]
fn a_page_without_a_device_does_without_them() {
    let html = render(&page(false));
    assert!(!html.contains("instructions") && !html.contains("bit-equal") && !html.contains("Memory"));
    assert!(html.contains("93.0\u{a0}%") && html.contains("random start"));
}

#[test]
fn bits_that_differ_are_marked() {
    let mut page = page(true);
    if let Some(device) = &mut page.device {
        device.bit_equal = Some((9, 10));
    }
    assert!(render(&page).contains("tile bad") && render(&page).contains("9 of 10 ✗"));
}

#[test]
fn a_curve_over_shots_has_every_line_and_its_figures() {
    let mut page = page(false);
    let points = |means: [f64; 3]| {
        [1, 5, 10].into_iter().zip(means).map(|(step, mean)| Point { step, mean, ci95: 0.01 })
    };
    page.shots = Some(Shots {
        steps: 5,
        main: points([0.6, 0.8, 0.95]).collect(),
        baselines: vec![("rid<ge".to_owned(), points([0.55, 0.7, 0.8]).collect())],
    });
    page.example.support[0].look = Look::Signal { channels: 2, values: vec![0.0, 1.0, 2.0, 3.0] };
    page.example.support[1].look = Look::Vector(vec![1.0, -2.0]);
    let html = render(&page);
    check(&inner(&html));
    assert!(html.contains("Accuracy by support samples") && html.contains("After 5 gradient steps"));
    assert!(html.contains("<td>70.0\u{a0}% ±\u{a0}1.0</td>") && html.contains("rid&lt;ge"), "{html}");
    assert!(html.contains("Ours is better than &lt;all&gt;."));
}

#[test]
fn an_empty_page_is_a_page() {
    let empty = Page {
        title: String::new(),
        summary: String::new(),
        facts: vec![],
        steps: vec![],
        baselines: vec![],
        example: Example::default(),
        separation: String::new(),
        shots: None,
        device: None,
        command: String::new(),
    };
    check(&inner(&render(&empty)));
}
