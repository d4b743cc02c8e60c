//! Damaged requests: inputs made of the seeds in `corpus/` are sent to a whole server in this process, or to one of its
//! parsers alone.
//!
//! The programs in `fuzz_targets/` are libFuzzer's, which changes inputs so that they reach new code; they are built
//! with `--cfg fuzzing` by `cargo xtask fuzz`, or by cargo-fuzz. The program of this package's own name changes seeds
//! blindly and needs no other compiler than the tests do. Either keeps an input that makes the server panic or think
//! for seconds, or breaks a law, among the seeds of its target; the tests of this crate send all of those, so what was
//! found once stays found.

mod bench;
mod blind;
mod corpus;
mod direct;
mod mutation;
mod target;
mod world;

pub use bench::meet;
pub use blind::{Args, run};
#[cfg(fuzzing)]
#[doc(hidden)]
pub use libfuzzer_sys;

/// The program of the target that the binary is named after.
#[cfg(fuzzing)]
#[macro_export]
macro_rules! fuzz {
    () => {
        $crate::libfuzzer_sys::fuzz_target!(|input: &[u8]| $crate::meet(env!("CARGO_BIN_NAME"), input));
    };
}
