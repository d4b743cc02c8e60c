//! Making a history that is answered differently as small as it can be.

use anyhow::Result;
use serde_json::Value;

use crate::custom::common;
use crate::differences::Differences;
use crate::random::{Case, Of};
use crate::report;
use crate::run::{clear, run};
use crate::script::{Action, Step};
use crate::servers::{COLLECTIONS, GADGETS, Servers};

/// The answers to a history: upstream's and ours.
pub(crate) async fn answers(case: &Case, servers: &Servers) -> Result<(Vec<String>, Vec<String>)> {
    let (one, other, collections) = match case.of {
        Of::Gadgets => (&servers.custom, &servers.gadgets, GADGETS),
        Of::Wardle => (&servers.direct_upstream, &servers.direct_ours, COLLECTIONS),
    };
    let answers = tokio::join!(run(&case.steps, one), run(&case.steps, other));
    tokio::try_join!(clear(one, collections), clear(other, collections))?;
    Ok(answers)
}

/// What differs in the first step that is answered differently; empty when none is.
///
/// * Shape: a history of gadgets ends where upstream leaves a null behind, which it then refuses itself: what comes after that
///   is no longer the same history.
pub(crate) async fn shown(case: &Case, declared: &Differences, servers: &Servers) -> Result<String> {
    let (upstream, ours) = answers(case, servers).await?;
    for ((step, upstream), ours) in case.steps.iter().zip(&upstream).zip(&ours) {
        if upstream == ours {
            continue;
        }
        let (upstream, ours) = match case.of {
            Of::Gadgets => (common(upstream), common(ours)),
            Of::Wardle => (upstream.clone(), ours.clone()),
        };
        if case.of == Of::Gadgets && LEFT_BEHIND.iter().any(|mark| upstream.contains(mark)) {
            break;
        }
        let (upstream, ours) = declared.explained(&format!("{}: {}", case.of.name(), kind_of(step)), &upstream, &ours);
        if upstream != ours {
            return Ok(format!("{}:\n{}", step.name, report::diff(&upstream, &ours)));
        }
    }
    Ok(String::new())
}

/// What a step does, as declared differences know it: `PATCH application/merge-patch+json`.
fn kind_of(step: &Step) -> String {
    match &step.action {
        Action::Ask(request) => {
            let form = request.headers.iter().find(|(name, _)| name == "content-type").map_or("", |(_, form)| form);
            format!("{} {form}", request.method)
        }
        Action::First(..) | Action::Watch(..) => "WATCH".to_owned(),
        Action::Events(..) | Action::Until(..) | Action::Close(_) | Action::End(_) => "EVENTS".to_owned(),
        Action::Pause(_) => step.name.clone(),
    }
}

/// The fewest steps with the smallest bodies that still differ, within a bounded number of tries.
pub(crate) async fn smallest(case: Case, declared: &Differences, servers: &Servers) -> Result<Case> {
    let mut shrinking = Shrinking { case, declared, servers, tries: MOST_TRIES };
    let mut at = shrinking.case.steps.len();
    while at > 0 {
        at -= 1;
        let mut fewer = shrinking.case.clone();
        fewer.steps.remove(at);
        shrinking.take(fewer).await?;
    }
    for index in 0..shrinking.case.steps.len() {
        let mut next = 0;
        while let Some(smaller) = smaller(&shrinking.case.steps[index], next).filter(|_| shrinking.tries > 0) {
            let mut other = shrinking.case.clone();
            other.steps[index] = smaller;
            if !shrinking.take(other).await? {
                next += 1;
            }
        }
    }
    Ok(shrinking.case)
}

/// A history on its way to the smallest.
struct Shrinking<'a> {
    case: Case,
    declared: &'a Differences,
    servers: &'a Servers,
    tries: usize,
}

impl Shrinking<'_> {
    /// Goes on with another history if it is still answered differently.
    async fn take(&mut self, other: Case) -> Result<bool> {
        if self.tries == 0 {
            return Ok(false);
        }
        self.tries -= 1;
        let differs = !shown(&other, self.declared, self.servers).await?.is_empty();
        if differs {
            self.case = other;
        }
        Ok(differs)
    }
}

/// The step without its nth part: the headers first, then the parameters of the query, then the values of the body.
fn smaller(step: &Step, nth: usize) -> Option<Step> {
    let (Action::Ask(request) | Action::First(_, request) | Action::Watch(_, request)) = &step.action else {
        return None;
    };
    let mut request = request.clone();
    // Without its form a patch is another request.
    let headers: Vec<usize> =
        (0..request.headers.len()).filter(|index| request.headers[*index].0 != "content-type").collect();
    let parameters = request.target.split_once('?').map_or(0, |(_, query)| query.split('&').count());
    if let Some(index) = headers.get(nth) {
        request.headers.remove(*index);
    } else if nth < headers.len() + parameters {
        let (path, query) = request.target.split_once('?')?;
        let mut kept: Vec<&str> = query.split('&').collect();
        kept.remove(nth - headers.len());
        request.target = if kept.is_empty() { path.to_owned() } else { format!("{path}?{}", kept.join("&")) };
    } else {
        let mut body: Value = serde_json::from_str(&request.body).ok()?;
        let mut left = nth - headers.len() - parameters;
        if !drop_nth(&mut body, &mut left) {
            return None;
        }
        request.body = body.to_string();
    }
    let action = match &step.action {
        Action::First(count, _) => Action::First(*count, request),
        Action::Watch(name, _) => Action::Watch(name.clone(), request),
        _ => Action::Ask(request),
    };
    Some(Step { action, ..step.clone() })
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

/// How upstream speaks of a null that its own apply left in an object, and of metadata that it emptied.
const LEFT_BEHIND: [&str; 3] = [r#"Invalid value: \"null\":"#, r":null", r#","metadata":{}}"#];
/// Each try is a history on two servers.
const MOST_TRIES: usize = 60;
