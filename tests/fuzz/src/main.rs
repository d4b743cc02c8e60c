//! Damaged requests, changed at random: see the library.

use std::process::ExitCode;

use clap::Parser as _;

fn main() -> ExitCode {
    match kube_annex_fuzz::run(&kube_annex_fuzz::Args::parse()) {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}
