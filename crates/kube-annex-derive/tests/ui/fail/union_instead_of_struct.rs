use kube_annex::AggregatedResource;

#[derive(AggregatedResource, Clone, Copy)]
#[aggregated_resource(group = "sample.example.com", version = "v1")]
pub union Gizmo {
    small: u8,
    large: u64,
}

fn main() {}
