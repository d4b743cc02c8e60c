//! What is known of a request once its path and its sender are.

use crate::verb::Verb;
use std::collections::BTreeMap;

/// Who asks.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct UserInfo {
    /// The user's name, such as `system:admin`.
    pub name: String,
    /// The user's unique id; empty when unknown.
    pub uid: String,
    /// The groups the user is in.
    pub groups: Vec<String>,
    /// What the authenticator knows besides, by lower-case key.
    pub extra: BTreeMap<String, Vec<String>>,
}

/// What a request asks for, as its method and path say it. Authorization, audit and dispatch all read this one parse.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct RequestInfo {
    /// Whether the path names an API resource; if not, only `path` and `verb` are set.
    pub is_resource_request: bool,
    /// The decoded path.
    pub path: String,
    /// The verb as RBAC spells it, or the lower-case method of a request that is not for a resource.
    pub verb: String,
    /// The API group.
    pub group: String,
    /// The version of the group.
    pub version: String,
    /// The namespace; empty for cluster-scoped and all-namespaces requests.
    pub namespace: String,
    /// The plural path word.
    pub resource: String,
    /// The subresource; empty for the object itself.
    pub subresource: String,
    /// The object's name; empty for collections.
    pub name: String,
    /// The path's segments from the resource on.
    pub parts: Vec<String>,
    /// The field selector as sent, of list, watch and deletecollection.
    pub field_selector: String,
    /// The label selector as sent, of list, watch and deletecollection.
    pub label_selector: String,
}

impl RequestInfo {
    /// The verb, when it is one that a resource can serve.
    pub fn known_verb(&self) -> Option<Verb> {
        Verb::ALL.into_iter().find(|verb| verb.as_str() == self.verb)
    }
}
