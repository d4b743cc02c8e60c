//! Between the versions of a resource. One type is the hub; every other served version is a spoke.

use crate::resource::AggregatedResource;

/// A served version that converts to and from the hub of its resource.
///
/// Conversion of a valid object must not lose what the hub can say; what a spoke cannot say may be dropped.
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be served as a version of `{Hub}`",
    note = "write `impl kube_annex::Spoke<{Hub}> for {Self} {{ fn to_hub(self) -> {Hub} {{ .. }} fn from_hub(hub: {Hub}) -> Self {{ .. }} }}`"
)]
pub trait Spoke<Hub: AggregatedResource>: AggregatedResource {
    /// This version's object as the hub's. Metadata is carried over unchanged.
    fn to_hub(self) -> Hub;

    /// The hub's object as this version's. Metadata is carried over unchanged.
    fn from_hub(hub: Hub) -> Self;
}
