//! The admission rule of the group: Fischers say which names Flunders may not have.

use super::v1alpha1::Fischer;
use kube_annex::Status;
use kube_annex::handlers::BoxFuture;
use kube_annex_runtime::Reader;
use kube_annex_runtime::admission::{Attributes, Operation, Plugin};

/// Refuses new Flunders whose name a Fischer disallows.
#[derive(Debug)]
pub struct BanFlunder {
    reader: Reader,
}

impl BanFlunder {
    /// The rule, reading Fischers there.
    pub fn new(reader: Reader) -> Self {
        Self { reader }
    }
}

impl Plugin for BanFlunder {
    fn name(&self) -> &'static str {
        "BanFlunder"
    }

    fn handles(&self, operation: Operation) -> bool {
        operation == Operation::Create
    }

    fn admit<'a>(&'a self, attributes: &'a mut Attributes<'_>) -> BoxFuture<'a, Result<(), Status>> {
        Box::pin(async move {
            let descriptor = attributes.descriptor;
            if (descriptor.group, descriptor.kind) != ("wardle.example.com", "Flunder") {
                return Ok(());
            }
            let fischers = self.reader.list::<Fischer>().await?;
            let banned =
                fischers.iter().flat_map(|fischer| &fischer.disallowed_flunders).any(|name| name == attributes.name);
            if banned {
                let why = "this name may not be used, please change the resource name";
                return Err(Status::forbidden(&descriptor.group_resource(), attributes.name, why));
            }
            Ok(())
        })
    }
}
