//! The fields that a type knows, read off its schema.

use super::{DecodeError, Findings, Place};
use crate::field::quote;
use schemars::Schema;
use serde_json::{Map, Value};
use std::collections::{BTreeMap, HashMap};

/// The fields of a type, to any depth. Make it once per type: it is a compiled schema.
#[derive(Clone, Debug)]
pub struct KnownFields {
    nodes: Vec<Node>,
    root: usize,
}

/// One schema without the schemas that it combines; those are `others`.
#[derive(Clone, Debug, Default)]
struct Node {
    shape: Shape,
    fields: BTreeMap<String, usize>,
    entries: Vec<usize>,
    items: Vec<usize>,
    others: Vec<usize>,
    nullable: bool,
    /// What is meant where nothing is said: the zero value of Go.
    nothing: Option<Value>,
    /// Anything may be below: it is neither judged nor changed.
    open: bool,
    /// A whole object of another kind: its metadata are those of any object.
    embedded: bool,
}

/// What a walk found.
#[derive(Debug, Default)]
struct Judged {
    unknown: Findings,
    misfit: Option<String>,
    /// Whether what a type declares is judged of the tree: nulls in its lists are told then.
    declared: bool,
}

/// What a schema alone says a value is, beside null.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
enum Shape {
    Object,
    List,
    /// A text that is a moment in time.
    Time,
    #[default]
    Other,
}

impl KnownFields {
    /// Reads the schema of a type as [`AggregatedResource::schema`](crate::AggregatedResource::schema) gives it.
    ///
    /// Understands `$ref`, `allOf`, `anyOf`, `oneOf`, `properties`, `additionalProperties`, `patternProperties`, `items`,
    /// `prefixItems`, `nullable` and `x-kubernetes-preserve-unknown-fields`. Where alternatives exist, a field that any
    /// of them knows is known.
    pub fn of(schema: &Schema) -> Self {
        let mut compiler = Compiler { document: schema.as_value(), nodes: Vec::new(), references: HashMap::new() };
        let root = compiler.schema(schema.as_value());
        Self { nodes: compiler.nodes, root }
    }

    /// The paths of all fields below `value` that the type does not know. `apiVersion` and `kind` at the root are known.
    pub fn unknown(&self, value: &Value) -> Vec<String> {
        self.prune(&mut value.clone())
    }

    /// Drops fields that the type does not know, and nulls where the type has none; answers the paths of the former.
    pub fn prune(&self, value: &mut Value) -> Vec<String> {
        self.judge(value, false).unknown.told
    }

    /// As [`KnownFields::prune`]; fails where a list stands for an object, which serde would read field by field, and where
    /// a time is written as Go reads none.
    ///
    /// A null among the items of a list or the entries of a map is nothing of their type, as in Go; where the type
    /// `declares` what its fields may be, only those of metadata are.
    pub(super) fn prune_checked(&self, value: &mut Value, declares: bool) -> Result<Vec<String>, DecodeError> {
        let Judged { unknown, misfit, .. } = self.judge(value, declares);
        match misfit {
            Some(misfit) => Err(DecodeError::Misfit(misfit)),
            None => Ok(unknown.told),
        }
    }

    fn judge(&self, value: &mut Value, declared: bool) -> Judged {
        let mut judged = Judged { declared, ..Judged::default() };
        self.walk(value, &self.expand(&[self.root]), Place::Root, &mut judged);
        judged
    }

    /// Recursion is bounded by the depth of the tree, which decoding bounds.
    fn walk(&self, value: &mut Value, nodes: &[usize], place: Place<'_>, judged: &mut Judged) {
        if self.any(nodes, |node| node.embedded)
            && let Some(metadata) = value.get_mut("metadata")
        {
            // They are read as the metadata of any object, whose nulls are no values.
            let of_any = self.below(&[self.root], "metadata");
            let declared = std::mem::replace(&mut judged.declared, false);
            self.walk(metadata, &of_any, Place::Key(&place, "metadata"), judged);
            judged.declared = declared;
        }
        if self.any(nodes, |node| node.open) {
            return;
        }
        match value {
            Value::Object(map) if self.any(nodes, |node| node.shape == Shape::Object) => {
                self.walk_map(map, nodes, place, judged);
            }
            Value::Array(_)
                if self.any(nodes, |node| node.shape == Shape::Object)
                    && !self.any(nodes, |node| node.shape == Shape::List) =>
            {
                judged.misfit.get_or_insert_with(|| format!("{place}: expected an object, found a list"));
            }
            Value::String(text)
                if self.any(nodes, |node| node.shape == Shape::Time)
                    && (!judged.declared || place.is_in_metadata())
                    && !is_time(text) =>
            {
                let found = quote(text);
                judged.misfit.get_or_insert_with(|| {
                    format!("{place}: expected a time such as 2006-01-02T15:04:05Z, found {found}")
                });
            }
            Value::Array(list) => {
                let items = self.expand_each(nodes, |node| &node.items);
                for (index, item) in list.iter_mut().enumerate().filter(|_| !items.is_empty()) {
                    let place = Place::Index(&place, index);
                    if item.is_null() && (!judged.declared || place.is_in_metadata()) {
                        *item = self.nothing(&items);
                    }
                    self.walk(item, &items, place, judged);
                }
            }
            _ => {}
        }
    }

    fn walk_map(&self, map: &mut Map<String, Value>, nodes: &[usize], place: Place<'_>, judged: &mut Judged) {
        map.retain(|key, value| {
            let place = Place::Key(&place, key);
            let below = self.below(nodes, key);
            if below.is_empty() {
                let type_meta = matches!(place, Place::Key(Place::Root, "apiVersion" | "kind"));
                if !type_meta {
                    judged.unknown.add(|| place.to_string());
                }
                return type_meta;
            }
            if value.is_null() {
                let entry = !nodes.iter().filter_map(|id| self.node(*id)).any(|node| node.fields.contains_key(key));
                if entry && (!judged.declared || place.is_in_metadata()) {
                    *value = self.nothing(&below);
                    return true;
                }
                return self.any(&below, |node| node.nullable || node.open);
            }
            self.walk(value, &below, place, judged);
            true
        });
    }

    /// The schemas of an entry: of the field of that name if any alternative has one, else of entries of any name.
    fn below(&self, nodes: &[usize], key: &str) -> Vec<usize> {
        let named: Vec<usize> = nodes.iter().filter_map(|id| self.node(*id)?.fields.get(key).copied()).collect();
        if named.is_empty() { self.expand_each(nodes, |node| &node.entries) } else { self.expand(&named) }
    }

    fn expand_each(&self, nodes: &[usize], of: impl Fn(&Node) -> &Vec<usize>) -> Vec<usize> {
        let ids: Vec<usize> = nodes.iter().filter_map(|id| self.node(*id)).flat_map(|node| of(node).clone()).collect();
        self.expand(&ids)
    }

    /// The schemas with everything they combine, each once.
    fn expand(&self, ids: &[usize]) -> Vec<usize> {
        let mut all = Vec::with_capacity(ids.len());
        let mut open = ids.to_vec();
        while let Some(id) = open.pop() {
            if !all.contains(&id) {
                all.push(id);
                open.extend(self.node(id).map(|node| node.others.as_slice()).unwrap_or_default());
            }
        }
        all
    }

    /// What a null stands for where a value of these schemas is needed; null where they have one.
    fn nothing(&self, nodes: &[usize]) -> Value {
        if self.any(nodes, |node| node.nullable || node.open) {
            return Value::Null;
        }
        nodes.iter().filter_map(|id| self.node(*id)).find_map(|node| node.nothing.clone()).unwrap_or_default()
    }

    fn any(&self, nodes: &[usize], is: impl Fn(&Node) -> bool) -> bool {
        nodes.iter().filter_map(|id| self.node(*id)).any(is)
    }

    fn node(&self, id: usize) -> Option<&Node> {
        self.nodes.get(id)
    }
}

/// Turns schemas into nodes. A type's schema is the program's own, so its depth is bounded by the program.
struct Compiler<'s> {
    document: &'s Value,
    nodes: Vec<Node>,
    references: HashMap<&'s str, usize>,
}

impl<'s> Compiler<'s> {
    fn schema(&mut self, schema: &'s Value) -> usize {
        let id = self.nodes.len();
        self.nodes.push(Node::default());
        let node = match schema {
            Value::Object(map) => self.object(map),
            other => Node { open: other == &Value::Bool(true), ..Node::default() },
        };
        if let Some(place) = self.nodes.get_mut(id) {
            *place = node;
        }
        id
    }

    fn object(&mut self, map: &'s Map<String, Value>) -> Node {
        let mut node = Node {
            shape: shape(map),
            nothing: nothing(map),
            nullable: has_type(map, "null")
                || map.get("nullable") == Some(&Value::Bool(true))
                || map.get("const") == Some(&Value::Null)
                || map.get("enum").and_then(Value::as_array).is_some_and(|values| values.contains(&Value::Null)),
            open: map.get("x-kubernetes-preserve-unknown-fields") == Some(&Value::Bool(true)) || says_nothing(map),
            embedded: map.get("x-kubernetes-embedded-resource") == Some(&Value::Bool(true)),
            ..Node::default()
        };
        for (name, schema) in entries(map, "properties") {
            let id = self.schema(schema);
            node.fields.insert(name.clone(), id);
        }
        for (_, schema) in entries(map, "patternProperties") {
            node.entries.push(self.schema(schema));
        }
        if let Some(schema) = map.get("additionalProperties").filter(|schema| *schema != &Value::Bool(false)) {
            node.shape = Shape::Object;
            node.entries.push(self.schema(schema));
        }
        if let Some(schema) = map.get("items") {
            node.items.push(self.schema(schema));
        }
        for keyword in ["allOf", "anyOf", "oneOf"] {
            for schema in map.get(keyword).and_then(Value::as_array).into_iter().flatten() {
                node.others.push(self.schema(schema));
            }
        }
        for schema in map.get("prefixItems").and_then(Value::as_array).into_iter().flatten() {
            node.items.push(self.schema(schema));
        }
        if let Some(reference) = map.get("$ref").and_then(Value::as_str) {
            node.others.push(self.reference(reference));
        }
        node
    }

    fn reference(&mut self, reference: &'s str) -> usize {
        if let Some(id) = self.references.get(reference) {
            return *id;
        }
        // The place is taken first, so that a type that contains itself ends here.
        let id = self.nodes.len();
        self.references.insert(reference, id);
        self.nodes.push(Node::default());
        let target = reference.strip_prefix('#').and_then(|pointer| self.document.pointer(pointer));
        let node = match target {
            Some(Value::Object(map)) if is_free_form(reference, map) => Node { open: true, ..Node::default() },
            Some(Value::Object(map)) => self.object(map),
            _ => Node { open: true, ..Node::default() },
        };
        if let Some(place) = self.nodes.get_mut(id) {
            *place = node;
        }
        id
    }
}

fn entries<'s>(map: &'s Map<String, Value>, keyword: &str) -> impl Iterator<Item = (&'s String, &'s Value)> {
    map.get(keyword).and_then(Value::as_object).into_iter().flatten()
}

fn shape(map: &Map<String, Value>) -> Shape {
    if has_type(map, "object") || map.contains_key("properties") {
        Shape::Object
    } else if has_type(map, "array") || map.contains_key("items") {
        Shape::List
    } else if map.get("format").and_then(Value::as_str) == Some("date-time") {
        Shape::Time
    } else {
        Shape::Other
    }
}

fn nothing(map: &Map<String, Value>) -> Option<Value> {
    match map.get("type").and_then(Value::as_str)? {
        "string" => Some(Value::from("")),
        "integer" | "number" => Some(Value::from(0)),
        "boolean" => Some(Value::from(false)),
        "object" => Some(Value::Object(Map::new())),
        _ => None,
    }
}

fn has_type(map: &Map<String, Value>, wanted: &str) -> bool {
    match map.get("type") {
        Some(Value::String(is)) => is == wanted,
        Some(Value::Array(are)) => are.iter().any(|is| is == wanted),
        _ => false,
    }
}

/// A schema that allows everything, whatever it tells beside.
fn says_nothing(map: &Map<String, Value>) -> bool {
    const SAYING: [&str; 12] = [
        "type",
        "properties",
        "patternProperties",
        "additionalProperties",
        "items",
        "prefixItems",
        "allOf",
        "anyOf",
        "oneOf",
        "$ref",
        "enum",
        "const",
    ];
    !SAYING.iter().any(|keyword| map.contains_key(*keyword))
}

/// Whether a text is a time as Go reads it: date, time of day and zone in full, in these very letters.
fn is_time(text: &str) -> bool {
    let fits = |text: &str, form: &str| {
        text.len() == form.len()
            && text.bytes().zip(form.bytes()).all(|(byte, wanted)| match wanted {
                b'0' => byte.is_ascii_digit(),
                wanted => byte == wanted,
            })
    };
    let Some((whole, rest)) = text.split_at_checked("0000-00-00T00:00:00".len()) else { return false };
    // No minute has a second more.
    if !fits(whole, "0000-00-00T00:00:00") || whole.ends_with("60") {
        return false;
    }
    let zone = match rest.strip_prefix(['.', ',']) {
        // A point has digits behind it.
        Some(fraction) if !fraction.starts_with(|digit: char| digit.is_ascii_digit()) => return false,
        Some(fraction) => fraction.trim_start_matches(|digit: char| digit.is_ascii_digit()),
        None => rest,
    };
    zone == "Z" || fits(zone, "+00:00") || fits(zone, "-00:00")
}

/// Upstream's own types without properties, such as `FieldsV1` and `RawExtension`, hold any JSON. A type of the user
/// without properties is a struct without fields.
fn is_free_form(reference: &str, map: &Map<String, Value>) -> bool {
    let name = reference.rsplit('/').next().unwrap_or_default();
    name.starts_with("io.k8s.")
        && has_type(map, "object")
        && !map.contains_key("properties")
        && !map.contains_key("additionalProperties")
}
