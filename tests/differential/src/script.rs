//! Scripts of requests, as people write them.
//!
//! A script is a text. `let` gives a name to what is written often; each step starts with `===` and its name:
//!
//! ```text
//! let flunders = /apis/wardle.example.com/v1beta1/namespaces/one/flunders
//!
//! === a body in YAML is read
//! POST {flunders}
//! Content-Type: application/yaml
//! keep rv = metadata.resourceVersion
//!
//! {metadata: {name: written-in-yaml}}
//!
//! === a selector that is none
//! GET {flunders}?labelSelector={selector}
//! for selector
//! - a=b=c
//! - x%20in%20(
//! ```
//!
//! * Requests: a method and a target, then headers, then an empty line and the body. `as:` names who asks (`admin`, unless it
//!   stands there), `only: direct` leaves a step out where the request would pass the aggregator.
//! * `keep` remembers a value of the answer for the steps below, which write `{rv}`.
//! * `for` makes a step of each row; the columns are parted by `;;`.
//! * `<<1000 times ab>>` is that text a thousand times.
//! * A body that begins with `hex ` is the bytes that follow, two digits each.
//! * Watches: `FIRST 2 target` opens one for two events. `WATCH name target` opens one that stays, `EVENTS name 3` compares its
//!   next three events, `UNTIL name text` those up to the one that has that text, `CLOSE name` what came beyond them,
//!   `END name` all until the server ends it. `PAUSE 1100` waits so many milliseconds.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::sync::LazyLock;

use anyhow::{Context, Result, bail, ensure};
use regex::{Captures, Regex};

/// A script: one topic.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) struct Script {
    /// The file's name without its end, with its folder: `wardle/create`.
    pub(crate) name: String,
    /// What is done, in order.
    pub(crate) steps: Vec<Step>,
}

/// One step of a script.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) struct Step {
    /// What a reader knows it by.
    pub(crate) name: String,
    /// What is done.
    pub(crate) action: Action,
    /// Whether it is left out where the aggregator stands in between.
    pub(crate) direct_only: bool,
}

/// What a step does.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) enum Action {
    /// A request, and its answer.
    Ask(Request),
    /// Opens a watch under a name.
    Watch(String, Request),
    /// Opens a watch, takes so many events and closes it, after what came beyond them.
    First(usize, Request),
    /// Takes the next events of a watch.
    Events(String, usize),
    /// Takes the events of a watch up to the one in which a text stands.
    Until(String, String),
    /// Closes a watch, after what came beyond the events that were asked for.
    Close(String),
    /// Takes all that a watch brings until the server ends it.
    End(String),
    /// Waits, for what happens to the second or later.
    Pause(u64),
}

/// A request as it is written, kept values not yet filled in.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub(crate) struct Request {
    /// The method, any word.
    pub(crate) method: String,
    /// Path and query.
    pub(crate) target: String,
    /// Headers, in order.
    pub(crate) headers: Vec<(String, String)>,
    /// Who asks.
    pub(crate) user: Asker,
    /// Names, and where in the answer their values are.
    pub(crate) keeps: Vec<(String, String)>,
    /// The body.
    pub(crate) body: String,
}

/// Who asks.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub(crate) enum Asker {
    /// A token of a member of `system:masters`.
    #[default]
    Admin,
    /// A token of a user with few rights.
    Alice,
    /// No credentials at all.
    Anonymous,
    /// A token that nobody issued.
    Stranger,
    /// The front proxy's certificate: the headers say who asks.
    Proxy,
}

impl Script {
    /// Reads every script below a folder, in the order of their names.
    pub(crate) fn all(folder: &Path) -> Result<Vec<Self>> {
        let mut found = Vec::new();
        let mut folders = vec![folder.to_path_buf()];
        while let Some(next) = folders.pop() {
            let entries = fs::read_dir(&next).with_context(|| format!("cannot read {}", next.display()))?;
            for entry in entries {
                let path = entry.context("cannot read an entry")?.path();
                if path.is_dir() {
                    folders.push(path);
                } else if path.extension().is_some_and(|end| end == "http") {
                    let text = fs::read_to_string(&path).with_context(|| format!("cannot read {}", path.display()))?;
                    let name = path.strip_prefix(folder).unwrap_or(&path).with_extension("").display().to_string();
                    found.push(Self::parse(&name, &text).with_context(|| format!("in {}", path.display()))?);
                }
            }
        }
        found.sort_by(|one, other| one.name.cmp(&other.name));
        Ok(found)
    }

    /// Reads a script.
    ///
    /// * Errors: a line that says nothing, a step without a request, a name used twice.
    pub(crate) fn parse(name: &str, text: &str) -> Result<Self> {
        let mut lets: BTreeMap<String, String> = BTreeMap::new();
        let mut steps = Vec::new();
        let mut lines = text.lines().enumerate().peekable();
        while let Some((number, line)) = lines.next() {
            let trimmed = line.trim();
            if trimmed.is_empty() || trimmed.starts_with('#') {
                continue;
            }
            if let Some(rest) = trimmed.strip_prefix("let ") {
                let (name, value) =
                    rest.split_once('=').with_context(|| format!("line {}: a let without =", number + 1))?;
                let value = fill(value.trim(), &lets);
                lets.insert(name.trim().to_owned(), value);
                continue;
            }
            let Some(title) = trimmed.strip_prefix("=== ") else { bail!("line {}: what is {trimmed:?}?", number + 1) };
            let mut block = Vec::new();
            while let Some((_, line)) =
                lines.next_if(|(_, line)| !line.starts_with("=== ") && !line.starts_with("let "))
            {
                block.push(line);
            }
            let made = step(title.trim(), &block, &lets).with_context(|| format!("line {}: {title}", number + 1))?;
            steps.extend(made);
        }
        let mut seen = std::collections::BTreeSet::new();
        for step in &steps {
            ensure!(seen.insert(&step.name), "two steps are called {:?}", step.name);
        }
        Ok(Self { name: name.to_owned(), steps })
    }
}

fn step(title: &str, block: &[&str], lets: &BTreeMap<String, String>) -> Result<Vec<Step>> {
    let mut lines = block.iter().copied().skip_while(|line| line.trim().is_empty() || line.starts_with('#'));
    let first = lines.next().context("a step without a request")?;
    let mut head = Vec::new();
    let mut columns: Vec<String> = Vec::new();
    let mut rows: Vec<Vec<String>> = Vec::new();
    for line in lines.by_ref() {
        if line.trim().is_empty() {
            break;
        }
        if let Some(names) = line.strip_prefix("for ") {
            columns = names.split(',').map(|name| name.trim().to_owned()).collect();
        } else if let Some(row) = line.strip_prefix("- ").or_else(|| (line == "-").then_some("")) {
            rows.push(row.split(";;").map(|cell| cell.trim().to_owned()).collect());
        } else if !line.starts_with('#') {
            head.push(line);
        }
    }
    let body: Vec<&str> = lines.collect();
    let body = body.join("\n");
    let body = body.trim_end();
    if columns.is_empty() {
        return Ok(vec![one(title.to_owned(), first, &head, body, lets)?]);
    }
    ensure!(!rows.is_empty(), "`for` without rows");
    let mut labels = std::collections::BTreeMap::<String, usize>::new();
    let made = rows.iter().map(|row| {
        ensure!(row.len() == columns.len(), "{} columns, but {row:?}", columns.len());
        let mut known = lets.clone();
        known.extend(columns.iter().cloned().zip(row.iter().map(|cell| fill(cell, lets))));
        let label: Vec<&str> = row.iter().map(|cell| shortened(cell)).collect();
        let label = label.join(", ");
        let times = labels.entry(label.clone()).and_modify(|times| *times += 1).or_insert(1);
        let again = if *times > 1 { format!(" ({times})") } else { String::new() };
        let title = format!("{title}: {label}{again}");
        one(title, first, &head, body, &known)
    });
    made.collect()
}

/// Names of steps stay readable whatever a row holds.
fn shortened(cell: &str) -> &str {
    let end = cell.char_indices().nth(90).map_or(cell.len(), |(at, _)| at);
    &cell[..end]
}

fn one(name: String, first: &str, head: &[&str], body: &str, lets: &BTreeMap<String, String>) -> Result<Step> {
    let first = fill(first, lets);
    let (word, rest) = first.split_once(' ').unwrap_or((&first, ""));
    let rest = rest.trim();
    let mut direct_only = false;
    let mut request = Request { method: word.to_owned(), target: rest.to_owned(), ..Request::default() };
    for line in head {
        if let Some(keep) = line.strip_prefix("keep ") {
            let (name, place) = keep.split_once('=').context("a keep without =")?;
            request.keeps.push((name.trim().to_owned(), place.trim().to_owned()));
            continue;
        }
        let line = fill(line, lets);
        let (header, value) = line.split_once(':').with_context(|| format!("what is {line:?}?"))?;
        let value = value.trim().to_owned();
        match header.trim() {
            "as" => request.user = asker(&value)?,
            "only" => direct_only = value == "direct",
            header => request.headers.push((header.to_owned(), value)),
        }
    }
    request.body = fill(body, lets);
    let named = |rest: &str| rest.split_once(' ').map(|(name, more)| (name.to_owned(), more.trim().to_owned()));
    let action = match word {
        "WATCH" => {
            let (name, target) = named(rest).context("WATCH name target")?;
            Action::Watch(name, Request { method: "GET".to_owned(), target, ..request })
        }
        "FIRST" => {
            let (count, target) = named(rest).context("FIRST count target")?;
            let count = count.parse().context("not a count")?;
            Action::First(count, Request { method: "GET".to_owned(), target, ..request })
        }
        "EVENTS" => {
            let (name, count) = named(rest).context("EVENTS name count")?;
            Action::Events(name, count.parse().context("not a count")?)
        }
        "UNTIL" => {
            let (name, text) = named(rest).context("UNTIL name text")?;
            Action::Until(name, text)
        }
        "CLOSE" => Action::Close(rest.to_owned()),
        "END" => Action::End(rest.to_owned()),
        "PAUSE" => Action::Pause(rest.parse().context("PAUSE milliseconds")?),
        _ => {
            ensure!(!rest.is_empty(), "a request without a target");
            Action::Ask(request)
        }
    };
    Ok(Step { name, action, direct_only })
}

fn asker(name: &str) -> Result<Asker> {
    Ok(match name {
        "admin" => Asker::Admin,
        "alice" => Asker::Alice,
        "anonymous" => Asker::Anonymous,
        "stranger" => Asker::Stranger,
        "proxy" => Asker::Proxy,
        _ => bail!("nobody is called {name}"),
    })
}

/// Puts values in place of `{name}`; names that nobody knows stay, for they may be a part of the text.
pub(crate) fn fill(text: &str, values: &BTreeMap<String, String>) -> String {
    #[allow(clippy::unwrap_used, reason = "a constant pattern")]
    static PLACE: LazyLock<Regex> =
        LazyLock::new(|| Regex::new(r"<<(\d+) times (.*?)>>|\{([a-zA-Z][a-zA-Z0-9_-]*)\}").unwrap());
    let put = |found: &Captures<'_>| match (found.get(1), found.get(3)) {
        (Some(times), _) => found[2].repeat(times.as_str().parse().unwrap_or_default()),
        (None, Some(name)) => values.get(name.as_str()).cloned().unwrap_or_else(|| found[0].to_owned()),
        (None, None) => found[0].to_owned(),
    };
    PLACE.replace_all(text, put).into_owned()
}

impl std::fmt::Display for Step {
    /// The step as a script has it.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        writeln!(f, "=== {}", self.name)?;
        match &self.action {
            Action::Ask(request) => write!(f, "{} {}\n{request}", request.method, request.target),
            Action::Watch(name, request) => write!(f, "WATCH {name} {}\n{request}", request.target),
            Action::First(count, request) => write!(f, "FIRST {count} {}\n{request}", request.target),
            Action::Events(name, count) => writeln!(f, "EVENTS {name} {count}"),
            Action::Until(name, text) => writeln!(f, "UNTIL {name} {text}"),
            Action::Close(name) => writeln!(f, "CLOSE {name}"),
            Action::End(name) => writeln!(f, "END {name}"),
            Action::Pause(millis) => writeln!(f, "PAUSE {millis}"),
        }
    }
}

impl std::fmt::Display for Request {
    /// What stands below the first line.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        if self.user != Asker::Admin {
            writeln!(f, "as: {}", format!("{:?}", self.user).to_lowercase())?;
        }
        for (name, value) in &self.headers {
            writeln!(f, "{name}: {value}")?;
        }
        for (name, place) in &self.keeps {
            writeln!(f, "keep {name} = {place}")?;
        }
        if !self.body.is_empty() {
            writeln!(f, "\n{}", self.body)?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_step_is_a_request_with_headers_and_a_body() {
        let text = "# a comment\nlet all = /apis/x\n\n=== one\nPOST {all}/y?a=b\nas: alice\nonly: direct\nAccept: a/b\n\
                    keep rv = metadata.resourceVersion\n\n{\"a\": {\"b\": 1}}\n\n\n=== two\nGET {all}\n";
        let script = Script::parse("s", text).unwrap();
        assert_eq!(script.steps.len(), 2);
        let Action::Ask(request) = &script.steps[0].action else { panic!("{script:?}") };
        assert_eq!((request.method.as_str(), request.target.as_str()), ("POST", "/apis/x/y?a=b"));
        assert_eq!(request.user, Asker::Alice);
        assert!(script.steps[0].direct_only);
        assert_eq!(request.headers, [("Accept".to_owned(), "a/b".to_owned())]);
        assert_eq!(request.keeps, [("rv".to_owned(), "metadata.resourceVersion".to_owned())]);
        assert_eq!(request.body, "{\"a\": {\"b\": 1}}");
    }

    #[test]
    fn rows_make_steps_and_their_cells_stand_in_target_and_body() {
        let text = "=== t\nPOST /x?a={a}\nfor a, b\n- 1 ;; <<3 times z>>\n- 2 ;; y\n\n{\"b\":\"{b}\"}\n";
        let script = Script::parse("s", text).unwrap();
        let names: Vec<&str> = script.steps.iter().map(|step| step.name.as_str()).collect();
        assert_eq!(names, ["t: 1, <<3 times z>>", "t: 2, y"]);
        let Action::Ask(request) = &script.steps[0].action else { panic!("{script:?}") };
        assert_eq!((request.target.as_str(), request.body.as_str()), ("/x?a=1", "{\"b\":\"zzz\"}"));
    }

    #[test]
    fn what_a_step_prints_reads_back_as_the_same_step() {
        let text = "=== w\nWATCH w /x?watch=1\nas: proxy\nX-Remote-User: bob\n\n=== e\nEVENTS w 3\n\n=== u\nUNTIL w \"a\": b\n\n=== c\nCLOSE w\n\
                    \n=== p\nPUT /x\nA: b\n\nbody: {}\n";
        let script = Script::parse("s", text).unwrap();
        let printed: Vec<String> = script.steps.iter().map(ToString::to_string).collect();
        assert_eq!(Script::parse("s", &printed.join("\n")).unwrap(), script);
    }

    #[test]
    fn mistakes_are_told_with_their_line() {
        for (text, part) in [
            ("nonsense\n", "line 1: what is"),
            ("=== a\n", "a step without a request"),
            ("=== a\nGET\n", "a request without a target"),
            ("=== a\nGET /\nfor x\n", "without rows"),
            ("=== a\nGET /\nas: nobody\n", "nobody is called"),
            ("=== a\nGET /\n\n=== a\nGET /\n", "two steps are called"),
        ] {
            let error = Script::parse("s", text).unwrap_err();
            assert!(format!("{error:#}").contains(part), "{text:?}: {error:#}");
        }
    }

    #[test]
    fn every_script_of_this_folder_is_readable() {
        let scripts = Script::all(&Path::new(env!("CARGO_MANIFEST_DIR")).join("scripts")).unwrap();
        let steps: usize = scripts.iter().map(|script| script.steps.len()).sum();
        assert!(steps >= 2000, "only {steps} steps");
    }
}
