//! The version document: what a server says of its build.

use super::{Answer, Ask, Document};
use serde::Serialize;

/// What `/version` answers. The fields are upstream's, those about Go included; clients read `gitVersion`, and kubectl
/// compares it with its own.
#[derive(Clone, Debug, Eq, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct VersionInfo {
    /// The first number of the version.
    pub major: String,
    /// The second number of the version.
    pub minor: String,
    /// The first number of the Kubernetes version whose API behaviour this is; empty when not told.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub emulation_major: String,
    /// The second number of that version.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub emulation_minor: String,
    /// The version with a `v` before it: semantic versioning, which is all that clients parse.
    pub git_version: String,
    /// The commit of the build; empty when unknown.
    pub git_commit: String,
    /// `clean` or `dirty`; empty when unknown.
    pub git_tree_state: String,
    /// When it was built, as RFC 3339; the beginning of 1970 when unknown, so that builds can be repeated.
    pub build_date: String,
    /// The language it is written in and its version.
    pub go_version: String,
    /// The compiler.
    pub compiler: String,
    /// Operating system and architecture, as Go names them.
    pub platform: String,
}

impl VersionInfo {
    /// What is known of a server of that version, which is its crate's, such as `1.2.3`.
    pub fn of(version: &str) -> Self {
        let mut numbers = version.split(['.', '-', '+']);
        let mut number = || numbers.next().unwrap_or_default().to_owned();
        Self {
            major: number(),
            minor: number(),
            emulation_major: String::new(),
            emulation_minor: String::new(),
            git_version: format!("v{version}"),
            git_commit: String::new(),
            git_tree_state: String::new(),
            build_date: "1970-01-01T00:00:00Z".to_owned(),
            go_version: concat!("rust", env!("CARGO_PKG_RUST_VERSION")).to_owned(),
            compiler: "rustc".to_owned(),
            platform: format!("{}/{}", operating_system(), architecture()),
        }
    }

    /// The same, told to behave as that version of Kubernetes.
    #[must_use]
    pub fn emulating(mut self, major: u32, minor: u32) -> Self {
        self.emulation_major = major.to_string();
        self.emulation_minor = minor.to_string();
        self
    }

    /// The document: indented JSON, as upstream writes it.
    pub fn document(&self) -> Document {
        Document::new(serde_json::to_vec_pretty(self).unwrap_or_default(), "application/json")
    }
}

/// Answers a GET of `/version`.
///
/// * Errors: [`Answer::NotAcceptable`] when JSON is not accepted.
pub fn answer_version(document: &Document, ask: &Ask) -> Answer {
    if ask.accept().accepts("application/json") {
        document.plain()
    } else {
        Answer::NotAcceptable { offered: &["application/json"] }
    }
}

const fn operating_system() -> &'static str {
    match std::env::consts::OS.as_bytes() {
        b"macos" => "darwin",
        _ => std::env::consts::OS,
    }
}

const fn architecture() -> &'static str {
    match std::env::consts::ARCH.as_bytes() {
        b"x86_64" => "amd64",
        b"aarch64" => "arm64",
        b"x86" => "386",
        _ => std::env::consts::ARCH,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::Value;

    fn tree(info: &VersionInfo) -> Value {
        serde_json::from_slice(info.document().bytes()).unwrap()
    }

    #[test]
    fn hz_9_the_version_has_upstreams_fields_all_of_them_text() {
        let version = tree(&VersionInfo::of("0.1.0").emulating(1, 37));
        let mut fields: Vec<_> = version.as_object().unwrap().keys().cloned().collect();
        fields.sort();
        let expected = [
            "buildDate",
            "compiler",
            "emulationMajor",
            "emulationMinor",
            "gitCommit",
            "gitTreeState",
            "gitVersion",
            "goVersion",
            "major",
            "minor",
            "platform",
        ];
        assert_eq!(fields, expected);
        assert!(version.as_object().unwrap().values().all(Value::is_string));
        assert_eq!(version["gitVersion"], "v0.1.0");
        assert_eq!((&version["major"], &version["minor"]), (&"0".into(), &"1".into()));
        assert_eq!((&version["emulationMajor"], &version["emulationMinor"]), (&"1".into(), &"37".into()));
    }

    #[test]
    fn a_version_with_a_suffix_keeps_it() {
        let info = VersionInfo::of("2.10.3-rc.1+abc");
        assert_eq!((info.major.as_str(), info.minor.as_str()), ("2", "10"));
        assert_eq!(info.git_version, "v2.10.3-rc.1+abc");
        assert!(tree(&info).get("emulationMajor").is_none());
    }

    #[test]
    fn the_version_is_read_as_json_or_not_at_all() {
        let document = VersionInfo::of("0.1.0").document();
        let ask = |accept: &str| Ask { accept: accept.to_owned(), ..Ask::default() };
        match answer_version(&document, &ask("application/json")) {
            Answer::Ok { headers, .. } => assert_eq!(headers["content-type"], "application/json"),
            other => panic!("{other:?}"),
        }
        let html = answer_version(&document, &ask("text/html"));
        assert!(matches!(html, Answer::NotAcceptable { offered: ["application/json"] }));
    }
}
