//! What a long step is doing, and how long it took.
//!
//! Progress goes to standard error; standard output carries only what a person or a script asked for.

use std::fmt::Display;
use std::io::{self, Write};
use std::time::{Duration, Instant};

use anyhow::Result;

/// Runs one step, saying its name before and its duration after.
///
/// * Errors: those of `work`, after the line that names the failed step.
pub fn step<T>(what: impl Display, work: impl FnOnce() -> Result<T>) -> Result<T> {
    let started = begin(&what);
    let outcome = work();
    end(&what, started, outcome.is_ok());
    outcome
}

/// [`step`] for work that waits.
pub async fn step_async<T>(what: impl Display, work: impl Future<Output = Result<T>>) -> Result<T> {
    let started = begin(&what);
    let outcome = work.await;
    end(&what, started, outcome.is_ok());
    outcome
}

/// One line of the answer, on standard output.
///
/// A reader that went away (`| head`) is not an error of ours.
pub fn say(line: impl Display) {
    let _ = writeln!(io::stdout(), "{line}");
}

/// One line about what is going on, on standard error.
pub fn note(line: impl Display) {
    let _ = writeln!(io::stderr(), "    {line}");
}

/// A duration as people read it: `3.4 s`, `2 min 05 s`.
pub fn human(elapsed: Duration) -> String {
    let seconds = elapsed.as_secs();
    match seconds {
        0..60 => format!("{:.1} s", elapsed.as_secs_f64()),
        _ => format!("{} min {:02} s", seconds / 60, seconds % 60),
    }
}

fn begin(what: impl Display) -> Instant {
    let _ = writeln!(io::stderr(), "==> {what}");
    Instant::now()
}

fn end(what: impl Display, started: Instant, done: bool) {
    let took = human(started.elapsed());
    let outcome = if done { "done" } else { "FAILED" };
    let _ = writeln!(io::stderr(), "    {outcome}: {what} ({took})");
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_read_as_seconds_and_then_minutes() {
        assert_eq!(human(Duration::from_millis(3_449)), "3.4 s");
        assert_eq!(human(Duration::from_secs(125)), "2 min 05 s");
    }
}
