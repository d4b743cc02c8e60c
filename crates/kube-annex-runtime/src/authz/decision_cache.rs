//! Decisions of the cluster, remembered for a while.

use super::{Decision, Error};
use kube_annex::request::{RequestInfo, UserInfo};
use moka::Expiry;
use moka::future::Cache;
use sha2::{Digest, Sha256};
use std::future::Future;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// The decisions on the last questions.
pub(super) struct DecisionCache {
    decisions: Cache<Key, Decision>,
}

/// A hash of everything that the question consists of, so that an entry's size does not depend on the client.
type Key = [u8; 32];

struct Lifetimes {
    allowed: Duration,
    refused: Duration,
}

impl DecisionCache {
    pub(super) fn new(allowed: Duration, refused: Duration) -> Self {
        let decisions = Cache::builder().max_capacity(MOST_DECISIONS).expire_after(Lifetimes { allowed, refused });
        Self { decisions: decisions.build() }
    }

    /// The decision known, or else the one that `ask` finds. Those who ask the same at once share the asking. Errors
    /// are not remembered.
    pub(super) async fn get_or_ask(
        &self,
        user: &UserInfo,
        info: &RequestInfo,
        ask: impl Future<Output = Result<Decision, Error>>,
    ) -> Result<Decision, Error> {
        if is_too_large(info) {
            return ask.await;
        }
        self.decisions.try_get_with(key(user, info), ask).await.map_err(Arc::unwrap_or_clone)
    }
}

impl Expiry<Key, Decision> for Lifetimes {
    fn expire_after_create(&self, _: &Key, decision: &Decision, _: Instant) -> Option<Duration> {
        Some(if decision.is_allowed() { self.allowed } else { self.refused })
    }
}

fn is_too_large(info: &RequestInfo) -> bool {
    let texts = [
        &info.namespace,
        &info.verb,
        &info.group,
        &info.version,
        &info.resource,
        &info.subresource,
        &info.name,
        &info.path,
    ];
    texts.into_iter().map(String::len).sum::<usize>() >= LARGEST_QUESTION
}

fn key(user: &UserInfo, info: &RequestInfo) -> Key {
    let mut question = Question(Sha256::new());
    question.text(&user.name);
    question.text(&user.uid);
    question.texts(&user.groups);
    question.length(user.extra.len());
    for (name, values) in &user.extra {
        question.text(name);
        question.texts(values);
    }
    question.length(usize::from(info.is_resource_request));
    question.text(&info.verb);
    if info.is_resource_request {
        let attributes = [&info.namespace, &info.group, &info.version, &info.resource, &info.subresource, &info.name];
        for text in attributes {
            question.text(text);
        }
        question.text(&info.field_selector);
        question.text(&info.label_selector);
    } else {
        question.text(&info.path);
    }
    question.0.finalize().into()
}

/// Lengths before texts keep two questions from running together into one.
struct Question(Sha256);

impl Question {
    fn text(&mut self, text: &str) {
        self.length(text.len());
        self.0.update(text);
    }

    fn texts(&mut self, texts: &[String]) {
        self.length(texts.len());
        for text in texts {
            self.text(text);
        }
    }

    fn length(&mut self, length: usize) {
        self.0.update(length.to_le_bytes());
    }
}

const MOST_DECISIONS: u64 = 8192;
/// Bytes of what a client chooses.
const LARGEST_QUESTION: usize = 10_000;

#[cfg(test)]
mod tests {
    use super::*;

    fn user(groups: &[&str]) -> UserInfo {
        let groups = groups.iter().map(|group| (*group).to_owned()).collect();
        UserInfo { name: "ada".to_owned(), groups, ..UserInfo::default() }
    }

    fn get(name: &str, subresource: &str) -> RequestInfo {
        RequestInfo {
            is_resource_request: true,
            name: name.to_owned(),
            subresource: subresource.to_owned(),
            ..RequestInfo::default()
        }
    }

    #[test]
    fn questions_that_differ_have_keys_that_differ() {
        let base = key(&user(&["a", "b"]), &get("x", ""));
        assert_eq!(base, key(&user(&["a", "b"]), &get("x", "")));
        assert_ne!(base, key(&user(&["ab"]), &get("x", "")));
        assert_ne!(base, key(&user(&["a"]), &get("x", "")));
        assert_ne!(base, key(&user(&["a", "b"]), &get("", "x")));
        let path = RequestInfo { path: "x".to_owned(), ..RequestInfo::default() };
        assert_ne!(key(&user(&[]), &path), key(&user(&[]), &RequestInfo { is_resource_request: true, ..path.clone() }));
        let selected = RequestInfo { label_selector: "a=b".to_owned(), ..get("x", "") };
        assert_ne!(base, key(&user(&["a", "b"]), &selected));
    }

    #[tokio::test]
    async fn az_8_a_question_of_ten_thousand_bytes_is_not_remembered() {
        let cache = DecisionCache::new(Duration::from_mins(1), Duration::from_mins(1));
        for (length, asked_again) in [(LARGEST_QUESTION - 1, false), (LARGEST_QUESTION, true)] {
            let info = get(&"n".repeat(length), "");
            let allow = async { Ok(Decision::Allow) };
            let deny = async { Ok(Decision::Deny(String::new())) };
            assert_eq!(cache.get_or_ask(&user(&[]), &info, allow).await.ok(), Some(Decision::Allow));
            let second = cache.get_or_ask(&user(&[]), &info, deny).await.ok();
            assert_eq!(second != Some(Decision::Allow), asked_again, "{length} bytes");
        }
    }
}
