//! The client's resourceVersion: opaque text to clients, the storage's revision to the server.
//!
//! This is the one place where the two meet.

use crate::field;
use crate::status::Status;

/// The resourceVersion of a `get`: `None` for the newest and for any cached state, else at least that revision.
///
/// * Errors: 500 for what is no number, as upstream answers.
pub fn parse_get(text: &str) -> Result<Option<u64>, Status> {
    match text {
        "" | "0" => Ok(None),
        text => number(text).map(Some).ok_or_else(|| Status::untyped(invalid(text))),
    }
}

/// The resourceVersion of a `list`: 0 for the newest and for any cached state.
///
/// * Errors: 400 for what is no number.
pub fn parse_list(text: &str) -> Result<u64, Status> {
    parse(text).ok_or_else(|| Status::bad_request(invalid(text)))
}

/// The resourceVersion of a `watch`: 0 where the watcher does not say from where.
///
/// * Errors: 500 for what is no number, as upstream answers.
pub fn parse_watch(text: &str) -> Result<u64, Status> {
    parse(text).ok_or_else(|| Status::untyped(invalid(text)))
}

fn parse(text: &str) -> Option<u64> {
    if text.is_empty() { Some(0) } else { number(text) }
}

/// A version has no sign, not even one that says nothing.
fn number(text: &str) -> Option<u64> {
    text.parse().ok().filter(|_| !text.starts_with('+'))
}

fn invalid(text: &str) -> String {
    format!("invalid resource version: {} is not a whole number", field::quote(text))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn l_3_a_list_from_no_number_is_400_and_g_2_a_get_is_500() {
        assert_eq!(parse_list("abc").unwrap_err().code, 400);
        assert!(parse_list("-1").unwrap_err().message.starts_with("invalid resource version: "));
        assert_eq!(parse_get("abc").unwrap_err().code, 500);
        assert_eq!(parse_watch("abc").unwrap_err().code, 500);
        assert_eq!(parse_get("+1").unwrap_err().code, 500);
        assert_eq!(parse_list("+1").unwrap_err().code, 400);
    }

    #[test]
    fn g_1_unset_and_zero_mean_no_bound() {
        assert_eq!((parse_get("").unwrap(), parse_get("0").unwrap(), parse_get("7").unwrap()), (None, None, Some(7)));
        assert_eq!((parse_list("").unwrap(), parse_list("7").unwrap()), (0, 7));
    }
}
