use super::*;
use crate::key::Key;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use serde_json::{Value, json};

const PLACE: &[u8] = b"example.com/widgets/default/one";

fn secret(size: usize, seed: u8) -> String {
    STANDARD.encode(vec![seed; size])
}

fn configuration(resources: &Value) -> EncryptionConfiguration {
    let document = json!({ "apiVersion": "apiserver.config.k8s.io/v1", "kind": "EncryptionConfiguration", "resources": resources });
    serde_json::from_value(document).expect("a configuration")
}

fn aesgcm(keys: &[(&str, &str)]) -> Value {
    let keys: Vec<Value> = keys.iter().map(|(name, secret)| json!({ "name": name, "secret": secret })).collect();
    json!({ "aesgcm": { "keys": keys } })
}

fn with(providers: &[Value]) -> Transformers {
    configuration(&json!([{ "resources": ["*.*"], "providers": providers }])).transformers().expect("it is right")
}

fn place() -> Key {
    Key::new("example.com/widgets/default/one")
}

fn keep(transformers: &Transformers, value: &'static [u8]) -> Bytes {
    transformers.of(&place()).seal(value, PLACE).expect("it is encrypted")
}

fn read(transformers: &Transformers, kept: &Bytes) -> Result<(Bytes, bool), TransformError> {
    transformers.of(&place()).unseal(kept, PLACE).map(|plain| (plain.value, plain.stale))
}

fn bytes(hex: &str) -> Bytes {
    let digits = |at| u8::from_str_radix(&hex[at..at + 2], 16).expect("hexadecimal digits");
    (0..hex.len()).step_by(2).map(digits).collect()
}

#[test]
fn sr_21_a_value_of_each_size_of_key_comes_back_and_is_not_seen_in_what_is_kept() {
    for size in AesGcm::KEY_SIZES {
        let transformers = with(&[aesgcm(&[("key1", &secret(size, 7))])]);
        for value in [&b""[..], b"a", b"a value of some length, longer than a block of the cipher"] {
            let kept = keep(&transformers, value);
            assert!(kept.starts_with(b"k8s:enc:aesgcm:v1:key1:"));
            assert_eq!(kept.len(), b"k8s:enc:aesgcm:v1:key1:".len() + 12 + value.len() + 16);
            assert!(value.len() < 2 || !kept.windows(value.len()).any(|window| window == value));
            assert_eq!(read(&transformers, &kept), Ok((Bytes::from_static(value), false)));
            assert_ne!(keep(&transformers, value), kept, "no nonce is used twice");
        }
    }
    assert!(AesGcm::new(&[0; 20]).is_none());
}

/// What upstream's server writes for key `key1` of 16, 24 and 32 bytes of 7, at the place of these tests.
const UPSTREAM: [(usize, &str); 3] = [
    (
        16,
        "6b38733a656e633a61657367636d3a76313a6b6579313aeef67002a551d67750f4d9bb01d8d296e70025a0f7fb662fdeea98e7bf99568524e5d44a34c6b36638ec079130",
    ),
    (
        24,
        "6b38733a656e633a61657367636d3a76313a6b6579313a4d17624587d7f5a17f30772b7904c93a0d276006586119a6ee8ba0fd25148d395e9b6f152050149da544f5c9b9",
    ),
    (
        32,
        "6b38733a656e633a61657367636d3a76313a6b6579313adbe040f34df6028802dcdf07fb4033e58ae00f5cf301a8bbe11dbcc707a11ac31e3b8324eba8e9d429db2eba40",
    ),
];

#[test]
fn sr_21_what_upstream_wrote_is_read() {
    for (size, hex) in UPSTREAM {
        let transformers = with(&[aesgcm(&[("key1", &secret(size, 7))])]);
        let expected = Bytes::from_static(br#"{"kind":"Widget"}"#);
        assert_eq!(read(&transformers, &bytes(hex)), Ok((expected, false)), "{size}");
    }
}

#[test]
fn sr_21_what_is_kept_is_bound_to_its_place() {
    let transformers = with(&[aesgcm(&[("key1", &secret(32, 7))])]);
    let kept = keep(&transformers, b"value");
    let elsewhere = transformers.of(&place()).unseal(&kept, b"example.com/widgets/default/two");
    assert_eq!(elsewhere, Err(TransformError::Refused));
}

#[test]
fn sr_21_a_changed_or_cut_value_is_refused() {
    let transformers = with(&[aesgcm(&[("key1", &secret(32, 7))])]);
    let kept = keep(&transformers, b"value");
    for at in 0..kept.len() {
        let mut changed = kept.to_vec();
        changed[at] ^= 1;
        assert!(read(&transformers, &changed.into()).is_err(), "byte {at}");
        assert!(read(&transformers, &kept.slice(..at)).is_err(), "cut at {at}");
    }
}

#[test]
fn sr_21_the_first_key_writes_and_every_key_reads() {
    let old = with(&[aesgcm(&[("key1", &secret(32, 1))])]);
    let both = with(&[aesgcm(&[("key2", &secret(16, 2)), ("key1", &secret(32, 1))])]);
    let new = with(&[aesgcm(&[("key2", &secret(16, 2))])]);
    let kept = keep(&old, b"value");
    assert_eq!(read(&both, &kept), Ok((Bytes::from_static(b"value"), true)), "it is to be rewritten");
    assert_eq!(read(&new, &kept), Err(TransformError::NoKey));
    let kept = keep(&both, b"value");
    assert!(kept.starts_with(b"k8s:enc:aesgcm:v1:key2:"));
    assert_eq!(read(&new, &kept), Ok((Bytes::from_static(b"value"), false)));
    let other = with(&[aesgcm(&[("key2", &secret(16, 3))])]);
    assert_eq!(read(&other, &kept), Err(TransformError::Refused));
}

#[test]
fn sr_21_the_same_provider_can_be_there_twice() {
    let old = keep(&with(&[aesgcm(&[("key1", &secret(32, 1))])]), b"value");
    let twice = with(&[aesgcm(&[("key2", &secret(32, 2))]), aesgcm(&[("key1", &secret(32, 1))])]);
    assert_eq!(read(&twice, &old), Ok((Bytes::from_static(b"value"), true)));
}

#[test]
fn sr_21_identity_reads_what_is_plain_and_refuses_what_is_not() {
    let plain = with(&[json!({ "identity": {} })]);
    let sealed = keep(&with(&[aesgcm(&[("key1", &secret(32, 1))])]), b"{}");
    assert_eq!(keep(&plain, b"{}"), Bytes::from_static(b"{}"));
    assert_eq!(read(&plain, &Bytes::from_static(b"{}")), Ok((Bytes::from_static(b"{}"), false)));
    assert!(read(&plain, &sealed).is_err());
    assert!(read(&Transformers::default(), &sealed).is_err(), "without a configuration too");

    let turned_on = with(&[aesgcm(&[("key1", &secret(32, 1))]), json!({ "identity": {} })]);
    assert_eq!(read(&turned_on, &Bytes::from_static(b"{}")), Ok((Bytes::from_static(b"{}"), true)));
    let turned_off = with(&[json!({ "identity": {} }), aesgcm(&[("key1", &secret(32, 1))])]);
    assert_eq!(read(&turned_off, &sealed), Ok((Bytes::from_static(b"{}"), true)));
}

#[test]
fn sr_21_a_resource_has_its_own_providers_or_its_groups_or_everyones() {
    let key = |name: &str, seed| aesgcm(&[(name, &secret(32, seed))]);
    let transformers = configuration(&json!([
        { "resources": ["widgets.example.com"], "providers": [key("own", 1)] },
        { "resources": ["*.example.com"], "providers": [key("group", 2)] },
        { "resources": ["*.*"], "providers": [key("all", 3)] },
    ]))
    .transformers()
    .expect("it is right");
    for (place, name) in [
        ("example.com/widgets/default/a", "own"),
        ("example.com/gadgets/a", "group"),
        ("example.org/widgets/default/a", "all"),
    ] {
        let kept = transformers.of(&Key::new(place)).seal(b"value", place.as_bytes()).expect("it is encrypted");
        assert!(kept.starts_with(format!("k8s:enc:aesgcm:v1:{name}:").as_bytes()), "{place}");
    }
}

fn violations(resources: &Value) -> String {
    configuration(resources).transformers().expect_err("it is wrong").to_string()
}

#[test]
fn sr_21_every_violation_of_a_configuration_is_told_without_a_secret() {
    let identity = json!({ "identity": {} });
    let of = |providers: Value| json!([{ "resources": ["widgets.example.com"], "providers": providers }]);
    for (resources, expected) in [
        (json!([]), "resources: Required value: at least one resources is required"),
        (of(json!([])), "at least one resources[0].providers is required"),
        (of(json!([{}])), "provider does not contain any of the expected providers"),
        (of(json!([{ "identity": {}, "aesgcm": { "keys": [] } }])), "more than one provider specified"),
        (of(json!([{ "kms": { "name": "x" } }])), "resources[0].providers[0].kms: Forbidden: this server has no such"),
        (of(json!([{ "aesgcm": { "keys": [] } }])), "resources[0].providers[0].aesgcm.keys: Required value"),
        (of(json!([aesgcm(&[("", &secret(16, 1))])])), "keys[0].name: Required value: name is a mandatory field"),
        (of(json!([aesgcm(&[("a", "")])])), "keys[0].secret: Required value: secret is a mandatory field"),
        (of(json!([aesgcm(&[("a", "hunter2!")])])), "\"REDACTED\": secrets must be base64 encoded"),
        (of(json!([aesgcm(&[("a", &secret(15, 1))])])), "got 15, expected one of [16 24 32]"),
        (json!([{ "resources": [], "providers": [identity] }]), "at least one resources[0].resources is required"),
        (json!([{ "resources": ["*"], "providers": [identity] }]), "use '*.' to encrypt all the resources"),
        (json!([{ "resources": ["Widgets.x.io"], "providers": [identity] }]), "should not contain capital letters"),
        (json!([{ "resources": ["a.*"], "providers": [identity] }]), "the same resource across groups"),
        (json!([{ "resources": ["a.g", "a.g"], "providers": [identity] }]), "cannot be specified multiple times"),
        (json!([{ "resources": ["a.g", "*.g"], "providers": [identity] }]), "using overlapping resources"),
        (
            json!([
                { "resources": ["*.g"], "providers": [identity] },
                { "resources": ["a.g"], "providers": [identity] },
            ]),
            "is masked by the earlier rule for *.g",
        ),
    ] {
        let told = violations(&resources);
        assert!(told.contains(expected), "{told}");
        assert!(!told.contains("hunter2"), "{told}");
    }
}

#[test]
fn sr_21_another_document_and_unknown_fields_are_refused() {
    let other = json!({ "apiVersion": "v1", "kind": "ConfigMap", "resources": [] });
    let other: EncryptionConfiguration = serde_json::from_value(other).expect("its shape is right");
    let told = other.transformers().expect_err("it is no configuration").to_string();
    assert_eq!(told, "it is ConfigMap of v1; write EncryptionConfiguration of apiserver.config.k8s.io/v1");
    let unknown = json!({ "apiVersion": "v1", "kind": "x", "resource": [] });
    assert!(serde_json::from_value::<EncryptionConfiguration>(unknown).is_err());
}

#[test]
fn secrets_are_not_printed() {
    let configuration = configuration(&json!([{ "resources": ["*.*"], "providers": [aesgcm(&[("a", "aHVudGVy")])] }]));
    assert!(!format!("{configuration:?}").contains("aHVudGVy"));
}
