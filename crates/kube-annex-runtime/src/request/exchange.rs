//! One request on its way through the server, and what is collected for its answer.

use http::HeaderMap;
use hyper::upgrade::OnUpgrade;
use kube_annex::handlers::Call;
use std::sync::Mutex;

/// What every endpoint is handed: who asks for what, the query and headers, and a place for warnings.
#[derive(Debug, Default)]
pub struct Exchange {
    /// Who asks, and for what.
    pub call: Call,
    /// The query string as sent.
    pub query: String,
    /// The headers, credentials removed.
    pub headers: HeaderMap,
    /// What the client is to be warned of.
    pub warnings: Warnings,
    /// The connection, for who wants to speak another protocol on it.
    pub upgrade: Upgrade,
}

/// A connection that can be taken over, once.
#[derive(Debug, Default)]
pub struct Upgrade(Mutex<Option<OnUpgrade>>);

impl Upgrade {
    /// The connection of a request; `None` when its client does not ask for another protocol.
    pub fn of(connection: Option<OnUpgrade>) -> Self {
        Self(Mutex::new(connection))
    }

    /// Takes the connection, if it is still there.
    pub fn take(&self) -> Option<OnUpgrade> {
        self.0.lock().unwrap_or_else(std::sync::PoisonError::into_inner).take()
    }
}

/// Warnings for the client, in the order recorded, each once.
#[derive(Debug, Default)]
pub struct Warnings(Mutex<Vec<String>>);

/// The length from which on all warnings of an answer are cut to [`CUT_TO`] characters.
const MOST_CHARACTERS: usize = 4096;
const CUT_TO: usize = 256;

impl Warnings {
    /// Records a warning, unless it was recorded before.
    pub fn add(&self, text: impl Into<String>) {
        let text = text.into();
        let mut all = self.0.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        if !text.is_empty() && !all.contains(&text) {
            all.push(text);
        }
    }

    /// The values of the `Warning` headers: `299 - "text"`. Texts that no header can carry are left out.
    pub fn headers(&self) -> Vec<String> {
        let all = self.0.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        let cut = all.iter().map(String::len).sum::<usize>() > MOST_CHARACTERS;
        let mut total = 0;
        let mut headers = Vec::with_capacity(all.len());
        for text in all.iter().filter(|text| !text.chars().any(char::is_control)) {
            let text: String = if cut { text.chars().take(CUT_TO).collect() } else { text.clone() };
            total += text.len();
            if total > MOST_CHARACTERS {
                break;
            }
            headers.push(format!("299 - \"{}\"", text.replace('\\', "\\\\").replace('"', "\\\"")));
        }
        headers
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sv_20_warnings_are_quoted_and_told_once_in_order() {
        let warnings = Warnings::default();
        for text in ["b \"x\"", "a\\", "b \"x\"", "two\nlines"] {
            warnings.add(text);
        }
        assert_eq!(warnings.headers(), [r#"299 - "b \"x\"""#, r#"299 - "a\\""#]);
    }

    #[test]
    fn sv_21_many_long_warnings_are_cut_then_dropped() {
        let warnings = Warnings::default();
        for index in 0..40 {
            warnings.add(format!("{index:03}{}", "x".repeat(400)));
        }
        let headers = warnings.headers();
        assert_eq!(headers.len(), MOST_CHARACTERS / CUT_TO);
        assert!(headers.iter().all(|header| header.len() == CUT_TO + "299 - \"\"".len()));
    }
}
