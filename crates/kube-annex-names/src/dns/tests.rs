use super::*;

const DOTTED: [&str; 6] = ["a.a", "a.1", "0.1", "a-1.b", "a.b.c.d.e", "11.22.33.44.55"];
const LABELS: [&str; 12] = ["a", "ab", "abc", "a1", "a-1", "a--1--2--b", "0", "01", "012", "1a", "1-a", "1--a--b--2"];
const NEITHER: [&str; 38] = [
    "", "A", "ABC", "aBc", "A1", "A-1", "1-A", "-", "a-", "-a", "1-", "-1", "_", "a_", "_a", "a_b", "1_", "_1", "1_2",
    ".", "a.", ".a", "a..b", "1.", ".1", "1..2", " ", "a ", " a", "a b", "1 ", " 1", "a\n", "a@b", "a/b", "a%b", "é",
    "a.-b",
];

fn repeated(count: usize) -> String {
    "a".repeat(count)
}

#[test]
fn om_5_subdomains_and_labels_are_told_apart() {
    for good in LABELS {
        assert!(subdomain(good).is_empty() && label(good).is_empty(), "{good}");
    }
    for dotted in DOTTED {
        assert!(subdomain(dotted).is_empty(), "{dotted}");
        assert_eq!(label(dotted), ["must not contain dots"], "{dotted}");
        assert_eq!(label_1035(dotted), [LABEL_1035.explain()], "{dotted}");
    }
    for bad in NEITHER {
        assert_eq!(subdomain(bad), [SUBDOMAIN.explain()], "{bad}");
        assert_eq!(label(bad), [LABEL.explain()], "{bad}");
        assert_eq!(label_1035(bad), [LABEL_1035.explain()], "{bad}");
    }
}

#[test]
fn om_5_a_dns_1035_label_begins_with_a_letter() {
    for good in ["a", "ab", "a1", "a-1", "a--1--2--b"] {
        assert!(label_1035(good).is_empty(), "{good}");
    }
    for bad in ["0", "01", "1a", "1-a"] {
        assert_eq!(label_1035(bad), [LABEL_1035.explain()], "{bad}");
    }
}

#[test]
fn om_5_lengths_are_judged_in_bytes() {
    assert!(subdomain(&repeated(253)).is_empty());
    assert_eq!(subdomain(&repeated(254)), ["must be no more than 253 characters"]);
    assert!(label(&repeated(63)).is_empty());
    assert_eq!(label(&repeated(64)), ["must be no more than 63 characters"]);
    assert_eq!(label_1035(&repeated(64)), ["must be no more than 63 characters"]);
    let both = format!("-{}", repeated(63));
    assert_eq!(label(&both), ["must be no more than 63 characters".to_owned(), LABEL.explain()]);
}

#[test]
fn om_6_rules_are_explained_in_upstreams_words() {
    assert_eq!(
        subdomain("A").concat(),
        "a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', and must start \
         and end with an alphanumeric character (e.g. 'example.com', regex used for validation is \
         '[a-z0-9]([-a-z0-9]*[a-z0-9])?(\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*')"
    );
    assert_eq!(
        label("A").concat(),
        "a lowercase RFC 1123 label must consist of lower case alphanumeric characters or '-', and must start and end \
         with an alphanumeric character (e.g. 'my-name',  or '123-abc', regex used for validation is \
         '[a-z0-9]([-a-z0-9]*[a-z0-9])?')"
    );
    assert_eq!(
        label_1035("1").concat(),
        "a DNS-1035 label must consist of lower case alphanumeric characters or '-', start with an alphabetic character, \
         and end with an alphanumeric character (e.g. 'my-name',  or 'abc-123', regex used for validation is \
         '[a-z]([-a-z0-9]*[a-z0-9])?')"
    );
    assert_eq!(
        label_value("-").concat(),
        "a valid label must be an empty string or consist of alphanumeric characters, '-', '_' or '.', and must start \
         and end with an alphanumeric character (e.g. 'MyValue',  or 'my_value',  or '12345', regex used for \
         validation is '(([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9])?')"
    );
    assert_eq!(
        label_key("a/b/c").concat(),
        "a valid label key must consist of alphanumeric characters, '-', '_' or '.', and must start and end with an \
         alphanumeric character (e.g. 'MyName',  or 'my.name',  or '123-abc', regex used for validation is \
         '([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]') with an optional DNS subdomain prefix and '/' (e.g. \
         'example.com/MyName')"
    );
}

#[test]
fn om_5_a_path_segment_stays_one_segment() {
    for good in ["", "a", "A_b", "...", "a.b", "a b", ":", "é"] {
        assert!(path_segment(good).is_empty(), "{good}");
    }
    assert_eq!(path_segment("."), ["may not be '.'"]);
    assert_eq!(path_segment(".."), ["may not be '..'"]);
    assert_eq!(path_segment("a/b%c"), ["may not contain '/'", "may not contain '%'"]);
    assert!(path_segment_prefix(".").is_empty());
    assert_eq!(path_segment_prefix("%"), ["may not contain '%'"]);
}

#[test]
fn om_5_label_keys_are_names_with_an_optional_prefix() {
    for good in ["simple", "now-with-dashes", "1-starts-with-num", "1234", "simple/simple", "a.b.c/X_y.z", "A"] {
        assert!(label_key(good).is_empty(), "{good}");
    }
    let name_rule = format!("name part {}", LABEL_KEY.explain());
    assert_eq!(label_key(""), ["name part must be non-empty", &name_rule]);
    assert_eq!(label_key("a/"), ["name part must be non-empty", &name_rule]);
    assert_eq!(label_key("/a"), ["prefix part must be non-empty"]);
    assert_eq!(label_key("A/a"), [format!("prefix part {}", SUBDOMAIN.explain())]);
    assert_eq!(label_key("-a"), [name_rule.as_str()]);
    assert_eq!(label_key("a b"), [name_rule]);
    assert_eq!(label_key(&repeated(64)), ["name part must be no more than 63 bytes"]);
    assert_eq!(label_key(&format!("{}/b", repeated(254))), ["prefix part must be no more than 253 bytes"]);
    assert!(label_key(&format!("{}/{}", repeated(253), repeated(63))).is_empty());
}

#[test]
fn om_5_label_values_may_be_empty() {
    for good in ["", "simple", "now-with-dashes", "a.b_c", "end-with-num-1"] {
        assert!(label_value(good).is_empty(), "{good}");
    }
    for bad in ["a/b", "nospecialchars^=@", "-a", "a.", "a b"] {
        assert_eq!(label_value(bad), [LABEL_VALUE.explain()], "{bad}");
    }
    assert_eq!(label_value(&repeated(64)), ["must be no more than 63 bytes"]);
}

#[test]
fn om_5_a_prefix_of_a_name_may_end_in_a_dash() {
    for good in ["my-", "a--", "a.b-", "x"] {
        assert!(subdomain(&mask_trailing_dash(good)).is_empty(), "{good}");
    }
    for bad in ["-", "A-", "-a-b-", "é-", "a.-"] {
        let masked = mask_trailing_dash(bad);
        assert_eq!(subdomain(&masked).is_empty(), matches!(bad, "A-" | "a.-"), "{bad} as {masked}");
    }
}

#[test]
fn grammars_can_be_asked_at_compile_time() {
    const {
        assert!(is_subdomain("a.b"));
        assert!(is_label("1-a"));
        assert!(!is_label_1035("1-a"));
    }
    assert!(!is_label_1035(""));
}
