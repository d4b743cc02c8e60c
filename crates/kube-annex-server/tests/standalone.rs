//! A server without a cluster, from its first start to its last request.

#![allow(clippy::unwrap_used, reason = "helpers of tests")]

mod support;

use http::{Method, Request, StatusCode};
use http_body_util::BodyExt as _;
use kube::client::Body;
use serde_json::{Value, json};
use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use support::{PATIENCE, Standalone, ask, ask_for, run_server};

const FLUNDERS: &str = "/apis/wardle.example.com/v1beta1/namespaces/default/flunders";

fn flunder(name: &str) -> Value {
    json!({ "apiVersion": "wardle.example.com/v1beta1", "kind": "Flunder", "metadata": { "name": name }, "spec": {} })
}

#[tokio::test]
async fn an_object_is_created_read_listed_changed_and_deleted() {
    let folder = tempfile::tempdir().unwrap();
    let server = Standalone::start(folder.path());
    let admin = server.admin().await;
    let (status, created) = ask(&admin, Method::POST, FLUNDERS, Some(flunder("one"))).await;
    assert_eq!(status, StatusCode::CREATED, "{created}");
    let one = format!("{FLUNDERS}/one");
    let (status, mut got) = ask(&admin, Method::GET, &one, None).await;
    assert_eq!((status, &got), (StatusCode::OK, &created));

    got["metadata"]["labels"] = json!({ "size": "small" });
    let (status, changed) = ask(&admin, Method::PUT, &one, Some(got)).await;
    assert_eq!(status, StatusCode::OK, "{changed}");
    let (_, list) = ask(&admin, Method::GET, &format!("{FLUNDERS}?labelSelector=size%3Dsmall"), None).await;
    assert_eq!(list["items"][0]["metadata"]["uid"], created["metadata"]["uid"], "{list}");

    let accept = "application/json;as=Table;v=v1;g=meta.k8s.io,application/json";
    let (_, table) = ask_for(accept, &admin, Method::GET, FLUNDERS, None).await;
    assert_eq!(table["kind"], "Table", "{table}");
    assert_eq!(table["columnDefinitions"][0]["name"], "Name");
    assert_eq!(table["rows"][0]["cells"][0], "one");

    let (status, _) = ask(&admin, Method::DELETE, &one, None).await;
    assert_eq!(status, StatusCode::OK);
    let (status, gone) = ask(&admin, Method::GET, &one, None).await;
    assert_eq!(status, StatusCode::NOT_FOUND);
    assert_eq!(gone["message"], "flunders.wardle.example.com \"one\" not found");
}

#[tokio::test]
async fn an_15_only_the_own_authority_lets_in_and_health_is_open_to_all() {
    let folder = tempfile::tempdir().unwrap();
    let server = Standalone::start(folder.path());
    let nobody = server.nobody().await;
    for path in ["/apis", FLUNDERS, "/openapi/v2", "/version"] {
        let (status, body) = ask(&nobody, Method::GET, path, None).await;
        assert_eq!((status, &body["reason"]), (StatusCode::FORBIDDEN, &json!("Forbidden")), "{path}: {body}");
        assert!(body["message"].as_str().unwrap().contains("User \"system:anonymous\" cannot"), "{path}: {body}");
    }
    for path in ["/healthz", "/livez", "/readyz"] {
        assert_eq!(ask(&nobody, Method::GET, path, None).await, (StatusCode::OK, json!("ok")), "{path}");
    }

    let stranger = kube_annex_testkit::Authority::new("annex standalone authority").client("annex-admin");
    let mut kubeconfig = kube::config::Kubeconfig::read_from(&server.kubeconfig).unwrap();
    let user = kubeconfig.auth_infos[0].auth_info.as_mut().unwrap();
    let (certificate, key) = (folder.path().join("stranger.crt"), folder.path().join("stranger.key"));
    fs::write(&certificate, stranger.certificate).unwrap();
    fs::write(&key, stranger.private_key).unwrap();
    user.client_certificate = Some(certificate.to_str().unwrap().to_owned());
    user.client_key = Some(key.to_str().unwrap().to_owned());
    let options = kube::config::KubeConfigOptions::default();
    let config = kube::Config::from_custom_kubeconfig(kubeconfig, &options).await.unwrap();
    let stranger = kube::Client::try_from(config).unwrap();
    let (status, body) = ask(&stranger, Method::GET, FLUNDERS, None).await;
    assert_eq!((status, &body["message"]), (StatusCode::UNAUTHORIZED, &json!("Unauthorized")), "{body}");
}

#[tokio::test]
async fn a_second_start_uses_the_authority_and_the_keys_again() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data");
    let first = Standalone::start(&data);
    let before = certificates(&data);
    first.process.terminate();
    assert_eq!(first.process.ended().code, Some(0));

    let second = Standalone::start(&data);
    assert_eq!(certificates(&data), before);
    assert_eq!(ask(&second.admin().await, Method::GET, FLUNDERS, None).await.0, StatusCode::OK);
}

/// The files that must stay what they are.
fn certificates(data: &Path) -> Vec<String> {
    ["ca.crt", "ca.key", "serving.key", "admin.key"].map(|name| fs::read_to_string(data.join(name)).unwrap()).into()
}

#[test]
fn private_files_are_the_owners_alone() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("deep/data");
    drop(Standalone::start(&data));
    let mode = |name: &str| fs::metadata(data.join(name)).unwrap().permissions().mode() & 0o777;
    assert_eq!(mode("."), 0o700);
    for name in ["ca.key", "serving.key", "admin.key", "kubeconfig"] {
        assert_eq!(mode(name), 0o600, "{name}");
    }
    fs::set_permissions(data.join("ca.key"), fs::Permissions::from_mode(0o644)).unwrap();
    drop(Standalone::start(&data));
    assert_eq!(mode("ca.key"), 0o600);
}

#[tokio::test]
async fn the_kubeconfig_names_the_port_that_was_free() {
    let folder = tempfile::tempdir().unwrap();
    let server = Standalone::start(folder.path());
    let url = server.url().await;
    assert_eq!(url.host(), Some("127.0.0.1"));
    assert!(url.port_u16().is_some_and(|port| port != 0), "{url}");
    assert!(
        server.process.log().contains(&format!("address={}", url.authority().unwrap())),
        "{}",
        server.process.log()
    );
}

#[test]
fn a_log_that_is_no_terminal_has_no_colours() {
    let folder = tempfile::tempdir().unwrap();
    let server = Standalone::start(folder.path());
    server.process.terminate();
    let ended = server.process.ended();
    assert!(ended.stderr.contains("serving"), "{}", ended.stderr);
    assert!(!ended.stderr.contains('\u{1b}'), "{}", ended.stderr);
    assert_eq!(ended.stdout.lines().count(), 2, "{}", ended.stdout);
}

#[tokio::test]
async fn verbosity_4_tells_what_a_developer_needs() {
    let folder = tempfile::tempdir().unwrap();
    for (flag, told) in [("-v=0", false), ("-v=4", true)] {
        let server = Standalone::start_with(Path::new(support::BINARY), folder.path(), &[flag]);
        let address = server.url().await.authority().unwrap().to_string();
        std::io::Write::write_all(&mut std::net::TcpStream::connect(address).unwrap(), &[22, 0, 0, 0, 0]).unwrap();
        assert_eq!(ask(&server.nobody().await, Method::GET, "/healthz", None).await.0, StatusCode::OK);
        server.process.terminate();
        let ended = tokio::task::spawn_blocking(|| server.process.ended()).await.unwrap();
        assert_eq!(ended.stderr.contains("DEBUG"), told, "{flag}: {}", ended.stderr);
    }
}

#[test]
fn a_folder_serves_one_server_at_a_time() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().to_str().unwrap();
    let first = Standalone::start(folder.path());
    let before = fs::read(&first.kubeconfig).unwrap();
    let second =
        run_server(&["serve", "--standalone", "--bind-address=127.0.0.1", "--secure-port=0", "--data-dir", data]);
    assert_eq!(second.code, Some(1));
    let told =
        format!("is in use by another server, process {}; stop it, or choose another --data-dir", first.process.id());
    assert!(second.stderr.contains(&told), "{second:?}");
    assert_eq!(fs::read(&first.kubeconfig).unwrap(), before);
}

#[test]
fn a_folder_that_was_tampered_with_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    drop(Standalone::start(folder.path()));
    let refusal = |name: &str, text: &str| {
        let before = fs::read(folder.path().join(name)).unwrap();
        fs::write(folder.path().join(name), text).unwrap();
        let data = folder.path().to_str().unwrap();
        let ended =
            run_server(&["serve", "--standalone", "--bind-address=127.0.0.1", "--secure-port=0", "--data-dir", data]);
        fs::write(folder.path().join(name), before).unwrap();
        assert_eq!(ended.code, Some(1), "{ended:?}");
        ended.stderr.lines().last().unwrap_or_default().to_owned()
    };
    let told = refusal("ca.key", "no key");
    assert!(told.contains("ca.key holds no private key; remove the folder to begin anew"), "{told}");
    let told = refusal("ca.crt", "no certificate");
    assert!(told.contains("ca.crt holds no certificate; remove the folder to begin anew"), "{told}");
    let told = refusal("ca.crt", kube_annex_testkit::Authority::new("annex standalone authority").pem());
    assert!(told.contains("ca.crt is not the certificate of the key in"), "{told}");
}

#[tokio::test]
async fn sd_1_sigterm_fails_readiness_ends_watches_and_exits_with_success() {
    let folder = tempfile::tempdir().unwrap();
    let server = Standalone::start_with(Path::new(support::BINARY), folder.path(), &["--shutdown-delay-duration=2s"]);
    let admin = server.admin().await;
    ask(&admin, Method::POST, FLUNDERS, Some(flunder("seen"))).await;
    let watch = Request::get(format!("{FLUNDERS}?watch=true")).body(Body::empty()).unwrap();
    let mut events = tokio::time::timeout(PATIENCE, admin.send(watch)).await.unwrap().unwrap().into_body();
    let first = tokio::time::timeout(PATIENCE, events.frame()).await.unwrap().unwrap().unwrap();
    assert!(String::from_utf8_lossy(first.data_ref().unwrap()).contains("\"ADDED\""));

    assert_eq!(ask(&admin, Method::GET, "/readyz", None).await.0, StatusCode::OK);
    server.process.terminate();
    let not_ready = async {
        while ask(&admin, Method::GET, "/readyz", None).await.0 == StatusCode::OK {
            tokio::time::sleep(std::time::Duration::from_millis(10)).await;
        }
    };
    tokio::time::timeout(PATIENCE, not_ready).await.expect("readiness fails at once");
    assert_eq!(ask(&admin, Method::GET, "/livez", None).await.0, StatusCode::OK);
    assert_eq!(ask(&admin, Method::GET, FLUNDERS, None).await.0, StatusCode::OK, "requests are still served");

    let rest = tokio::time::timeout(PATIENCE, events.collect()).await.expect("the watch ends");
    assert_eq!(rest.expect("the watch ends cleanly").to_bytes(), "");
    let ended = tokio::task::spawn_blocking(|| server.process.ended()).await.unwrap();
    assert_eq!(ended.code, Some(0), "{ended:?}");
    assert!(ended.stderr.trim_end().ends_with("stopped"), "{}", ended.stderr);
}

#[tokio::test]
async fn sd_5_a_second_signal_ends_the_server_at_once() {
    let folder = tempfile::tempdir().unwrap();
    let server = Standalone::start_with(Path::new(support::BINARY), folder.path(), &["--shutdown-delay-duration=10m"]);
    server.process.terminate();
    support::wait_until("the first signal to be obeyed", || server.process.log().contains("stopping").then_some(()));
    server.process.terminate();
    let ended = server.process.ended();
    assert_eq!(ended.code, Some(1));
    assert!(ended.stderr.contains("a second signal ended the server"), "{}", ended.stderr);
}
