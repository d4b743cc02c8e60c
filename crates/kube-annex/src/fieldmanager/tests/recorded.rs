//! Histories that upstream's libraries played, and what they made of them.
//!
//! Each line of a file is one case: schemas of the versions, writes, and after each write what
//! `k8s.io/apimachinery/pkg/util/managedfields` (with `sigs.k8s.io/structured-merge-diff/v6`) answered.

use super::world::{Outcome, play};
use serde_json::{Value, json};
use std::fmt::Write as _;
use std::path::Path;

#[test]
fn ssa_7_recorded_histories_come_out_as_upstream_has_them() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/fieldmanager/tests/histories");
    let mut cases = 0;
    let mut differing = String::new();
    for file in std::fs::read_dir(folder).expect("a folder") {
        let text = std::fs::read_to_string(file.expect("a file").path()).expect("text");
        for line in text.lines() {
            let case: Value = serde_json::from_str(line).expect("a case");
            differing.push_str(&differences(&case, &case["expected"]));
            cases += 1;
        }
    }
    assert!(cases > 0, "there are no cases");
    assert!(differing.is_empty(), "{differing}");
}

/// How the outcomes of a case differ from what is expected; empty when they do not.
pub(crate) fn differences(case: &Value, expected: &Value) -> String {
    let mut text = String::new();
    let expected = expected.as_array().expect("outcomes");
    let outcomes = play(case);
    for (at, outcome) in outcomes.iter().enumerate() {
        let (got, wanted) = (comparable(outcome), normal(&expected[at]));
        if got != wanted {
            let name = case["name"].as_str().unwrap_or("a case");
            let _ = writeln!(text, "{name}, write {at}: {}\n  got      {got}\n  expected {wanted}", case["ops"][at]);
            let _ = writeln!(text, "  case {case}");
            break;
        }
    }
    text
}

fn comparable(outcome: &Outcome) -> Value {
    match outcome {
        Outcome::Nothing => json!({}),
        Outcome::Object(object) => normal(&json!({ "object": object })),
        Outcome::Error { code, message, causes } => {
            let mut error = json!({ "error": message, "causes": causes });
            if let Some(code) = code {
                error["code"] = (*code).into();
            }
            normal(&error)
        }
    }
}

/// Without what upstream does not decide (the order of managers in conflicts) and what it says of Go.
fn normal(outcome: &Value) -> Value {
    let mut outcome = outcome.clone();
    if let Some(causes) = outcome.get_mut("causes").and_then(Value::as_array_mut) {
        causes.sort_by_key(ToString::to_string);
    }
    if outcome.get("causes").is_some_and(|causes| causes.as_array().is_none_or(Vec::is_empty)) {
        outcome.as_object_mut().expect("an object").remove("causes");
    }
    if let Some(object) = outcome.get_mut("object") {
        drop_nulls(object);
    }
    if let Some(error) = outcome.get_mut("error") {
        let text = error.as_str().unwrap_or_default();
        let text: Vec<_> = text.lines().map(|line| line.split(", got ").next().unwrap_or_default()).collect();
        *error = text.join("\n").into();
    }
    outcome
}

/// Upstream leaves null where a container lost its last item; that is not imitated. And 1.0 is 1.
fn drop_nulls(value: &mut Value) {
    match value {
        Value::Object(fields) => {
            fields.retain(|_, value| !value.is_null());
            fields.values_mut().for_each(drop_nulls);
        }
        Value::Array(items) => items.iter_mut().for_each(drop_nulls),
        Value::Number(number) if number.is_f64() => {
            let whole = format!("{}", number.as_f64().unwrap_or_default()).parse::<i64>();
            if let Ok(whole) = whole {
                *value = whole.into();
            }
        }
        _ => {}
    }
}

/// Plays cases from files: `ANNEX_SSA_CASES` has them, `ANNEX_SSA_EXPECTED` what is expected, line by line.
#[test]
#[ignore = "needs files that the real libraries wrote"]
fn ssa_7_histories_from_files_come_out_as_upstream_has_them() {
    let read = |name| std::fs::read_to_string(std::env::var(name).expect(name)).expect("text");
    let (cases, expected) = (read("ANNEX_SSA_CASES"), read("ANNEX_SSA_EXPECTED"));
    let (mut differing, mut all) = (0, String::new());
    let mut count = 0;
    for (case, expected) in cases.lines().zip(expected.lines()) {
        count += 1;
        let case: Value = serde_json::from_str(case).expect("a case");
        let text = differences(&case, &serde_json::from_str(expected).expect("outcomes"));
        if !text.is_empty() {
            differing += 1;
            all.push_str(&text);
        }
    }
    assert!(all.is_empty(), "{all}{differing} of {count} differ");
}
