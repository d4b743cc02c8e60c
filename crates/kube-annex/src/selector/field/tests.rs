use super::{Error, KNOWN_FIELDS, Operator, Selector};
use proptest::prelude::*;

fn parse(text: &str) -> Selector {
    Selector::parse(text).unwrap()
}

fn refusal(text: &str) -> String {
    Selector::parse(text).unwrap_err().to_string()
}

fn web_of_default(field: &str) -> Option<String> {
    match field {
        "metadata.name" => Some("web".to_owned()),
        "metadata.namespace" => Some("default".to_owned()),
        _ => None,
    }
}

#[test]
fn l_17_name_and_namespace_work_with_every_operator() {
    for (text, expected) in [
        ("", true),
        ("metadata.name=web", true),
        ("metadata.name==web", true),
        ("metadata.name!=web", false),
        ("metadata.name=db", false),
        ("metadata.name==db", false),
        ("metadata.name!=db", true),
        ("metadata.namespace=default", true),
        ("metadata.namespace!=default", false),
        ("metadata.name=web,metadata.namespace=default", true),
        ("metadata.name=web,metadata.namespace=other", false),
        ("metadata.name=web,,", true),
        ("spec.absent=", true),
        ("spec.absent!=", false),
        ("spec.absent=x", false),
        ("spec.absent!=x", true),
    ] {
        assert_eq!(parse(text).matches(web_of_default), expected, "{text}");
    }
}

#[test]
fn l_17_an_unknown_field_is_refused_with_the_list_of_known_ones() {
    let error = parse("metadata.name=a,spec.x=b").check(KNOWN_FIELDS).unwrap_err();
    assert_eq!(
        error.to_string(),
        r#""spec.x" is not a known field selector: only "metadata.name", "metadata.namespace""#
    );
    assert_eq!(parse("spec.x=b").check(&["metadata.name", "metadata.namespace", "spec.x"]), Ok(()));
    assert_eq!(parse("metadata.name=a,metadata.namespace!=b").check(KNOWN_FIELDS), Ok(()));
    assert_eq!(Selector::default().check(&[]), Ok(()));
    assert!(matches!(parse("=x").check(KNOWN_FIELDS), Err(Error::UnknownField { field, .. }) if field.is_empty()));
}

#[test]
fn l_17_values_escape_backslash_comma_and_equals_sign() {
    for (text, value) in
        [(r"a=b\,c", "b,c"), (r"a=b\=c", "b=c"), (r"a=b\\", r"b\"), (r"a=\=b", "=b"), (r"a=\\\,", r"\,")]
    {
        let selector = parse(text);
        assert_eq!(selector.requirements()[0].value(), value, "{text}");
        assert_eq!(selector.requirements().len(), 1, "{text}");
        assert_eq!(selector.to_string(), text);
    }
    assert_eq!(parse(r"a=b\\,c=d").requirements().len(), 2);
}

#[test]
fn l_17_what_is_no_selector_is_refused() {
    for (text, why) in [
        ("a", "invalid selector: 'a'; can't understand 'a'"),
        ("b=c,a", "invalid selector: 'b=c,a'; can't understand 'a'"),
        (r"a\,b", r"invalid selector: 'a\,b'; can't understand 'a\,b'"),
        (r"a=b\x", r"invalid field selector: invalid escape sequence: \x"),
        (r"a=b\", r"invalid field selector: invalid escape sequence: \"),
        ("a=b=c", "invalid field selector: unescaped character in value: 61"),
        ("a===b", "invalid field selector: unescaped character in value: 61"),
    ] {
        assert_eq!(refusal(text), why, "{text}");
    }
}

#[test]
fn l_17_what_compares_nothing_with_nothing_restricts_nothing() {
    for text in ["", ",", ",,", "=", "==", "!="] {
        assert!(parse(text).is_empty(), "{text}");
    }
}

#[test]
fn az_5_only_an_exact_match_on_the_name_requires_a_name() {
    for (text, expected) in [
        ("metadata.name=x", Some("x")),
        ("metadata.name==x", Some("x")),
        ("metadata.namespace=n,metadata.name=x", Some("x")),
        ("metadata.name=", Some("")),
        ("metadata.name!=x", None),
        ("metadata.namespace=x", None),
        ("", None),
    ] {
        assert_eq!(parse(text).required_name(), expected, "{text}");
    }
}

#[test]
fn w_2_a_name_in_the_path_allows_only_a_selector_of_that_name() {
    assert_eq!(parse("").with_name("x").unwrap().to_string(), "metadata.name=x");
    for text in ["metadata.name=x", "metadata.name=x,metadata.namespace=n"] {
        assert_eq!(parse(text).with_name("x").unwrap(), parse(text));
    }
    for text in ["metadata.name=y", "metadata.name!=x", "metadata.namespace=n"] {
        let error = parse(text).with_name("x").unwrap_err();
        assert_eq!(error.to_string(), "fieldSelector metadata.name doesn't match requested name", "{text}");
    }
}

#[test]
fn az_7_the_requirements_tell_field_operator_and_value() {
    let selector = parse("b!=2,a==1");
    let seen: Vec<_> = selector.requirements().iter().map(|r| (r.field(), r.operator(), r.value())).collect();
    assert_eq!(seen, [("a", Operator::Equals, "1"), ("b", Operator::NotEquals, "2")]);
}

/// Texts made of the parts of selectors, so that many are well formed.
fn selector_like() -> impl Strategy<Value = String> {
    let part =
        prop::sample::select(vec!["a", "b", "=", "==", "!=", "!", ",", "\\", "\\,", "\\=", "\\\\", " ", "é", "a=b,"]);
    prop::collection::vec(part, 0..10).prop_map(|parts| parts.concat())
}

proptest! {
    #[test]
    fn l_17_no_text_makes_the_parser_panic(text in any::<String>()) {
        let _ = Selector::parse(&text);
    }

    #[test]
    fn l_17_a_selector_prints_to_text_that_parses_to_it(text in selector_like()) {
        if let Ok(selector) = Selector::parse(&text) {
            prop_assert_eq!(Selector::parse(&selector.to_string()), Ok(selector));
        }
    }

    #[test]
    fn l_17_any_value_survives_printing(value in any::<String>()) {
        let selector = Selector::default().with_name(&value).unwrap();
        prop_assert_eq!(Selector::parse(&selector.to_string()), Ok(selector));
    }
}
