use super::*;
use crate::field::{Error, ErrorType};
use crate::options::DeleteOptions;
use crate::resource::Scope;
use crate::strategy::NameRule;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{ManagedFieldsEntry, ObjectMeta, OwnerReference, Time};
use k8s_openapi::jiff::Timestamp;
use std::time::{Duration, Instant};

fn good() -> ObjectMeta {
    ObjectMeta {
        name: Some("a".into()),
        namespace: Some("ns".into()),
        uid: Some("u".into()),
        resource_version: Some("1".into()),
        creation_timestamp: Some(time(0)),
        ..ObjectMeta::default()
    }
}

fn time(seconds: i64) -> Time {
    Time(Timestamp::from_second(seconds).unwrap())
}

fn owner(name: &str) -> OwnerReference {
    OwnerReference {
        api_version: "v1".into(),
        kind: "Pod".into(),
        name: name.into(),
        uid: format!("uid-{name}"),
        ..OwnerReference::default()
    }
}

fn texts(errors: &[Error]) -> Vec<String> {
    errors.iter().map(ToString::to_string).collect()
}

fn judge(change: impl FnOnce(&mut ObjectMeta)) -> Vec<String> {
    let mut metadata = good();
    change(&mut metadata);
    texts(&validate(&metadata, Scope::Namespaced, NameRule::DnsSubdomain))
}

fn judge_update(old: impl FnOnce(&mut ObjectMeta), new: impl FnOnce(&mut ObjectMeta)) -> Vec<String> {
    let (mut was, mut is) = (good(), good());
    old(&mut was);
    new(&mut is);
    // What is wrong in itself is told twice.
    let mut told = texts(&validate_update(&is, &was, Scope::Namespaced));
    let mut met = Vec::new();
    told.retain(|text| {
        !met.contains(text) && {
            met.push(text.clone());
            true
        }
    });
    told
}

#[test]
fn good_metadata_has_no_violation() {
    assert!(judge(|_| ()).is_empty());
    assert!(judge_update(|_| (), |_| ()).is_empty());
}

#[test]
fn c_8_a_name_is_required() {
    assert_eq!(judge(|m| m.name = None), ["metadata.name: Required value: name or generateName is required"]);
}

#[test]
fn om_5_a_name_keeps_the_rule_of_its_type() {
    let name = |rule, name: &str| {
        let metadata = ObjectMeta { name: Some(name.into()), ..good() };
        texts(&validate(&metadata, Scope::Namespaced, rule))
    };
    assert_eq!(name(NameRule::PathSegment, "A b"), Vec::<String>::new());
    assert_eq!(name(NameRule::PathSegment, ".."), [r#"metadata.name: Invalid value: "..": may not be '..'"#]);
    assert_eq!(name(NameRule::PathSegment, "a/b"), [r#"metadata.name: Invalid value: "a/b": may not contain '/'"#]);
    assert!(name(NameRule::DnsSubdomain, "A")[0].contains("a lowercase RFC 1123 subdomain must consist of"));
    assert!(name(NameRule::DnsSubdomain, &"a".repeat(254))[0].ends_with("must be no more than 253 characters"));
    assert!(name(NameRule::DnsLabel, "a.b")[0].ends_with("must not contain dots"));
    assert!(name(NameRule::Dns1035Label, "1a")[0].contains("a DNS-1035 label must consist of"));
}

#[test]
fn om_5_a_generate_name_is_judged_as_a_prefix() {
    assert!(judge(|m| m.generate_name = Some("a-".into())).is_empty());
    let errors = judge(|m| m.generate_name = Some("AB-".into()));
    assert!(
        errors[0].starts_with(r#"metadata.generateName: Invalid value: "AB-": a lowercase RFC 1123"#),
        "{errors:?}"
    );
}

#[test]
fn om_5_a_namespace_is_required_or_forbidden_by_scope() {
    assert_eq!(judge(|m| m.namespace = None), ["metadata.namespace: Required value"]);
    assert!(judge(|m| m.namespace = Some("A".into()))[0].contains("a lowercase RFC 1123 label must consist of"));
    let errors = validate(&good(), Scope::Cluster, NameRule::DnsSubdomain);
    assert_eq!(texts(&errors), ["metadata.namespace: Forbidden: not allowed on this type"]);
    let metadata = ObjectMeta { namespace: None, ..good() };
    assert!(validate(&metadata, Scope::Cluster, NameRule::DnsSubdomain).is_empty());
}

#[test]
fn om_5_a_generation_is_not_negative_and_not_decremented() {
    let negative = "metadata.generation: Invalid value: -1: must be greater than or equal to 0";
    assert_eq!(judge(|m| m.generation = Some(-1)), [negative]);
    let errors = judge_update(|m| m.generation = Some(2), |m| m.generation = Some(1));
    assert_eq!(errors, ["metadata.generation: Invalid value: 1: must not be decremented"]);
}

#[test]
fn om_7_label_errors_name_no_key_in_their_path() {
    let errors = judge(|m| m.labels = Some([("-".into(), "ok".into()), ("k".into(), "!".into())].into()));
    assert!(errors[0].starts_with(r#"metadata.labels: Invalid value: "-": name part must consist of"#), "{errors:?}");
    assert!(errors[1].starts_with(r#"metadata.labels: Invalid value: "!": a valid label must be an empty string or"#));
}

#[test]
fn om_5_annotations_have_lower_cased_keys_and_a_total_size() {
    assert!(judge(|m| m.annotations = Some([("Example.COM/Key".into(), "v".into())].into())).is_empty());
    assert!(judge(|m| m.annotations = Some([("a/b/c".into(), "v".into())].into()))[0].contains("a valid label key"));
    let fits = |size: usize| judge(|m| m.annotations = Some([("k".into(), "v".repeat(size - 1))].into()));
    assert!(fits(262_144).is_empty());
    assert_eq!(fits(262_145), ["metadata.annotations: Too long: may not be more than 262144 bytes"]);
}

#[test]
fn om_5_finalizers_are_qualified_names_and_the_collectors_exclude_each_other() {
    assert!(judge(|m| m.finalizers = Some(vec!["a b".into()]))[0].starts_with("metadata.finalizers: Invalid value"));
    let errors = judge(|m| m.finalizers = Some(vec![ORPHAN.into(), FOREGROUND_DELETION.into()]));
    assert_eq!(errors.len(), 1);
    assert!(errors[0].ends_with("finalizer orphan and foregroundDeletion cannot be both set"), "{errors:?}");
}

#[test]
fn om_5_an_owner_reference_is_complete_and_no_event() {
    let errors = judge(|m| m.owner_references = Some(vec![OwnerReference::default()]));
    let expected = ["apiVersion", "kind", "name", "uid"]
        .map(|field| format!("metadata.ownerReferences[0].{field}: Required value: must not be empty"));
    assert_eq!(errors, expected);
    for version in ["a/b/c", "g/"] {
        let reference = OwnerReference { api_version: version.into(), ..owner("a") };
        let errors = judge(|m| m.owner_references = Some(vec![reference]));
        assert!(errors[0].ends_with("must be <group>/<version> or <version>"), "{errors:?}");
    }
    for version in ["v1", "/v1"] {
        let event = OwnerReference { api_version: version.into(), kind: "Event".into(), ..owner("a") };
        let errors = judge(|m| m.owner_references = Some(vec![event]));
        assert!(errors[0].ends_with("/v1, Kind=Event is disallowed from being an owner"), "{errors:?}");
    }
}

#[test]
fn om_5_only_one_owner_controls() {
    let controller = |name| OwnerReference { controller: Some(true), ..owner(name) };
    let errors = judge(|m| m.owner_references = Some(vec![controller("a"), owner("b"), controller("c")]));
    assert_eq!(errors.len(), 1);
    let why = r#"Only one reference can have Controller set to true. Found "true" in references for Pod/a and Pod/c"#;
    assert!(errors[0].ends_with(why), "{errors:?}");
}

#[test]
fn om_5_managed_fields_are_well_formed() {
    let judge_entry = |entry| judge(|m| m.managed_fields = Some(vec![entry]));
    let good = ManagedFieldsEntry { operation: Some("Apply".into()), ..ManagedFieldsEntry::default() };
    assert!(judge_entry(good.clone()).is_empty());
    assert_eq!(
        judge_entry(ManagedFieldsEntry::default()),
        ["metadata.managedFields[0].operation: Required value: must not be empty"]
    );
    assert_eq!(
        judge_entry(ManagedFieldsEntry { operation: Some("X".into()), ..good.clone() }),
        [r#"metadata.managedFields[0].operation: Unsupported value: "X": supported values: "Apply", "Update""#]
    );
    assert_eq!(
        judge_entry(ManagedFieldsEntry { fields_type: Some("V2".into()), ..good.clone() }),
        [r#"metadata.managedFields[0].fieldsType: Invalid value: "V2": must be `FieldsV1`"#]
    );
    assert_eq!(
        judge_entry(ManagedFieldsEntry { manager: Some("m".repeat(129)), ..good.clone() }),
        ["metadata.managedFields[0].manager: Too long: may not be more than 128 bytes"]
    );
    assert_eq!(
        judge_entry(ManagedFieldsEntry { subresource: Some("s".repeat(257)), ..good }),
        ["metadata.managedFields[0].subresource: Too long: may not be more than 256 bytes"]
    );
}

#[test]
fn om_3_every_violation_is_told() {
    let errors = judge(|m| {
        m.name = None;
        m.namespace = None;
        m.generation = Some(-1);
    });
    assert_eq!(errors.len(), 3);
}

#[test]
fn u_8_immutable_fields_are_told_when_changed() {
    let errors = judge_update(
        |_| (),
        |m| {
            m.name = Some("b".into());
            m.namespace = Some("other".into());
            m.uid = None;
            m.creation_timestamp = Some(time(1));
            m.deletion_timestamp = Some(time(2));
            m.deletion_grace_period_seconds = Some(3);
        },
    );
    let expected = [
        r#"metadata.name: Invalid value: "b": field is immutable"#,
        r#"metadata.namespace: Invalid value: "other": field is immutable"#,
        r#"metadata.uid: Invalid value: "": field is immutable"#,
        r#"metadata.creationTimestamp: Invalid value: "1970-01-01T00:00:01Z": field is immutable"#,
        r#"metadata.deletionTimestamp: Invalid value: "1970-01-01T00:00:02Z": field is immutable"#,
        "metadata.deletionGracePeriodSeconds: Invalid value: 3: field is immutable",
    ];
    assert_eq!(errors, expected);
}

#[test]
fn u_12_finalizers_are_only_removed_while_an_object_is_deleted() {
    let deleting = |finalizers: &[&str]| {
        let finalizers = finalizers.iter().map(|&finalizer| finalizer.to_owned()).collect();
        move |m: &mut ObjectMeta| {
            m.deletion_timestamp = Some(time(1));
            m.finalizers = Some(finalizers);
        }
    };
    assert!(judge_update(deleting(&["e/a", "e/b"]), deleting(&["e/b"])).is_empty());
    let errors = judge_update(deleting(&["e/a"]), deleting(&["e/x", "e/a", "e/w"]));
    let expected = "metadata.finalizers: Forbidden: no new finalizers can be added if the object is being deleted, found \
                    new finalizers []string{\"e/w\", \"e/x\"}";
    assert_eq!(errors, [expected]);
    assert!(judge_update(|_| (), |m| m.finalizers = Some(vec!["e/a".into()])).is_empty());
}

#[test]
fn u_6_an_update_may_need_a_resource_version() {
    let error = resource_version_required();
    assert_eq!(error.to_string(), "metadata.resourceVersion: Invalid value: 0: must be specified for an update");
    assert_eq!(error.r#type, ErrorType::Invalid);
}

#[test]
fn c_5_and_c_9_a_new_object_gets_what_only_the_server_sets() {
    let mut metadata = ObjectMeta {
        self_link: Some("/x".into()),
        deletion_timestamp: Some(time(1)),
        deletion_grace_period_seconds: Some(1),
        ..good()
    };
    let now = Time(Timestamp::from_millisecond(5_900).unwrap());
    prepare_for_create(&mut metadata, now, "fresh".into());
    let expected = ObjectMeta { uid: Some("fresh".into()), creation_timestamp: Some(time(5)), ..good() };
    assert_eq!(metadata, expected);
}

#[test]
fn u_7_an_update_cannot_change_what_the_server_set() {
    let old = ObjectMeta {
        generation: Some(3),
        deletion_timestamp: Some(time(7)),
        deletion_grace_period_seconds: Some(0),
        ..good()
    };
    let mut new = ObjectMeta { name: Some("a".into()), self_link: Some("/x".into()), ..ObjectMeta::default() };
    new.generation = Some(99);
    new.creation_timestamp = Some(time(99));
    prepare_for_update(&mut new, &old);
    assert_eq!((new.generation, new.self_link, new.uid.as_deref()), (Some(3), None, Some("u")));
    assert_eq!((new.creation_timestamp, new.deletion_timestamp), (Some(time(0)), Some(time(7))));
    assert_eq!(new.deletion_grace_period_seconds, Some(0));
}

#[test]
fn u_4_a_uid_in_the_body_is_left_to_be_judged() {
    let mut new = ObjectMeta { uid: Some("other".into()), ..ObjectMeta::default() };
    prepare_for_update(&mut new, &good());
    assert_eq!(new.uid.as_deref(), Some("other"));
}

#[test]
fn c_7_a_generated_name_is_a_cut_prefix_and_a_suffix() {
    assert_eq!(generated_name("web-", "bcdfg"), "web-bcdfg");
    assert_eq!(generated_name(&"a".repeat(60), "bcdfg"), format!("{}bcdfg", "a".repeat(58)));
    assert_eq!(generated_name(&"é".repeat(40), "bcdfg").len(), 63);
    assert_eq!(generated_name(&format!("a{}", "é".repeat(40)), "bcdfg").len(), 62);
}

#[test]
fn om_14_equal_owner_references_are_kept_once_with_a_warning() {
    let mut metadata = ObjectMeta { owner_references: Some(vec![owner("a"), owner("b"), owner("a")]), ..good() };
    let warning = deduplicate_owner_references(&mut metadata, false).unwrap();
    assert!(warning.starts_with(".metadata.ownerReferences contains duplicate entries; API server dedups"));
    assert!(warning.ends_with("duplicate UID(s) observed: uid-a"), "{warning}");
    assert_eq!(metadata.owner_references, Some(vec![owner("a"), owner("b")]));
    assert_eq!(deduplicate_owner_references(&mut metadata, false), None);
    assert_eq!(deduplicate_owner_references(&mut good(), false), None);
}

fn finalizers(had: &[&str], options: &DeleteOptions) -> Vec<String> {
    let finalizers = had.iter().map(|&finalizer| finalizer.to_owned()).collect();
    finalizers_for(options, &ObjectMeta { finalizers: Some(finalizers), ..good() })
}

fn policy(policy: &str) -> DeleteOptions {
    DeleteOptions { propagation_policy: Some(policy.into()), ..DeleteOptions::default() }
}

#[test]
fn del_5_options_decide_over_the_finalizers_that_are_there() {
    let orphan = |orphan| DeleteOptions { orphan_dependents: Some(orphan), ..DeleteOptions::default() };
    assert_eq!(finalizers(&["x", FOREGROUND_DELETION], &orphan(true)), ["x", ORPHAN]);
    assert_eq!(finalizers(&[ORPHAN, "x", FOREGROUND_DELETION], &orphan(false)), ["x"]);
    assert_eq!(finalizers(&[ORPHAN], &policy("Foreground")), [FOREGROUND_DELETION]);
    assert_eq!(finalizers(&[], &policy("Orphan")), [ORPHAN]);
    assert!(finalizers(&[ORPHAN], &policy("Background")).is_empty());
}

#[test]
fn del_5_without_options_finalizers_stay_and_the_default_adds_none() {
    assert_eq!(finalizers(&["x", ORPHAN, "y"], &DeleteOptions::default()), ["x", ORPHAN, "y"]);
    assert!(finalizers(&[], &DeleteOptions::default()).is_empty());
    assert!(finalizers_for(&DeleteOptions::default(), &good()).is_empty());
}

#[test]
fn del_7_marking_sets_the_time_and_counts_the_generation() {
    let mut metadata = ObjectMeta { generation: Some(2), ..good() };
    mark_deleted(&mut metadata, &Time(Timestamp::from_millisecond(10_999).unwrap()));
    assert_eq!(metadata.deletion_timestamp, Some(time(10)));
    assert_eq!((metadata.deletion_grace_period_seconds, metadata.generation), (Some(0), Some(3)));
    let mut untracked = good();
    mark_deleted(&mut untracked, &time(1));
    assert_eq!(untracked.generation, None);
}

#[test]
fn del_8_a_second_deletion_never_moves_the_time_later() {
    let mut metadata = ObjectMeta { generation: Some(2), deletion_timestamp: Some(time(10)), ..good() };
    mark_deleted(&mut metadata, &time(20));
    assert_eq!((metadata.deletion_timestamp.clone(), metadata.generation), (Some(time(10)), Some(2)));
    mark_deleted(&mut metadata, &time(5));
    assert_eq!(metadata.deletion_timestamp, Some(time(5)));
}

#[test]
fn om_14_as_many_owner_references_as_a_body_holds_are_told_apart_in_time() {
    let owners = (0..60_000).map(|index| owner(&index.to_string()));
    let mut metadata = ObjectMeta { owner_references: Some(owners.collect()), ..ObjectMeta::default() };
    let started = Instant::now();
    assert_eq!(deduplicate_owner_references(&mut metadata, false), None);
    assert_eq!(metadata.owner_references.map(|owners| owners.len()), Some(60_000));
    assert!(started.elapsed() < Duration::from_secs(10), "{:?}", started.elapsed());
}

#[test]
fn om_5_controllers_by_the_thousand_are_not_each_told_of_with_the_whole_list() {
    let owners = (0..5_000).map(|index| OwnerReference { controller: Some(true), ..owner(&index.to_string()) });
    let metadata = ObjectMeta { owner_references: Some(owners.collect()), ..ObjectMeta::default() };
    let errors = validate_changes(&metadata, &ObjectMeta::default());
    assert_eq!(errors.iter().filter(|error| error.detail.starts_with("Only one reference")).count(), 1);
}

#[test]
fn del_7_a_generation_that_cannot_grow_stays() {
    let mut metadata = ObjectMeta { generation: Some(i64::MAX), ..ObjectMeta::default() };
    mark_deleted(&mut metadata, &time(0));
    assert_eq!(metadata.generation, Some(i64::MAX));
}

#[test]
fn new_finalizers_are_found_among_as_many_as_a_body_holds() {
    let run = |from: usize| Some((from..from + 60_000).map(|index| format!("example.com/{index}")).collect());
    let marked = Some(time(0));
    let old = ObjectMeta { finalizers: run(0), deletion_timestamp: marked.clone(), ..ObjectMeta::default() };
    let new = ObjectMeta { finalizers: run(1), deletion_timestamp: marked, ..ObjectMeta::default() };
    let started = Instant::now();
    let errors = validate_changes(&new, &old);
    assert!(errors.iter().any(|error| error.detail.ends_with(r#"[]string{"example.com/60000"}"#)), "{errors:?}");
    assert!(started.elapsed() < Duration::from_secs(10), "{:?}", started.elapsed());
}

#[test]
fn violations_by_the_thousand_are_counted_rather_than_told() {
    let labels = (0..50_000).map(|index| (format!("no label {index}"), String::new()));
    let metadata = ObjectMeta { labels: Some(labels.collect()), ..good() };
    let errors = validate(&metadata, Scope::Namespaced, NameRule::PathSegment);
    let started = Instant::now();
    let status = crate::Status::invalid("g", "K", "a", &errors);
    assert!(started.elapsed() < Duration::from_secs(10), "{:?}", started.elapsed());
    assert!(status.message.ends_with(", and 49000 more"));
    assert_eq!(status.details.map(|details| details.causes.len()), Some(1000));
}
