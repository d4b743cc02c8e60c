//! The example APIs, and the one list of what this binary serves.

pub mod hello;
pub mod process_info;
pub mod wardle;

use crate::Program;
use kube_annex_runtime::Registration;

/// The example APIs, ready to be run.
///
/// The list is checked when it is compiled: two resources of one name do not get past `kube_annex::resources!`.
pub fn program() -> Program {
    let _distinct = kube_annex::resources![
        wardle::v1alpha1::Flunder,
        wardle::v1alpha1::Fischer,
        wardle::v1beta1::Flunder,
        hello::Hello,
        process_info::ProcessInfo,
    ];
    Program::new(env!("CARGO_PKG_NAME"), env!("CARGO_PKG_VERSION"))
        .register(Registration::stored::<wardle::v1beta1::Flunder>().store_as::<wardle::v1alpha1::Flunder>())
        .register(Registration::stored::<wardle::v1alpha1::Fischer>())
        .register(Registration::computed::<hello::Hello, _>(hello::Greeter))
        .register(Registration::computed::<process_info::ProcessInfo, _>(process_info::Proc))
        .admission(|reader| wardle::BanFlunder::new(reader))
}
