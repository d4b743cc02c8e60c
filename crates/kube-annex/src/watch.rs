//! The events of a watch, one JSON document a line.

/// What an event tells.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum EventType {
    /// An object appeared, or came into the watcher's selection.
    Added,
    /// An object changed.
    Modified,
    /// An object is gone, or left the watcher's selection.
    Deleted,
    /// Everything up to the object's resourceVersion has been told.
    Bookmark,
    /// The watch ends; the object is a `Status`.
    Error,
}

impl EventType {
    /// The type as the wire spells it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Added => "ADDED",
            Self::Modified => "MODIFIED",
            Self::Deleted => "DELETED",
            Self::Bookmark => "BOOKMARK",
            Self::Error => "ERROR",
        }
    }
}

/// Writes one event around an object's compact JSON, newline included.
pub fn write_event(r#type: EventType, object: &[u8], out: &mut Vec<u8>) {
    out.extend_from_slice(br#"{"type":""#);
    out.extend_from_slice(r#type.as_str().as_bytes());
    out.extend_from_slice(br#"","object":"#);
    out.extend_from_slice(object);
    out.extend_from_slice(b"}\n");
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cn_22_an_event_is_one_line() {
        let mut out = Vec::new();
        write_event(EventType::Added, br#"{"kind":"K"}"#, &mut out);
        assert_eq!(out, b"{\"type\":\"ADDED\",\"object\":{\"kind\":\"K\"}}\n");
    }
}
