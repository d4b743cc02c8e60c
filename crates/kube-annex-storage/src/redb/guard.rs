//! Reads of a damaged file, which may come upon what the database never expects.

use crate::error::BoxError;
use std::cell::Cell;
use std::panic::{AssertUnwindSafe, catch_unwind};

thread_local! {
    static CATCHES: Cell<bool> = const { Cell::new(false) };
}

/// Whether a panic of this thread would now be caught and told as an error, as when a damaged file is read.
///
/// What a panic prints is for the hook of the whole process to say, which belongs to its program: a library sets none. A
/// program whose hook asks this can leave out what its error will say better.
pub fn catches_panics() -> bool {
    CATCHES.get()
}

/// The work's result; a panic is an error.
pub(super) fn guarded<T>(work: impl FnOnce() -> Result<T, BoxError>) -> Result<T, BoxError> {
    let before = CATCHES.replace(true);
    let done = catch_unwind(AssertUnwindSafe(work));
    CATCHES.set(before);
    done.unwrap_or_else(|_| Err("the file is damaged beyond what can be read".into()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sr_16_a_hook_can_tell_what_will_be_told_as_an_error() {
        assert!(!catches_panics());
        let seen = guarded(|| Ok((catches_panics(), guarded(|| Ok(())).is_ok(), catches_panics())));
        assert_eq!(seen.unwrap(), (true, true, true));
        let panicked = guarded(|| Ok(*[1].get(1).expect("caught on purpose")));
        assert_eq!(panicked.unwrap_err().to_string(), "the file is damaged beyond what can be read");
        assert!(!catches_panics());
    }
}
