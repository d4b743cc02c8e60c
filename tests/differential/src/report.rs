//! How a difference is shown.

use std::fmt::Write as _;

use similar::{ChangeTag, TextDiff};

/// The lines that differ, with a little of what is around them: `-` upstream, `+` ours.
pub(crate) fn diff(upstream: &str, ours: &str) -> String {
    let (upstream, ours) = (lines(upstream), lines(ours));
    let diff = TextDiff::from_lines(upstream.as_str(), ours.as_str());
    let mut text = String::new();
    for group in diff.grouped_ops(2) {
        for op in &group {
            for change in diff.iter_changes(op) {
                let sign = match change.tag() {
                    ChangeTag::Delete => '-',
                    ChangeTag::Insert => '+',
                    ChangeTag::Equal => ' ',
                };
                let line: String = change.value().trim_end_matches('\n').chars().take(LONGEST).collect();
                let _ = writeln!(text, "    {sign} {line}");
            }
        }
        text.push_str("      ...\n");
    }
    text
}

/// JSON in one line, broken at its commas and braces; a text that stays a text.
fn lines(text: &str) -> String {
    let (head, body) = text.split_once("\n\n").unwrap_or((text, ""));
    if body.trim_end().contains('\n') {
        return text.to_owned();
    }
    let mut lines = format!("{head}\n\n");
    let (mut quoted, mut escaped) = (false, false);
    for letter in body.chars() {
        lines.push(letter);
        match letter {
            _ if escaped => escaped = false,
            '\\' if quoted => escaped = true,
            '"' => quoted = !quoted,
            '{' | '[' | ',' if !quoted => lines.push('\n'),
            _ => {}
        }
    }
    lines.push('\n');
    lines
}

const LONGEST: usize = 700;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_difference_in_a_long_line_is_shown_alone() {
        let upstream = "200\ncontent-type: a\n\n{\"a\":1,\"b\":\"x,y\",\"c\":3}\n";
        let shown = diff(upstream, &upstream.replace("\"c\":3", "\"c\":4"));
        assert!(shown.contains("- \"c\":3}\n") && shown.contains("+ \"c\":4}\n"), "{shown}");
        assert!(!shown.contains("\"a\":1,\n    +"), "{shown}");
        assert_eq!(diff(upstream, upstream), "");
    }
}
