//! Who asks: the clauses AN-1 to AN-16 against certificates made on the spot and a scripted kube-apiserver.

#![allow(clippy::unwrap_used, reason = "helpers of tests")]

use http::{HeaderMap, HeaderName, HeaderValue};
use kube_annex::request::UserInfo;
use kube_annex_runtime::authn::{
    Authenticator, Authenticators, Backoff, CaBundle, CertificateError, ClusterConfig, ClusterConfigError, Connection,
    Error, FrontProxyHeaders, FrontProxyTrust, TokenReviewOptions, TokenReviews, Trust, TrustFiles, TrustStore,
    UnixClock,
};
use kube_annex_testkit::apiserver::{AUTHENTICATION, CONFIG_MAPS, TOKEN_REVIEWS};
use kube_annex_testkit::{Authority, FakeApiServer, Issued, Refusal, Subject};
use rustls_pki_types::pem::PemObject;
use rustls_pki_types::{CertificateDer, UnixTime};
use serde_json::json;
use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;
use tokio_util::sync::CancellationToken;

fn clock() -> UnixClock {
    Arc::new(UnixTime::now)
}

fn bundle(authority: &Authority) -> Arc<CaBundle> {
    Arc::new(CaBundle::from_pem("ca.crt", authority.pem().as_bytes()).unwrap())
}

fn peer_with(chain: &[&str]) -> Connection {
    let certificates = chain.iter().map(|pem| CertificateDer::from_pem_slice(pem.as_bytes()).unwrap()).collect();
    Connection::new(SocketAddr::from(([127, 0, 0, 1], 1)), certificates, true)
}

fn peer(issued: &Issued) -> Connection {
    peer_with(&[&issued.certificate])
}

fn nobody() -> Connection {
    peer_with(&[])
}

fn headers(pairs: &[(&'static str, &str)]) -> HeaderMap {
    let mut headers = HeaderMap::new();
    for (name, value) in pairs {
        headers.append(HeaderName::from_static(name), HeaderValue::from_str(value).unwrap());
    }
    headers
}

fn trust(client_ca: Option<&Authority>, front_proxy: Option<(&Authority, &[&str])>) -> Arc<TrustStore> {
    let front_proxy = front_proxy.map(|(authority, names)| {
        let allowed_names = names.iter().map(|name| (*name).to_owned()).collect();
        Arc::new(FrontProxyTrust { ca: bundle(authority), allowed_names, headers: FrontProxyHeaders::standard() })
    });
    TrustStore::new(Trust { client_ca: client_ca.map(bundle), front_proxy })
}

fn without_tokens(trust: &Arc<TrustStore>) -> Authenticators {
    Authenticators::standard(trust, None, &clock())
}

async fn identify(
    authenticators: &Authenticators,
    headers: &HeaderMap,
    connection: &Connection,
) -> Result<UserInfo, Error> {
    Ok(authenticators.authenticate(headers, connection).await?.expect("anonymous at least"))
}

fn quick() -> Backoff {
    Backoff { initial: Duration::from_millis(1), ..Backoff::default() }
}

fn token_reviews(server: &FakeApiServer, cache_ttl: Duration) -> Arc<TokenReviews> {
    let options = TokenReviewOptions { cache_ttl, backoff: quick(), ..TokenReviewOptions::default() };
    Arc::new(TokenReviews::new(server.client(), &options).unwrap())
}

fn with_tokens(server: &FakeApiServer) -> Authenticators {
    let tokens = token_reviews(server, Duration::from_secs(10));
    Authenticators::standard(&trust(None, None), Some(tokens), &clock())
}

const ADA: [(&str, &str); 3] = [("x-remote-user", "ada"), ("x-remote-group", "dev"), ("x-remote-extra-a%2fb", "c")];

#[tokio::test]
async fn an_7_headers_are_believed_from_the_front_proxy() {
    let ca = Authority::new("front");
    let authenticators = without_tokens(&trust(None, Some((&ca, &["front-proxy-client"]))));
    let user = identify(&authenticators, &headers(&ADA), &peer(&ca.client("front-proxy-client"))).await.unwrap();
    assert_eq!(user.name, "ada");
    assert_eq!(user.groups, ["dev", "system:authenticated"]);
    assert_eq!(user.extra["a/b"], ["c"]);
}

#[tokio::test]
async fn an_7_headers_are_not_believed_from_anyone_else() {
    let (ca, other) = (Authority::new("front"), Authority::new("front"));
    let authenticators = without_tokens(&trust(None, Some((&ca, &["front-proxy-client"]))));
    for stranger in [
        peer(&other.client("front-proxy-client")),
        peer(&ca.issue(&Subject::serving(&["front-proxy-client"]))),
        peer(&ca.issue(&Subject::client("front-proxy-client").expired())),
    ] {
        let outcome = identify(&authenticators, &headers(&ADA), &stranger).await;
        assert!(matches!(outcome, Err(Error::Certificate(CertificateError::NotVerified { .. }))), "{outcome:?}");
    }
    let outcome = identify(&authenticators, &headers(&ADA), &peer(&ca.client("someone"))).await;
    assert_eq!(outcome.unwrap_err().to_string(), "x509: subject with cn=someone is not in the allowed list");
    let user = identify(&authenticators, &headers(&ADA), &nobody()).await.unwrap();
    assert_eq!(user.name, "system:anonymous");
}

#[tokio::test]
async fn an_7_any_name_is_allowed_when_none_is_listed() {
    let ca = Authority::new("front");
    let authenticators = without_tokens(&trust(None, Some((&ca, &[]))));
    let user = identify(&authenticators, &headers(&ADA), &peer(&ca.client("whoever"))).await.unwrap();
    assert_eq!(user.name, "ada");
}

#[tokio::test]
async fn an_10_a_client_certificate_cannot_set_headers_and_the_front_proxys_is_not_a_user() {
    let (clients, front) = (Authority::new("clients"), Authority::new("front"));
    let authenticators = without_tokens(&trust(Some(&clients), Some((&front, &[]))));
    let user = identify(&authenticators, &headers(&ADA), &peer(&clients.client("eve"))).await.unwrap();
    assert_eq!(user.name, "eve");
    let outcome = identify(&authenticators, &HeaderMap::new(), &peer(&front.client("front-proxy-client"))).await;
    assert!(outcome.is_err(), "{outcome:?}");
}

#[test]
fn an_10_shared_authorities_without_allowed_names_are_noticed() {
    let (clients, front) = (Authority::new("clients"), Authority::new("front"));
    let poses = |store: Arc<TrustStore>| store.load().lets_clients_pose_as_front_proxy();
    assert!(poses(trust(Some(&clients), Some((&clients, &[])))));
    assert!(!poses(trust(Some(&clients), Some((&clients, &["front-proxy-client"])))));
    assert!(!poses(trust(Some(&clients), Some((&front, &[])))));
}

#[tokio::test]
async fn an_11_a_client_certificate_names_user_groups_uid_and_itself() {
    let ca = Authority::new("clients");
    let authenticators = without_tokens(&trust(Some(&ca), None));
    let subject = Subject::client("ada").in_organization("dev").in_organization("ops").with_uid("u-7");
    let user = identify(&authenticators, &HeaderMap::new(), &peer(&ca.issue(&subject))).await.unwrap();
    assert_eq!((user.name.as_str(), user.uid.as_str()), ("ada", "u-7"));
    assert_eq!(user.groups, ["dev", "ops", "system:authenticated"]);
    let id = &user.extra["authentication.kubernetes.io/credential-id"][0];
    let digits = id.strip_prefix("X509SHA256=").expect("the kind of id");
    assert!(digits.len() == 64 && digits.bytes().all(|digit| b"0123456789abcdef".contains(&digit)), "{id}");
}

#[tokio::test]
async fn an_11_certificates_of_others_run_out_or_for_servers_are_refused() {
    let (ca, old) = (Authority::new("clients"), Authority::expired("clients"));
    let authenticators = without_tokens(&trust(Some(&ca), None));
    for refused in [
        Authority::new("clients").client("ada"),
        ca.issue(&Subject::client("ada").expired()),
        ca.issue(&Subject::serving(&["ada"])),
    ] {
        assert!(identify(&authenticators, &HeaderMap::new(), &peer(&refused)).await.is_err());
    }
    let authenticators = without_tokens(&trust(Some(&old), None));
    let outcome = identify(&authenticators, &HeaderMap::new(), &peer(&old.client("ada"))).await;
    assert!(outcome.is_err(), "an authority that ran out signs nothing: {outcome:?}");
}

#[tokio::test]
async fn an_11_no_common_name_is_no_user() {
    let ca = Authority::new("clients");
    let authenticators = without_tokens(&trust(Some(&ca), None));
    let nameless = ca.issue(&Subject::client("").in_organization("system:masters"));
    let user = identify(&authenticators, &HeaderMap::new(), &peer(&nameless)).await.unwrap();
    assert_eq!(user.name, "system:anonymous");
}

#[tokio::test]
async fn an_11_intermediates_come_from_the_client() {
    let root = Authority::new("root");
    let below = root.intermediate("below");
    let authenticators = without_tokens(&trust(Some(&root), None));
    let leaf = below.client("ada");
    let with = peer_with(&[&leaf.certificate, below.pem()]);
    assert_eq!(identify(&authenticators, &HeaderMap::new(), &with).await.unwrap().name, "ada");
    assert!(identify(&authenticators, &HeaderMap::new(), &peer(&leaf)).await.is_err());
}

#[tokio::test]
async fn an_3_a_replaced_authority_counts_at_once_on_open_connections() {
    let (old, new) = (Authority::new("clients"), Authority::new("clients"));
    let store = trust(Some(&old), None);
    let authenticators = without_tokens(&store);
    let (before, after) = (peer(&old.client("ada")), peer(&new.client("ada")));
    assert!(identify(&authenticators, &HeaderMap::new(), &before).await.is_ok());
    assert!(identify(&authenticators, &HeaderMap::new(), &after).await.is_err());
    store.set_flags(Trust { client_ca: Some(bundle(&new)), front_proxy: None });
    assert!(identify(&authenticators, &HeaderMap::new(), &before).await.is_err());
    assert!(identify(&authenticators, &HeaderMap::new(), &after).await.is_ok());
}

#[test]
fn a_verdict_on_a_connection_lapses_with_its_certificate() {
    let ca = Authority::new("clients");
    let (bundle, connection) = (bundle(&ca), peer(&ca.client("ada")));
    let at = |seconds| UnixTime::since_unix_epoch(Duration::from_secs(seconds));
    assert!(connection.verify(&bundle, UnixTime::now()).is_ok());
    assert!(connection.verify(&bundle, at(100_000_000_000)).is_err(), "after its lifetime");
    assert!(connection.verify(&bundle, at(1)).is_err(), "before its lifetime");
}

#[tokio::test]
async fn an_12_the_cluster_says_whose_a_token_is_and_is_asked_once() {
    let server = FakeApiServer::start().await;
    let user = json!({"username": "ada", "uid": "7", "groups": ["dev"], "extra": {"a": ["b"]}});
    server.know_token("good", user);
    let authenticators = with_tokens(&server);
    for _ in 0..3 {
        let user = identify(&authenticators, &headers(&[("authorization", "Bearer good")]), &nobody()).await.unwrap();
        assert_eq!((user.name.as_str(), user.uid.as_str()), ("ada", "7"));
        assert_eq!(user.groups, ["dev", "system:authenticated"]);
        assert_eq!(user.extra["a"], ["b"]);
    }
    let asked = server.asked(TOKEN_REVIEWS);
    assert_eq!(asked.len(), 1);
    assert_eq!(asked[0]["spec"]["token"], "good");
    assert_eq!(asked[0]["kind"], "TokenReview");
}

#[tokio::test]
async fn an_12_a_bad_token_is_refused_and_asked_about_once() {
    let server = FakeApiServer::start().await;
    let authenticators = with_tokens(&server);
    for _ in 0..3 {
        let outcome = identify(&authenticators, &headers(&[("authorization", "bearer bad")]), &nobody()).await;
        assert!(matches!(outcome, Err(Error::RejectedToken { .. })), "{outcome:?}");
    }
    assert_eq!(server.count(TOKEN_REVIEWS), 1);
}

#[tokio::test]
async fn an_12_answers_are_forgotten_after_their_time() {
    let server = FakeApiServer::start().await;
    server.know_token("good", json!({"username": "ada"}));
    let tokens = token_reviews(&server, Duration::from_millis(100));
    assert!(tokens.review("good").await.is_ok());
    server.forget_token("good");
    assert!(tokens.review("good").await.is_ok(), "still remembered");
    tokio::time::sleep(Duration::from_millis(300)).await;
    assert!(tokens.review("good").await.is_err());
    assert_eq!(server.count(TOKEN_REVIEWS), 2);
}

#[tokio::test]
async fn an_12_requests_at_once_share_one_review() {
    let server = FakeApiServer::start().await;
    server.know_token("good", json!({"username": "ada"}));
    let tokens = token_reviews(&server, Duration::from_secs(10));
    let mut asking = tokio::task::JoinSet::new();
    for _ in 0..20 {
        let tokens = tokens.clone();
        asking.spawn(async move { tokens.review("good").await.is_ok() });
    }
    assert!(asking.join_all().await.into_iter().all(|known| known));
    assert_eq!(server.count(TOKEN_REVIEWS), 1);
}

#[tokio::test]
async fn an_12_passing_failures_are_tried_again_five_times_at_most() {
    let server = FakeApiServer::start().await;
    server.know_token("good", json!({"username": "ada"}));
    let tokens = token_reviews(&server, Duration::ZERO);
    for passing in [Refusal::of(429), Refusal::of(500), Refusal::of(504), Refusal { status: 503, retry_after: Some(1) }]
    {
        server.refuse(TOKEN_REVIEWS, passing, 4);
        let before = server.count(TOKEN_REVIEWS);
        assert!(tokens.review("good").await.is_ok(), "{passing:?}");
        assert_eq!(server.count(TOKEN_REVIEWS) - before, 5);
    }
    server.refuse(TOKEN_REVIEWS, Refusal::of(500), 5);
    assert!(matches!(tokens.review("good").await, Err(Error::Review(_))));
}

#[tokio::test]
async fn an_12_lasting_failures_are_not_tried_again_and_not_remembered() {
    let server = FakeApiServer::start().await;
    server.know_token("good", json!({"username": "ada"}));
    let tokens = token_reviews(&server, Duration::from_secs(10));
    for lasting in [Refusal::of(403), Refusal::of(503)] {
        server.refuse(TOKEN_REVIEWS, lasting, 1);
        let before = server.count(TOKEN_REVIEWS);
        assert!(matches!(tokens.review("good").await, Err(Error::Review(_))), "{lasting:?}");
        assert_eq!(server.count(TOKEN_REVIEWS) - before, 1);
    }
    assert!(tokens.review("good").await.is_ok());
}

#[tokio::test]
async fn an_6_an_error_does_not_stop_later_authenticators_but_keeps_the_request_from_being_anonymous() {
    let server = FakeApiServer::start().await;
    server.know_token("good", json!({"username": "ada"}));
    let tokens = token_reviews(&server, Duration::from_secs(10));
    let authenticators =
        Authenticators::standard(&trust(Some(&Authority::new("clients")), None), Some(tokens), &clock());
    let stranger = peer(&Authority::new("others").client("eve"));
    let user = identify(&authenticators, &headers(&[("authorization", "Bearer good")]), &stranger).await.unwrap();
    assert_eq!(user.name, "ada");
    assert!(identify(&authenticators, &HeaderMap::new(), &stranger).await.is_err());
    let both = identify(&authenticators, &headers(&[("authorization", "Bearer bad")]), &stranger).await;
    assert!(matches!(both, Err(Error::Several(errors)) if errors.len() == 2));
}

#[tokio::test]
async fn an_6_the_front_proxys_word_comes_before_a_certificate_and_a_token() {
    let server = FakeApiServer::start().await;
    server.know_token("good", json!({"username": "token"}));
    let (clients, front) = (Authority::new("clients"), Authority::new("front"));
    let tokens = token_reviews(&server, Duration::from_secs(10));
    let authenticators = Authenticators::standard(&trust(Some(&clients), Some((&front, &[]))), Some(tokens), &clock());
    let all = headers(&[("x-remote-user", "ada"), ("authorization", "Bearer good")]);
    assert_eq!(identify(&authenticators, &all, &peer(&front.client("proxy"))).await.unwrap().name, "ada");
    assert_eq!(identify(&authenticators, &all, &peer(&clients.client("eve"))).await.unwrap().name, "eve");
    assert_eq!(server.count(TOKEN_REVIEWS), 0);
    assert_eq!(identify(&authenticators, &all, &nobody()).await.unwrap().name, "token");
}

#[tokio::test]
async fn an_13_a_token_among_the_subprotocols_of_a_websocket_is_asked_about() {
    let server = FakeApiServer::start().await;
    server.know_token("abc", json!({"username": "ada"}));
    let authenticators = with_tokens(&server);
    let asking = headers(&[
        ("connection", "Upgrade"),
        ("upgrade", "websocket"),
        ("sec-websocket-protocol", "v5.channel.k8s.io, base64url.bearer.authorization.k8s.io.YWJj"),
    ]);
    assert_eq!(identify(&authenticators, &asking, &nobody()).await.unwrap().name, "ada");
}

#[tokio::test]
async fn an_14_15_groups_of_the_authenticated_and_of_the_anonymous() {
    let ca = Authority::new("front");
    let authenticators = without_tokens(&trust(None, Some((&ca, &[]))));
    let proxy = peer(&ca.client("proxy"));
    let groups =
        async |pairs: &[(&'static str, &str)]| identify(&authenticators, &headers(pairs), &proxy).await.unwrap().groups;
    let authenticated = [("x-remote-user", "ada"), ("x-remote-group", "system:authenticated")];
    assert_eq!(groups(&authenticated).await, ["system:authenticated"]);
    assert_eq!(groups(&[("x-remote-user", "ada")]).await, ["system:authenticated"]);
    let anonymous = [("x-remote-user", "system:anonymous"), ("x-remote-group", "system:unauthenticated")];
    assert_eq!(groups(&anonymous).await, ["system:unauthenticated"]);
    let nobody = identify(&authenticators, &HeaderMap::new(), &nobody()).await.unwrap();
    assert_eq!((nobody.name.as_str(), nobody.groups), ("system:anonymous", vec!["system:unauthenticated".to_owned()]));
}

#[tokio::test]
async fn a_request_without_a_credential_is_nobodys_when_nobody_may_be_anonymous() {
    let authenticators = without_tokens(&trust(None, None)).without_anonymous();
    assert_eq!(authenticators.authenticate(&HeaderMap::new(), &nobody()).await.unwrap(), None);
}

#[test]
fn an_16_credentials_are_stripped_by_standard_and_by_configured_names() {
    let names = FrontProxyHeaders { username: vec![HeaderName::from_static("x-who")], ..FrontProxyHeaders::default() };
    let front_proxy = FrontProxyTrust { ca: bundle(&Authority::new("front")), allowed_names: vec![], headers: names };
    let store = TrustStore::new(Trust { client_ca: None, front_proxy: Some(Arc::new(front_proxy)) });
    let mut sent = headers(&ADA);
    sent.extend(headers(&[("authorization", "Bearer x"), ("x-who", "ada"), ("accept", "*/*")]));
    without_tokens(&store).strip_credentials(&mut sent);
    assert_eq!(sent.keys().collect::<Vec<_>>(), ["accept"]);
}

fn config_map(clients: &Authority, front: &Authority) -> BTreeMap<String, String> {
    let pairs = [
        ("client-ca-file", clients.pem()),
        ("requestheader-client-ca-file", front.pem()),
        ("requestheader-username-headers", r#"["X-Remote-User"]"#),
        ("requestheader-group-headers", r#"["X-Remote-Group"]"#),
        ("requestheader-extra-headers-prefix", r#"["X-Remote-Extra-"]"#),
        ("requestheader-allowed-names", r#"["front-proxy-client"]"#),
    ];
    pairs.into_iter().map(|(key, value)| (key.to_owned(), value.to_owned())).collect()
}

/// Waits until the trust has changed and `holds` of it.
async fn until(store: &TrustStore, holds: impl Fn(&Trust) -> bool) {
    let mut changes = store.subscribe();
    let settled = async {
        while !holds(&store.load()) {
            changes.changed().await.unwrap();
        }
    };
    tokio::time::timeout(Duration::from_secs(20), settled).await.expect("the trust did not change in time");
}

fn believes_clients_of(authority: &Authority) -> impl Fn(&Trust) -> bool {
    let pem = authority.pem().as_bytes().to_vec();
    move |trust| trust.client_ca.as_ref().is_some_and(|bundle| bundle.pem() == pem)
}

#[tokio::test]
async fn an_1_an_2_the_config_map_says_whom_to_believe() {
    let server = FakeApiServer::start().await;
    let (clients, front) = (Authority::new("clients"), Authority::new("front"));
    server.set_config_map(&config_map(&clients, &front));
    let store = TrustStore::new(Trust::default());
    ClusterConfig::new(server.client(), store.clone()).load().await.unwrap();
    let authenticators = without_tokens(&store);
    let proxy = peer(&front.client("front-proxy-client"));
    let mut sent = headers(&ADA);
    sent.extend(headers(&[("x-remote-uid", "7")]));
    let user = identify(&authenticators, &sent, &proxy).await.unwrap();
    assert_eq!((user.name.as_str(), user.uid.as_str()), ("ada", ""), "older fronts name no uid header");
    let user = identify(&authenticators, &HeaderMap::new(), &peer(&clients.client("eve"))).await.unwrap();
    assert_eq!(user.name, "eve");
}

#[tokio::test]
async fn an_2_without_front_proxy_keys_no_header_is_believed() {
    let server = FakeApiServer::start().await;
    let (clients, front) = (Authority::new("clients"), Authority::new("front"));
    let mut data = config_map(&clients, &front);
    data.retain(|key, _| key == "client-ca-file");
    server.set_config_map(&data);
    let store = TrustStore::new(Trust::default());
    ClusterConfig::new(server.client(), store.clone()).load().await.unwrap();
    assert!(store.load().front_proxy.is_none());
    assert!(believes_clients_of(&clients)(&store.load()));
}

#[tokio::test]
async fn an_4_forbidden_and_unreachable_are_errors_at_start_and_missing_is_not() {
    let server = FakeApiServer::start().await;
    let store = TrustStore::new(Trust::default());
    let load = async || ClusterConfig::new(server.client(), store.clone()).load().await;
    assert!(load().await.is_ok());
    server.refuse(&format!("{CONFIG_MAPS}/{AUTHENTICATION}"), Refusal::of(403), 1);
    let error = load().await.unwrap_err();
    assert!(matches!(error, ClusterConfigError::Forbidden { .. }));
    assert!(error.to_string().contains("extension-apiserver-authentication-reader"), "{error}");
    server.refuse(&format!("{CONFIG_MAPS}/{AUTHENTICATION}"), Refusal::of(500), 1);
    assert!(matches!(load().await, Err(ClusterConfigError::Unreadable(_))));
}

#[tokio::test]
async fn an_3_changes_are_followed_without_a_restart_and_malformed_ones_change_nothing() {
    let server = FakeApiServer::start().await;
    let (first, second, third) = (Authority::new("one"), Authority::new("two"), Authority::new("three"));
    let front = Authority::new("front");
    let store = TrustStore::new(Trust::default());
    let stop = CancellationToken::new();
    let mut tasks = tokio::task::JoinSet::new();
    tasks.spawn(ClusterConfig::new(server.client(), store.clone()).watch(stop.clone()));
    server.set_config_map(&config_map(&first, &front));
    until(&store, believes_clients_of(&first)).await;
    let mut malformed = config_map(&second, &front);
    malformed.insert("requestheader-allowed-names".to_owned(), "front-proxy-client".to_owned());
    malformed.insert("requestheader-client-ca-file".to_owned(), "no PEM".to_owned());
    server.set_config_map(&malformed);
    until(&store, believes_clients_of(&second)).await;
    let kept = store.load().front_proxy.clone().expect("the front proxy is kept");
    assert_eq!(kept.ca.pem(), front.pem().as_bytes());
    assert_eq!(kept.allowed_names, ["front-proxy-client"]);
    server.delete_config_map();
    server.end_watches();
    server.set_config_map(&config_map(&third, &front));
    until(&store, believes_clients_of(&third)).await;
    stop.cancel();
    tokio::time::timeout(Duration::from_secs(5), tasks.join_all()).await.expect("the watch ends when told to");
}

#[tokio::test]
async fn tls_2_files_of_authorities_are_read_again_and_bad_ones_change_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("ca.crt");
    let (old, new) = (Authority::new("old"), Authority::new("new"));
    let files = TrustFiles { client_ca: Some(path.clone()), ..TrustFiles::default() };
    let error = files.load().await.unwrap_err().to_string();
    let expected = format!("the file {} that --client-ca-file names cannot be read: ", path.display());
    assert!(error.starts_with(&expected), "{error}");
    std::fs::write(&path, "nothing").unwrap();
    let error = files.load().await.unwrap_err().to_string();
    assert!(error.contains("--client-ca-file") && error.contains("holds no PEM certificate"), "{error}");
    std::fs::write(&path, old.pem()).unwrap();
    let store = TrustStore::new(files.load().await.unwrap());
    let stop = CancellationToken::new();
    let mut tasks = tokio::task::JoinSet::new();
    tasks.spawn(files.watch(store.clone(), Duration::from_millis(20), stop.clone()));
    std::fs::write(&path, "nothing").unwrap();
    tokio::time::sleep(Duration::from_millis(200)).await;
    assert!(believes_clients_of(&old)(&store.load()));
    std::fs::write(&path, new.pem()).unwrap();
    until(&store, believes_clients_of(&new)).await;
    stop.cancel();
    tokio::time::timeout(Duration::from_secs(5), tasks.join_all()).await.expect("it ends when told to");
}

#[tokio::test]
async fn flags_join_client_authorities_and_replace_the_front_proxy() {
    let (of_flags, of_cluster) = (Authority::new("flags"), Authority::new("cluster"));
    let store = trust(Some(&of_flags), Some((&of_flags, &["a"])));
    let cluster = trust(Some(&of_cluster), Some((&of_cluster, &["b"])));
    store.set_cluster(Trust::clone(&cluster.load()));
    assert_eq!(store.load().front_proxy.as_ref().unwrap().allowed_names, ["a"]);
    let authenticators =
        without_tokens(&TrustStore::new(Trust { client_ca: store.load().client_ca.clone(), front_proxy: None }));
    for authority in [&of_flags, &of_cluster] {
        let user = identify(&authenticators, &HeaderMap::new(), &peer(&authority.client("ada"))).await.unwrap();
        assert_eq!(user.name, "ada");
    }
}

#[tokio::test]
async fn an_9_the_case_of_a_headers_name_does_not_matter() {
    let front = Authority::new("front");
    let authenticators = Authenticators::standard(&trust(None, Some((&front, &[]))), None, &clock());
    for name in ["X-Remote-User", "x-remote-user", "X-REMOTE-USER"] {
        let mut headers = HeaderMap::new();
        headers.append(HeaderName::from_bytes(name.as_bytes()).unwrap(), HeaderValue::from_static("ada"));
        headers.append(HeaderName::from_bytes(b"X-Remote-Extra-Scopes").unwrap(), HeaderValue::from_static("all"));
        let user = identify(&authenticators, &headers, &peer(&front.client("proxy"))).await.unwrap();
        assert_eq!((user.name.as_str(), user.extra["scopes"].as_slice()), ("ada", &["all".to_owned()][..]), "{name}");
    }
}
