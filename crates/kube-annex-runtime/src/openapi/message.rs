//! The documents in protobuf: gnostic's `Document` of either version, made of the JSON that is there already.
//!
//! Names and numbers are those of gnostic's `OpenAPIv2.proto` and `OpenAPIv3.proto`, as far as the documents here go; what
//! a document says beyond them is left out, which a test looks for. What may be anything is told as YAML, as there.

mod v2;
mod v3;

use kube_annex::protobuf::wire::Writer;
use serde_json::Value;

/// The message that says what a document of version 2 says.
pub(super) fn of_v2(document: &Value) -> Vec<u8> {
    of(&v2::DOCUMENT, document)
}

/// The message that says what a document of version 3 says.
pub(super) fn of_v3(document: &Value) -> Vec<u8> {
    of(&v3::DOCUMENT, document)
}

fn of(shape: &Shape, document: &Value) -> Vec<u8> {
    let mut out = Vec::new();
    write_body(shape, document, &mut Writer(&mut out));
    out
}

/// What a value becomes.
#[derive(Debug)]
enum Shape {
    /// A string; nothing when it is empty, as for each of these four.
    Text,
    /// A boolean.
    Flag,
    /// A whole number.
    Whole,
    /// Any number.
    Real,
    /// Whatever it is, as YAML in a message of its own.
    Any,
    /// A message of a string, or of several.
    Strings,
    /// A message of a default: a number, a boolean or a string; of others nothing is told.
    Default,
    /// A message of an object's members, in the order of their numbers.
    Members(&'static [Member]),
    /// A message of a map: names with values of one shape.
    Map(&'static Self),
    /// A message that has the value inside, under a number that depends on it.
    Inside(fn(&Value) -> (u32, &'static Self)),
    /// What comes beside properties that are named: the schema of others, or whether there are others.
    Others(&'static Self),
}

/// A member of an object, and the field that it becomes.
#[derive(Debug)]
struct Member {
    number: u32,
    key: Key,
    shape: &'static Shape,
}

/// Which members of an object a field tells.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Key {
    /// The one of that name.
    Named(&'static str),
    /// The items of the one of that name.
    Items(&'static str),
    /// Those whose names begin with `x-`, each with its name.
    Extensions,
    /// All others, each with its name.
    Rest,
}

const fn member(number: u32, name: &'static str, shape: &'static Shape) -> Member {
    Member { number, key: Key::Named(name), shape }
}

/// The items of a list.
const fn items(number: u32, name: &'static str, shape: &'static Shape) -> Member {
    Member { number, key: Key::Items(name), shape }
}

/// What vendors add.
const fn extensions(number: u32) -> Member {
    Member { number, key: Key::Extensions, shape: &Shape::Any }
}

/// Members that are told apart by nothing but their names.
const fn rest(number: u32, shape: &'static Shape) -> Member {
    Member { number, key: Key::Rest, shape }
}

impl Key {
    fn covers(self, name: &str) -> bool {
        match self {
            Self::Named(own) | Self::Items(own) => name == own,
            Self::Extensions => name.starts_with("x-"),
            Self::Rest => !name.starts_with("x-"),
        }
    }
}

/// The documents are nested as deep as types are, never as deep as a request wants.
fn write(number: u32, shape: &Shape, value: &Value, out: &mut Writer<'_>) {
    match shape {
        Shape::Text => match value.as_str() {
            None | Some("") => {}
            Some(text) => out.bytes(number, text.as_bytes()),
        },
        Shape::Flag => {
            if value == &Value::Bool(true) {
                out.boolean(number, true);
            }
        }
        Shape::Whole => {
            if let Some(whole) = value.as_i64().filter(|whole| *whole != 0) {
                out.integer(number, whole);
            }
        }
        Shape::Real => {
            if let Some(real) = value.as_f64().filter(|real| *real != 0.0) {
                out.double(number, real);
            }
        }
        _ => inner(number, out, |out| write_body(shape, value, out)),
    }
}

fn write_body(shape: &Shape, value: &Value, out: &mut Writer<'_>) {
    match shape {
        Shape::Text | Shape::Flag | Shape::Whole | Shape::Real => {}
        // What is JSON is YAML, should it not be written.
        Shape::Any => {
            let yaml = serde_saphyr::to_string(value).unwrap_or_else(|_| value.to_string());
            out.bytes(2, yaml.as_bytes());
        }
        Shape::Strings => {
            for text in list(value).iter().filter_map(Value::as_str) {
                out.bytes(1, text.as_bytes());
            }
        }
        Shape::Default => match value {
            Value::Number(number) => out.double(1, number.as_f64().unwrap_or_default()),
            Value::Bool(flag) => out.boolean(2, *flag),
            Value::String(text) => out.bytes(3, text.as_bytes()),
            Value::Null | Value::Array(_) | Value::Object(_) => {}
        },
        Shape::Members(members) => {
            for member in *members {
                write_member(member, value, out);
            }
        }
        Shape::Map(shape) => {
            for (name, value) in value.as_object().into_iter().flatten() {
                named(1, name, shape, value, out);
            }
        }
        Shape::Inside(choose) => {
            let (number, shape) = choose(value);
            write(number, shape, value, out);
        }
        Shape::Others(schema) => match value {
            Value::Bool(allowed) => out.boolean(2, *allowed),
            schema_of_others => write(1, schema, schema_of_others, out),
        },
    }
}

fn write_member(member: &Member, object: &Value, out: &mut Writer<'_>) {
    let Member { number, key, shape } = *member;
    match key {
        Key::Named(name) => {
            if let Some(value) = object.get(name) {
                write(number, shape, value, out);
            }
        }
        Key::Items(name) => {
            for item in object.get(name).map(list).unwrap_or_default() {
                match (shape, item) {
                    // An item is one though it be empty.
                    (Shape::Text, Value::String(text)) => out.bytes(number, text.as_bytes()),
                    (shape, item) => write(number, shape, item, out),
                }
            }
        }
        Key::Extensions | Key::Rest => {
            let members = object.as_object().into_iter().flatten();
            for (name, value) in members.filter(|(name, _)| key.covers(name)) {
                named(number, name, shape, value, out);
            }
        }
    }
}

/// A list's items; another value as the only one.
fn list(value: &Value) -> &[Value] {
    value.as_array().map_or_else(|| std::slice::from_ref(value), Vec::as_slice)
}

fn named(number: u32, name: &str, shape: &Shape, value: &Value, out: &mut Writer<'_>) {
    inner(number, out, |out| {
        write(1, &Shape::Text, &Value::from(name), out);
        write(2, shape, value, out);
    });
}

fn inner(number: u32, out: &mut Writer<'_>, write: impl FnOnce(&mut Writer<'_>)) {
    let mut inner = Vec::new();
    write(&mut Writer(&mut inner));
    out.bytes(number, &inner);
}

/// What of a document a shape leaves out: places, for tests.
#[cfg(test)]
pub(super) fn left_out(version: u8, document: &Value) -> Vec<String> {
    let mut places = Vec::new();
    let shape = if version == 2 { &v2::DOCUMENT } else { &v3::DOCUMENT };
    walk(shape, document, "", &mut places);
    places
}

#[cfg(test)]
fn walk(shape: &Shape, value: &Value, place: &str, places: &mut Vec<String>) {
    match shape {
        Shape::Members(members) => {
            for (name, value) in value.as_object().into_iter().flatten() {
                let place = format!("{place}/{name}");
                match members.iter().find(|member| member.key.covers(name)) {
                    Some(Member { key: Key::Items(_), shape, .. }) => {
                        for item in list(value) {
                            walk(shape, item, &place, places);
                        }
                    }
                    Some(member) => walk(member.shape, value, &place, places),
                    None => places.push(place),
                }
            }
        }
        Shape::Map(shape) => {
            for (name, value) in value.as_object().into_iter().flatten() {
                walk(shape, value, &format!("{place}/{name}"), places);
            }
        }
        Shape::Inside(choose) => walk(choose(value).1, value, place, places),
        Shape::Others(schema) if !value.is_boolean() => walk(schema, value, place, places),
        Shape::Text if !value.is_string() => places.push(place.to_owned()),
        Shape::Flag if !value.is_boolean() => places.push(place.to_owned()),
        Shape::Whole if !value.is_i64() => places.push(place.to_owned()),
        Shape::Real if !value.is_number() => places.push(place.to_owned()),
        _ => {}
    }
}
