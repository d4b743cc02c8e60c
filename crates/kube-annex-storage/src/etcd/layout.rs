//! Which key of etcd holds what: `<prefix>/<group>/<resource>/<namespace>/<name>`, as upstream's registries have it.

use super::proto::{KeyValue, WatchCreateRequest, WatchRequest, WatchRequestUnion};
use super::{nonsense, of_its_own, revision_of};
use crate::error::Error;
use crate::key::{Key, Prefix};
use crate::storage::Entry;
use bytes::{Bytes, BytesMut};

pub(super) struct Layout {
    /// It begins and ends with `/`.
    root: Bytes,
}

impl Layout {
    pub(super) fn new(prefix: &str) -> Self {
        let segments: Vec<&str> = prefix.split('/').filter(|segment| !segment.is_empty()).collect();
        let root = if segments.is_empty() { "/".to_owned() } else { format!("/{}/", segments.join("/")) };
        Self { root: root.into() }
    }

    pub(super) fn root(&self) -> Bytes {
        self.root.clone()
    }

    /// The key that upstream reads to see whether etcd is well. Nothing is there.
    pub(super) fn health(&self) -> Bytes {
        self.below("health")
    }

    pub(super) fn key(&self, key: &Key) -> Bytes {
        self.below(key.as_str())
    }

    /// The first key of a prefix, or the given one if that comes later, and the first after the prefix.
    pub(super) fn range(&self, prefix: &Prefix, start: Option<&Key>) -> (Bytes, Bytes) {
        let first = start.map(Key::as_str).filter(|start| *start > prefix.as_str()).unwrap_or(prefix.as_str());
        (self.below(first), self.end(prefix))
    }

    fn end(&self, prefix: &Prefix) -> Bytes {
        let mut end = BytesMut::from(&self.below(prefix.as_str())[..]);
        // A prefix ends in `/`, and after all that begin with it comes what begins with the next character.
        if let Some(last) = end.last_mut() {
            *last += 1;
        }
        end.freeze()
    }

    fn below(&self, text: &str) -> Bytes {
        let mut key = BytesMut::with_capacity(self.root.len() + text.len());
        key.extend_from_slice(&self.root);
        key.extend_from_slice(text.as_bytes());
        key.freeze()
    }

    /// The key that etcd names so.
    pub(super) fn parse(&self, key: &[u8]) -> Result<Key, Error> {
        let below = key.strip_prefix(&self.root[..]).and_then(|below| std::str::from_utf8(below).ok());
        below
            .map(Key::new)
            .ok_or_else(|| nonsense("a read", format!("{} is no key of this store", String::from_utf8_lossy(key))))
    }

    pub(super) fn entry(&self, found: KeyValue, among_others: bool) -> Result<Entry, Error> {
        let key = self.parse(&found.key)?;
        let (revision, created) = (revision_of(found.mod_revision), revision_of(found.create_revision));
        Ok(Entry { key, value: of_its_own(found, among_others), revision, created })
    }

    /// A watch of a key where nothing is, from where nothing may be kept.
    pub(super) fn watch_from_the_beginning(&self) -> WatchRequest {
        let create = WatchCreateRequest { key: self.health(), start_revision: 1, ..WatchCreateRequest::default() };
        WatchRequest { request_union: Some(WatchRequestUnion::Create(create)) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_where_upstream_has_them() {
        let flunders = Prefix::of_resource("wardle.example.com", "flunders");
        let key = flunders.in_namespace("default").key("one");
        for prefix in ["/registry/wardle.example.com", "registry/wardle.example.com/", "//registry//wardle.example.com"]
        {
            let layout = Layout::new(prefix);
            let there = "/registry/wardle.example.com/wardle.example.com/flunders/default/one";
            assert_eq!(layout.key(&key), there);
            assert_eq!(layout.parse(there.as_bytes()).unwrap(), key);
            assert_eq!(layout.health(), "/registry/wardle.example.com/health");
        }
        assert_eq!(Layout::new("").key(&key), "/wardle.example.com/flunders/default/one");
    }

    #[test]
    fn a_range_ends_before_the_neighbours() {
        let (layout, prefix) = (Layout::new("/r"), Prefix::of_resource("a.com", "bs"));
        assert_eq!(layout.range(&prefix, None), ("/r/a.com/bs/".into(), "/r/a.com/bs0".into()));
        let start = prefix.key("x");
        assert_eq!(layout.range(&prefix, Some(&start)).0, "/r/a.com/bs/x");
        assert_eq!(layout.range(&prefix, Some(&Key::new("a"))).0, "/r/a.com/bs/");
    }

    #[test]
    fn a_key_of_another_store_is_named() {
        for key in [&b"/other/a"[..], b"/r/\xff"] {
            let error = Layout::new("/r").parse(key).unwrap_err();
            let source = std::error::Error::source(&error).unwrap().to_string();
            assert!(source.ends_with(" is no key of this store"), "{source}");
        }
    }
}
