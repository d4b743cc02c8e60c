//! The bytes that `upstream.txt` has were written by Go's `k8s.io/apimachinery` from the JSON above each of them.

use super::messages::{DELETE_OPTIONS, LIST_META, OBJECT_META, PARTIAL_OBJECT_METADATA, SCALE, STATUS, of_kind};
use super::wire::{Fields, Value as Wire, Writer};
use super::*;
use proptest::prelude::*;
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};
use std::env;
use std::fs;
use std::path::PathBuf;

/// Each document, and upstream's bytes of it.
fn upstream() -> Vec<(Value, Vec<u8>)> {
    let lines: Vec<&str> = include_str!("upstream.txt").lines().collect();
    let pair = |pair: &[&str]| (serde_json::from_str(pair[0]).unwrap(), bytes_of(pair[1]));
    lines.chunks_exact(2).map(pair).collect()
}

fn bytes_of(hexadecimal: &str) -> Vec<u8> {
    let digits: Vec<u8> = hexadecimal.chars().map(|digit| digit.to_digit(16).unwrap().try_into().unwrap()).collect();
    digits.chunks_exact(2).map(|pair| pair[0] << 4 | pair[1]).collect()
}

#[test]
fn pm_1_err_2_d_4_documents_become_the_bytes_that_upstream_writes() {
    let documents = upstream();
    assert!(documents.len() >= 14);
    for (document, bytes) in documents {
        let ours = write(&document).unwrap_or_else(|| panic!("no form of {document}"));
        assert_eq!(ours.escape_ascii().to_string(), bytes.escape_ascii().to_string(), "{document}");
    }
}

#[test]
fn what_upstream_writes_is_read_as_the_document_that_it_was() {
    for (document, bytes) in upstream() {
        let envelope = open(&bytes).unwrap();
        let message = of_kind(envelope.api_version, envelope.kind).unwrap();
        let mut read = read(message, envelope.raw).unwrap();
        read.insert("kind".to_owned(), envelope.kind.into());
        if !envelope.api_version.is_empty() {
            read.insert("apiVersion".to_owned(), envelope.api_version.into());
        }
        let again = write(&Value::Object(read)).unwrap();
        assert_eq!(again.escape_ascii().to_string(), bytes.escape_ascii().to_string(), "{document}");
    }
}

#[test]
fn a_list_made_of_parts_is_the_list_that_upstream_writes() {
    let mut seen = 0;
    for (document, bytes) in upstream() {
        if document["kind"] != "PartialObjectMetadataList" {
            continue;
        }
        let version = document["apiVersion"].as_str().unwrap();
        let mut items = Vec::new();
        for item in document["items"].as_array().unwrap() {
            metadata::write_item(version, &item["metadata"], &mut items);
        }
        let Frame { mut head, tail } = metadata::list_frame(version, &document["metadata"], items.len());
        head.extend(items);
        head.extend(tail);
        assert_eq!(head.escape_ascii().to_string(), bytes.escape_ascii().to_string(), "{document}");
        seen += 1;
    }
    assert_eq!(seen, 3);
}

#[test]
fn cn_22_an_event_is_its_length_and_a_message_around_an_envelope() {
    // As Go's sample-apiserver sent it.
    let status = json!({
        "kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Failure",
        "message": "too old resource version: 1 (229)", "reason": "Expired", "code": 410,
    });
    let mut out = Vec::new();
    event("ERROR", &write(&status).unwrap(), &mut out);
    let sent = b"\x00\x00\x00c\n\x05ERROR\x12Z\nXk8s\x00\n\x0c\n\x02v1\x12\x06Status\x12@\n\x06\n\x00\x12\x00\x1a\x00\
        \x12\x07Failure\x1a!too old resource version: 1 (229)\"\x07Expired0\x9a\x03\x1a\x00\"\x00";
    assert_eq!(out.escape_ascii().to_string(), sent.escape_ascii().to_string());
}

#[test]
fn kinds_that_are_declared_here_have_no_form() {
    assert_eq!(write(&json!({"kind": "Flunder", "apiVersion": "wardle.example.com/v1beta1", "metadata": {}})), None);
    assert_eq!(write(&json!({"kind": "Table", "apiVersion": "meta.k8s.io/v1", "metadata": {}})), None);
    assert_eq!(write(&json!([])), None);
}

#[test]
fn options_of_a_deletion_are_read() {
    let mut raw = Vec::new();
    let mut preconditions = Vec::new();
    Writer(&mut preconditions).bytes(1, b"uid");
    let mut out = Writer(&mut raw);
    out.integer(1, -5);
    out.bytes(2, &preconditions);
    out.boolean(3, false);
    out.bytes(5, b"All");
    out.bytes(5, b"");
    // What nobody declared is passed over.
    out.bytes(99, b"?");
    out.double(98, 0.5);
    let read = Value::Object(read(&DELETE_OPTIONS, &raw).unwrap());
    let expected = json!({
        "gracePeriodSeconds": -5, "preconditions": {"uid": "uid"}, "orphanDependents": false, "dryRun": ["All", ""],
    });
    assert_eq!(read, expected);
}

#[test]
fn what_is_no_message_is_told() {
    let error = |bytes: &[u8]| read(&DELETE_OPTIONS, bytes).unwrap_err();
    assert_eq!(error(b"\x08"), Error::Truncated);
    assert_eq!(error(b"\x0a\x05ab"), Error::Truncated);
    assert_eq!(error(b"\xff\xff"), Error::Truncated);
    assert_eq!(error(b"\x08\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01"), Error::Overlong);
    assert_eq!(error(b"\x00\x01"), Error::BadField);
    assert_eq!(error(b"\x0f"), Error::BadField);
    assert_eq!(error(b"\x0c"), Error::BadField);
    assert_eq!(error(b"\x0b"), Error::Truncated);
    assert_eq!(error(&b"\x0b".repeat(5000)), Error::TooDeep);
    assert_eq!(error(b"\x0a\x01x"), Error::WrongType("gracePeriodSeconds"));
    assert_eq!(error(b"\x22\x01\xff"), Error::NotText("propagationPolicy"));
    assert_eq!(open(b"{}"), Err(Error::NoEnvelope));
    assert_eq!(open(b"k8s\0\xff"), Err(Error::Truncated));
    // A group is passed over with all that is in it.
    assert_eq!(read(&DELETE_OPTIONS, b"\x0b\x08\x01\x0c\x18\x01").unwrap()["orphanDependents"], true);
}

proptest! {
    #[test]
    fn no_bytes_are_too_much_for_a_reader(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
        for message in [&STATUS, &OBJECT_META, &DELETE_OPTIONS, &SCALE, &LIST_META, &PARTIAL_OBJECT_METADATA] {
            let _ = read(message, &bytes);
        }
        let _ = open(&bytes);
        let _ = open(&[b"k8s\0".as_slice(), &bytes].concat());
    }

    #[test]
    fn what_is_written_field_by_field_is_read_again(number in 1_u32..5000, value: i64, text: String) {
        let mut bytes = Vec::new();
        Writer(&mut bytes).integer(number, value);
        Writer(&mut bytes).bytes(number, text.as_bytes());
        let fields: Vec<_> = Fields::of(&bytes).collect::<Result<_, _>>().unwrap();
        prop_assert_eq!(fields, [(number, Wire::Varint(value.cast_unsigned())), (number, Wire::Bytes(text.as_bytes()))]);
    }
}

/// The fields of upstream's messages by file and name, as numbers.
type Declared = BTreeMap<String, BTreeMap<String, u32>>;

#[test]
fn messages_have_the_names_and_numbers_that_upstream_declares() {
    let mut ours = BTreeSet::new();
    let kinds = [
        ("v1", "Status"),
        ("v1", "APIGroupList"),
        ("v1", "APIResourceList"),
        ("apidiscovery.k8s.io/v2", "APIGroupDiscoveryList"),
        ("meta.k8s.io/v1", "PartialObjectMetadataList"),
        ("meta.k8s.io/v1beta1", "PartialObjectMetadataList"),
        ("autoscaling/v1", "Scale"),
    ];
    let mut messages: Vec<&Message> = kinds.iter().map(|(version, kind)| of_kind(version, kind).unwrap()).collect();
    messages.push(&DELETE_OPTIONS);
    while let Some(message) = messages.pop() {
        assert!(message.fields.is_sorted_by_key(|field| field.number), "{:?} is in order", message.source);
        if ours.insert(message.source) {
            messages.extend(message.fields.iter().filter_map(|field| match field.kind {
                Kind::Message(inner) | Kind::Messages(inner) => Some(inner),
                _ => None,
            }));
            compare(message);
        }
    }
    assert_eq!(ours.len(), 26);
}

/// Compares a message with upstream's sources, where Go's module cache has them.
fn compare(message: &Message) {
    let (package, name) = message.source;
    let Some(file) = declaration(package) else { return };
    let declared = proto(&fs::read_to_string(file).unwrap());
    let fields = declared.get(name).unwrap_or_else(|| panic!("{package} has no {name}"));
    for field in message.fields {
        assert_eq!(fields.get(field.name), Some(&field.number), "{package} {name}.{}", field.name);
    }
}

/// The newest `generated.proto` of a package: `k8s.io/<module>/<folder>` is in `k8s.io/<module>@<version>/<folder>`.
fn declaration(package: &str) -> Option<PathBuf> {
    let cache = env::var_os("GOMODCACHE").map(PathBuf::from);
    let cache = cache.or_else(|| Some(PathBuf::from(env::var_os("HOME")?).join("go/pkg/mod")))?;
    let (module, folder) = package.strip_prefix("k8s.io/")?.split_once('/')?;
    let versions = fs::read_dir(cache.join("k8s.io")).ok()?.flatten();
    let of_module = |name: &str| name.split_once('@').is_some_and(|(found, _)| found == module);
    let found = versions.filter(|entry| entry.file_name().to_str().is_some_and(of_module)).map(|entry| entry.path());
    found.map(|path| path.join(folder).join("generated.proto")).filter(|file| file.is_file()).max()
}

/// Reads `message X {` and ` optional type name = 1;`.
fn proto(text: &str) -> Declared {
    let mut declared = Declared::new();
    let mut message = String::new();
    for line in text.lines().map(str::trim).filter(|line| !line.starts_with("//")) {
        if let Some(name) = line.strip_prefix("message ") {
            message = name.trim_end_matches(['{', ' ']).to_owned();
        } else if let Some((left, right)) = line.split_once('=') {
            let name = left.split_whitespace().last().unwrap_or_default();
            if let Ok(number) = right.trim().trim_end_matches(';').parse() {
                declared.entry(message.clone()).or_default().insert(name.to_owned(), number);
            }
        }
    }
    declared
}
