struct Gizmo;

fn main() {
    let _ = kube_annex::resources![Gizmo];
}
