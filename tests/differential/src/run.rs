//! Doing the steps of a script on one server.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::time::Duration;

use anyhow::{Context, Result, bail, ensure};
use bytes::Bytes;
use http::Method;
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use serde_json::Value;
use tokio::time::{Instant, sleep, timeout, timeout_at};
use xtask::control_plane::User;

use crate::answer;
use crate::client::Client;
use crate::message;
use crate::normal::{Versions, normal};
use crate::script::{Action, Asker, Request, Step, fill};

/// A way to a server.
pub(crate) struct Door {
    /// What people call the server behind it.
    pub(crate) server: &'static str,
    /// For those who bring a token, or nothing.
    pub(crate) plain: Client,
    /// With the front proxy's certificate; `None` where the front proxy itself stands in between.
    pub(crate) proxy: Option<Client>,
    /// How versions are told there.
    pub(crate) versions: Versions,
}

/// The answers to the steps, ready to be compared: one text for each.
pub(crate) async fn run(steps: &[Step], door: &Door) -> Vec<String> {
    let mut running = Running { door, kept: BTreeMap::new(), watches: BTreeMap::new() };
    let mut texts = Vec::with_capacity(steps.len());
    for step in steps {
        let outcome = if step.direct_only && door.proxy.is_none() {
            Ok("left out\n".to_owned())
        } else {
            timeout(STEP_LIMIT, running.step(step)).await.unwrap_or_else(|_| bail!("it does not end"))
        };
        texts.push(outcome.unwrap_or_else(|error| format!("no answer: {error:#}\n")));
    }
    normal(&texts, &running.kept, door.versions)
}

struct Running<'a> {
    door: &'a Door,
    kept: BTreeMap<String, String>,
    watches: BTreeMap<String, Watch>,
}

/// A watch that is open, and what came in the middle of a line.
struct Watch {
    body: Incoming,
    rest: Vec<u8>,
    /// Whether events are protobuf with their length before them, not lines.
    framed: bool,
    ended: bool,
}

impl Running<'_> {
    async fn step(&mut self, step: &Step) -> Result<String> {
        match &step.action {
            Action::Ask(request) => self.ask(request).await,
            Action::Watch(name, request) => self.watch(name, request).await,
            Action::First(count, request) => {
                let mut text = self.watch(FIRST, request).await?;
                if let Some(mut watch) = self.watches.remove(FIRST) {
                    text.push_str(&watch.events(*count, EVENT_LIMIT).await);
                    text.push_str(&watch.events(usize::MAX, SILENCE).await);
                }
                Ok(text)
            }
            Action::Events(name, count) => {
                let watch = self.watches.get_mut(name).context("no such watch")?;
                Ok(watch.events(*count, EVENT_LIMIT).await)
            }
            Action::Until(name, text) => {
                let watch = self.watches.get_mut(name).context("no such watch")?;
                Ok(watch.until(EVENT_LIMIT, |event| event.contains(text.as_str())).await)
            }
            Action::Close(name) => {
                let mut watch = self.watches.remove(name).context("no such watch")?;
                Ok(watch.events(usize::MAX, SILENCE).await)
            }
            Action::End(name) => {
                let mut watch = self.watches.remove(name).context("no such watch")?;
                Ok(watch.events(usize::MAX, END_LIMIT).await)
            }
            Action::Pause(millis) => {
                sleep(Duration::from_millis(*millis)).await;
                Ok(String::new())
            }
        }
    }

    async fn ask(&mut self, request: &Request) -> Result<String> {
        let client = self.client(request.user)?;
        let answer = client.send(self.request(request, client)?).await?;
        let (head, body) = answer.into_parts();
        let body = body.collect().await.context("the answer broke off")?.to_bytes();
        self.keep(request, &body);
        Ok(answer::text(&head, &body))
    }

    async fn watch(&mut self, name: &str, request: &Request) -> Result<String> {
        let client = self.client(request.user)?;
        let answer = client.open(self.request(request, client)?).await?;
        let (head, body) = answer.into_parts();
        if head.status.as_u16() != 200 {
            let body = body.collect().await.context("the answer broke off")?.to_bytes();
            return Ok(answer::text(&head, &body));
        }
        let framed =
            head.headers.get("content-type").is_some_and(|form| form.as_bytes().ends_with(b"protobuf;stream=watch"));
        self.watches.insert(name.to_owned(), Watch { body, rest: Vec::new(), framed, ended: false });
        let mut text = answer::head_text(&head);
        let _ = writeln!(text, "length told: {}", answer::has_length(&head.headers));
        Ok(text)
    }

    fn client(&self, user: Asker) -> Result<&Client> {
        match user {
            Asker::Proxy => {
                self.door.proxy.as_ref().context("a step that passes the aggregator cannot stand in for it")
            }
            _ => Ok(&self.door.plain),
        }
    }

    fn request(&self, request: &Request, client: &Client) -> Result<http::Request<Full<Bytes>>> {
        let method = Method::from_bytes(request.method.as_bytes()).context("not a method")?;
        let target = fill(&request.target, &self.kept);
        let mut made = http::Request::builder().method(method).uri(&target).header("host", client.host());
        for (name, value) in &request.headers {
            made = made.header(name, fill(value, &self.kept));
        }
        made = match request.user {
            Asker::Admin => made.header("authorization", format!("Bearer {}", User::Admin.token())),
            Asker::Alice => made.header("authorization", format!("Bearer {}", User::Alice.token())),
            Asker::Stranger => made.header("authorization", "Bearer nobody-issued-this"),
            Asker::Anonymous | Asker::Proxy => made,
        };
        if !request.headers.iter().any(|(name, _)| name.eq_ignore_ascii_case("user-agent")) {
            made = made.header("user-agent", "differential/1.0");
        }
        let body = fill(&request.body, &self.kept);
        let body = match body.strip_prefix("hex ") {
            Some(digits) => bytes_of(digits)?,
            None => body.into_bytes(),
        };
        made.body(Full::new(Bytes::from(body))).with_context(|| format!("not a request: {target}"))
    }

    fn keep(&mut self, request: &Request, body: &[u8]) {
        if request.keeps.is_empty() {
            return;
        }
        let body: Value = serde_json::from_slice(body).unwrap_or_default();
        for (name, place) in &request.keeps {
            let pointer = format!("/{}", place.replace('.', "/"));
            let value = match body.pointer(&pointer) {
                Some(Value::String(text)) => text.clone(),
                Some(other) => other.to_string(),
                None => format!("no-{name}"),
            };
            self.kept.insert(name.clone(), value);
        }
    }
}

impl Watch {
    /// The next event of what has come, as text.
    fn next(&mut self) -> Option<String> {
        if !self.framed {
            let at = self.rest.iter().position(|byte| *byte == b'\n')?;
            let line: Vec<u8> = self.rest.drain(..=at).collect();
            return Some(String::from_utf8_lossy(&line).into_owned());
        }
        let (length, rest) = self.rest.split_first_chunk::<4>()?;
        let event = rest.get(..usize::try_from(u32::from_be_bytes(*length)).ok()?)?;
        let (text, taken) = (message::event(event), 4 + event.len());
        self.rest.drain(..taken);
        Some(text)
    }

    /// The next events, until there are so many, or nothing more within the limit.
    async fn events(&mut self, count: usize, limit: Duration) -> String {
        let mut missing = count;
        if missing == 0 {
            return String::new();
        }
        let is_last = |_: &str| {
            missing -= 1;
            missing == 0
        };
        self.until(limit, is_last).await
    }

    /// The next events up to the last, or until nothing more comes within the limit.
    async fn until(&mut self, limit: Duration, mut is_last: impl FnMut(&str) -> bool) -> String {
        #[allow(clippy::disallowed_methods, reason = "a test's client, there are no Seams here")]
        let deadline = Instant::now() + limit;
        let mut text = String::new();
        loop {
            if let Some(line) = self.next() {
                let is_bookmark =
                    [r#"{"type":"BOOKMARK""#, r#""type": "BOOKMARK""#].iter().any(|start| line.starts_with(start));
                // A bookmark that tells of progress comes when a timer says so; only the one that ends the state is due.
                if is_bookmark && !line.contains("initial-events-end") {
                    continue;
                }
                text.push_str(&line);
                if is_last(&line) {
                    break;
                }
                continue;
            }
            if self.ended {
                break;
            }
            match timeout_at(deadline, self.body.frame()).await {
                Ok(Some(Ok(frame))) => self.rest.extend_from_slice(frame.data_ref().map_or(&[], |data| data)),
                Ok(Some(Err(error))) => {
                    let _ = writeln!(text, "broke off: {error}");
                    self.ended = true;
                }
                Ok(None) => {
                    text.push_str("the end\n");
                    self.ended = true;
                }
                Err(_) => {
                    text.push_str("silence\n");
                    break;
                }
            }
        }
        text
    }
}

/// Puts back the store behind a door to where a script finds it: without objects.
pub(crate) async fn clear(door: &Door, collections: &[&str]) -> Result<()> {
    let mut running = Running { door, kept: BTreeMap::new(), watches: BTreeMap::new() };
    for collection in collections {
        let list: Value = running.json("GET", &format!("{collection}?limit=5000"), "", "").await?;
        for item in list["items"].as_array().into_iter().flatten() {
            let (name, namespace) = (text_of(&item["metadata"]["name"]), text_of(&item["metadata"]["namespace"]));
            let (base, resource) = collection.rsplit_once('/').context("not a collection")?;
            let within = if namespace.is_empty() { String::new() } else { format!("namespaces/{namespace}/") };
            let target = format!("{base}/{within}{resource}/{}", encoded(&name));
            if item["metadata"]["finalizers"].is_array() {
                let patch = r#"{"metadata":{"finalizers":null}}"#;
                running.json("PATCH", &target, "application/merge-patch+json", patch).await?;
            }
            running.json("DELETE", &target, "", "").await?;
        }
        let left = running.json("GET", collection, "", "").await?;
        let left = left["items"].as_array().map_or(0, Vec::len);
        ensure!(left == 0, "{}: {left} objects of {collection} cannot be deleted", door.server);
    }
    Ok(())
}

/// Makes the store behind a door old enough that no version is as small as those that scripts make up.
pub(crate) async fn age(door: &Door, collection: &str) -> Result<()> {
    let mut running = Running { door, kept: BTreeMap::new(), watches: BTreeMap::new() };
    for _ in 0..60 {
        running.json("POST", collection, "application/json", r#"{"metadata":{"name":"aging"}}"#).await?;
        running.json("DELETE", &format!("{collection}/aging"), "", "").await?;
    }
    Ok(())
}

impl Running<'_> {
    async fn json(&mut self, method: &str, target: &str, content_type: &str, body: &str) -> Result<Value> {
        let mut request = Request {
            method: method.to_owned(),
            target: target.to_owned(),
            body: body.to_owned(),
            ..Request::default()
        };
        if !content_type.is_empty() {
            request.headers.push(("content-type".to_owned(), content_type.to_owned()));
        }
        let answer = self.door.plain.send(self.request(&request, &self.door.plain)?).await?;
        let body = answer.into_body().collect().await.context("the answer broke off")?.to_bytes();
        serde_json::from_slice(&body).with_context(|| format!("{method} {target} was not answered with JSON"))
    }
}

/// Bytes written as pairs of hexadecimal digits; blanks do not count.
fn bytes_of(digits: &str) -> Result<Vec<u8>> {
    let digits: Vec<char> = digits.chars().filter(|digit| !digit.is_whitespace()).collect();
    let pairs = digits.chunks(2).map(|pair| pair.iter().collect::<String>());
    pairs.map(|pair| u8::from_str_radix(&pair, 16).with_context(|| format!("not hexadecimal: {pair}"))).collect()
}

fn text_of(value: &Value) -> String {
    value.as_str().unwrap_or_default().to_owned()
}

/// A name as a segment of a path.
pub(crate) fn encoded(name: &str) -> String {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~".contains(&byte);
    name.bytes().fold(String::new(), |mut text, byte| {
        if plain(byte) {
            text.push(char::from(byte));
        } else {
            let _ = write!(text, "%{byte:02X}");
        }
        text
    })
}

/// No step takes longer.
const STEP_LIMIT: Duration = Duration::from_secs(20);
/// The name of a watch that is closed in the same step; scripts cannot write it.
const FIRST: &str = "";
/// An event that comes comes within this.
const EVENT_LIMIT: Duration = Duration::from_secs(4);
/// What came beyond the events that were asked for is there within this.
const SILENCE: Duration = Duration::from_millis(150);
/// No watch of a script lasts longer.
const END_LIMIT: Duration = Duration::from_secs(12);
