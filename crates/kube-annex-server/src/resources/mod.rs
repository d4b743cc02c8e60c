//! The example APIs, and the one list of what this binary serves.

pub mod gadget;
pub mod hello;
pub mod process_info;
#[allow(clippy::doc_markdown, reason = "clients read these texts, and they are upstream's")]
pub mod wardle;

use crate::Program;
use kube_annex::ResourceDescriptor;
use kube_annex_runtime::Registration;

/// What this binary serves, each resource in each version. Two that could not be told apart would not compile.
pub const SERVED: &[ResourceDescriptor] = kube_annex::resources![
    wardle::v1beta1::Flunder,
    wardle::v1alpha1::Flunder,
    wardle::v1alpha1::Fischer,
    hello::Hello,
    process_info::ProcessInfo,
    gadget::Gadget,
];

/// A program that serves them.
pub fn program() -> Program {
    Program::new(env!("CARGO_PKG_NAME"), env!("CARGO_PKG_VERSION"))
        .register(Registration::stored::<wardle::v1beta1::Flunder>().store_as::<wardle::v1alpha1::Flunder>())
        .register(Registration::stored::<wardle::v1alpha1::Fischer>())
        .register(Registration::computed::<hello::Hello, _>(hello::Greeter))
        .register(Registration::computed::<process_info::ProcessInfo, _>(process_info::Proc))
        .register(Registration::stored::<gadget::Gadget>())
        .admission(wardle::BanFlunder::new)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_program_registers_what_is_served_and_nothing_else() {
        let program = program();
        let registered = program.registrations.iter().flat_map(Registration::descriptors);
        assert_eq!(registered.collect::<Vec<_>>(), SERVED.iter().collect::<Vec<_>>());
    }
}
