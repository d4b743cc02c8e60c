//! Acting as somebody else, as `kubectl --as` does: through the aggregator, where the front decides who is who, and at
//! the server itself, which then has to.

use std::time::Duration;

use anyhow::{Result, ensure};
use serde_json::json;
use xtask::control_plane::User;
use xtask::wait;

use crate::harness::{Cluster, Place};
use crate::kubectl::Kubectl;

/// A test of one server behind one aggregator.
type Test = (&'static str, fn(&Cluster) -> Result<()>);

pub(crate) const TESTS: &[Test] = &[
    ("an_19_who_may_is_taken_for_somebody_else", an_19_who_may_is_taken_for_somebody_else),
    ("an_19_who_may_not_is_told_what_he_may_not", an_19_who_may_not_is_told_what_he_may_not),
    ("an_20_a_right_to_do_one_thing_as_somebody_else", an_20_a_right_to_do_one_thing_as_somebody_else),
];

fn an_19_who_may_is_taken_for_somebody_else(cluster: &Cluster) -> Result<()> {
    let admin = cluster.in_namespace("an-19")?;
    admin.ok_with(&["create", "-f", "-"], &flunder("one"))?;
    admin.ok(&["create", "role", "reader", "--verb=get,list", "--resource=flunders.wardle.example.com"])?;
    admin.ok(&["create", "rolebinding", "carol-reads", "--role=reader", "--user=carol"])?;
    admin.ok(&["create", "rolebinding", "readers-read", "--role=reader", "--group=readers"])?;
    let account = "--serviceaccount=an-19:default";
    admin.ok(&["create", "rolebinding", "account-reads", "--role=reader", account])?;
    for place in [cluster.front(), cluster.direct()?] {
        let kubectl = at(cluster, User::Admin, &place, "an-19");
        for somebody in [
            &["--as=carol"][..],
            &["--as=nobody", "--as-group=readers"],
            &["--as=nobody", "--as-group=others", "--as-group=readers", "--as-uid=7", "--as-user-extra=scopes=a"],
            &["--as=system:serviceaccount:an-19:default"],
        ] {
            let seen = eventually(cluster, || kubectl.ok(&[&["get", "flunders", "-o", "name"], somebody].concat()))?;
            ensure!(seen == "flunder.wardle.example.com/one\n", "{somebody:?}: {seen}");
            let refused = kubectl.fails(&[&["delete", "flunder", "one"], somebody].concat(), "")?;
            let name = somebody[0].trim_start_matches("--as=");
            let told = format!("User {name:?} cannot delete resource \"flunders\" in API group \"wardle.example.com\"");
            ensure!(refused.contains("(Forbidden)") && refused.contains(&told), "{somebody:?}: {refused}");
        }
        let refused = kubectl.fails(&["get", "flunders", "--as=nobody"], "")?;
        ensure!(refused.contains("User \"nobody\" cannot list resource \"flunders\""), "{refused}");
    }
    Ok(())
}

fn an_19_who_may_not_is_told_what_he_may_not(cluster: &Cluster) -> Result<()> {
    cluster.in_namespace("an-19-refused")?;
    for place in [cluster.front(), cluster.direct()?] {
        let alice = at(cluster, User::Alice, &place, "an-19-refused");
        // Discovery would have to be allowed as Carol too: what is asked for is asked for at once.
        let refused = alice.fails(&["get", "--raw", &flunders("an-19-refused"), "--as=carol"], "")?;
        let told =
            "users \"carol\" is forbidden: User \"alice\" cannot impersonate resource \"users\" in API group \"\"";
        // Which of the two rights is told depends on which was asked for last.
        let newer = "User \"alice\" cannot impersonate-on:user-info:list resource \"flunders\"";
        ensure!(refused.contains(told) || refused.contains(newer), "{refused}");
    }
    Ok(())
}

fn an_20_a_right_to_do_one_thing_as_somebody_else(cluster: &Cluster) -> Result<()> {
    let admin = cluster.in_namespace("an-20")?;
    admin.ok_with(&["create", "-f", "-"], &flunder("one"))?;
    admin.ok(&["create", "role", "reader", "--verb=get,list,delete", "--resource=flunders.wardle.example.com"])?;
    admin.ok(&["create", "rolebinding", "dave-reads", "--role=reader", "--user=dave"])?;
    let rights = json!({ "apiVersion": "v1", "kind": "List", "items": [
        role("ClusterRole", "be-dave", &json!({
            "apiGroups": ["authentication.k8s.io"], "resources": ["users"], "resourceNames": ["dave"],
            "verbs": ["impersonate:user-info"],
        })),
        role("Role", "as-others", &json!({
            "apiGroups": ["wardle.example.com"], "resources": ["flunders"], "verbs": ["impersonate-on:user-info:list"],
        })),
    ]});
    admin.ok_with(&["create", "-f", "-"], &rights.to_string())?;
    admin.ok(&["create", "clusterrolebinding", "alice-is-dave", "--clusterrole=be-dave", "--user=alice"])?;
    admin.ok(&["create", "rolebinding", "alice-as-others", "--role=as-others", "--user=alice"])?;
    for place in [cluster.front(), cluster.direct()?] {
        let alice = at(cluster, User::Alice, &place, "an-20");
        let all = flunders("an-20");
        let seen = eventually(cluster, || alice.ok(&["get", "--raw", &all, "--as=dave"]))?;
        let seen: serde_json::Value = serde_json::from_str(&seen)?;
        ensure!(seen["items"][0]["metadata"]["name"] == "one", "{seen}");
        // Dave may delete; Alice may not do it as him.
        let refused = alice.fails(&["delete", "--raw", &format!("{all}/one"), "--as=dave"], "")?;
        let told = "User \"alice\" cannot impersonate-on:user-info:delete resource \"flunders\"";
        ensure!(refused.contains("(Forbidden)") && refused.contains(told), "{refused}");
        let refused = alice.fails(&["get", "--raw", &all, "--as=erin"], "")?;
        ensure!(refused.contains("(Forbidden)") && refused.contains("\"erin\""), "{refused}");
        let refused = alice.fails(&["get", "--raw", &all, "--as=dave", "--as-group=readers"], "")?;
        ensure!(refused.contains("(Forbidden)") && refused.contains("\"readers\""), "{refused}");
    }
    admin.ok(&["delete", "clusterrolebinding/alice-is-dave", "clusterrole/be-dave"])?;
    Ok(())
}

fn flunders(namespace: &str) -> String {
    format!("/apis/wardle.example.com/v1beta1/namespaces/{namespace}/flunders")
}

fn at(cluster: &Cluster, user: User, place: &Place, namespace: &str) -> Kubectl {
    cluster.kubectl(user).at(place).in_namespace(namespace)
}

/// A right is known to who asks for it a moment after it was given, and a refusal is remembered for some seconds.
fn eventually(cluster: &Cluster, attempt: impl Fn() -> Result<String>) -> Result<String> {
    cluster.block_on(wait::until("the right", Duration::from_mins(1), async || attempt()))
}

fn role(kind: &str, name: &str, rule: &serde_json::Value) -> serde_json::Value {
    let api = "rbac.authorization.k8s.io/v1";
    json!({ "apiVersion": api, "kind": kind, "metadata": { "name": name }, "rules": [rule] })
}

fn flunder(name: &str) -> String {
    let metadata = json!({ "name": name });
    json!({ "apiVersion": "wardle.example.com/v1beta1", "kind": "Flunder", "metadata": metadata, "spec": {} })
        .to_string()
}
