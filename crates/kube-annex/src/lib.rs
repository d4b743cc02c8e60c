//! The API of an aggregated API server: what a resource is and what the verbs mean, without I/O.
//!
//! A type crate depends on this crate alone. It derives [`AggregatedResource`] on plain structs; the server side
//! (`kube-annex-runtime`) turns those types into discovery, OpenAPI, storage and verbs.

pub mod decode;
pub mod encode;
pub mod field;
pub mod fieldmanager;
pub mod gvk;
pub mod handlers;
pub mod metadata;
pub mod object;
pub mod options;
pub mod patch;
pub mod protobuf;
pub mod quantity;
pub mod request;
pub mod resource;
pub mod schema;
pub mod selector;
pub mod status;
pub mod strategy;
pub mod table;
pub mod verb;
pub mod version;
pub mod watch;

pub use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
pub use kube_annex_derive::{AggregatedResource, aggregated_type};
pub use schemars::JsonSchema;
pub use {k8s_openapi, kube_annex_names as names, schemars, serde, serde_json};

pub use conversion::Spoke;
pub use object::Object;
pub use resource::{AggregatedResource, ResourceDescriptor, Scope};
pub use status::{Reason, Status};
pub use strategy::{DefaultStrategy, Strategy};
pub use verb::Verb;

pub mod conversion;

#[cfg(test)]
mod fixtures;

/// What the expansion of the derive calls. Not for people; it may change in any release.
#[doc(hidden)]
pub mod __private {
    pub use crate::handlers::{BoxFuture, Call, Dispatch, handled};
    pub use crate::options::{CreateOptions, DeleteOptions, ListOptions, UpdateOptions};
    pub use crate::resource::{
        AggregatedResource, ColumnDescriptor, ColumnType, Deprecation, ResourceDescriptor, ScaleDescriptor, Scope,
        SubresourceDescriptor,
    };
    pub use crate::status::Status;
    pub use crate::strategy::DefaultStrategy;
    pub use crate::verb::Verb;
    pub use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
    pub use schemars::Schema;
    pub use serde::{Serialize, de::DeserializeOwned};
    pub use std::vec::Vec;

    /// A type with a schema: every `JsonSchema`. It says which derive is missing when there is none.
    #[diagnostic::on_unimplemented(
        message = "`{Self}` has no schema to publish",
        label = "this struct does not derive `JsonSchema`",
        note = "add `JsonSchema` to its derives: `#[derive(AggregatedResource, Clone, Debug, Deserialize, JsonSchema, Serialize)]` with `use kube_annex::JsonSchema;`"
    )]
    pub trait HasSchema {
        fn schema() -> Schema;
    }

    #[diagnostic::do_not_recommend]
    impl<T: schemars::JsonSchema> HasSchema for T {
        fn schema() -> Schema {
            crate::schema::schema_of::<T>()
        }
    }
}
