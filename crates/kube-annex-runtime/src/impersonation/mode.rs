//! The ways to be allowed to be somebody else: four that are bound to a kind of user, and the older one.

use crate::authn::{ANONYMOUS, AUTHENTICATED, UNAUTHENTICATED};
use crate::authz::{self, Authorizer, Decision, MASTERS};
use kube_annex::Status;
use kube_annex::field::{self, Path};
use kube_annex::names::dns;
use kube_annex::request::{RequestInfo, UserInfo};
use std::collections::BTreeMap;

/// One way.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Mode {
    /// A service account acts as the node that its pod runs on.
    AssociatedNode,
    /// Somebody acts as a node.
    ArbitraryNode,
    /// Somebody acts as a service account.
    ServiceAccount,
    /// Somebody acts as anybody else.
    UserInfo,
    /// The older right, whatever is done with it.
    Legacy,
}

/// What is asked before somebody is somebody else.
struct Questions<'a> {
    mode: Mode,
    authorizer: &'a dyn Authorizer,
    requestor: UserInfo,
}

impl Mode {
    /// In the order in which they are tried.
    pub(super) const ALL: [Self; 5] =
        [Self::AssociatedNode, Self::ArbitraryNode, Self::ServiceAccount, Self::UserInfo, Self::Legacy];

    /// The right to be somebody.
    pub(super) fn verb(self) -> &'static str {
        match self {
            Self::AssociatedNode => "impersonate:associated-node",
            Self::ArbitraryNode => "impersonate:arbitrary-node",
            Self::ServiceAccount => "impersonate:serviceaccount",
            Self::UserInfo => "impersonate:user-info",
            Self::Legacy => "impersonate",
        }
    }

    /// The user that the requestor may be in this way; `None` when it is not a way to that user.
    pub(super) async fn check(
        self,
        authorizer: &dyn Authorizer,
        requestor: &UserInfo,
        wanted: &UserInfo,
        info: &RequestInfo,
    ) -> Option<Result<UserInfo, Status>> {
        if !self.is_for(requestor, wanted) {
            return None;
        }
        let requestor = if self == Self::AssociatedNode { without_extra(requestor) } else { requestor.clone() };
        let questions = Questions { mode: self, authorizer, requestor };
        Some(questions.ask(wanted, info).await)
    }

    fn is_for(self, requestor: &UserInfo, wanted: &UserInfo) -> bool {
        let name_alone = wanted.uid.is_empty() && wanted.groups.is_empty() && wanted.extra.is_empty();
        let (node, account) = (node(&wanted.name), service_account(&wanted.name));
        match self {
            Self::AssociatedNode => name_alone && node.is_some() && node == own_node(requestor),
            Self::ArbitraryNode => name_alone && node.is_some(),
            Self::ServiceAccount => name_alone && account.is_some(),
            Self::UserInfo => node.is_none() && account.is_none(),
            Self::Legacy => true,
        }
    }

    /// The right to do this as somebody else.
    fn verb_on(self, verb: &str) -> Option<String> {
        self.verb().strip_prefix("impersonate:").map(|kind| format!("impersonate-on:{kind}:{verb}"))
    }
}

impl Questions<'_> {
    async fn ask(&self, wanted: &UserInfo, info: &RequestInfo) -> Result<UserInfo, Status> {
        if let Some(verb) = self.mode.verb_on(&info.verb) {
            self.may(RequestInfo { verb, ..info.clone() }).await?;
        }
        let mut user = wanted.clone();
        self.name(&mut user).await?;
        if !wanted.uid.is_empty() {
            self.may(self.question(AUTHENTICATION, "uids", &wanted.uid)).await?;
        }
        self.groups(&wanted.groups).await?;
        self.extra(&wanted.extra).await?;
        add_common_group(&mut user);
        Ok(user)
    }

    async fn name(&self, user: &mut UserInfo) -> Result<(), Status> {
        let mut question = self.question(self.group(), "users", &user.name);
        if let Some(node) = node(&user.name).filter(|_| self.is_constrained()) {
            "nodes".clone_into(&mut question.resource);
            // Whose own node it is has been looked at; the right is one for all nodes.
            let name = if self.mode == Mode::AssociatedNode { "*" } else { node };
            name.clone_into(&mut question.name);
            user.groups = vec![NODES.to_owned()];
        }
        if let Some((namespace, name)) = service_account(&user.name) {
            "serviceaccounts".clone_into(&mut question.resource);
            namespace.clone_into(&mut question.namespace);
            name.clone_into(&mut question.name);
            if user.groups.is_empty() {
                user.groups = vec![SERVICE_ACCOUNTS.to_owned(), format!("{SERVICE_ACCOUNTS}:{namespace}")];
            }
        }
        self.may(question).await
    }

    async fn groups(&self, groups: &[String]) -> Result<(), Status> {
        let question = |name: &str| self.question(self.group(), "groups", name);
        if self.is_constrained() {
            if groups.iter().any(String::is_empty) {
                return Err(self.refusal(&question(""), "impersonating the empty string group is not allowed"));
            }
            if groups.iter().any(|group| group == MASTERS) {
                let why = "impersonating the system:masters group is not allowed";
                return Err(self.refusal(&question(MASTERS), why));
            }
            if groups.len() >= MANY && self.may(question("*")).await.is_ok() {
                return Ok(());
            }
        }
        for group in groups {
            self.may(question(group)).await?;
        }
        Ok(())
    }

    async fn extra(&self, extra: &BTreeMap<String, Vec<String>>) -> Result<(), Status> {
        let question = |key: &str, value: &str| RequestInfo {
            subresource: key.to_owned(),
            ..self.question(AUTHENTICATION, "userextras", value)
        };
        if self.is_constrained() {
            if let Some(why) = extra.iter().find_map(|(key, values)| wrong_extra(key, values)) {
                return Err(self.refusal(&question("", ""), &why));
            }
            let many = extra.len() >= MANY || extra.values().map(Vec::len).sum::<usize>() >= MANY;
            if many && self.may(question("*", "*")).await.is_ok() {
                return Ok(());
            }
        }
        for (key, values) in extra {
            for value in values {
                self.may(question(key, value)).await?;
            }
        }
        Ok(())
    }

    fn is_constrained(&self) -> bool {
        self.mode != Mode::Legacy
    }

    /// The API group of names and groups; the older right is of an older one.
    fn group(&self) -> &'static str {
        if self.is_constrained() { AUTHENTICATION } else { "" }
    }

    fn question(&self, group: &str, resource: &str, name: &str) -> RequestInfo {
        RequestInfo {
            is_resource_request: true,
            verb: self.mode.verb().to_owned(),
            group: group.to_owned(),
            version: "v1".to_owned(),
            resource: resource.to_owned(),
            name: name.to_owned(),
            ..RequestInfo::default()
        }
    }

    async fn may(&self, question: RequestInfo) -> Result<(), Status> {
        match self.authorizer.authorize(&self.requestor, &question).await {
            Ok(Decision::Allow) => Ok(()),
            Ok(Decision::Deny(reason) | Decision::NoOpinion(reason)) => Err(self.refusal(&question, &reason)),
            Err(error) => {
                let user = self.requestor.name.as_str();
                tracing::error!(error = &error as &dyn std::error::Error, user, "not authorized to impersonate");
                Err(self.refusal(&question, &error.to_string()))
            }
        }
    }

    fn refusal(&self, question: &RequestInfo, why: &str) -> Status {
        authz::forbidden(&self.requestor, question, why)
    }
}

/// The group that everyone is in, or nobody.
fn add_common_group(user: &mut UserInfo) {
    let is_in = |group: &str| user.groups.iter().any(|of| of == group);
    let missing = if user.name == ANONYMOUS {
        Some(UNAUTHENTICATED).filter(|group| !is_in(group))
    } else {
        Some(AUTHENTICATED).filter(|group| !is_in(group) && !is_in(UNAUTHENTICATED))
    };
    user.groups.extend(missing.map(str::to_owned));
}

/// What upstream asks about who acts as its own node: the values of its extra fields name the node and the pod, and would
/// make each question a new one.
fn without_extra(requestor: &UserInfo) -> UserInfo {
    let keys = requestor.extra.keys().cloned().collect();
    UserInfo {
        extra: BTreeMap::from([("authentication.kubernetes.io/associated-node-keys".to_owned(), keys)]),
        ..requestor.clone()
    }
}

fn node(user: &str) -> Option<&str> {
    user.strip_prefix("system:node:").filter(|name| dns::subdomain(name).is_empty())
}

fn service_account(user: &str) -> Option<(&str, &str)> {
    let (namespace, name) = user.strip_prefix(SERVICE_ACCOUNTS_USERS)?.split_once(':')?;
    (dns::label(namespace).is_empty() && dns::subdomain(name).is_empty()).then_some((namespace, name))
}

/// The node that a service account's pod runs on.
fn own_node(requestor: &UserInfo) -> Option<&str> {
    service_account(&requestor.name)?;
    match requestor.extra.get("authentication.kubernetes.io/node-name")?.as_slice() {
        [node] => Some(node),
        _ => None,
    }
}

fn wrong_extra(key: &str, values: &[String]) -> Option<String> {
    if key.is_empty() {
        return Some("impersonating the empty string key in extra is not allowed".to_owned());
    }
    if let Some(why) = wrong_key(key) {
        return Some(format!("impersonating an invalid key in extra is not allowed: {why}"));
    }
    if *key != key.to_lowercase() {
        let key = field::quote(key);
        return Some(format!("impersonating a non-lowercase key in extra is not allowed: {key}"));
    }
    let why = "impersonating the empty string value in extra is not allowed";
    values.iter().any(String::is_empty).then(|| why.to_owned())
}

/// What is wrong with a path that should begin with a domain.
fn wrong_key(key: &str) -> Option<String> {
    let place = Path::new("extra").child("key");
    let mut errors = Vec::new();
    match key.split_once('/') {
        Some((domain, path)) if !domain.is_empty() && !path.is_empty() => {
            errors.extend(dns::subdomain(domain).iter().map(|why| field::Error::invalid(&place, domain, why)));
            if !path.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"/-._~%!$&'()*+,;=:".contains(&byte)) {
                errors.push(field::Error::invalid(&place, path, HTTP_PATH));
            }
        }
        _ => {
            let why = "must be a domain-prefixed path (such as \"acme.io/foo\")";
            errors.push(field::Error::invalid(&place, key, why));
        }
    }
    (!errors.is_empty()).then(|| field::aggregate(&errors))
}

const AUTHENTICATION: &str = "authentication.k8s.io";
const NODES: &str = "system:nodes";
const SERVICE_ACCOUNTS: &str = "system:serviceaccounts";
const SERVICE_ACCOUNTS_USERS: &str = "system:serviceaccount:";
/// From this many questions on, one for all of them is tried first.
const MANY: usize = 4;
const HTTP_PATH: &str = "Invalid path (regex used for validation is '[A-Za-z0-9/\\-._~%!$&'()*+,;=:]+')";
