//! A crate that declares types depends on `kube-annex` alone, so this crate must stay light.

use std::collections::BTreeSet;
use std::process::Command;

/// What a server needs and a type does not.
const HEAVY: [&str; 12] =
    ["axum", "hyper", "kube", "kube-client", "openssl", "redb", "reqwest", "ring", "rustls", "tokio", "tonic", "tower"];

#[test]
fn a_type_crate_compiles_no_runtime_tls_http_or_database() {
    let dependencies = dependencies();
    assert!(dependencies.contains("serde") && dependencies.contains("kube-annex-derive"), "{dependencies:?}");
    let heavy: Vec<&str> = HEAVY.into_iter().filter(|name| dependencies.contains(*name)).collect();
    assert!(heavy.is_empty(), "kube-annex depends on {heavy:?}");
}

/// The names of everything below this crate in a normal build.
fn dependencies() -> BTreeSet<String> {
    let output = Command::new(env!("CARGO"))
        .args(["tree", "--package", "kube-annex", "--edges", "normal", "--prefix", "none", "--format", "{p}"])
        .args(["--locked", "--offline"])
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .output()
        .expect("cargo runs");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let lines = String::from_utf8(output.stdout).expect("cargo prints UTF-8");
    lines.lines().filter_map(|line| line.split_whitespace().next()).map(str::to_owned).collect()
}
