//! The server of the example APIs.

use std::process::ExitCode;

/// A write makes and drops some hundred small values, a quarter of its time with the system's allocator.
#[cfg(all(unix, feature = "jemalloc"))]
#[global_allocator]
static ALLOCATOR: tikv_jemallocator::Jemalloc = tikv_jemallocator::Jemalloc;

fn main() -> ExitCode {
    kube_annex_server::resources::program().run()
}
