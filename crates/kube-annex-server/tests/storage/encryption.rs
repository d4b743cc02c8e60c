//! Objects encrypted at rest, as upstream's configuration file says.

use super::support::{BINARY, Standalone, ask, run_server};
use super::{FLUNDERS, create, refusal, stop};
use http::{Method, StatusCode};
use serde_json::{Value, json};
use std::fs;
use std::path::{Path, PathBuf};

const KEYS: [(&str, &str); 2] = [("key1", "c2VjcmV0IGlzIHNlY3VyZQ=="), ("key2", "dGhpcyBpcyBwYXNzd29yZA==")];

/// A configuration file whose first key writes.
fn configuration(folder: &Path, names: &[&str]) -> PathBuf {
    let mut keys = String::new();
    for name in names {
        let (_, secret) = KEYS.iter().find(|(known, _)| known == name).expect("a known key");
        keys = format!("{keys}      - {{name: {name}, secret: {secret}}}\n");
    }
    let path = folder.join(format!("encryption-{}.yaml", names.join("-")));
    let text = format!(
        "apiVersion: apiserver.config.k8s.io/v1\nkind: EncryptionConfiguration\nresources:\n- resources:\n  - \
         flunders.wardle.example.com\n  providers:\n  - aesgcm:\n      keys:\n{keys}  - identity: {{}}\n"
    );
    fs::write(&path, text).unwrap();
    path
}

fn start(folder: &Path, names: &[&str]) -> Standalone {
    start_with(folder, names, &[])
}

fn start_with(folder: &Path, names: &[&str], more: &[&str]) -> Standalone {
    let file = configuration(folder, names);
    let flag = format!("--encryption-provider-config={}", file.display());
    let flags: Vec<&str> = more.iter().copied().chain([flag.as_str()]).collect();
    tokio::task::block_in_place(|| Standalone::start_with(Path::new(BINARY), &folder.join("data"), &flags))
}

fn file_holds(folder: &Path, text: &str) -> bool {
    let bytes = fs::read(folder.join("data/storage/store.redb")).unwrap();
    bytes.windows(text.len()).any(|window| window == text.as_bytes())
}

fn version(object: &Value) -> &Value {
    &object["metadata"]["resourceVersion"]
}

#[tokio::test(flavor = "multi_thread")]
async fn sr_21_an_object_is_kept_encrypted_and_answered_plain() {
    let folder = tempfile::tempdir().unwrap();
    let server = Standalone::start(&folder.path().join("data"));
    let plain = create(&server.admin().await, "plain-as-before").await;
    stop(server);
    assert!(file_holds(folder.path(), "plain-as-before"));

    let server = start(folder.path(), &["key1"]);
    let admin = server.admin().await;
    let mut secret = super::flunder("encrypted");
    secret["metadata"]["annotations"] = json!({ "note": "nobody-reads-this-on-the-disk" });
    let (status, secret) = ask(&admin, Method::POST, FLUNDERS, Some(secret)).await;
    assert_eq!(status, StatusCode::CREATED);
    stop(server);
    assert!(!file_holds(folder.path(), "nobody-reads-this-on-the-disk"));
    assert!(file_holds(folder.path(), "k8s:enc:aesgcm:v1:key1:"));

    let server = start(folder.path(), &["key1"]);
    let admin = server.admin().await;
    assert_eq!(ask(&admin, Method::GET, &format!("{FLUNDERS}/encrypted"), None).await, (StatusCode::OK, secret));
    let path = format!("{FLUNDERS}/plain-as-before");
    assert_eq!(ask(&admin, Method::GET, &path, None).await, (StatusCode::OK, plain.clone()));
    // A write that changes nothing encrypts what is plain still, and is a write then.
    let (_, same) = ask(&admin, Method::PUT, &path, Some(plain.clone())).await;
    assert_ne!(version(&same), version(&plain));
    let (_, again) = ask(&admin, Method::PUT, &path, Some(same.clone())).await;
    assert_eq!(version(&again), version(&same), "nothing is stale any more");
}

#[tokio::test(flavor = "multi_thread")]
async fn sr_21_a_missing_key_concerns_its_objects_alone_and_rotation_ends_the_need_for_it() {
    let folder = tempfile::tempdir().unwrap();
    let server = start(folder.path(), &["key1"]);
    create(&server.admin().await, "first").await;
    stop(server);
    let server = start(folder.path(), &["key2", "key1"]);
    create(&server.admin().await, "second").await;
    stop(server);

    let server = start(folder.path(), &["key2"]);
    let admin = server.admin().await;
    let (status, body) = ask(&admin, Method::GET, &format!("{FLUNDERS}/first"), None).await;
    assert_eq!((status.as_u16(), &body["reason"]), (500, &json!("InternalError")), "{body}");
    assert_eq!(ask(&admin, Method::GET, &format!("{FLUNDERS}/second"), None).await.0, StatusCode::OK);
    stop(server);

    let data = folder.path().join("data").display().to_string();
    let rewrite = |names: &[&str]| {
        let file = configuration(folder.path(), names).display().to_string();
        run_server(&["storage", "rewrite", "--data-dir", &data, "--encryption-provider-config", &file])
    };
    assert_eq!(rewrite(&["key2"]).code, Some(1), "what cannot be read cannot be rewritten");
    assert_eq!(rewrite(&["key2", "key1"]).stdout, "1 of 2 objects were written anew\n");
    assert_eq!(rewrite(&["key2", "key1"]).stdout, "0 of 2 objects were written anew\n");
    let server = start(folder.path(), &["key2"]);
    let (status, list) = ask(&server.admin().await, Method::GET, FLUNDERS, None).await;
    assert_eq!((status, list["items"].as_array().map(Vec::len)), (StatusCode::OK, Some(2)), "{list}");
    stop(server);

    // Without a configuration nothing that is encrypted is taken for an object.
    let server = Standalone::start(&folder.path().join("data"));
    let (status, _) = ask(&server.admin().await, Method::GET, &format!("{FLUNDERS}/first"), None).await;
    assert_eq!(status, StatusCode::INTERNAL_SERVER_ERROR);
}

#[test]
fn sr_21_a_configuration_that_cannot_be_followed_is_refused_without_its_secrets() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("encryption.yaml");
    let data = folder.path().join("data").display().to_string();
    let told = |text: &str| {
        fs::write(&file, text).unwrap();
        let flag = format!("--encryption-provider-config={}", file.display());
        let told = refusal(&["serve", "--standalone", "--secure-port=0", "--data-dir", &data, &flag]);
        assert!(told.starts_with(&flag.replace('=', " ")), "{told}");
        assert!(!told.contains("hunter2"), "{told}");
        told
    };
    let begin = "apiVersion: apiserver.config.k8s.io/v1\nkind: EncryptionConfiguration\n";
    assert!(told("hunter2: [").contains("is no EncryptionConfiguration"));
    assert!(told("").contains("is no EncryptionConfiguration"));
    assert!(told(&format!("{begin}resources: []\n")).contains("resources: Required value"));
    let key = |secret: &str| {
        format!(
            "{begin}resources:\n- resources: ['*.*']\n  providers:\n  - aesgcm: {{keys: [{{name: a, secret: {secret}}}]}}\n"
        )
    };
    assert!(
        told(&key("hunter2")).contains("resources[0].providers[0].aesgcm.keys[0].secret: Invalid value: \"REDACTED\"")
    );
    let kms = format!("{begin}resources:\n- resources: ['*.*']\n  providers:\n  - kms: {{name: a}}\n");
    assert!(told(&kms).contains("this server has no such provider; it has: identity, aesgcm"));
}

#[tokio::test(flavor = "multi_thread")]
async fn sr_21_objects_in_memory_are_encrypted_too_and_reads_and_watches_are_plain() {
    let folder = tempfile::tempdir().unwrap();
    let server = start_with(folder.path(), &["key1"], &["--storage-backend=memory"]);
    let admin = server.admin().await;
    let first = create(&admin, "first").await;
    let second = create(&admin, "second").await;
    let (_, list) = ask(&admin, Method::GET, FLUNDERS, None).await;
    assert_eq!(list["items"].as_array().map(Vec::len), Some(2), "{list}");
    assert_eq!(ask(&admin, Method::GET, &format!("{FLUNDERS}/first"), None).await, (StatusCode::OK, first.clone()));
    assert_eq!(super::events(&admin, version(&first), 1).await[0]["object"], second);
}

/// What is in etcd is what upstream's server of the same flags would have put there, and reads: bound to all of its key.
#[cfg(feature = "etcd")]
#[tokio::test(flavor = "multi_thread")]
async fn sr_21_objects_in_etcd_are_encrypted_as_upstreams_and_rotate_while_the_server_runs() {
    use kube_annex_storage::encryption::{AesGcm, Encrypted, Prefixed, TransformError, Transformers};
    use kube_annex_storage::etcd::{Etcd, Options};
    use kube_annex_storage::{Prefix, Storage};
    use std::sync::Arc;

    let test = "sr_21_objects_in_etcd_are_encrypted_as_upstreams_and_rotate_while_the_server_runs";
    let Some(program) = super::support::etcd(test) else { return };
    let process = tokio::task::block_in_place(|| kube_annex_testkit::etcd::Etcd::start(&program));
    let servers = format!("--etcd-servers={}", process.addresses().join(","));
    let endpoints = process.addresses().iter().map(|address| address.parse().unwrap()).collect();
    let etcd = Arc::new(Etcd::new(Options::new(endpoints, "/registry/wardle.example.com")));
    let key = Prefix::of_resource("wardle.example.com", "flunders").in_namespace("default").key("first");

    let folder = tempfile::tempdir().unwrap();
    let server = start_with(folder.path(), &["key1"], &[&servers]);
    let first = create(&server.admin().await, "first").await;
    stop(server);
    let kept = etcd.get(&key).await.unwrap().unwrap().value;
    assert!(kept.starts_with(b"k8s:enc:aesgcm:v1:key1:"), "{kept:?}");

    let read = async |place: &str| {
        let mut transformers = Transformers::default();
        let cipher = AesGcm::new(b"secret is secure").unwrap();
        let named = vec![("k8s:enc:aesgcm:v1:key1:".into(), Arc::new(cipher) as _)];
        transformers.set("*", "*", Prefixed::new(named, TransformError::NoProvider));
        Encrypted::new(etcd.clone(), transformers).with_place(place).get(&key).await
    };
    let plain = read("/registry/wardle.example.com/").await.unwrap().unwrap().value;
    assert_eq!(serde_json::from_slice::<Value>(&plain).unwrap()["metadata"]["uid"], first["metadata"]["uid"]);
    assert!(read("").await.is_err(), "it is bound to all of its key");

    // The new key first, then every object once more, then the old key is not needed.
    let server = start_with(folder.path(), &["key2", "key1"], &[&servers]);
    let admin = server.admin().await;
    let path = format!("{FLUNDERS}/first");
    assert_eq!(ask(&admin, Method::GET, &path, None).await, (StatusCode::OK, first.clone()));
    let (status, again) = ask(&admin, Method::PUT, &path, Some(first.clone())).await;
    assert_eq!(status, StatusCode::OK);
    assert_ne!(version(&again), version(&first));
    stop(server);
    assert!(etcd.get(&key).await.unwrap().unwrap().value.starts_with(b"k8s:enc:aesgcm:v1:key2:"));
    let server = start_with(folder.path(), &["key2"], &[&servers]);
    assert_eq!(ask(&server.admin().await, Method::GET, &path, None).await, (StatusCode::OK, again));
}
