//! YAML bodies: the first document, turned into the tree that its JSON form would have.

use super::scalar;
use super::{DecodeError, Decoded, Findings, MAX_DEPTH};
use crate::field::quote;
use granit_parser::{Event, Options, Parser, ScalarStyle, Span, Tag};
use serde_json::{Map, Value};
use std::collections::HashMap;

/// How much aliases may add to a document, in nodes and bytes of text: enough for any manifest, too little for a bomb.
const MAX_ALIAS_WEIGHT: usize = 1 << 20;

/// Reads the first YAML document. As upstream, whatever comes after it is not looked at.
pub(super) fn decode(bytes: &[u8]) -> Result<Decoded, DecodeError> {
    let text = std::str::from_utf8(bytes).map_err(|error| failure(format_args!("control characters or {error}")))?;
    let mut builder = Builder::default();
    let mut options = Options::default();
    options.set_emit_comments(false);
    for event in Parser::new_from_str_with_options(text, options) {
        let (event, span) = event.map_err(failure)?;
        if matches!(event, Event::DocumentEnd) && builder.root.is_some() {
            break;
        }
        builder.event(event, span).map_err(|why| failure(format_args!("line {}: {why}", line(span))))?;
    }
    Ok(Decoded { value: builder.root.unwrap_or_default(), duplicates: builder.findings.told })
}

fn failure(why: impl std::fmt::Display) -> DecodeError {
    DecodeError::Unrecognized(format!("error converting YAML to JSON: yaml: {why}"))
}

fn line(span: Span) -> usize {
    span.start.line()
}

/// Builds the tree from the parser's events; the stack is ours, so that depth is bounded by count.
#[derive(Default)]
struct Builder {
    root: Option<Value>,
    open: Vec<Collection>,
    anchors: HashMap<usize, Anchored>,
    alias_weight: usize,
    findings: Findings,
}

struct Collection {
    kind: CollectionKind,
    anchor: usize,
    weight: usize,
    height: usize,
}

enum CollectionKind {
    List(Vec<Value>),
    Map { entries: Map<String, Value>, key: Key },
}

enum Key {
    Awaited,
    Merge,
    Named(String),
}

struct Anchored {
    node: Node,
    /// The text of a plain scalar, for when the alias is a key.
    merge: bool,
}

/// A finished value with its size and its nesting.
#[derive(Clone)]
struct Node {
    value: Value,
    weight: usize,
    height: usize,
}

impl Builder {
    fn event(&mut self, event: Event<'_>, span: Span) -> Result<(), String> {
        match event {
            Event::Scalar(text, style, anchor, tag) => {
                let value = scalar_value(&text, style, tag.as_deref())?;
                let merge = style == ScalarStyle::Plain && tag.is_none() && text == "<<";
                let node = Node { value, weight: 1 + text.len(), height: 0 };
                self.remember(anchor, &node, merge);
                self.place(node, merge, span)?;
            }
            Event::SequenceStart(_, anchor, tag) => {
                self.open(CollectionKind::List(Vec::new()), anchor, tag.as_deref())?;
            }
            Event::MappingStart(_, anchor, tag) => {
                let kind = CollectionKind::Map { entries: Map::new(), key: Key::Awaited };
                self.open(kind, anchor, tag.as_deref())?;
            }
            Event::SequenceEnd | Event::MappingEnd => self.close(span)?,
            Event::Alias(anchor) => self.alias(anchor, span)?,
            _ => {}
        }
        Ok(())
    }

    fn open(&mut self, kind: CollectionKind, anchor: usize, tag: Option<&Tag>) -> Result<(), String> {
        if let Some(tag) = tag.and_then(Tag::core_suffix).filter(|tag| !matches!(*tag, "map" | "seq")) {
            return Err(format!("cannot decode a collection as a !!{tag}"));
        }
        self.check_depth(1)?;
        self.open.push(Collection { kind, anchor, weight: 1, height: 0 });
        Ok(())
    }

    fn close(&mut self, span: Span) -> Result<(), String> {
        let Some(Collection { kind, anchor, weight, height }) = self.open.pop() else { return Ok(()) };
        let value = match kind {
            CollectionKind::List(items) => Value::Array(items),
            CollectionKind::Map { entries, .. } => Value::Object(entries),
        };
        let node = Node { value, weight, height: height + 1 };
        self.remember(anchor, &node, false);
        self.place(node, false, span)
    }

    fn alias(&mut self, anchor: usize, span: Span) -> Result<(), String> {
        let Some(anchored) = self.anchors.get(&anchor) else {
            return Err("an anchor's value contains itself".into());
        };
        self.alias_weight += anchored.node.weight;
        if self.alias_weight > MAX_ALIAS_WEIGHT {
            return Err("document contains excessive aliasing".into());
        }
        self.check_depth(anchored.node.height)?;
        let (node, merge) = (anchored.node.clone(), anchored.merge);
        self.place(node, merge, span)
    }

    fn check_depth(&self, more: usize) -> Result<(), String> {
        if self.open.len() + more > MAX_DEPTH { Err("exceeded max depth".into()) } else { Ok(()) }
    }

    fn remember(&mut self, anchor: usize, node: &Node, merge: bool) {
        if anchor != 0 {
            self.anchors.insert(anchor, Anchored { node: node.clone(), merge });
        }
    }

    /// Puts a finished node where it belongs: the document, the list, or the map as key or value.
    fn place(&mut self, node: Node, merge: bool, span: Span) -> Result<(), String> {
        let Some(parent) = self.open.last_mut() else {
            self.root = Some(node.value);
            return Ok(());
        };
        parent.weight += node.weight;
        parent.height = parent.height.max(node.height);
        match &mut parent.kind {
            CollectionKind::List(items) => items.push(node.value),
            CollectionKind::Map { entries, key } => match std::mem::replace(key, Key::Awaited) {
                Key::Awaited if merge => *key = Key::Merge,
                Key::Awaited => {
                    let name = key_name(node.value)?;
                    if entries.contains_key(&name) {
                        self.findings.add(|| format!("line {}: key {} already set in map", line(span), quote(&name)));
                    }
                    *key = Key::Named(name);
                }
                Key::Merge => merge_into(entries, node.value)?,
                Key::Named(name) => {
                    entries.insert(name, node.value);
                }
            },
        }
        Ok(())
    }
}

/// Merges at once, as upstream's library does: keys before the merge are overwritten, keys after it overwrite.
fn merge_into(entries: &mut Map<String, Value>, value: Value) -> Result<(), String> {
    let items = if let Value::Array(items) = value { items } else { vec![value] };
    // Of several maps the first wins, so it comes last.
    for item in items.into_iter().rev() {
        let Value::Object(map) = item else {
            return Err("map merge requires map or sequence of maps as the value".into());
        };
        entries.extend(map);
    }
    Ok(())
}

/// Keys that are not text become the text of their JSON form: `on:` is the key `true`.
fn key_name(value: Value) -> Result<String, String> {
    match value {
        Value::String(name) => Ok(name),
        Value::Bool(_) | Value::Number(_) => Ok(value.to_string()),
        Value::Null => Err("unsupported map key: null".into()),
        Value::Array(_) | Value::Object(_) => Err("invalid map key: a collection".into()),
    }
}

fn scalar_value(text: &str, style: ScalarStyle, tag: Option<&Tag>) -> Result<Value, String> {
    match tag {
        None if style == ScalarStyle::Plain => scalar::plain(text),
        None => Ok(text.into()),
        Some(tag) => match tag.suffix_in_namespace("tag:yaml.org,2002:").as_deref() {
            None | Some("str" | "timestamp") => Ok(text.into()),
            Some("binary") => Err("!!binary is not supported; write the text itself".into()),
            Some(wanted) => {
                let value = scalar::plain(text)?;
                let fits = match wanted {
                    "int" => value.is_i64() || value.is_u64(),
                    "float" => value.is_number(),
                    "bool" => value.is_boolean(),
                    "null" => value.is_null(),
                    _ => false,
                };
                if fits { Ok(value) } else { Err(format!("cannot decode `{text}` as a !!{wanted}")) }
            }
        },
    }
}
