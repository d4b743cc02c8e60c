use kube_annex::{AggregatedResource, JsonSchema, ObjectMeta, Strategy};
use serde::{Deserialize, Serialize};

#[derive(AggregatedResource, Clone, Debug, Deserialize, JsonSchema, Serialize)]
#[aggregated_resource(group = "sample.example.com", version = "v1", strategy = rules::Limited<Small, 3>, plural = "gizmos")]
pub struct Gizmo {
    pub metadata: ObjectMeta,
}

pub struct Small;

mod rules {
    pub struct Limited<T, const N: usize>(std::marker::PhantomData<T>);

    impl<T: Send + Sync + 'static, const N: usize> super::Strategy<super::Gizmo> for Limited<T, N> {
        const ALLOW_CREATE_ON_UPDATE: bool = N == 3;
    }
}

fn main() {
    assert!(<Gizmo as AggregatedResource>::Strategy::ALLOW_CREATE_ON_UPDATE);
}
