//! What can be wrong with a command line, and with the world it names: one sentence each, and no success.

#![allow(clippy::panic, clippy::unwrap_used, reason = "helpers of tests")]

mod support;

use kube_annex_testkit::{Authority, FakeApiServer, Refusal};
use std::net::TcpListener;
use std::path::Path;
use std::time::{Duration, Instant};
use support::{Ended, run_server};

/// Runs `serve` with these flags and returns the sentence it ends with.
fn refusal(code: i32, flags: &[&str]) -> String {
    sentence(code, &run_server(&[&["serve", "--bind-address=127.0.0.1", "--secure-port=0"], flags].concat()))
}

fn sentence(code: i32, ended: &Ended) -> String {
    assert_eq!(ended.code, Some(code), "{ended:?}");
    assert_eq!(ended.stdout, "");
    let told: Vec<&str> = ended.stderr.lines().filter(|line| !is_log(line)).collect();
    let [line] = told[..] else { panic!("one line was expected: {}", ended.stderr) };
    assert!(!ended.stderr.contains("backtrace") && !ended.stderr.contains("panicked"), "{}", ended.stderr);
    let sentence = line.strip_prefix("error: ").unwrap_or_else(|| panic!("{line}")).to_owned();
    let parts: Vec<&str> = sentence.split(": ").collect();
    let mut distinct = parts.clone();
    distinct.dedup();
    assert_eq!(parts, distinct, "nothing is said twice");
    sentence
}

/// A line of the log begins with its time.
fn is_log(line: &str) -> bool {
    line.starts_with("20") && line.contains("Z  ")
}

#[test]
fn a_wrong_flag_is_named_with_the_right_one() {
    let told = refusal(2, &["--secure-prot=1"]);
    assert_eq!(
        told,
        "unexpected argument '--secure-prot' found; tip: a similar argument exists: '--secure-port'; see --help"
    );
}

#[test]
fn a_wrong_value_is_named_with_the_right_ones() {
    let told = refusal(2, &["--storage-backend=sqlite"]);
    assert!(told.contains("'sqlite'") && told.contains("memory, redb, etcd"), "{told}");
    let told = refusal(2, &["--shutdown-delay-duration=5"]);
    assert!(told.contains("a number and a unit, such as 10s"), "{told}");
    assert!(refusal(2, &["--bind-address=localhost"]).contains("invalid IP address"));
    assert!(refusal(2, &["--secure-port=70000"]).contains("70000 is not in 0..=65535"));
}

#[test]
fn of_a_flag_that_is_given_twice_the_last_holds() {
    let other = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = format!("--secure-port={}", other.local_addr().unwrap().port());
    assert!(refusal(1, &[&port]).contains("is in use by another process"));
}

#[test]
fn a_flag_that_lacks_another_names_it() {
    assert!(refusal(2, &["--standalone"]).contains("--data-dir"));
    assert!(refusal(2, &["--tls-cert-file=a.crt"]).contains("--tls-private-key-file"));
}

#[test]
fn flags_that_contradict_each_other_are_refused() {
    let told = refusal(1, &["--standalone", "--data-dir=/nonexistent", "--kubeconfig=x"]);
    assert!(told.starts_with("--standalone asks no cluster"), "{told}");
    let told = refusal(1, &["--storage-backend=memory", "--etcd-servers=http://127.0.0.1:2379"]);
    assert!(told.contains("--storage-backend is memory"), "{told}");
    let told = refusal(1, &["--storage-backend=etcd"]);
    assert!(told.contains("give --etcd-servers too"), "{told}");
}

#[test]
fn without_a_command_the_commands_are_shown() {
    let ended = run_server(&[]);
    assert_eq!(ended.code, Some(2));
    assert!(ended.stderr.contains("describe") && ended.stderr.contains("serve"), "{}", ended.stderr);
    let ended = run_server(&["--version"]);
    assert_eq!(
        (ended.code, ended.stdout.trim_end()),
        (Some(0), concat!("kube-annex-server ", env!("CARGO_PKG_VERSION")))
    );
}

#[test]
fn no_cluster_and_no_standalone_says_what_to_give() {
    let told = refusal(1, &[]);
    assert_eq!(
        told,
        "no cluster is known: give --kubeconfig, run in a pod with a service account, or use --standalone"
    );
}

#[test]
fn a_port_in_use_is_named() {
    let other = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = other.local_addr().unwrap();
    let port = format!("--secure-port={}", address.port());
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().to_str().unwrap();
    let ended = run_server(&["serve", "--bind-address=127.0.0.1", &port, "--standalone", "--data-dir", data]);
    let told = sentence(1, &ended);
    assert_eq!(
        told,
        format!("{address} is in use by another process; choose another --secure-port, or stop that process")
    );
}

#[test]
fn a_file_that_cannot_be_read_is_named_with_its_flag() {
    let folder = tempfile::tempdir().unwrap();
    let told = refusal(1, &["--kubeconfig=/nonexistent/kubeconfig"]);
    assert!(
        told.starts_with("the kubeconfig /nonexistent/kubeconfig that --kubeconfig names cannot be read"),
        "{told}"
    );
    assert!(told.ends_with("No such file or directory (os error 2)"), "{told}");
    let told =
        refusal(1, &["--client-ca-file=/nonexistent/ca", "--kubeconfig", &unreachable(folder.path(), "127.0.0.1:1")]);
    assert_eq!(
        told,
        "the file /nonexistent/ca that --client-ca-file names cannot be read: No such file or directory (os error 2)"
    );

    let garbage = folder.path().join("kubeconfig");
    std::fs::write(&garbage, "clusters: [\n\n- x: {").unwrap();
    let told = refusal(1, &["--kubeconfig", garbage.to_str().unwrap()]);
    assert!(told.contains("that --kubeconfig names is of no use: failed to parse kubeconfig YAML: line "), "{told}");
}

#[tokio::test]
async fn a_serving_certificate_of_no_use_is_named() {
    let cluster = FakeApiServer::start().await;
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str, text: &str| {
        std::fs::write(folder.path().join(name), text).unwrap();
        folder.path().join(name).to_str().unwrap().to_owned()
    };
    let kubeconfig = path("kubeconfig", &cluster.kubeconfig());
    let issued = Authority::new("serving").serving(&["localhost"]);
    let certificate = path("tls.crt", &issued.certificate);
    let other_key = path("other.key", &Authority::new("other").serving(&["localhost"]).private_key);
    let refused = |certificate: &str, key: &str| {
        let (kubeconfig, certificate, key) = (kubeconfig.clone(), certificate.to_owned(), key.to_owned());
        tokio::task::spawn_blocking(move || {
            let flags = ["--kubeconfig", &kubeconfig, "--tls-cert-file", &certificate, "--tls-private-key-file", &key];
            refusal(1, &flags)
        })
    };
    let told = refused("/nonexistent.crt", &other_key).await.unwrap();
    assert!(told.starts_with("the serving certificate /nonexistent.crt cannot be read"), "{told}");
    let told = refused(&certificate, &other_key).await.unwrap();
    assert!(told.contains("cannot be served with the key in"), "{told}");
    let told = refused(&kubeconfig, &other_key).await.unwrap();
    assert!(told.contains("is no serving certificate in PEM"), "{told}");
}

/// A kubeconfig for a kube-apiserver at an address.
fn unreachable(folder: &Path, address: &str) -> String {
    let path = folder.join("kubeconfig");
    let text = format!(
        "{{apiVersion: v1, kind: Config, current-context: a, clusters: [{{name: a, cluster: {{server: \
         'http://{address}'}}}}], users: [{{name: a, user: {{}}}}], contexts: [{{name: a, context: {{cluster: a, user: \
         a}}}}]}}"
    );
    std::fs::write(&path, text).unwrap();
    path.to_str().unwrap().to_owned()
}

#[test]
fn an_unreachable_kube_apiserver_is_told_at_once() {
    let free = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let folder = tempfile::tempdir().unwrap();
    let kubeconfig = unreachable(folder.path(), &free.to_string());
    let started = Instant::now();
    let told = refusal(1, &["--kubeconfig", &kubeconfig]);
    assert!(started.elapsed() < Duration::from_secs(20), "{:?}", started.elapsed());
    assert!(told.starts_with(&format!("kube-apiserver at http://{free}/ (by the kubeconfig ")), "{told}");
    assert!(told.ends_with("Connection refused (os error 111)"), "{told}");
}

#[test]
fn a_kube_apiserver_that_never_answers_is_given_up() {
    let silent = TcpListener::bind("127.0.0.1:0").unwrap();
    let folder = tempfile::tempdir().unwrap();
    let kubeconfig = unreachable(folder.path(), &silent.local_addr().unwrap().to_string());
    let started = Instant::now();
    let told = refusal(1, &["--kubeconfig", &kubeconfig]);
    assert!(started.elapsed() < Duration::from_secs(40), "{:?}", started.elapsed());
    assert!(told.contains("did not answer within 20s"), "{told}");
}

#[tokio::test]
async fn an_4_a_forbidden_configuration_is_fatal_and_says_how_to_go_on() {
    let cluster = FakeApiServer::start().await;
    let path = "/api/v1/namespaces/kube-system/configmaps/extension-apiserver-authentication";
    cluster.refuse(path, Refusal::of(403), 1);
    let folder = tempfile::tempdir().unwrap();
    let kubeconfig = folder.path().join("kubeconfig");
    std::fs::write(&kubeconfig, cluster.kubeconfig()).unwrap();
    let flags = ["--kubeconfig".to_owned(), kubeconfig.to_str().unwrap().to_owned()];
    let told = tokio::task::spawn_blocking(move || refusal(1, &flags.each_ref().map(String::as_str))).await.unwrap();
    assert!(told.contains("Role extension-apiserver-authentication-reader"), "{told}");
    assert!(told.contains("--authentication-tolerate-lookup-failure"), "{told}");
}

#[test]
fn describe_prints_json_and_nothing_else() {
    let ended = run_server(&["describe"]);
    assert_eq!((ended.code, ended.stderr.as_str()), (Some(0), ""));
    let description: serde_json::Value = serde_json::from_str(&ended.stdout).unwrap();
    assert_eq!(description["name"], "kube-annex-server");
    assert_eq!(description["resources"][0]["plural"], "flunders");
}
