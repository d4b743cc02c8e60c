//! `read-continue`: see `kube_annex_fuzz`.
#![cfg_attr(fuzzing, no_main)]

#[cfg(fuzzing)]
kube_annex_fuzz::fuzz!();

#[cfg(not(fuzzing))]
fn main() {
    eprintln!("this was built without libFuzzer: see `cargo xtask fuzz --help`");
}
