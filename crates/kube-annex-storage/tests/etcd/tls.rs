//! TLS to etcd, with certificates on both sides.

use crate::{Process, key};
use bytes::Bytes;
use kube_annex_storage::etcd::{Etcd, Options, TlsFiles};
use kube_annex_storage::{Error, Storage};
use kube_annex_testkit::{Authority, Issued};
use libtest_mimic::Trial;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;
use tempfile::TempDir;

pub(crate) fn trials(program: &Path) -> Vec<Trial> {
    crate::tests! { "tls", program,
        both_sides_show_certificates
        an_authority_that_is_not_the_right_one_is_told
        a_client_without_a_certificate_is_refused
        a_certificate_that_is_renewed_is_used_at_the_next_connection
        files_that_are_of_no_use_are_named
    }
}

/// An etcd that asks for certificates, and the files of a client that has one.
struct Secured {
    etcd: Process,
    files: TlsFiles,
    clients: Authority,
    _folder: TempDir,
}

fn secured(program: &Path) -> Secured {
    let folder = tempfile::tempdir().unwrap();
    let (servers, clients) = (Authority::new("servers"), Authority::new("clients"));
    let serving = servers.serving(&["127.0.0.1", "localhost"]);
    let file = |name: &str, text: &str| {
        let path = folder.path().join(name);
        fs::write(&path, text).unwrap();
        path
    };
    let certificate = file("server.crt", &serving.certificate);
    let (serving_key, ca) = (file("server.key", &serving.private_key), file("clients.crt", clients.pem()));
    let flags = [
        format!("--cert-file={}", certificate.display()),
        format!("--key-file={}", serving_key.display()),
        format!("--trusted-ca-file={}", ca.display()),
        "--client-cert-auth".to_owned(),
    ];
    let etcd = Process::cluster(program, 1, &flags);
    let kept = |name: &str, text: &str| {
        let path = etcd.folder().join(name);
        fs::write(&path, text).unwrap();
        path
    };
    let Issued { certificate, private_key } = clients.client("annex");
    let identity = Some((kept("client.crt", &certificate), kept("client.key", &private_key)));
    let files = TlsFiles { authorities: Some(kept("ca.crt", servers.pem())), identity };
    Secured { etcd, files, clients, _folder: folder }
}

fn connect(etcd: &Process, files: &TlsFiles) -> Etcd {
    let endpoints = etcd.addresses().iter().map(|address| format!("https://{address}").parse().unwrap()).collect();
    let mut options = Options::new(endpoints, "/r");
    options.tls = Some(files.clone());
    options.patience = Duration::from_secs(1);
    Etcd::new(options)
}

async fn why_not(store: &Etcd) -> String {
    let error = store.get(&key("a")).await.unwrap_err();
    let Error::Backend { source, .. } = error else { panic!("{error:?}") };
    source.to_string()
}

async fn both_sides_show_certificates(program: PathBuf) {
    let Secured { etcd, files, _folder, .. } = secured(&program);
    let store = connect(&etcd, &files);
    let created = store.create(&key("a"), Bytes::from_static(b"1")).await.unwrap();
    assert_eq!(store.get(&key("a")).await.unwrap().unwrap().revision, created);
}

async fn an_authority_that_is_not_the_right_one_is_told(program: PathBuf) {
    let Secured { etcd, files, _folder, .. } = secured(&program);
    let wrong = etcd.folder().join("wrong.crt");
    fs::write(&wrong, Authority::new("others").pem()).unwrap();
    let why = why_not(&connect(&etcd, &TlsFiles { authorities: Some(wrong), ..files })).await;
    assert!(why.contains("invalid peer certificate"), "{why}");
}

async fn a_client_without_a_certificate_is_refused(program: PathBuf) {
    let Secured { etcd, files, _folder, .. } = secured(&program);
    let why = why_not(&connect(&etcd, &TlsFiles { identity: None, ..files })).await;
    assert!(!why.is_empty(), "{why}");
}

async fn a_certificate_that_is_renewed_is_used_at_the_next_connection(program: PathBuf) {
    let Secured { etcd, files, clients, _folder } = secured(&program);
    let (certificate, private_key) = files.identity.clone().unwrap();
    let stranger = Authority::new("strangers").client("annex");
    fs::write(&certificate, &stranger.certificate).unwrap();
    fs::write(&private_key, &stranger.private_key).unwrap();
    let store = connect(&etcd, &files);
    why_not(&store).await;
    let renewed = clients.client("annex");
    fs::write(&certificate, &renewed.certificate).unwrap();
    fs::write(&private_key, &renewed.private_key).unwrap();
    store.create(&key("a"), Bytes::new()).await.unwrap();
}

async fn files_that_are_of_no_use_are_named(program: PathBuf) {
    let Secured { etcd, files, _folder, .. } = secured(&program);
    let missing = etcd.folder().join("missing.crt");
    let empty = etcd.folder().join("empty.crt");
    fs::write(&empty, "").unwrap();
    for (file, end) in [(missing, "cannot be read"), (empty, "is of no use")] {
        let why = why_not(&connect(&etcd, &TlsFiles { authorities: Some(file.clone()), ..files.clone() })).await;
        assert!(why.contains(&format!("{} {end}", file.display())), "{why}");
    }
}
