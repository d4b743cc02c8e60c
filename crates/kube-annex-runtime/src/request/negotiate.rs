//! In which form a client wants its answer.

use super::accept::{Accept, MediaRange, first};
use http::HeaderMap;
use http::header::{ACCEPT, USER_AGENT};
use kube_annex::options::query::Query;
use kube_annex::status::Details;
use kube_annex::{Status, protobuf};

/// The form of an answer.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct Negotiated {
    /// The serialisation.
    pub format: Format,
    /// What is made of the object before it is written.
    pub transform: Transform,
    /// Whether JSON is indented.
    pub pretty: bool,
}

impl Negotiated {
    /// Whether the answer has no blanks for people: what is kept, joined and shared.
    pub(crate) fn is_compact(self) -> bool {
        match self.format {
            Format::Json => !self.pretty,
            Format::Yaml => false,
            Format::Protobuf => true,
        }
    }
}

/// A serialisation.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub enum Format {
    /// `application/json`.
    #[default]
    Json,
    /// `application/yaml`.
    Yaml,
    /// `application/vnd.kubernetes.protobuf`: for what upstream's machinery says, not for the types served here.
    Protobuf,
}

impl Format {
    /// The media type of the form.
    pub const fn media_type(self) -> &'static str {
        match self {
            Self::Json => "application/json",
            Self::Yaml => "application/yaml",
            Self::Protobuf => protobuf::MEDIA_TYPE,
        }
    }
}

/// What is made of an object before it is written.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub enum Transform {
    /// The object itself.
    #[default]
    None,
    /// A table for people.
    Table(MetaVersion),
    /// Its metadata.
    PartialObjectMetadata(MetaVersion),
    /// The metadata of a list.
    PartialObjectMetadataList(MetaVersion),
}

/// The version of `meta.k8s.io` that a transform is written in.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub enum MetaVersion {
    /// `meta.k8s.io/v1`.
    #[default]
    V1,
    /// `meta.k8s.io/v1beta1`.
    V1Beta1,
}

impl MetaVersion {
    /// As `apiVersion` spells it.
    pub const fn api_version(self) -> &'static str {
        match self {
            Self::V1 => "meta.k8s.io/v1",
            Self::V1Beta1 => "meta.k8s.io/v1beta1",
        }
    }
}

/// The media types of object answers, in upstream's order.
pub const OBJECTS: &[&str] = &["application/json", "application/yaml", protobuf::MEDIA_TYPE];

/// The media types of watch streams.
pub const STREAMS: &[&str] = &["application/json;stream=watch", protobuf::STREAM_MEDIA_TYPE];

/// What kind of answer is negotiated for.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Answer {
    /// One object or a list, of a type that has no protobuf form: its metadata alone has one.
    Object,
    /// Something of upstream's own, which every form can say.
    Known,
    /// A stream of events: YAML has no such form.
    Stream,
}

/// Finds the first acceptable clause of the Accept header.
///
/// * Shape: clauses in order of `q`, then position; unknown parameters are ignored; an unknown `as` makes a clause
///   unacceptable and the next one is tried. Protobuf without `as` comes last where the answer has no such form: who
///   accepts something else besides gets that, and who does not learns it when there is an answer to be written.
/// * Errors: 406 that lists what could have been had.
pub fn negotiate(headers: &HeaderMap, query: &str, answer: Answer) -> Result<Negotiated, Status> {
    let pretty = wants_pretty(headers, query);
    let accept = Accept::of(headers);
    let acceptable = |range: &MediaRange| {
        let format = format(range)?;
        // The version of the server that is asked for can be the first alone.
        let has_version = matches!(range.parameter("sv"), "" | "v1");
        let pretty = (pretty || range.parameter("pretty") == "1") && answer != Answer::Stream;
        let format = Some(format).filter(|_| has_version)?;
        let transform = transform(range)?;
        // A table has no protobuf form, whatever it is of.
        let is_sendable = format != Format::Protobuf || !matches!(transform, Transform::Table(_));
        is_sendable.then_some(Negotiated { format, transform, pretty })
    };
    let has_form = |chosen: &Negotiated| {
        answer == Answer::Known || chosen.format != Format::Protobuf || chosen.transform != Transform::None
    };
    // The first clause that is acceptable for an object decides, though it may have no form that streams.
    let streams = |chosen: &Negotiated| answer != Answer::Stream || chosen.format != Format::Yaml;
    let first = accept.select(acceptable);
    let is_known = first.is_some();
    let chosen = first.filter(streams).and_then(|first| {
        let with_form = accept.select(|range| acceptable(range).filter(streams).filter(has_form));
        with_form.or(Some(first))
    });
    chosen.ok_or_else(|| {
        let supported = if is_known { STREAMS } else { OBJECTS };
        Status::not_acceptable(format!("only the following media types are accepted: {}", supported.join(", ")))
    })
}

/// In which form an error is told, and whether indented: the first acceptable clause without a transform. `None` when
/// there is none.
pub(crate) fn negotiate_status(headers: &HeaderMap, query: &str) -> Option<Negotiated> {
    let pretty = wants_pretty(headers, query);
    Accept::of(headers).select(|range| {
        let plain = ["as", "g", "v", "sv"].iter().all(|name| range.parameter(name).is_empty());
        let format = format(range).filter(|_| plain)?;
        let pretty = pretty || range.parameter("pretty") == "1";
        Some(Negotiated { format, transform: Transform::None, pretty })
    })
}

/// Refuses a request none of whose clauses names a media type that its route produces.
///
/// * Errors: 406 in the words of upstream's router, which looks at media types alone, before parameters count.
pub(crate) fn check_route(headers: &HeaderMap, streams: bool) -> Result<(), Status> {
    let mut available: Vec<&str> = OBJECTS.to_vec();
    if streams {
        available.extend(STREAMS);
    }
    check_produced(headers, &available)
}

/// As [`check_route`], of a route that produces these media types; those with parameters are told and never named.
pub(crate) fn check_produced(headers: &HeaderMap, available: &[&str]) -> Result<(), Status> {
    let accept = first(headers, &ACCEPT);
    let named = |clause: &str| {
        let media_type = clause.split(';').next().unwrap_or_default().trim();
        media_type == "*/*" || available.contains(&media_type)
    };
    if accept.trim().is_empty() || accept.split(',').any(named) {
        return Ok(());
    }
    let message = format!("406: Not Acceptable\n\nAvailable representations: {}", available.join(", "));
    Err(Status::not_acceptable(message).with_details(Details::default()))
}

/// Whether the query or the user agent wants JSON for people; a clause's own `pretty` can want it too.
pub(crate) fn wants_pretty(headers: &HeaderMap, query: &str) -> bool {
    let query = Query::parse(query);
    // Unlike other flags this one is read as Go reads truths: what is none is no.
    if let Some(value) = query.first("pretty").filter(|value| !value.is_empty()) {
        return matches!(value, "1" | "t" | "T" | "true" | "TRUE" | "True");
    }
    let agent = headers.get(USER_AGENT).and_then(|value| value.to_str().ok()).unwrap_or_default();
    ["curl", "Wget", "Mozilla/5.0"].iter().any(|browser| agent.starts_with(browser))
}

/// What the parameters of a range make of the object; `None` when they ask for what there is not.
fn transform(range: &MediaRange) -> Option<Transform> {
    let version = match (range.parameter("g"), range.parameter("v")) {
        ("", "") if range.parameter("as").is_empty() => return Some(Transform::None),
        ("meta.k8s.io", "v1") => MetaVersion::V1,
        ("meta.k8s.io", "v1beta1") => MetaVersion::V1Beta1,
        _ => return None,
    };
    match range.parameter("as") {
        "Table" => Some(Transform::Table(version)),
        "PartialObjectMetadata" => Some(Transform::PartialObjectMetadata(version)),
        "PartialObjectMetadataList" => Some(Transform::PartialObjectMetadataList(version)),
        _ => None,
    }
}

fn format(range: &MediaRange) -> Option<Format> {
    let known = [Format::Json, Format::Yaml, Format::Protobuf];
    let found = known.into_iter().find(|format| range.matches(format.media_type()))?;
    let is_known = match range.parameter("stream") {
        "" => true,
        // YAML has no form that streams, so nothing that asks for one is it.
        stream => stream == "watch" && found != Format::Yaml,
    };
    is_known.then_some(found)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(accept: &str) -> Result<Negotiated, Status> {
        let mut headers = HeaderMap::new();
        if !accept.is_empty() {
            headers.insert(ACCEPT, accept.parse().unwrap());
        }
        negotiate(&headers, "", Answer::Object)
    }

    #[test]
    fn cn_7_clauses_are_tried_by_quality_then_position() {
        assert_eq!(of("").unwrap().format, Format::Json);
        assert_eq!(of("*/*").unwrap().format, Format::Json);
        assert_eq!(of("application/yaml").unwrap().format, Format::Yaml);
        assert_eq!(of("application/json;q=0.5,application/yaml").unwrap().format, Format::Yaml);
        assert_eq!(of("application/json;q=0,application/yaml").unwrap().format, Format::Yaml);
        assert_eq!(of("text/html,application/*").unwrap().format, Format::Json);
    }

    #[test]
    fn cn_8_unknown_parameters_are_ignored() {
        assert_eq!(of("application/json; charset=utf-8; profile=x").unwrap(), Negotiated::default());
    }

    #[test]
    fn cn_9_nothing_acceptable_is_406_with_the_list() {
        let status = of("text/html").unwrap_err();
        assert_eq!(status.code, 406);
        let offered = OBJECTS.join(", ");
        assert_eq!(status.message, format!("only the following media types are accepted: {offered}"));
    }

    #[test]
    fn cn_10_an_unknown_transform_falls_through_to_the_next_clause() {
        let table = "application/json;as=Table;v=v1;g=meta.k8s.io,application/json";
        assert_eq!(of(table).unwrap().transform, Transform::Table(MetaVersion::V1));
        let unknown = "application/json;as=Chair;v=v1;g=meta.k8s.io,application/json";
        assert_eq!(of(unknown).unwrap().transform, Transform::None);
        assert_eq!(of("application/json;as=Table;v=v9;g=meta.k8s.io").unwrap_err().code, 406);
    }

    #[test]
    fn cn_12_the_first_form_of_metadata_that_is_accepted_is_taken() {
        let accept = "application/vnd.kubernetes.protobuf;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1,\
                      application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1,application/json";
        let transform = Transform::PartialObjectMetadataList(MetaVersion::V1);
        assert_eq!(of(accept).unwrap(), Negotiated { format: Format::Protobuf, transform, pretty: false });
    }

    #[test]
    fn cn_7_protobuf_without_a_form_comes_after_everything_else_that_is_accepted() {
        let protobuf = "application/vnd.kubernetes.protobuf";
        assert_eq!(of(&format!("{protobuf},application/json")).unwrap().format, Format::Json);
        assert_eq!(of(&format!("{protobuf},*/*;q=0.1")).unwrap().format, Format::Json);
        assert_eq!(of(protobuf).unwrap().format, Format::Protobuf);
        let mut headers = HeaderMap::new();
        headers.insert(ACCEPT, format!("{protobuf},application/json").parse().unwrap());
        assert_eq!(negotiate(&headers, "", Answer::Known).unwrap().format, Format::Protobuf);
        assert_eq!(negotiate(&headers, "", Answer::Stream).unwrap().format, Format::Json);
        assert_eq!(negotiate_status(&headers, "").unwrap().format, Format::Protobuf);
    }

    #[test]
    fn cn_15_pretty_comes_from_query_clause_or_browser() {
        let pretty = |accept: &str, agent: &str, query: &str| {
            let mut headers = HeaderMap::new();
            headers.insert(ACCEPT, accept.parse().unwrap());
            headers.insert(USER_AGENT, agent.parse().unwrap());
            negotiate(&headers, query, Answer::Object).unwrap().pretty
        };
        assert!(pretty("application/json;pretty=1", "go", ""));
        assert!(pretty("*/*", "curl/8", ""));
        assert!(!pretty("*/*", "curl/8", "pretty=false"));
        assert!(pretty("*/*", "go", "pretty=true"));
        assert!(pretty("application/json;pretty=1", "go", "pretty=0"), "each can want it");
    }

    #[test]
    fn cn_22_yaml_has_no_stream_form() {
        let mut headers = HeaderMap::new();
        headers.insert(ACCEPT, "application/yaml".parse().unwrap());
        let status = negotiate(&headers, "", Answer::Stream).unwrap_err();
        let offered = "application/json;stream=watch, application/vnd.kubernetes.protobuf;stream=watch";
        assert_eq!(status.message, format!("only the following media types are accepted: {offered}"));
    }
}
