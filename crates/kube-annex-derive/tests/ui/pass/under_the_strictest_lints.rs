//! A library that denies every warning.
#![deny(warnings, missing_docs, unreachable_pub, unnameable_types, rust_2018_idioms, single_use_lifetimes, unused_qualifications)]
#![forbid(unsafe_code)]

mod api {
    use kube_annex::{AggregatedResource, JsonSchema, ObjectMeta};
    use serde::{Deserialize, Serialize};

    /// A gizmo.
    #[derive(AggregatedResource, Clone, Debug, Deserialize, JsonSchema, Serialize)]
    #[aggregated_resource(group = "sample.example.com", version = "v1", status = true)]
    pub struct Gizmo {
        /// Its metadata.
        pub metadata: ObjectMeta,
        /// What it does now.
        pub status: Option<String>,
    }
}

pub use api::Gizmo;

fn main() {
    let _ = kube_annex::resources![Gizmo];
}
