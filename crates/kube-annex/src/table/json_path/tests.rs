use super::*;
use proptest::prelude::*;
use serde_json::json;

fn find(path: &str, root: &Value) -> Option<Value> {
    JsonPath::parse(path).unwrap().first(root).cloned()
}

fn error(path: &str) -> String {
    JsonPath::parse(path).unwrap_err().to_string()
}

/// An object as columns meet it.
fn object() -> Value {
    json!({
        "metadata": {"annotations": {"example.com/note": "here"}, "labels": {"it's": "odd"}},
        "spec": {"size": 3, "on": true, "names": ["a", "b", "c"], "nothing": null},
        "status": {"conditions": [
            {"type": "Ready", "status": "True", "weight": 1, "final": false},
            {"type": "Sound", "status": "False", "weight": 2.5, "final": true, "reason": "cracked"},
        ]},
    })
}

#[test]
fn fields_lead_down() {
    for path in [".spec.size", "$.spec.size", "{.spec.size}", " .spec.size ", "['spec'].size", ".spec[\"size\"]"] {
        assert_eq!(find(path, &object()), Some(json!(3)), "{path}");
    }
    assert_eq!(find(".spec.nothing", &object()), Some(json!(null)));
    assert_eq!(find(".spec.size.more", &object()), None);
    assert_eq!(find(".absent.size", &object()), None);
}

#[test]
fn names_with_dots_and_quotes_can_be_written() {
    for path in [
        r".metadata.annotations.example\.com/note",
        ".metadata.annotations['example.com/note']",
        r".metadata.annotations['example\.com/note']",
    ] {
        assert_eq!(find(path, &object()), Some(json!("here")), "{path}");
    }
    assert_eq!(find(r".metadata.labels['it\'s']", &object()), Some(json!("odd")));
}

#[test]
fn indexes_count_from_both_ends() {
    for (path, found) in [
        (".spec.names[0]", Some("a")),
        (".spec.names[2]", Some("c")),
        (".spec.names[3]", None),
        (".spec.names[-1]", Some("c")),
        (".spec.names[-3]", Some("a")),
        (".spec.names[-4]", None),
        (".spec[0]", None),
    ] {
        assert_eq!(find(path, &object()), found.map(Value::from), "{path}");
    }
}

#[test]
fn slices_and_wildcards_give_their_first() {
    for (path, found) in [
        (".spec.names[*]", Some("a")),
        (".spec.names[1:]", Some("b")),
        (".spec.names[-2:]", Some("b")),
        (".spec.names[:]", Some("a")),
        (".spec.names[1:1]", None),
        (".spec.names[2:1]", None),
        (".spec.names[0:9]", None),
        (".status.conditions[*].reason", Some("cracked")),
        (".status.conditions[0:2:2].reason", None),
        (".metadata.annotations.*", Some("here")),
        (".metadata.*.it's", Some("odd")),
    ] {
        assert_eq!(find(path, &object()), found.map(Value::from), "{path}");
    }
}

#[test]
fn filters_choose_items() {
    for (filter, status) in [
        ("@.type=='Ready'", Some("True")),
        ("@.type == \"Sound\"", Some("False")),
        ("@.type!='Ready'", Some("False")),
        ("@.type=='Absent'", None),
        ("@.final==true", Some("False")),
        ("@.final != true", Some("True")),
        ("@.weight==1", Some("True")),
        ("@.weight>1", Some("False")),
        ("@.weight>=2.5", Some("False")),
        ("@.weight<2.5", Some("True")),
        ("@.weight<=1.0", Some("True")),
        ("@.weight==+1", Some("True")),
        ("@.weight<-1", None),
        ("@.reason", Some("False")),
        ("@.absent", None),
        ("'Sound'==@.type", Some("False")),
        ("@.weight=='1'", None),
        ("@.weight!='1'", None),
        ("@['type']=='Ready'", Some("True")),
        ("@.*==1", None),
    ] {
        let path = format!(".status.conditions[?({filter})].status");
        assert_eq!(find(&path, &object()), status.map(Value::from), "{path}");
    }
    assert_eq!(find(".spec[?(@.size==3)]", &object()), None);
}

#[test]
fn a_quoted_text_in_a_filter_may_hold_brackets_and_operators() {
    let root = json!([{"name": "a)]==b", "value": 1}]);
    assert_eq!(find("[?(@.name=='a)]==b')].value", &root), Some(json!(1)));
}

#[test]
fn what_is_not_a_path_is_refused_with_its_place() {
    assert_eq!(
        error("spec.size"),
        "the JSON path \"spec.size\" is wrong at byte 0: expected . or [ here; a path starts with a dot, such as .spec.size"
    );
    for (path, why) in [
        ("", "the path is empty"),
        ("{}", "the path is empty"),
        (".", "a field's name must follow the dot"),
        (".spec.", "a field's name must follow the dot"),
        (".spec size", "expected . or [ here"),
        (".spec[", "expected an index"),
        (".spec[]", "expected an index"),
        (".spec[0", "expected ] here"),
        (".spec['a", "the quoted text does not end"),
        (".spec['a\\", "a character must follow the backslash"),
        (".spec[0,1]", "a union"),
        (".spec[::0]", "the step of a slice must be positive"),
        (".spec[99999999999999999999]", "not a whole number, or too large"),
        (".spec[1-2]", "not a whole number"),
        ("..size", "recursive descent"),
        (".spec[?(@.a==)]", "expected @, a quoted string"),
        (".spec[?(@.a==null)]", "expected @, a quoted string"),
        (".spec[?(@.a=1)]", "expected )] here"),
        (".spec[?(@.a==1", "expected )] here"),
        (".spec[?(@.a[?(@.b)])]", "a filter within a filter"),
        (&".a".repeat(65), "more than 64 steps"),
    ] {
        assert!(error(path).contains(why), "{path}: {}", error(path));
    }
}

#[test]
fn an_error_tells_the_byte_in_the_text_as_it_was_written() {
    assert!(error("{.spec[}").contains("at byte 7:"), "{}", error("{.spec[}"));
    assert!(error("  .spec[").contains("at byte 8:"), "{}", error("  .spec["));
}

proptest! {
    #[test]
    fn any_text_parses_or_is_refused_and_never_panics(path in ".{0,40}") {
        if let Ok(path) = JsonPath::parse(&path) {
            path.first(&object());
        }
    }

    #[test]
    fn any_text_of_a_paths_own_characters_never_panics(path in r"[.\[\]?(@=!<>)'\x22:*,\-0-9a-c $\\{}]{0,40}") {
        if let Ok(path) = JsonPath::parse(&path) {
            path.first(&object());
            path.first(&json!([[1, 2], {"a": {"b": [{"c": 1}]}}]));
        }
    }

    #[test]
    fn any_index_and_slice_stays_within_the_list(start in any::<i8>(), end in any::<i8>(), step in 1..5_u8) {
        let list: Vec<i32> = (0..20).collect();
        let root = json!(list);
        let index = find(&format!("[{start}]"), &root);
        let expected = if start < 0 { list.len().checked_sub(usize::from(start.unsigned_abs())) } else { usize::try_from(start).ok() };
        prop_assert_eq!(index, expected.and_then(|at| list.get(at)).map(|item| json!(item)));
        find(&format!("[{start}:{end}:{step}]"), &root);
    }

    #[test]
    fn any_name_can_be_quoted(name in ".{1,20}") {
        let quoted: String = name.chars().flat_map(|character| ['\\', character]).collect();
        prop_assert_eq!(find(&format!(".a['{quoted}']"), &json!({"a": {name: 1}})), Some(json!(1)));
    }
}
