//! The selectors that watchers have now, each with a number: what one watcher was told, another need not be found.

use kube_annex::options::ListOptions;
use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

/// The selections of a resource's watchers.
#[derive(Debug, Default)]
pub(crate) struct Selections(Mutex<Numbers>);

#[derive(Debug, Default)]
struct Numbers {
    last: u64,
    /// The number of a selection, and how many watchers have it.
    known: HashMap<String, (u64, usize)>,
}

/// What one watcher selects. The number is forgotten when the last watcher that has it goes.
#[derive(Debug)]
pub(crate) struct Selection {
    number: u64,
    text: String,
    all: Arc<Selections>,
}

impl Selection {
    /// The number of the selection that the options name; 0 is everything.
    pub(crate) fn of(all: &Arc<Selections>, options: &ListOptions) -> Self {
        let ListOptions { label_selector: label, field_selector: field, .. } = options;
        let all = Arc::clone(all);
        if label.is_empty() && field.is_empty() {
            return Self { number: 0, text: String::new(), all };
        }
        // The length keeps one pair of selectors from being read as another.
        let text = format!("{} {label}{field}", label.len());
        let number = {
            let mut numbers = all.0.lock().unwrap_or_else(PoisonError::into_inner);
            let next = numbers.last + 1;
            let (number, watchers) = numbers.known.entry(text.clone()).or_insert((next, 0));
            *watchers += 1;
            let number = *number;
            numbers.last = numbers.last.max(number);
            number
        };
        Self { number, text, all }
    }

    pub(crate) fn number(&self) -> u64 {
        self.number
    }
}

impl Drop for Selection {
    fn drop(&mut self) {
        if self.number == 0 {
            return;
        }
        let mut numbers = self.all.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((_, watchers)) = numbers.known.get_mut(&self.text) {
            *watchers -= 1;
            if *watchers == 0 {
                numbers.known.remove(&self.text);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn options(label: &str, field: &str) -> ListOptions {
        ListOptions { label_selector: label.to_owned(), field_selector: field.to_owned(), ..ListOptions::default() }
    }

    #[test]
    fn watchers_with_the_same_selectors_share_a_number_that_is_never_given_to_others() {
        let all = Arc::new(Selections::default());
        assert_eq!(Selection::of(&all, &options("", "")).number(), 0);
        let one = Selection::of(&all, &options("a=b", ""));
        let same = Selection::of(&all, &options("a=b", ""));
        let other = Selection::of(&all, &options("a=", "b"));
        assert_eq!(one.number(), same.number());
        assert_ne!(one.number(), other.number());
        let number = one.number();
        drop((one, same));
        assert_ne!(Selection::of(&all, &options("a=c", "")).number(), number);
        drop(other);
        assert!(all.0.lock().unwrap().known.is_empty());
    }
}
