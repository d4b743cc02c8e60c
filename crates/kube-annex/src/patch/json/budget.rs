//! What a JSON patch may cost. Its operations can copy and move, so a small one can ask for much.

use super::Failure;
use crate::patch::MAX_DEPTH;
use serde_json::Value;
use std::io::{self, Write};

/// Bytes of JSON that the copies of one patch may add up to.
const MAX_COPIED: usize = 3 * 1024 * 1024;

/// Values that the operations of one patch may look at or shift, together: about a second of work.
const MAX_VISITS: usize = 100_000_000;

/// What is left to spend.
pub(super) struct Budget {
    copied: usize,
    visits: usize,
}

impl Default for Budget {
    fn default() -> Self {
        Self { copied: MAX_COPIED, visits: MAX_VISITS }
    }
}

impl Budget {
    /// Inserting into a list, or removing from it, moves the items behind.
    pub(super) fn shift(&mut self, items: usize) -> Result<(), Failure> {
        self.visit(items)
    }

    /// Refuses what would end up too deep: a value that is in so many containers.
    pub(super) fn nest(&mut self, containers: usize, value: &Value) -> Result<(), Failure> {
        let levels = MAX_DEPTH.checked_sub(containers).ok_or_else(too_deep)?;
        self.fit(value, levels)
    }

    /// Recurses at most as deep as `levels`.
    fn fit(&mut self, value: &Value, levels: usize) -> Result<(), Failure> {
        self.visit(1)?;
        match value {
            Value::Array(items) => {
                let below = levels.checked_sub(1).ok_or_else(too_deep)?;
                items.iter().try_for_each(|item| self.fit(item, below))
            }
            Value::Object(members) => {
                let below = levels.checked_sub(1).ok_or_else(too_deep)?;
                members.values().try_for_each(|member| self.fit(member, below))
            }
            _ => Ok(()),
        }
    }

    /// Pays for a copy.
    pub(super) fn copy(&mut self, source: &Value) -> Result<(), Failure> {
        let mut meter = Meter(self.copied);
        serde_json::to_writer(&mut meter, source)
            .map_err(|_| Failure::new(format!("the copies of this patch add up to more than {MAX_COPIED} bytes")))?;
        self.copied = meter.0;
        Ok(())
    }

    fn visit(&mut self, values: usize) -> Result<(), Failure> {
        self.visits = self.visits.checked_sub(values).ok_or_else(|| {
            Failure::new("this patch moves too much; replace the field as a whole, or send several patches")
        })?;
        Ok(())
    }
}

fn too_deep() -> Failure {
    Failure::new(format!("the object would be nested deeper than {MAX_DEPTH} levels"))
}

/// Counts down what is written to it, and fails at zero.
struct Meter(usize);

impl Write for Meter {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0 = self.0.checked_sub(bytes.len()).ok_or(io::ErrorKind::FileTooLarge)?;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
