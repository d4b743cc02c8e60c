//! The error collector: every mistake is reported, each under the words that are wrong.

use quote::ToTokens;
use std::cell::RefCell;
use std::fmt::Display;
use syn::Error;

/// The mistakes found so far.
#[derive(Default)]
pub(crate) struct Errors(RefCell<Vec<Error>>);

impl Errors {
    /// Remembers a mistake in these tokens.
    pub(crate) fn at(&self, tokens: impl ToTokens, message: impl Display) {
        self.push(Error::new_spanned(tokens, message));
    }

    /// Remembers a mistake that the parser found.
    pub(crate) fn push(&self, error: Error) {
        self.0.borrow_mut().push(error);
    }

    /// All mistakes as one error, or nothing.
    pub(crate) fn finish(self) -> Result<(), Error> {
        let combined = self.0.into_inner().into_iter().reduce(|mut all, error| {
            all.combine(error);
            all
        });
        combined.map_or(Ok(()), Err)
    }
}

/// The word among `known` that was probably meant by `written`, if one is close.
pub(crate) fn nearest<'a>(written: &str, known: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let written = fold(written);
    let limit = (written.len() / 3).max(1);
    known
        .into_iter()
        .map(|word| (distance(&written, &fold(word)), word))
        .filter(|(distance, word)| *distance <= limit || word.starts_with(&written) && written.len() > 2)
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, word)| word)
}

/// `a`, `b` and `c`, each in backticks.
pub(crate) fn list<'a>(words: impl IntoIterator<Item = &'a str>) -> String {
    let quoted: Vec<String> = words.into_iter().map(|word| format!("`{word}`")).collect();
    match quoted.split_last() {
        Some((last, rest)) if !rest.is_empty() => format!("{} and {last}", rest.join(", ")),
        _ => quoted.concat(),
    }
}

fn fold(word: &str) -> String {
    word.to_lowercase().replace(['_', '-'], "")
}

/// How many letters must be added, dropped or replaced to make one word of the other.
fn distance(left: &str, right: &str) -> usize {
    let right: Vec<char> = right.chars().collect();
    let mut row: Vec<usize> = (0..=right.len()).collect();
    for (i, a) in left.chars().enumerate() {
        let mut diagonal = i;
        let mut before = i + 1;
        for (cell, b) in row.iter_mut().skip(1).zip(&right) {
            let replaced = diagonal + usize::from(a != *b);
            diagonal = *cell;
            before = replaced.min(diagonal + 1).min(before + 1);
            *cell = before;
        }
        if let Some(first) = row.first_mut() {
            *first = i + 1;
        }
    }
    row.last().copied().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_nearest_word_is_found_across_typing_slips() {
        let keys = ["group", "version", "kind", "plural", "short_names", "columns", "status", "strategy"];
        for (written, expected) in [
            ("grop", Some("group")),
            ("versoin", Some("version")),
            ("shortNames", Some("short_names")),
            ("short_name", Some("short_names")),
            ("column", Some("columns")),
            ("strat", Some("strategy")),
            ("Status", Some("status")),
            ("banana", None),
            ("", None),
        ] {
            assert_eq!(nearest(written, keys), expected, "{written}");
        }
    }

    #[test]
    fn distance_counts_edits() {
        for (left, right, expected) in
            [("", "", 0), ("a", "", 1), ("", "ab", 2), ("kitten", "sitting", 3), ("ab", "ba", 2)]
        {
            assert_eq!(distance(left, right), expected, "{left} {right}");
        }
    }

    #[test]
    fn words_are_listed_as_a_sentence_does() {
        assert_eq!(list(["a"]), "`a`");
        assert_eq!(list(["a", "b", "c"]), "`a`, `b` and `c`");
    }
}
