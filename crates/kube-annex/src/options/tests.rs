use super::query::Query;
use super::{CreateOptions, DeleteOptions, FieldValidation, GetOptions, ListOptions, PatchOptions, UpdateOptions};
use crate::{Reason, Status};
use std::fmt::Debug;

/// Asserts a 422 of that kind; returns `field: error` of each cause.
fn violations<T: Debug>(kind: &str, result: Result<T, Status>) -> Vec<String> {
    let status = result.unwrap_err();
    assert_eq!((status.code, status.reason), (422, Reason::Invalid), "{status}");
    let details = status.details.clone().unwrap();
    assert_eq!((details.group.as_str(), details.kind.as_str(), details.name.as_str()), ("meta.k8s.io", kind, ""));
    let head = format!("{kind}.meta.k8s.io \"\" is invalid: ");
    assert!(status.message.starts_with(&head), "{status}");
    details.causes.iter().map(|cause| format!("{}: {}", cause.field, cause.message)).collect()
}

/// Asserts a 400; returns its message.
fn bad_request<T: Debug>(result: Result<T, Status>) -> String {
    let status = result.unwrap_err();
    assert_eq!((status.code, status.reason), (400, Reason::BadRequest), "{status}");
    status.message
}

const UNLESS_VERSION: &str =
    "resourceVersionMatch: Forbidden: resourceVersionMatch is forbidden unless resourceVersion is provided";
const WITH_CONTINUE: &str =
    "resourceVersionMatch: Forbidden: resourceVersionMatch is forbidden when continue is provided";
const NEEDS_NOT_OLDER: &str =
    "resourceVersionMatch: Forbidden: sendInitialEvents requires setting resourceVersionMatch to NotOlderThan";
const NEEDS_INITIAL_EVENTS: &str =
    "resourceVersionMatch: Forbidden: resourceVersionMatch is forbidden for watch unless sendInitialEvents is provided";

mod queries {
    use super::*;

    #[test]
    fn rq_3_11_11_only_false_and_0_are_false() {
        for (query, expected) in [
            ("x=false", Some(false)),
            ("x=FALSE", Some(false)),
            ("x=False", Some(false)),
            ("x=0", Some(false)),
            ("x=", Some(true)),
            ("x", Some(true)),
            ("x=maybe", Some(true)),
            ("x=00", Some(true)),
            ("x=no", Some(true)),
            ("x=true", Some(true)),
            ("y=1", None),
            ("", None),
        ] {
            assert_eq!(Query::parse(query).flag("x"), expected, "{query}");
        }
    }

    #[test]
    fn rq_3_the_first_value_of_a_repeated_parameter_counts() {
        let options =
            ListOptions::parse_list("limit=1&limit=x&continue=a&continue=b&labelSelector=a&labelSelector=(").unwrap();
        assert_eq!((options.limit, options.continue_token.as_str(), options.label_selector.as_str()), (1, "a", "a"));
        assert_eq!(Query::parse("x=0&x=1").flag("x"), Some(false));
    }

    #[test]
    fn rq_3_numbers_that_do_not_parse_are_400() {
        for (query, why) in [
            ("limit=x", r#"invalid value "x" for parameter limit: not a whole number"#),
            ("limit=", r#"invalid value "" for parameter limit: not a whole number"#),
            ("limit=1.5", r#"invalid value "1.5" for parameter limit: not a whole number"#),
            ("timeoutSeconds=1s", r#"invalid value "1s" for parameter timeoutSeconds: not a whole number"#),
            (
                "limit=9223372036854775808",
                r#"invalid value "9223372036854775808" for parameter limit: larger than 9223372036854775807"#,
            ),
            (
                "limit=-9223372036854775809",
                r#"invalid value "-9223372036854775809" for parameter limit: smaller than -9223372036854775808"#,
            ),
        ] {
            assert_eq!(bad_request(ListOptions::parse_list(query)), why);
            assert_eq!(bad_request(ListOptions::parse_watch(query)), why);
        }
        let why = bad_request(DeleteOptions::parse_query("gracePeriodSeconds=soon"));
        assert_eq!(why, r#"invalid value "soon" for parameter gracePeriodSeconds: not a whole number"#);
    }

    #[test]
    fn rq_3_selectors_that_do_not_parse_are_400_before_anything_is_422() {
        let why = bad_request(ListOptions::parse_list("labelSelector=a%20b&resourceVersionMatch=x"));
        assert_eq!(why, "unable to parse requirement: found 'b', expected: in, notin, =, ==, !=, gt, lt");
        let why = bad_request(ListOptions::parse_watch("fieldSelector=a&resourceVersionMatch=x"));
        assert_eq!(why, "invalid selector: 'a'; can't understand 'a'");
    }

    #[test]
    fn rq_3_unknown_parameters_are_ignored() {
        assert_eq!(ListOptions::parse_list("pretty=true&x=y&shardSelector=z").unwrap(), ListOptions::default());
        assert_eq!(GetOptions::parse("pretty=1&x").unwrap(), GetOptions::default());
    }

    #[test]
    fn escapes_and_plus_signs_are_undone() {
        let options = ListOptions::parse_list("labelSelector=a+in+%28b%2Cc%29").unwrap();
        assert_eq!(options.label_selector, "a in (b,c)");
    }
}

mod get {
    use super::*;

    #[test]
    fn g_1_the_resource_version_is_kept_as_sent() {
        assert_eq!(GetOptions::parse("").unwrap().resource_version, "");
        assert_eq!(GetOptions::parse("resourceVersion=0").unwrap().resource_version, "0");
        assert_eq!(GetOptions::parse("resourceVersion=x").unwrap().resource_version, "x");
    }

    #[test]
    fn g_4_export_is_refused_when_it_is_true() {
        for query in ["export=true", "export=", "export", "export=1", "export=yes&export=false"] {
            let why = bad_request(GetOptions::parse(query));
            assert_eq!(why, "the export parameter, deprecated since v1.14, is no longer supported", "{query}");
        }
        for query in ["export=false", "export=0", "export=False&export=true"] {
            assert!(GetOptions::parse(query).is_ok(), "{query}");
        }
    }
}

mod list {
    use super::*;

    fn violations_of(query: &str) -> Vec<String> {
        violations("ListOptions", ListOptions::parse_list(query))
    }

    #[test]
    fn l_1_every_parameter_is_read() {
        let query = "labelSelector=a&fieldSelector=metadata.name%3Dx&limit=5&resourceVersion=7&continue=\
                     &resourceVersionMatch=Exact&timeoutSeconds=3&watch=1&allowWatchBookmarks=true";
        let expected = ListOptions {
            label_selector: "a".to_owned(),
            field_selector: "metadata.name=x".to_owned(),
            watch: false,
            allow_watch_bookmarks: true,
            resource_version: "7".to_owned(),
            resource_version_match: "Exact".to_owned(),
            timeout_seconds: Some(3),
            limit: 5,
            continue_token: String::new(),
            send_initial_events: None,
        };
        assert_eq!(ListOptions::parse_list(query).unwrap(), expected);
        assert_eq!(ListOptions::parse_list("continue=t").unwrap().continue_token, "t");
    }

    #[test]
    fn l_2_a_match_needs_a_resource_version() {
        assert_eq!(violations_of("resourceVersionMatch=Exact"), [UNLESS_VERSION]);
        assert_eq!(violations_of("resourceVersionMatch=NotOlderThan"), [UNLESS_VERSION]);
        for query in
            ["resourceVersionMatch=Exact&resourceVersion=1", "resourceVersionMatch=NotOlderThan&resourceVersion=0"]
        {
            assert!(ListOptions::parse_list(query).is_ok(), "{query}");
        }
    }

    #[test]
    fn l_2_a_match_and_a_continue_token_exclude_each_other() {
        assert_eq!(violations_of("resourceVersionMatch=Exact&resourceVersion=1&continue=t"), [WITH_CONTINUE]);
    }

    #[test]
    fn l_2_an_unknown_match_is_refused() {
        assert_eq!(
            violations_of("resourceVersionMatch=exact&resourceVersion=1"),
            [r#"resourceVersionMatch: Unsupported value: "exact": supported values: "Exact", "NotOlderThan", """#]
        );
    }

    #[test]
    fn l_2_no_state_is_exactly_0() {
        assert_eq!(
            violations_of("resourceVersionMatch=Exact&resourceVersion=0"),
            [r#"resourceVersionMatch: Forbidden: resourceVersionMatch "exact" is forbidden for resourceVersion "0""#]
        );
    }

    #[test]
    fn l_2_a_list_has_no_initial_events() {
        for query in ["sendInitialEvents=true", "sendInitialEvents=false", "sendInitialEvents="] {
            assert_eq!(violations_of(query), ["sendInitialEvents: Forbidden: sendInitialEvents is forbidden for list"]);
        }
    }

    #[test]
    fn rq_8_every_violation_is_told_at_once() {
        let seen = violations_of("resourceVersionMatch=x&continue=t&sendInitialEvents=0");
        let unsupported =
            r#"resourceVersionMatch: Unsupported value: "x": supported values: "Exact", "NotOlderThan", """#;
        let list = "sendInitialEvents: Forbidden: sendInitialEvents is forbidden for list";
        assert_eq!(seen, [UNLESS_VERSION, WITH_CONTINUE, unsupported, list]);
        let status = ListOptions::parse_list("resourceVersionMatch=Exact").unwrap_err();
        assert_eq!(status.message, format!("ListOptions.meta.k8s.io \"\" is invalid: {UNLESS_VERSION}"));
    }
}

mod watch {
    use super::*;

    fn violations_of(query: &str) -> Vec<String> {
        violations("ListOptions", ListOptions::parse_watch(query))
    }

    fn initial_events(query: &str) -> (Option<bool>, String) {
        let options = ListOptions::parse_watch(query).unwrap();
        assert!(options.watch, "{query}");
        (options.send_initial_events, options.resource_version_match)
    }

    #[test]
    fn w_3_initial_events_need_the_match_not_older_than() {
        for sent in ["true", "false", ""] {
            assert_eq!(violations_of(&format!("sendInitialEvents={sent}")), [NEEDS_NOT_OLDER]);
            let query = format!("sendInitialEvents={sent}&resourceVersionMatch=NotOlderThan&resourceVersion=5");
            assert!(ListOptions::parse_watch(&query).is_ok(), "{query}");
        }
    }

    #[test]
    fn w_3_a_match_needs_initial_events() {
        assert_eq!(violations_of("resourceVersionMatch=NotOlderThan&resourceVersion=5"), [NEEDS_INITIAL_EVENTS]);
        assert_eq!(violations_of("resourceVersionMatch=NotOlderThan"), [NEEDS_INITIAL_EVENTS]);
    }

    #[test]
    fn w_3_several_violations_are_told_at_once() {
        let unsupported = r#"resourceVersionMatch: Unsupported value: "Exact": supported values: "NotOlderThan""#;
        assert_eq!(violations_of("resourceVersionMatch=Exact&resourceVersion=5"), [NEEDS_INITIAL_EVENTS, unsupported]);
        assert_eq!(
            violations_of("sendInitialEvents=true&resourceVersionMatch=Exact&continue=t"),
            [NEEDS_NOT_OLDER, unsupported, WITH_CONTINUE]
        );
    }

    #[test]
    fn w_4_a_watch_from_any_version_begins_with_the_state() {
        let with_state = (Some(true), "NotOlderThan".to_owned());
        assert_eq!(initial_events(""), with_state);
        assert_eq!(initial_events("resourceVersion=0"), with_state);
        assert_eq!(initial_events("resourceVersion="), with_state);
        assert_eq!(initial_events("resourceVersion=5"), (None, String::new()));
        let declined = "sendInitialEvents=false&resourceVersionMatch=NotOlderThan";
        assert_eq!(initial_events(declined), (Some(false), "NotOlderThan".to_owned()));
    }

    #[test]
    fn w_4_the_default_comes_before_validation() {
        // The match that was not sent meets the continue token that was.
        assert_eq!(violations_of("continue=t"), [WITH_CONTINUE]);
    }

    #[test]
    fn w_4_a_watch_list_has_initial_events_and_bookmarks() {
        for (query, expected) in [
            ("watch=1&allowWatchBookmarks=true", true),
            ("watch=maybe&allowWatchBookmarks", true),
            ("watch=1", false),
            ("watch=1&allowWatchBookmarks=true&resourceVersion=5", false),
            ("allowWatchBookmarks=1&sendInitialEvents=false&resourceVersionMatch=NotOlderThan", false),
        ] {
            assert_eq!(ListOptions::parse_watch(query).unwrap().is_watch_list(), expected, "{query}");
        }
        assert!(!ListOptions::parse_list("allowWatchBookmarks=1").unwrap().is_watch_list());
    }
}

mod write {
    use super::*;

    #[test]
    fn without_parameters_everything_is_kept_and_unknown_fields_warn() {
        let options = CreateOptions::parse_create("").unwrap();
        assert_eq!(options, CreateOptions::default());
        assert_eq!(options.field_validation, FieldValidation::Warn);
        assert!(!options.dry_run);
        assert_eq!(UpdateOptions::parse_update("").unwrap(), options);
        assert_eq!(PatchOptions::parse("", false).unwrap(), PatchOptions::default());
    }

    #[test]
    fn dry_1_only_all_is_a_dry_run() {
        assert!(CreateOptions::parse_create("dryRun=All").unwrap().dry_run);
        assert!(PatchOptions::parse("dryRun=All&dryRun=All", false).unwrap().dry_run);
        for (query, shown) in [
            ("dryRun=x", r#"["x"]"#),
            ("dryRun=", r#"[""]"#),
            ("dryRun", r#"[""]"#),
            ("dryRun=all", r#"["all"]"#),
            ("dryRun=All&dryRun=true", r#"["All","true"]"#),
        ] {
            let expected = [format!(r#"dryRun: Unsupported value: {shown}: supported values: "All""#)];
            assert_eq!(violations("CreateOptions", CreateOptions::parse_create(query)), expected);
            assert_eq!(violations("UpdateOptions", UpdateOptions::parse_update(query)), expected);
            assert_eq!(violations("PatchOptions", PatchOptions::parse(query, false)), expected);
            assert_eq!(violations("DeleteOptions", DeleteOptions::parse_query(query)), expected);
        }
    }

    #[test]
    fn fv_1_only_three_words_are_known() {
        for (query, expected) in [
            ("fieldValidation=", FieldValidation::Warn),
            ("fieldValidation=Warn", FieldValidation::Warn),
            ("fieldValidation=Ignore", FieldValidation::Ignore),
            ("fieldValidation=Strict", FieldValidation::Strict),
        ] {
            assert_eq!(CreateOptions::parse_create(query).unwrap().field_validation, expected);
            assert_eq!(PatchOptions::parse(query, false).unwrap().field_validation, expected);
        }
        let expected =
            [r#"fieldValidation: Unsupported value: "strict": supported values: "", "Ignore", "Strict", "Warn""#];
        assert_eq!(violations("UpdateOptions", UpdateOptions::parse_update("fieldValidation=strict")), expected);
    }

    #[test]
    fn p_3_a_field_manager_has_up_to_128_bytes() {
        let longest = "m".repeat(128);
        let options = CreateOptions::parse_create(&format!("fieldManager={longest}")).unwrap();
        assert_eq!(options.field_manager, longest);
        let expected = ["fieldManager: Too long: may not be more than 128 bytes"];
        let query = format!("fieldManager={longest}m");
        assert_eq!(violations("CreateOptions", CreateOptions::parse_create(&query)), expected);
        // 43 characters of three bytes each.
        let query = format!("fieldManager={}", "%E2%82%AC".repeat(43));
        assert_eq!(violations("PatchOptions", PatchOptions::parse(&query, true)), expected);
    }

    #[test]
    fn p_3_a_long_field_manager_is_not_repeated_for_each_character_that_cannot_be_printed() {
        let query = format!("fieldManager={}", "%0A".repeat(20_000));
        let status = CreateOptions::parse_create(&query).unwrap_err();
        assert!(status.message.len() < 200, "{}", status.message.len());
    }

    #[test]
    fn p_3_a_field_manager_can_be_printed() {
        for (query, shown, code, position) in [
            ("%0A", r#""\n""#, "U+000A", 0),
            ("ab%00", r#""ab\x00""#, "U+0000", 2),
            ("%E2%82%AC%7F", r#""€\x7f""#, "U+007F", 3),
            ("a%C2%A0", r#""a\u00a0""#, "U+00A0", 1),
        ] {
            let expected =
                format!("fieldManager: Invalid value: {shown}: invalid character {code} (at position {position})");
            let query = format!("fieldManager={query}");
            assert_eq!(violations("UpdateOptions", UpdateOptions::parse_update(&query)), [expected]);
        }
        let two = violations("CreateOptions", CreateOptions::parse_create("fieldManager=%0A%0B"));
        assert_eq!(two.len(), 2, "{two:?}");
    }

    #[test]
    fn p_3_letters_marks_symbols_and_quotes_can_be_printed() {
        for printable in ["kubectl-client-side-apply", "a b", "ü€漢", "e\u{301}", "\u{301}", "\"'\\", "😀", "+%"]
        {
            assert_eq!(
                super::super::validate_field_manager(printable, &crate::field::Path::new("m")),
                [],
                "{printable}"
            );
        }
        for odd in ["\u{200b}", "\u{feff}", "\u{e000}", "\u{2028}", "\u{378}", "\t"] {
            assert_eq!(super::super::validate_field_manager(odd, &crate::field::Path::new("m")).len(), 1, "{odd:?}");
        }
    }

    #[test]
    fn p_2_an_apply_needs_a_field_manager() {
        let expected = ["fieldManager: Required value: is required for apply patch"];
        assert_eq!(violations("PatchOptions", PatchOptions::parse("", true)), expected);
        assert_eq!(violations("PatchOptions", PatchOptions::parse("fieldManager=&force=1", true)), expected);
        let options = PatchOptions::parse("fieldManager=m&force=true", true).unwrap();
        assert_eq!((options.field_manager.as_str(), options.force), ("m", Some(true)));
        assert_eq!(PatchOptions::parse("fieldManager=m&force=false", true).unwrap().force, Some(false));
        assert_eq!(PatchOptions::parse("fieldManager=m", true).unwrap().force, None);
    }

    #[test]
    fn p_2_force_is_for_apply_alone() {
        for query in ["force=true", "force=false", "force="] {
            let expected = ["force: Forbidden: may not be specified for non-apply patch"];
            assert_eq!(violations("PatchOptions", PatchOptions::parse(query, false)), expected);
        }
    }

    #[test]
    fn rq_8_a_patch_tells_every_violation_in_upstreams_order() {
        let query = "force=1&fieldManager=%0A&dryRun=x&fieldValidation=y";
        let seen = violations("PatchOptions", PatchOptions::parse(query, false));
        let fields: Vec<&str> = seen.iter().filter_map(|violation| violation.split(':').next()).collect();
        assert_eq!(fields, ["force", "fieldManager", "dryRun", "fieldValidation"]);
    }
}

mod delete {
    use super::*;
    use crate::decode::MediaType;
    use crate::protobuf::Envelope;
    use crate::protobuf::wire::Writer;

    fn json(body: &str) -> Result<DeleteOptions, Status> {
        DeleteOptions::parse_body(body.as_bytes(), MediaType::Json)
    }

    fn yaml(body: &str) -> Result<DeleteOptions, Status> {
        DeleteOptions::parse_body(body.as_bytes(), MediaType::Yaml)
    }

    fn protobuf(kind: &str, raw: &[u8]) -> Result<DeleteOptions, Status> {
        let sent = Envelope { api_version: "v1", kind, raw }.seal();
        DeleteOptions::parse_body(&sent, MediaType::Protobuf)
    }

    #[test]
    fn cn_1_a_body_in_protobuf_says_what_the_same_in_json_says() {
        let mut raw = Vec::new();
        Writer(&mut raw).bytes(4, b"Foreground");
        Writer(&mut raw).bytes(5, b"All");
        let read = protobuf("DeleteOptions", &raw).unwrap();
        assert_eq!(read, json(r#"{"propagationPolicy":"Foreground","dryRun":["All"]}"#).unwrap());
        assert_eq!(protobuf("", &raw).unwrap(), read, "a body need not tell its kind");
        assert_eq!(protobuf("DeleteOptions", b"").unwrap(), DeleteOptions::default());
        assert_eq!(protobuf("Deployment", &raw).unwrap_err().code, 400);
        assert_eq!(protobuf("DeleteOptions", b"\x0a\x01x").unwrap_err().code, 400);
        for bytes in [b"k8s\0".as_slice(), b"{}", b"k8s\0\xff\xff"] {
            assert_eq!(DeleteOptions::parse_body(bytes, MediaType::Protobuf).unwrap_err().code, 400);
        }
        let mut raw = Vec::new();
        Writer(&mut raw).bytes(4, b"Sideways");
        assert_eq!(protobuf("DeleteOptions", &raw).unwrap_err().code, 422);
    }

    fn violations_of(result: Result<DeleteOptions, Status>) -> Vec<String> {
        violations("DeleteOptions", result)
    }

    #[test]
    fn del_1_the_query_is_read() {
        assert_eq!(DeleteOptions::parse_query("").unwrap(), DeleteOptions::default());
        let options = DeleteOptions::parse_query(
            "gracePeriodSeconds=5&propagationPolicy=Orphan&dryRun=All&uid=u&resourceVersion=7",
        )
        .unwrap();
        let preconditions = options.preconditions.clone().unwrap();
        assert_eq!(options.grace_period_seconds, Some(5));
        assert_eq!(options.propagation_policy.as_deref(), Some("Orphan"));
        assert!(options.is_dry_run());
        assert_eq!((preconditions.uid.as_deref(), preconditions.resource_version.as_deref()), (Some("u"), Some("7")));
        assert_eq!(DeleteOptions::parse_query("orphanDependents=maybe").unwrap().orphan_dependents, Some(true));
        assert_eq!(DeleteOptions::parse_query("uid=&resourceVersion=").unwrap().preconditions, None);
    }

    #[test]
    fn del_1_a_body_is_delete_options_of_three_versions() {
        for api_version in ["v1", "meta.k8s.io/v1", "g.io/v1beta1"] {
            let body = format!(r#"{{"apiVersion":"{api_version}","kind":"DeleteOptions","dryRun":["All"]}}"#);
            assert!(json(&body).unwrap().is_dry_run(), "{api_version}");
        }
        for body in
            ["{}", r#"{"kind":"DeleteOptions"}"#, r#"{"apiVersion":"v1"}"#, r#"{"apiVersion":null,"kind":null}"#]
        {
            assert_eq!(json(body).unwrap(), DeleteOptions::default(), "{body}");
        }
    }

    #[test]
    fn del_1_a_body_of_another_type_is_400() {
        // Upstream knows the kind in whatever version.
        assert_eq!(json(r#"{"apiVersion":"apps/v1","kind":"DeleteOptions"}"#).unwrap(), DeleteOptions::default());
        assert_eq!(
            bad_request(json(r#"{"apiVersion":"v1","kind":"Pod"}"#)),
            r#"no kind "Pod" is registered for version "v1""#
        );
        bad_request(json(r#"{"apiVersion":"g.io/v1","kind":"Thing"}"#));
        bad_request(json(r#"{"apiVersion":1}"#));
    }

    #[test]
    fn del_1_a_body_may_be_yaml() {
        let options =
            yaml("apiVersion: v1\nkind: DeleteOptions\npropagationPolicy: Background\npreconditions:\n  uid: u\n")
                .unwrap();
        assert_eq!(options.propagation_policy.as_deref(), Some("Background"));
        assert_eq!(options.preconditions.unwrap().uid.as_deref(), Some("u"));
    }

    #[test]
    fn del_1_of_a_key_that_is_written_twice_the_last_value_counts() {
        assert_eq!(
            json(r#"{"orphanDependents":true,"orphanDependents":false}"#).unwrap().orphan_dependents,
            Some(false)
        );
        assert_eq!(yaml("orphanDependents: true\norphanDependents: false\n").unwrap().orphan_dependents, Some(false));
    }

    #[test]
    fn del_1_a_body_is_read_whole() {
        let body =
            r#"{"gracePeriodSeconds":0,"preconditions":{"uid":"u","resourceVersion":"7"},"orphanDependents":false}"#;
        let options = json(body).unwrap();
        assert_eq!((options.grace_period_seconds, options.orphan_dependents), (Some(0), Some(false)));
        assert_eq!(serde_json::to_string(&options).unwrap(), body);
    }

    #[test]
    fn del_1_null_means_unset_and_unknown_fields_are_dropped() {
        let body = r#"{"dryRun":null,"propagationPolicy":null,"preconditions":{"uid":null},"x":[1]}"#;
        let options = json(body).unwrap();
        assert_eq!(options.preconditions, Some(super::super::Preconditions::default()));
        assert_eq!((options.dry_run.len(), options.propagation_policy), (0, None));
    }

    #[test]
    fn del_1_a_body_that_cannot_be_read_is_400_and_says_where() {
        let why = bad_request(json(r#"{"gracePeriodSeconds":"soon"}"#));
        assert!(why.starts_with("gracePeriodSeconds: expected "), "{why}");
        let why = bad_request(json(r#"{"preconditions":{"uid":5}}"#));
        assert!(why.starts_with("preconditions.uid: expected a string, found a number"), "{why}");
        for body in ["", "{", "[]", "1", "{} {}", r#"{"dryRun":"All"}"#, r#"{"preconditions":[]}"#] {
            bad_request(json(body));
        }
        for body in ["- a", "a: [", "gracePeriodSeconds: soon"] {
            bad_request(yaml(body));
        }
        bad_request(DeleteOptions::parse_body(b"\xff", MediaType::Json));
        bad_request(DeleteOptions::parse_body(b"\xff", MediaType::Yaml));
    }

    #[test]
    fn del_1_deep_nesting_is_400() {
        let deep = format!("{{\"x\":{}{}}}", "[".repeat(100_000), "]".repeat(100_000));
        bad_request(json(&deep));
        bad_request(yaml(&deep));
    }

    #[test]
    fn del_2_a_policy_and_its_older_spelling_exclude_each_other() {
        let expected = [
            r#"propagationPolicy: Invalid value: "Orphan": orphanDependents and deletionPropagation cannot be both set"#,
        ];
        assert_eq!(violations_of(json(r#"{"propagationPolicy":"Orphan","orphanDependents":false}"#)), expected);
        assert_eq!(violations_of(DeleteOptions::parse_query("propagationPolicy=Orphan&orphanDependents=0")), expected);
    }

    #[test]
    fn del_2_an_unknown_policy_is_refused() {
        for policy in ["Foreground", "Background", "Orphan"] {
            assert!(DeleteOptions::parse_query(&format!("propagationPolicy={policy}")).is_ok());
        }
        for policy in ["orphan", "nil", ""] {
            let expected = format!(
                "propagationPolicy: Unsupported value: \"{policy}\": supported values: \"Foreground\", \"Background\", \"Orphan\", \"nil\""
            );
            assert_eq!(violations_of(DeleteOptions::parse_query(&format!("propagationPolicy={policy}"))), [expected]);
        }
    }

    #[test]
    fn del_2_every_violation_is_told_at_once() {
        let seen = violations_of(json(r#"{"propagationPolicy":"x","orphanDependents":true,"dryRun":["y"]}"#));
        let fields: Vec<&str> = seen.iter().filter_map(|violation| violation.split(':').next()).collect();
        assert_eq!(fields, ["propagationPolicy", "propagationPolicy", "dryRun"]);
    }

    #[test]
    fn del_4_a_negative_grace_period_is_the_shortest() {
        assert_eq!(json(r#"{"gracePeriodSeconds":-5}"#).unwrap().grace_period_seconds, Some(1));
        assert_eq!(DeleteOptions::parse_query("gracePeriodSeconds=-1").unwrap().grace_period_seconds, Some(1));
        assert_eq!(DeleteOptions::parse_query("gracePeriodSeconds=0").unwrap().grace_period_seconds, Some(0));
    }

    #[test]
    fn del_14_removal_of_what_cannot_be_read_goes_with_no_other_wish() {
        let name = "ignoreStoreReadErrorWithClusterBreakingPotential";
        assert!(DeleteOptions::parse_query(&format!("{name}=true&dryRun=All")).unwrap().ignores_read_error());
        let without = DeleteOptions::parse_query(&format!("{name}=false&orphanDependents=1")).unwrap();
        assert!(!without.ignores_read_error());
        let body = format!(
            r#"{{"{name}":true,"propagationPolicy":"Orphan","gracePeriodSeconds":1,"preconditions":{{"uid":"u"}}}}"#
        );
        let beside = |other: &str| format!("{name}: Invalid value: true: cannot be set together with .{other}");
        let expected = ["propagationPolicy", "gracePeriodSeconds", "preconditions"].map(beside);
        assert_eq!(violations_of(json(&body)), expected);
        let orphans = DeleteOptions::parse_query(&format!("{name}=true&orphanDependents=0"));
        assert_eq!(violations_of(orphans), [beside("orphanDependents")]);
    }

    #[test]
    fn del_14_removal_of_what_cannot_be_read_is_of_one_object() {
        let name = "ignoreStoreReadErrorWithClusterBreakingPotential";
        let refused = DeleteOptions::parse_query(&format!("{name}=true")).unwrap().for_collection();
        let why = "is not allowed with DELETECOLLECTION, try again after removing the option";
        assert_eq!(violations_of(refused), [format!("{name}: Invalid value: true: {why}")]);
        assert!(DeleteOptions::default().for_collection().is_ok());
    }
}
