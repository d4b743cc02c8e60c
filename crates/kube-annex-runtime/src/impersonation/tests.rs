use super::*;
use crate::authz::{Decision, Error};
use kube_annex::handlers::BoxFuture;
use std::sync::{Mutex, PoisonError};

/// Lets those questions pass that it was told, and remembers all.
struct Rights {
    granted: Vec<&'static str>,
    asked: Mutex<Vec<String>>,
}

impl Rights {
    fn of(granted: &[&'static str]) -> Self {
        Self { granted: granted.to_vec(), asked: Mutex::default() }
    }

    fn asked(&self) -> Vec<String> {
        std::mem::take(&mut *self.asked.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

/// A question as one line: verb, group/resource/subresource, namespace/name.
fn line(info: &RequestInfo) -> String {
    let RequestInfo { verb, group, resource, subresource, namespace, name, .. } = info;
    format!("{verb} {group}/{resource}/{subresource} {namespace}/{name}")
}

impl Authorizer for Rights {
    fn authorize<'a>(&'a self, _: &'a UserInfo, info: &'a RequestInfo) -> BoxFuture<'a, Result<Decision, Error>> {
        let line = line(info);
        let granted = self.granted.iter().any(|granted| line == *granted);
        self.asked.lock().unwrap_or_else(PoisonError::into_inner).push(line);
        let decision = if granted { Decision::Allow } else { Decision::NoOpinion("no".to_owned()) };
        Box::pin(std::future::ready(Ok(decision)))
    }
}

fn user(name: &str) -> UserInfo {
    UserInfo { name: name.to_owned(), ..UserInfo::default() }
}

fn in_groups(name: &str, groups: &[&str]) -> UserInfo {
    UserInfo { groups: groups.iter().map(|&group| group.to_owned()).collect(), ..user(name) }
}

fn listing() -> RequestInfo {
    RequestInfo {
        is_resource_request: true,
        verb: "list".to_owned(),
        group: "g.io".to_owned(),
        version: "v1".to_owned(),
        namespace: "n".to_owned(),
        resource: "things".to_owned(),
        ..RequestInfo::default()
    }
}

async fn attempt(rights: &Rights, requestor: &UserInfo, wanted: &UserInfo) -> Result<UserInfo, Status> {
    Impersonation::new().of(rights, requestor, wanted, &listing()).await
}

#[tokio::test]
async fn an_19_the_older_right_makes_somebody_anybody() {
    let rights = Rights::of(&["impersonate /users/ /ada", "impersonate /groups/ /dev"]);
    let made = attempt(&rights, &user("root"), &in_groups("ada", &["dev"])).await.unwrap();
    assert_eq!(made, in_groups("ada", &["dev", "system:authenticated"]));
    let asked =
        ["impersonate-on:user-info:list g.io/things/ n/", "impersonate /users/ /ada", "impersonate /groups/ /dev"];
    assert_eq!(rights.asked(), asked);
}

#[tokio::test]
async fn an_19_uids_and_extra_fields_are_asked_about_one_by_one() {
    let rights = Rights::of(&[
        "impersonate /users/ /ada",
        "impersonate authentication.k8s.io/uids/ /7",
        "impersonate authentication.k8s.io/userextras/scopes /one",
    ]);
    let mut wanted = UserInfo { uid: "7".to_owned(), ..user("ada") };
    wanted.extra.insert("scopes".to_owned(), vec!["one".to_owned()]);
    let made = attempt(&rights, &user("root"), &wanted).await.unwrap();
    assert_eq!((made.uid.as_str(), &made.extra), ("7", &wanted.extra));
    wanted.extra.insert("scopes".to_owned(), vec!["one".to_owned(), "two".to_owned()]);
    assert_eq!(attempt(&rights, &user("root"), &wanted).await.unwrap_err().code, 403);
}

#[tokio::test]
async fn an_19_a_service_account_is_in_its_groups_unless_others_are_named() {
    let rights = Rights::of(&["impersonate /serviceaccounts/ prod/robot", "impersonate /groups/ /dev"]);
    let robot = "system:serviceaccount:prod:robot";
    let made = attempt(&rights, &user("root"), &user(robot)).await.unwrap();
    assert_eq!(made.groups, ["system:serviceaccounts", "system:serviceaccounts:prod", "system:authenticated"]);
    let made = attempt(&rights, &user("root"), &in_groups(robot, &["dev"])).await.unwrap();
    assert_eq!(made.groups, ["dev", "system:authenticated"]);
}

#[tokio::test]
async fn an_19_the_anonymous_are_not_authenticated() {
    let rights = Rights::of(&[
        "impersonate /users/ /system:anonymous",
        "impersonate /users/ /ada",
        "impersonate /groups/ /system:unauthenticated",
    ]);
    let made = attempt(&rights, &user("root"), &user("system:anonymous")).await.unwrap();
    assert_eq!(made.groups, ["system:unauthenticated"]);
    let made = attempt(&rights, &user("root"), &in_groups("ada", &["system:unauthenticated"])).await.unwrap();
    assert_eq!(made.groups, ["system:unauthenticated"]);
}

#[tokio::test]
async fn an_20_a_right_for_one_kind_of_user_is_enough_for_what_it_is_given_for() {
    let rights = Rights::of(&[
        "impersonate-on:serviceaccount:list g.io/things/ n/",
        "impersonate:serviceaccount authentication.k8s.io/serviceaccounts/ prod/robot",
    ]);
    let robot = user("system:serviceaccount:prod:robot");
    let made = attempt(&rights, &user("root"), &robot).await.unwrap();
    assert_eq!(made.groups.len(), 3);
    let info = RequestInfo { verb: "delete".to_owned(), ..listing() };
    let refused = Impersonation::new().of(&rights, &user("root"), &robot, &info).await.unwrap_err();
    let text = "things.g.io is forbidden: User \"root\" cannot impersonate-on:serviceaccount:delete resource \"things\" in API group \"g.io\" in the namespace \"n\": no";
    assert_eq!(refused.message, text);
    assert_eq!(attempt(&rights, &user("root"), &user("ada")).await.unwrap_err().code, 403);
}

#[tokio::test]
async fn an_20_a_service_account_may_be_the_node_that_it_runs_on() {
    let rights = Rights::of(&[
        "impersonate-on:associated-node:list g.io/things/ n/",
        "impersonate:associated-node authentication.k8s.io/nodes/ /*",
    ]);
    let mut agent = user("system:serviceaccount:kube-system:agent");
    agent.extra.insert("authentication.kubernetes.io/node-name".to_owned(), vec!["n1".to_owned()]);
    let made = attempt(&rights, &agent, &user("system:node:n1")).await.unwrap();
    assert_eq!(made, in_groups("system:node:n1", &["system:nodes", "system:authenticated"]));
    rights.asked();
    assert_eq!(attempt(&rights, &agent, &user("system:node:n2")).await.unwrap_err().code, 403);
    let asked = rights.asked();
    assert_eq!(asked[0], "impersonate-on:arbitrary-node:list g.io/things/ n/", "not its own: {asked:?}");
}

#[tokio::test]
async fn an_20_nobody_becomes_a_master_by_a_bounded_right() {
    let granted = [
        "impersonate-on:user-info:list g.io/things/ n/",
        "impersonate:user-info authentication.k8s.io/users/ /ada",
        "impersonate:user-info authentication.k8s.io/groups/ /system:masters",
        "impersonate:user-info authentication.k8s.io/groups/ /",
        "impersonate:user-info authentication.k8s.io/userextras/Upper /x",
    ];
    let rights = Rights::of(&granted);
    for (groups, why) in [
        (["system:masters"], "impersonating the system:masters group is not allowed"),
        ([""], "impersonating the empty string group is not allowed"),
    ] {
        let refused = attempt(&rights, &user("root"), &in_groups("ada", &groups)).await.unwrap_err();
        assert!(refused.message.ends_with(why), "{}", refused.message);
    }
    for (key, values, why) in [
        ("", vec!["x"], "impersonating the empty string key in extra is not allowed"),
        (
            "scopes",
            vec!["x"],
            "impersonating an invalid key in extra is not allowed: extra.key: Invalid value: \"scopes\": must be a domain-prefixed path (such as \"acme.io/foo\")",
        ),
        ("a.io/Up", vec!["x"], "impersonating a non-lowercase key in extra is not allowed: \"a.io/Up\""),
        ("a.io/up", vec![""], "impersonating the empty string value in extra is not allowed"),
        (
            "a.io/ü",
            vec!["x"],
            "impersonating an invalid key in extra is not allowed: extra.key: Invalid value: \"ü\": Invalid path (regex used for validation is '[A-Za-z0-9/\\-._~%!$&'()*+,;=:]+')",
        ),
    ] {
        let mut wanted = user("ada");
        wanted.extra.insert(key.to_owned(), values.into_iter().map(str::to_owned).collect());
        let refused = attempt(&rights, &user("root"), &wanted).await.unwrap_err();
        assert!(refused.message.ends_with(why), "{}", refused.message);
    }
}

#[tokio::test]
async fn an_20_a_right_to_all_groups_is_asked_for_when_many_are_wanted() {
    let rights = Rights::of(&[
        "impersonate-on:user-info:list g.io/things/ n/",
        "impersonate:user-info authentication.k8s.io/users/ /ada",
        "impersonate:user-info authentication.k8s.io/groups/ /*",
    ]);
    let many = ["a", "b", "c", "d"];
    assert!(attempt(&rights, &user("root"), &in_groups("ada", &many)).await.is_ok());
    assert_eq!(attempt(&rights, &user("root"), &in_groups("ada", &many[..3])).await.unwrap_err().code, 403);
}

#[tokio::test]
async fn an_20_the_way_that_worked_last_is_tried_first_and_told() {
    let rights = Rights::of(&["impersonate /users/ /ada"]);
    let impersonation = Impersonation::new();
    let refused = impersonation.of(&rights, &user("root"), &user("bob"), &listing()).await.unwrap_err();
    assert!(refused.message.contains("cannot impersonate-on:user-info:list resource"), "{}", refused.message);
    impersonation.of(&rights, &user("root"), &user("ada"), &listing()).await.unwrap();
    rights.asked();
    impersonation.of(&rights, &user("root"), &user("ada"), &listing()).await.unwrap();
    assert_eq!(rights.asked(), ["impersonate /users/ /ada"]);
    let refused = impersonation.of(&rights, &user("root"), &user("bob"), &listing()).await.unwrap_err();
    let text = "users \"bob\" is forbidden: User \"root\" cannot impersonate resource \"users\" in API group \"\" at the cluster scope: no";
    assert_eq!(refused.message, text);
}
