//! The tasks of this repository, as a library.
//!
//! The `xtask` binary is a table of commands over these modules. The end-to-end tests call [`control_plane`] directly,
//! so that what a person starts by hand and what the tests start are the same thing.

pub mod bench;
pub mod certs;
pub mod contract;
pub mod control_plane;
pub mod crash;
pub mod deploy;
pub mod describe;
pub mod differential;
pub mod fuzz;
pub mod manifests;
pub mod paths;
pub mod pki;
pub mod process;
pub mod step;
pub mod test;
pub mod up;
pub mod wait;
