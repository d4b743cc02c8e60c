//! What a client is told that may not do what it asks for.

use kube_annex::Status;
use kube_annex::field::quote;
use kube_annex::gvk::GroupResource;
use kube_annex::request::{RequestInfo, UserInfo};
use kube_annex::status::{Details, Reason};

/// 403, in upstream's words; `reason` is the authorizer's and may be empty. The response also carries
/// `X-Content-Type-Options: nosniff`.
pub fn forbidden(user: &UserInfo, info: &RequestInfo, reason: &str) -> Status {
    let mut why = escape_html(&what_they_cannot(user, info));
    if !reason.is_empty() {
        why = format!("{why}: {reason}");
    }
    if info.resource.is_empty() {
        let details = Details { name: info.name.clone(), group: info.group.clone(), ..Details::default() };
        return Status::failure(403, Reason::Forbidden, format!("forbidden: {why}")).with_details(details);
    }
    Status::forbidden(&GroupResource::new(&info.group, &info.resource), &info.name, why)
}

/// The plain text of the 500 to a request that could not be parsed or authorized; `uri` is the path and query as sent.
pub fn internal_error_text(uri: &str, error: &dyn std::fmt::Display) -> String {
    escape_html(&format!("Internal Server Error: {}: {error}", quote(uri)))
}

fn what_they_cannot(user: &UserInfo, info: &RequestInfo) -> String {
    let user = quote(&user.name);
    if !info.is_resource_request {
        return format!("User {user} cannot {} path {}", info.verb, quote(&info.path));
    }
    let resource = match info.subresource.as_str() {
        "" => quote(&info.resource),
        subresource => quote(&format!("{}/{subresource}", info.resource)),
    };
    let place = match info.namespace.as_str() {
        "" => "at the cluster scope".to_owned(),
        namespace => format!("in the namespace {}", quote(namespace)),
    };
    format!("User {user} cannot {} resource {resource} in API group {} {place}", info.verb, quote(&info.group))
}

// Paths and names are the client's words: a browser must not take them for a page.
fn escape_html(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn flunder(name: &str, namespace: &str, subresource: &str) -> RequestInfo {
        RequestInfo {
            is_resource_request: true,
            verb: "get".to_owned(),
            group: "wardle.example.com".to_owned(),
            resource: "flunders".to_owned(),
            name: name.to_owned(),
            namespace: namespace.to_owned(),
            subresource: subresource.to_owned(),
            ..RequestInfo::default()
        }
    }

    fn ada() -> UserInfo {
        UserInfo { name: "ada".to_owned(), ..UserInfo::default() }
    }

    #[test]
    fn az_10_texts_for_resources() {
        let cases = [
            (
                flunder("f1", "ns", ""),
                r#"flunders.wardle.example.com "f1" is forbidden: User "ada" cannot get resource "flunders" in API group "wardle.example.com" in the namespace "ns""#,
            ),
            (
                flunder("", "ns", ""),
                r#"flunders.wardle.example.com is forbidden: User "ada" cannot get resource "flunders" in API group "wardle.example.com" in the namespace "ns""#,
            ),
            (
                flunder("f1", "", "status"),
                r#"flunders.wardle.example.com "f1" is forbidden: User "ada" cannot get resource "flunders/status" in API group "wardle.example.com" at the cluster scope"#,
            ),
        ];
        for (info, message) in cases {
            let status = forbidden(&ada(), &info, "");
            assert_eq!(status.message, message);
            let details = status.details.expect("details");
            assert_eq!((details.group.as_str(), details.kind.as_str()), ("wardle.example.com", "flunders"));
            assert_eq!((status.code, details.name), (403, info.name));
        }
    }

    #[test]
    fn az_10_text_for_paths_is_escaped_and_ends_with_the_reason() {
        let info = RequestInfo { path: "/a<b>&c".to_owned(), verb: "get".to_owned(), ..RequestInfo::default() };
        let status = forbidden(&ada(), &info, "no <rule>");
        assert_eq!(status.message, r#"forbidden: User "ada" cannot get path "/a&lt;b&gt;&amp;c": no <rule>"#);
        let json = serde_json::to_value(&status).expect("serializable");
        assert_eq!(json["details"], serde_json::json!({}));
    }
}
