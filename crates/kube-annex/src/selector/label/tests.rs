use super::{Operator, Selector};
use proptest::prelude::*;
use std::collections::BTreeMap;

fn parse(text: &str) -> Selector {
    Selector::parse(text).unwrap()
}

fn refusal(text: &str) -> String {
    Selector::parse(text).unwrap_err().to_string()
}

fn labels(pairs: &[(&str, &str)]) -> BTreeMap<String, String> {
    pairs.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect()
}

/// Texts and whether they match `app=web,size=10,empty=`.
fn assert_matches(rows: &[(&str, bool)]) {
    let labels = labels(&[("app", "web"), ("size", "10"), ("empty", "")]);
    for (text, expected) in rows {
        assert_eq!(parse(text).matches(&labels), *expected, "{text}");
    }
}

#[test]
fn l_16_the_empty_selector_matches_everything() {
    for text in ["", " ", "\t\r\n"] {
        assert!(parse(text).is_empty(), "{text:?}");
    }
    assert_eq!(parse(""), Selector::default());
    assert!(Selector::default().matches(&labels(&[])));
    assert!(!parse("a").is_empty());
}

#[test]
fn l_16_equality_compares_the_value_and_needs_the_key() {
    assert_matches(&[
        ("app=web", true),
        ("app==web", true),
        ("app=db", false),
        ("app=", false),
        ("empty=", true),
        ("absent=", false),
        ("absent=web", false),
    ]);
}

#[test]
fn l_16_inequality_and_notin_match_objects_that_lack_the_key() {
    assert_matches(&[
        ("app!=db", true),
        ("app!=web", false),
        ("absent!=web", true),
        ("app notin (db,cache)", true),
        ("app notin (db,web)", false),
        ("absent notin (web)", true),
        ("empty!=", false),
        ("empty notin ()", false),
    ]);
}

#[test]
fn l_16_in_matches_one_of_a_set() {
    assert_matches(&[
        ("app in (db,web)", true),
        ("app in (db)", false),
        ("absent in (web)", false),
        ("empty in ()", true),
        ("empty in (,a)", true),
        ("app in ()", false),
    ]);
}

#[test]
fn l_16_existence_asks_for_the_key_alone() {
    assert_matches(&[("app", true), ("empty", true), ("absent", false), ("!app", false), ("!absent", true)]);
}

#[test]
fn l_16_greater_and_less_compare_whole_numbers_only() {
    assert_matches(&[
        ("size>9", true),
        ("size>10", false),
        ("size<11", true),
        ("size<10", false),
        ("app>1", false),
        ("app<1", false),
        ("absent>1", false),
    ]);
}

#[test]
fn l_16_a_comma_means_and() {
    assert_matches(&[("app=web,size", true), ("app=web,absent", false), ("app in (web,db),!absent,size>5", true)]);
}

#[test]
fn the_requirements_tell_key_operator_and_sorted_values() {
    let selector = parse("z!=1,y in (c,a,c),x");
    let seen: Vec<_> = selector.requirements().iter().map(|r| (r.key(), r.operator(), r.values().join("|"))).collect();
    assert_eq!(
        seen,
        [
            ("x", Operator::Exists, String::new()),
            ("y", Operator::In, "a|c".to_owned()),
            ("z", Operator::NotEquals, "1".to_owned()),
        ]
    );
}

#[test]
fn l_16_every_notation_prints_as_upstream_prints_it() {
    for (text, printed) in [
        ("a", "a"),
        ("! a", "!a"),
        ("a = b", "a=b"),
        ("a==b", "a==b"),
        ("a != b", "a!=b"),
        ("a in(b)", "a in (b)"),
        ("a in (c,b,c)", "a in (b,c)"),
        ("a notin(b)", "a notin (b)"),
        ("a>007", "a>007"),
        ("a<5", "a<5"),
        ("a=,b", "a=,b"),
        ("a in ()", "a in ()"),
        ("a in (,)", "a in ()"),
        ("a in (b,)", "a in (,b)"),
        ("a in (b,,c)", "a in (,b,c)"),
        ("\ta\n=\rb", "a=b"),
        ("b=2,a=1,b=1", "a=1,b=2,b=1"),
        ("example.com/x=1", "example.com/x=1"),
        ("in in (in)", "in in (in)"),
        ("notin notin (notin,in)", "notin notin (in,notin)"),
        ("in", "in"),
        ("a=in", "a=in"),
    ] {
        assert_eq!(parse(text).to_string(), printed, "{text}");
    }
}

#[test]
fn l_16_what_is_no_selector_is_refused_with_upstreams_words() {
    for (text, why) in [
        ("=", "found '=', expected: !, identifier, or 'end of string'"),
        (",a", "found ',', expected: !, identifier, or 'end of string'"),
        ("!=a", "found '!=', expected: !, identifier, or 'end of string'"),
        ("(a)", "found '(', expected: !, identifier, or 'end of string'"),
        ("a,", "found '', expected: identifier after ','"),
        ("a,,b", "found ',', expected: identifier after ','"),
        ("!a=b", "found '=', expected: ',' or 'end of string'"),
        ("a=b=c", "found '=', expected: ',' or 'end of string'"),
        ("a=b c", "found 'c', expected: ',' or 'end of string'"),
        ("a in (b))", "found ')', expected: ',' or 'end of string'"),
        ("!", "unable to parse requirement: found '', expected: identifier"),
        ("!!a", "unable to parse requirement: found '!', expected: identifier"),
        ("a===b", "unable to parse requirement: found '=', expected: identifier"),
        ("a=>b", "unable to parse requirement: found '>', expected: identifier"),
        ("a b", "unable to parse requirement: found 'b', expected: in, notin, =, ==, !=, gt, lt"),
        ("a)", "unable to parse requirement: found ')', expected: in, notin, =, ==, !=, gt, lt"),
        ("a in", "unable to parse requirement: found '' expected: '('"),
        ("a in b", "unable to parse requirement: found 'b' expected: '('"),
        ("a in (", "unable to parse requirement: found '', expected: ',', ')' or identifier"),
        ("a in (=)", "unable to parse requirement: found '=', expected: ',', ')' or identifier"),
        ("a in (b", "unable to parse requirement: found '', expected: ',' or ')'"),
        ("a in (b c)", "unable to parse requirement: found 'c', expected: ',' or ')'"),
        ("a in (a,b,", "unable to parse requirement: found '', expected: ',', or identifier"),
    ] {
        assert_eq!(refusal(text), why, "{text}");
    }
}

#[test]
fn l_16_keys_and_values_that_no_label_can_have_are_refused() {
    let integer = "for 'Gt', 'Lt' operators, the value must be an integer";
    let long = "x".repeat(64);
    assert_eq!(
        refusal("/a"),
        "unable to parse requirement: <nil>: Invalid value: \"/a\": prefix part must be non-empty"
    );
    assert_eq!(
        refusal(&long),
        format!(
            "unable to parse requirement: <nil>: Invalid value: \"{long}\": name part must be no more than 63 bytes"
        )
    );
    assert_eq!(
        refusal(&format!("a in (b,{long})")),
        format!("unable to parse requirement: values[1][a]: Invalid value: \"{long}\": must be no more than 63 bytes")
    );
    assert_eq!(refusal("a>x"), format!("unable to parse requirement: values[0]: Invalid value: \"x\": {integer}"));
    assert_eq!(refusal("a<,b"), format!("unable to parse requirement: values[0]: Invalid value: \"\": {integer}"));
    assert!(refusal("a=-").starts_with(
        "unable to parse requirement: values[0][a]: Invalid value: \"-\": a valid label must be an empty string or"
    ));
    let both = refusal("a>+5x-");
    assert!(both.starts_with("unable to parse requirement: [values[0]: Invalid value: \"+5x-\": "), "{both}");
    assert!(both.contains(", values[0][a]: Invalid value: \"+5x-\": "), "{both}");
}

#[test]
fn l_16_thousands_of_bad_values_make_a_refusal_of_bounded_size() {
    let values: Vec<String> = (0..10_000).map(|number| format!("-{number}")).collect();
    let why = refusal(&format!("a in ({})", values.join(",")));
    assert!(why.len() < 40_000, "{}", why.len());
}

/// Texts made of the parts of selectors, so that many are well formed.
fn selector_like() -> impl Strategy<Value = String> {
    let part = prop::sample::select(vec![
        "a", "b", "c.d/e", "in", "notin", "=", "==", "!=", "!", ",", "(", ")", ">", "<", " ", "5", "-", "é", "\0",
        " in (", " notin (", "b,c)", "a=b", ",!d",
    ]);
    prop::collection::vec(part, 0..10).prop_map(|parts| parts.concat())
}

proptest! {
    #[test]
    fn l_16_no_text_makes_the_parser_panic(text in any::<String>()) {
        let _ = Selector::parse(&text);
    }

    #[test]
    fn l_16_a_selector_prints_to_text_that_parses_to_it(text in selector_like()) {
        if let Ok(selector) = Selector::parse(&text) {
            prop_assert_eq!(Selector::parse(&selector.to_string()), Ok(selector));
        }
    }

    #[test]
    fn l_16_requirements_of_any_shape_survive_printing(
        rows in prop::collection::vec(("[a-z][a-z0-9]{0,5}", 0usize..9, prop::collection::vec("[a-z0-9]{0,4}", 1..4), any::<u32>()), 0..5),
    ) {
        let text: Vec<String> = rows.iter().map(|(key, operator, values, number)| match operator {
            0 => format!("{key} in ({})", values.join(",")),
            1 => format!("{key} notin ({})", values.join(",")),
            2 => format!("{key}={}", values[0]),
            3 => format!("{key}=={}", values[0]),
            4 => format!("{key}!={}", values[0]),
            5 => key.clone(),
            6 => format!("!{key}"),
            7 => format!("{key}>{number}"),
            _ => format!("{key}<{number}"),
        }).collect();
        let selector = Selector::parse(&text.join(",")).unwrap();
        prop_assert_eq!(selector.requirements().len(), rows.len());
        prop_assert_eq!(Selector::parse(&selector.to_string()), Ok(selector));
    }
}
