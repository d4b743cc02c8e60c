use std::os::unix::fs::PermissionsExt;

use k8s_openapi::jiff::ToSpan;

use super::*;

fn args(out: &Path, new_ca: bool) -> Args {
    Args { service: "api".into(), namespace: "wardle".into(), out: Some(out.to_path_buf()), new_ca }
}

#[test]
fn as_5_the_certificate_holds_the_name_that_the_aggregator_asks_for() {
    let dir = tempfile::tempdir().unwrap();
    let made = ensure_in(dir.path(), "wardle", "api").unwrap();
    let (_, pem) = parse_x509_pem(made.serving.certificate.as_bytes()).unwrap();
    let leaf = pem.parse_x509().unwrap();
    for name in ["api.wardle.svc", "api.wardle.svc.cluster.local", "localhost", "127.0.0.1", "::1"] {
        assert!(has_name(&leaf, name), "{name} is missing");
    }
    assert!(!has_name(&leaf, "api.other.svc"));
}

#[test]
fn certs_renews_the_serving_certificate_under_the_authority_that_is_there() {
    let dir = tempfile::tempdir().unwrap();
    let out = dir.path().join("new/folder");
    run(&args(&out, false)).unwrap();
    let (ca, leaf) = (read(&out.join("ca.crt")).unwrap(), read(&out.join("tls.crt")).unwrap());
    run(&args(&out, false)).unwrap();
    assert_eq!(read(&out.join("ca.crt")).unwrap(), ca);
    assert_ne!(read(&out.join("tls.crt")).unwrap(), leaf);
    run(&args(&out, true)).unwrap();
    assert_ne!(read(&out.join("ca.crt")).unwrap(), ca);
}

#[test]
fn private_keys_and_their_folder_are_for_their_owner_alone() {
    let dir = tempfile::tempdir().unwrap();
    let out = dir.path().join("certs");
    run(&args(&out, false)).unwrap();
    let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!(mode(&out), 0o700);
    assert_eq!(mode(&out.join("ca.key")), 0o600);
    assert_eq!(mode(&out.join("tls.key")), 0o600);
}

#[test]
fn a_good_serving_certificate_is_kept_and_one_for_another_service_is_not() {
    let dir = tempfile::tempdir().unwrap();
    let first = ensure_in(dir.path(), "wardle", "api").unwrap();
    let second = ensure_in(dir.path(), "wardle", "api").unwrap();
    assert_eq!(first.serving.certificate, second.serving.certificate);
    let other = ensure_in(dir.path(), "wardle", "other").unwrap();
    assert_ne!(first.serving.certificate, other.serving.certificate);
    assert_eq!(first.ca, other.ca);
}

#[test]
fn a_certificate_near_its_end_is_not_young() {
    let made = Authority::new("ca", 10).unwrap().server(&["a".to_owned()], 90).unwrap();
    let (_, pem) = parse_x509_pem(made.certificate.as_bytes()).unwrap();
    let leaf = pem.parse_x509().unwrap();
    assert!(is_young(&leaf, now()));
    assert!(!is_young(&leaf, now() + (70 * 24).hours()));
    assert!(!is_young(&leaf, now() - (24 * 3).hours()));
}

#[test]
fn half_an_authority_is_an_error_that_says_what_to_do() {
    let dir = tempfile::tempdir().unwrap();
    run(&args(dir.path(), false)).unwrap();
    fs::write(dir.path().join("ca.key"), "not a key").unwrap();
    let error = format!("{:#}", ensure_in(dir.path(), "wardle", "api").unwrap_err());
    assert!(error.contains("--new-ca"), "{error}");
}
