//! Text and numbers as the page shows them.

/// Text that cannot be taken for markup, within elements and within quoted attributes.
pub fn escape(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            '\'' => escaped.push_str("&#39;"),
            // Not allowed in HTML.
            c if c.is_control() && !matches!(c, '\n' | '\t') => escaped.push('\u{fffd}'),
            c => escaped.push(c),
        }
    }
    escaped
}

/// 1234567 → 1,234,567.
pub fn thousands(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::with_capacity(digits.len() + digits.len() / 3);
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// Bytes in units of 1,000, to three digits or the tenth.
pub fn kilobytes(bytes: u64) -> String {
    let tenths = bytes / 100 + u64::from(bytes % 100 >= 50);
    if tenths >= 1000 {
        format!("{}\u{a0}KB", thousands(bytes / 1000 + u64::from(bytes % 1000 >= 500)))
    } else {
        format!("{}.{}\u{a0}KB", tenths / 10, tenths % 10)
    }
}

/// A fraction as a percentage with one decimal.
pub fn percent(fraction: f64) -> String {
    format!("{:.1}\u{a0}%", 100.0 * fraction)
}

/// Half an interval's width, in points of a percentage.
pub fn percent_margin(fraction: f64) -> String {
    format!("±\u{a0}{:.1}", 100.0 * fraction)
}

/// A class's name: A … Z, then numbers.
pub fn class_name(label: usize) -> String {
    match u8::try_from(label) {
        Ok(label @ 0..26) => char::from(b'A' + label).to_string(),
        _ => (label + 1).to_string(),
    }
}

/// A JSON key as words: random_start → random start.
pub fn words(key: &str) -> String {
    key.replace('_', " ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn markup_is_escaped() {
        assert_eq!(
            escape("<b a=\"1\" c='2'>&\u{7}</b>"),
            "&lt;b a=&quot;1&quot; c=&#39;2&#39;&gt;&amp;\u{fffd}&lt;/b&gt;"
        );
    }

    #[test]
    fn every_third_digit_is_set_off() {
        let pairs = [(0, "0"), (999, "999"), (1000, "1,000"), (123_456, "123,456"), (1_234_567, "1,234,567")];
        for (number, text) in pairs {
            assert_eq!(thousands(number), text);
        }
        assert_eq!(thousands(u64::MAX), "18,446,744,073,709,551,615");
    }

    #[test]
    fn a_kilobyte_has_1000_bytes() {
        let pairs =
            [(0, "0.0"), (1000, "1.0"), (1049, "1.0"), (1050, "1.1"), (99_949, "99.9"), (99_950, "100")];
        for (bytes, text) in pairs {
            assert_eq!(kilobytes(bytes), format!("{text}\u{a0}KB"));
        }
        assert_eq!(kilobytes(1_234_567), "1,235\u{a0}KB");
    }

    #[test]
    fn classes_have_letters_as_long_as_there_are_some() {
        assert_eq!([0, 4, 25, 26, 300].map(class_name), ["A", "E", "Z", "27", "301"].map(str::to_owned));
    }
}
