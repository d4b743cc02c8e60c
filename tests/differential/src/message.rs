//! Protobuf as text: every field in the order in which it stands in the bytes, empty ones too.
//!
//! It is read without the server's own code, so that a mistake there is not made twice. A field that is not known here is
//! shown by its number.

use std::fmt::Write as _;

/// Whether bytes are in Kubernetes' envelope.
pub(crate) fn is_enveloped(bytes: &[u8]) -> bool {
    bytes.starts_with(PREFIX)
}

/// A message in its envelope.
pub(crate) fn text(bytes: &[u8]) -> String {
    let mut text = String::new();
    envelope(bytes, 0, &mut text);
    text
}

/// An event of a watch, without its length.
pub(crate) fn event(bytes: &[u8]) -> String {
    let mut text = String::new();
    message("WatchEvent", bytes, 0, &mut text);
    text
}

fn envelope(bytes: &[u8], depth: usize, out: &mut String) {
    let Some(unknown) = bytes.strip_prefix(PREFIX) else { return raw(bytes, out) };
    // What is in it depends on its kind.
    let types = fields(unknown).into_iter().flatten().find(|(number, _)| *number == 1);
    let kind = match types {
        Some((_, Wire::Bytes(types))) => {
            let text = |wanted| {
                let found = fields(types).into_iter().flatten().find(|(number, _)| *number == wanted);
                found.map(|(_, wire)| {
                    if let Wire::Bytes(text) = wire {
                        String::from_utf8_lossy(text).into_owned()
                    } else {
                        String::new()
                    }
                })
            };
            (text(1).unwrap_or_default(), text(2).unwrap_or_default())
        }
        _ => Default::default(),
    };
    let name = match (kind.0.as_str(), kind.1.as_str()) {
        ("meta.k8s.io/v1beta1", "PartialObjectMetadataList") => "OlderList",
        (_, kind) if kind.ends_with("List") && !KINDS.contains(&kind) => "AnyList",
        (_, kind) => KINDS.iter().find(|known| **known == kind).copied().unwrap_or_default(),
    };
    for (number, wire) in fields(unknown).unwrap_or_default() {
        indent(depth, out);
        match (number, wire) {
            (1, Wire::Bytes(types)) => inner("typeMeta", "TypeMeta", types, depth, out),
            (2, Wire::Bytes(fields)) => inner("raw", name, fields, depth, out),
            (number, wire) => value(&number.to_string(), wire, out),
        }
    }
}

fn message(name: &str, bytes: &[u8], depth: usize, out: &mut String) {
    let Some(fields) = fields(bytes) else { return raw(bytes, out) };
    for (number, wire) in fields {
        indent(depth, out);
        let declared = declared(name).iter().find(|field| field.0 == number);
        match (declared, wire) {
            (Some((_, field, "Time")), Wire::Bytes(bytes)) => time(field, bytes, out),
            (Some((_, field, "Envelope")), Wire::Bytes(bytes)) => {
                let _ = writeln!(out, "\"{field}\": {{");
                envelope(bytes, depth + 1, out);
                indent(depth, out);
                out.push_str("}\n");
            }
            (Some((_, field, "")), wire) => value(&format!("\"{field}\""), wire, out),
            (Some((_, field, of)), Wire::Bytes(bytes)) => inner(field, of, bytes, depth, out),
            (_, wire) => value(&number.to_string(), wire, out),
        }
    }
}

fn inner(field: &str, name: &str, bytes: &[u8], depth: usize, out: &mut String) {
    let _ = writeln!(out, "\"{field}\": {{");
    message(name, bytes, depth + 1, out);
    indent(depth, out);
    out.push_str("}\n");
}

fn value(field: &str, wire: Wire<'_>, out: &mut String) {
    let _ = match wire {
        Wire::Number(number) => writeln!(out, "{field}: {},", number.cast_signed()),
        Wire::Bytes(bytes) => match std::str::from_utf8(bytes) {
            Ok(text) => writeln!(out, "{field}: {},", serde_json::Value::from(text)),
            Err(_) => writeln!(out, "{field}: {},", bytes.escape_ascii()),
        },
    };
}

/// A time as JSON has it, and the nanoseconds that are always written.
fn time(field: &str, bytes: &[u8], out: &mut String) {
    let read: Vec<_> = fields(bytes).unwrap_or_default();
    let time = match read[..] {
        [(1, Wire::Number(seconds)), (2, Wire::Number(0))] => jiff::Timestamp::from_second(seconds.cast_signed()).ok(),
        _ => None,
    };
    let _ = match time {
        Some(time) => writeln!(out, "\"{field}\": \"{time}\","),
        None => writeln!(out, "\"{field}\": \"{}\",", bytes.escape_ascii()),
    };
}

fn raw(bytes: &[u8], out: &mut String) {
    let _ = writeln!(out, "{}", bytes.escape_ascii());
}

fn indent(depth: usize, out: &mut String) {
    out.extend(std::iter::repeat_n("  ", depth));
}

#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Wire<'b> {
    Number(u64),
    Bytes(&'b [u8]),
}

/// The fields of a message; `None` for what is none, or has a kind of field that these messages do not have.
fn fields(mut bytes: &[u8]) -> Option<Vec<(u64, Wire<'_>)>> {
    let mut fields = Vec::new();
    while !bytes.is_empty() {
        let tag = varint(&mut bytes)?;
        let wire = match tag & 7 {
            0 => Wire::Number(varint(&mut bytes)?),
            2 => {
                let length = usize::try_from(varint(&mut bytes)?).ok()?;
                let (taken, rest) = bytes.split_at_checked(length)?;
                bytes = rest;
                Wire::Bytes(taken)
            }
            _ => return None,
        };
        fields.push((tag >> 3, wire));
    }
    Some(fields)
}

fn varint(bytes: &mut &[u8]) -> Option<u64> {
    let mut value = 0;
    for shift in (0..64).step_by(7) {
        let (byte, rest) = bytes.split_first()?;
        *bytes = rest;
        value |= u64::from(byte & 0x7f) << shift;
        if *byte < 0x80 {
            return Some(value);
        }
    }
    None
}

const PREFIX: &[u8] = b"k8s\0";

/// Kinds whose message has the kind's name here.
const KINDS: &[&str] = &[
    "Status",
    "PartialObjectMetadata",
    "PartialObjectMetadataList",
    "APIGroupList",
    "APIGroup",
    "APIResourceList",
    "APIGroupDiscoveryList",
    "Scale",
];

/// Number, name and message of each field; no message for texts and numbers.
fn declared(message: &str) -> &'static [(u64, &'static str, &'static str)] {
    match message {
        "TypeMeta" => &[(1, "apiVersion", ""), (2, "kind", "")],
        "WatchEvent" => &[(1, "type", ""), (2, "object", "Embedded")],
        "Embedded" => &[(1, "raw", "Envelope")],
        "Status" => &[
            (1, "metadata", "ListMeta"),
            (2, "status", ""),
            (3, "message", ""),
            (4, "reason", ""),
            (5, "details", "Details"),
            (6, "code", ""),
        ],
        "Details" => &[
            (1, "name", ""),
            (2, "group", ""),
            (3, "kind", ""),
            (4, "causes", "Cause"),
            (5, "retryAfterSeconds", ""),
            (6, "uid", ""),
        ],
        "Cause" => &[(1, "reason", ""), (2, "message", ""), (3, "field", "")],
        "ListMeta" => {
            &[(1, "selfLink", ""), (2, "resourceVersion", ""), (3, "continue", ""), (4, "remainingItemCount", "")]
        }
        "ObjectMeta" => &[
            (1, "name", ""),
            (2, "generateName", ""),
            (3, "namespace", ""),
            (4, "selfLink", ""),
            (5, "uid", ""),
            (6, "resourceVersion", ""),
            (7, "generation", ""),
            (8, "creationTimestamp", "Time"),
            (9, "deletionTimestamp", "Time"),
            (10, "deletionGracePeriodSeconds", ""),
            (11, "labels", "Entry"),
            (12, "annotations", "Entry"),
            (13, "ownerReferences", "Owner"),
            (14, "finalizers", ""),
            (17, "managedFields", "Manager"),
        ],
        "Entry" => &[(1, "key", ""), (2, "value", "")],
        "Owner" => &[
            (1, "kind", ""),
            (3, "name", ""),
            (4, "uid", ""),
            (5, "apiVersion", ""),
            (6, "controller", ""),
            (7, "blockOwnerDeletion", ""),
        ],
        "Manager" => &[
            (1, "manager", ""),
            (2, "operation", ""),
            (3, "apiVersion", ""),
            (4, "time", "Time"),
            (6, "fieldsType", ""),
            (7, "fieldsV1", "Fields"),
            (8, "subresource", ""),
        ],
        "Fields" => &[(1, "raw", "")],
        "PartialObjectMetadata" => &[(1, "metadata", "ObjectMeta")],
        "PartialObjectMetadataList" => &[(1, "metadata", "ListMeta"), (2, "items", "PartialObjectMetadata")],
        "OlderList" => &[(1, "items", "PartialObjectMetadata"), (2, "metadata", "ListMeta")],
        "AnyList" => &[(1, "metadata", "ListMeta")],
        "APIGroupList" => &[(1, "groups", "APIGroup")],
        "APIGroup" => &[
            (1, "name", ""),
            (2, "versions", "GroupVersion"),
            (3, "preferredVersion", "GroupVersion"),
            (4, "serverAddressByClientCIDRs", "Address"),
        ],
        "GroupVersion" => &[(1, "groupVersion", ""), (2, "version", "")],
        "APIResourceList" => &[(1, "groupVersion", ""), (2, "resources", "Resource")],
        "APIGroupDiscoveryList" => &[(1, "metadata", "ListMeta"), (2, "items", "Group")],
        "Group" => &[(1, "metadata", "ObjectMeta"), (2, "versions", "Version")],
        "Version" => &[(1, "version", ""), (2, "resources", "Discovered"), (3, "freshness", "")],
        "Scale" => &[(1, "metadata", "ObjectMeta"), (2, "spec", "Spec"), (3, "status", "Spec")],
        "Spec" => &[(1, "replicas", ""), (2, "selector", "")],
        _ => &[],
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_field_is_shown_in_its_place() {
        let status = b"k8s\x00\n\x0c\n\x02v1\x12\x06Status\x12@\n\x06\n\x00\x12\x00\x1a\x00\x12\x07Failure\
            \x1a!too old resource version: 1 (229)\"\x07Expired0\x9a\x03\x1a\x00\"\x00";
        let shown = text(status);
        let expected = "\"typeMeta\": {\n  \"apiVersion\": \"v1\",\n  \"kind\": \"Status\",\n}\n\"raw\": {\n  \"metadata\": {\n    \
            \"selfLink\": \"\",\n    \"resourceVersion\": \"\",\n    \"continue\": \"\",\n  }\n  \"status\": \"Failure\",\n  \
            \"message\": \"too old resource version: 1 (229)\",\n  \"reason\": \"Expired\",\n  \"code\": 410,\n}\n3: \"\",\n4: \"\",\n";
        assert_eq!(shown, expected);
        assert!(is_enveloped(status));
    }

    #[test]
    fn what_is_not_known_is_shown_by_its_number() {
        assert_eq!(event(b"\x0a\x01A\x4a\x01x\x50\x05"), "\"type\": \"A\",\n9: \"x\",\n10: 5,\n");
        assert_eq!(event(b"\xff"), "\\xff\n");
    }
}
