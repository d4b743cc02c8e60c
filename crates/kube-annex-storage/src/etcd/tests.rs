//! The messages are those of etcd itself, where its sources are at hand: Go keeps them among its modules.

use std::collections::BTreeMap;
use std::env;
use std::fs;
use std::path::PathBuf;

/// The fields of each message, by name, as numbers.
type Messages = BTreeMap<String, BTreeMap<String, u32>>;

#[test]
fn the_messages_have_the_names_and_numbers_of_etcd() {
    let Some(folder) = etcd_api() else { return };
    let mut theirs = Messages::new();
    for file in ["etcdserverpb/rpc.proto", "mvccpb/kv.proto"] {
        proto(&fs::read_to_string(folder.join(file)).unwrap(), &mut theirs);
    }
    let ours = declared(include_str!("proto.rs"));
    let mut fields = 0;
    for (message, known) in &ours {
        let Some(there) = theirs.get(message) else { panic!("etcd has no message {message}") };
        for (name, number) in known {
            assert_eq!(there.get(name), Some(number), "{message}.{name}");
            fields += 1;
        }
    }
    assert!(ours.len() >= 20 && fields >= 50, "{} messages, {fields} fields", ours.len());
}

/// The newest sources of etcd's API in Go's module cache.
fn etcd_api() -> Option<PathBuf> {
    let cache = env::var_os("GOMODCACHE").map(PathBuf::from);
    let cache = cache.or_else(|| Some(PathBuf::from(env::var_os("HOME")?).join("go/pkg/mod")))?;
    let found = fs::read_dir(cache.join("go.etcd.io/etcd/api")).ok()?.flatten().map(|entry| entry.path());
    found.filter(|path| path.join("etcdserverpb/rpc.proto").is_file()).max()
}

/// Reads `message X {` and ` type name = 1;` of a `.proto` file, those of a `oneof` too.
fn proto(text: &str, into: &mut Messages) {
    let mut message = String::new();
    for line in text.lines().map(str::trim) {
        if let Some(name) = line.strip_prefix("message ") {
            message = name.trim_end_matches(['{', '}', ' ']).to_owned();
            into.entry(message.clone()).or_default();
        } else if let Some((left, right)) = line.split_once('=') {
            let name = left.split_whitespace().last().unwrap_or_default();
            let number = right.trim().split([';', ' ', '[']).next().and_then(|number| number.parse().ok());
            if let (Some(fields), Some(number)) = (into.get_mut(&message), number) {
                fields.insert(snake_case(name), number);
            }
        }
    }
}

/// `dbSize` as `db_size`: etcd writes its names in both ways.
fn snake_case(name: &str) -> String {
    let parts = name
        .chars()
        .map(|c| if c.is_ascii_uppercase() { format!("_{}", c.to_ascii_lowercase()) } else { c.to_string() });
    parts.collect()
}

/// Reads the declarations of this crate: the tag is on the line above the field.
fn declared(text: &str) -> Messages {
    let mut messages = Messages::new();
    let (mut message, mut tag) = (None, None);
    for line in text.lines().map(str::trim) {
        if let Some(name) = line.strip_prefix("pub(super) struct ") {
            let name = name.split([' ', '{']).next().unwrap_or_default().to_owned();
            messages.entry(name.clone()).or_default();
            message = Some(name);
        } else if line.starts_with("pub(super) enum ") {
            message = None;
        } else if let Some((_, rest)) = line.split_once("tag = \"") {
            tag = rest.split('"').next().and_then(|number| number.parse().ok());
        } else if let (Some(name), Some(number)) = (line.strip_prefix("pub(super) "), tag.take()) {
            let name = name.split(':').next().unwrap_or_default().trim_start_matches("r#").to_owned();
            message.as_ref().and_then(|message| messages.get_mut(message)).map(|fields| fields.insert(name, number));
        }
    }
    messages
}
