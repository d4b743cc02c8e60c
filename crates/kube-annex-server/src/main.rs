//! The server of the example APIs.

use std::process::ExitCode;

fn main() -> ExitCode {
    kube_annex_server::resources::program().run()
}
