//! Making a history that is answered differently as small as it can be.

use anyhow::Result;
use serde_json::Value;

use crate::custom::common;
use crate::differences::Differences;
use crate::report;
use crate::run::{clear, run};
use crate::script::{Action, Step};
use crate::servers::{GADGETS, Servers};

/// Whether the two servers answer a history differently.
pub(crate) async fn differs(steps: &[Step], number: usize, declared: &Differences, servers: &Servers) -> Result<bool> {
    Ok(!shown(steps, number, declared, servers).await?.is_empty())
}

/// What differs in the first step that is answered differently; empty when none is.
///
/// * Shape: a history ends where upstream leaves a null behind, which it then refuses itself: what comes after that is no
///   longer the same history.
pub(crate) async fn shown(steps: &[Step], number: usize, declared: &Differences, servers: &Servers) -> Result<String> {
    let (custom, gadgets) = (&servers.custom, &servers.gadgets);
    let (upstream, ours) = tokio::join!(run(steps, custom), run(steps, gadgets));
    tokio::try_join!(clear(custom, GADGETS), clear(gadgets, GADGETS))?;
    for ((step, upstream), ours) in steps.iter().zip(&upstream).zip(&ours) {
        let (upstream, ours) = (common(upstream), common(ours));
        if LEFT_BEHIND.iter().any(|mark| upstream.contains(mark)) {
            break;
        }
        let name = format!("random/case {number}: {}", step.name);
        let (upstream, ours) = declared.explained(&name, &upstream, &ours);
        if upstream != ours {
            return Ok(format!("{}:\n{}", step.name, report::diff(&upstream, &ours)));
        }
    }
    Ok(String::new())
}

/// The fewest steps with the smallest bodies that still differ, within a bounded number of tries.
pub(crate) async fn smallest(
    mut steps: Vec<Step>,
    number: usize,
    declared: &Differences,
    servers: &Servers,
) -> Result<Vec<Step>> {
    let mut tries = MOST_TRIES;
    let mut at = steps.len();
    while at > 0 && tries > 0 {
        at -= 1;
        tries -= 1;
        let mut fewer = steps.clone();
        fewer.remove(at);
        if differs(&fewer, number, declared, servers).await? {
            steps = fewer;
        }
    }
    for index in 0..steps.len() {
        let mut next = 0;
        while tries > 0 {
            let Some(smaller) = smaller(&steps[index], next) else { break };
            tries -= 1;
            let mut other = steps.clone();
            other[index] = smaller;
            if differs(&other, number, declared, servers).await? {
                steps = other;
            } else {
                next += 1;
            }
        }
    }
    Ok(steps)
}

/// The step without the nth value of its body, counted through all depths.
fn smaller(step: &Step, nth: usize) -> Option<Step> {
    let Action::Ask(request) = &step.action else { return None };
    let mut body: Value = serde_json::from_str(&request.body).ok()?;
    let mut left = nth;
    if !drop_nth(&mut body, &mut left) {
        return None;
    }
    let mut request = request.clone();
    request.body = body.to_string();
    Some(Step { action: Action::Ask(request), ..step.clone() })
}

fn drop_nth(value: &mut Value, left: &mut usize) -> bool {
    match value {
        Value::Object(members) => {
            let keys: Vec<String> = members.keys().cloned().collect();
            for key in keys {
                if ["apiVersion", "kind", "metadata", "name"].contains(&key.as_str()) {
                    continue;
                }
                if *left == 0 {
                    members.remove(&key);
                    return true;
                }
                *left -= 1;
                if members.get_mut(&key).is_some_and(|member| drop_nth(member, left)) {
                    return true;
                }
            }
            false
        }
        Value::Array(items) => {
            for index in 0..items.len() {
                if *left == 0 {
                    items.remove(index);
                    return true;
                }
                *left -= 1;
                if items.get_mut(index).is_some_and(|item| drop_nth(item, left)) {
                    return true;
                }
            }
            false
        }
        _ => false,
    }
}

/// How upstream speaks of a null that its own apply left in an object.
const LEFT_BEHIND: [&str; 2] = [r#"Invalid value: \"null\":"#, r":null"];
/// Each try is a history on two servers.
const MOST_TRIES: usize = 60;
