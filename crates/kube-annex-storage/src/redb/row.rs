//! A commit as it lies on the disk: `crc32 | kind | creation | key length | key | value`, little endian.
//!
//! The checksum covers the revision, which is the row's key in its table, and everything after itself.

use crate::key::Key;
use crate::storage::{EventKind, Revision};
use bytes::Bytes;

/// What is known of a commit without its past.
#[derive(Debug, Eq, PartialEq)]
pub(super) struct Row {
    pub(super) kind: EventKind,
    /// The commit that created the key.
    pub(super) created: Revision,
    pub(super) key: Key,
    /// Empty for a deletion.
    pub(super) value: Bytes,
}

pub(super) fn encode(revision: Revision, kind: EventKind, created: Revision, key: &Key, value: &[u8]) -> Vec<u8> {
    let key = key.as_str().as_bytes();
    let length = u32::try_from(key.len()).unwrap_or(u32::MAX);
    let mut row = Vec::with_capacity(CHECKSUM + 13 + key.len() + value.len());
    row.extend([0; CHECKSUM]);
    row.push(match kind {
        EventKind::Created => CREATED,
        EventKind::Updated => UPDATED,
        EventKind::Deleted => DELETED,
    });
    row.extend(created.0.to_le_bytes());
    row.extend(length.to_le_bytes());
    row.extend(key);
    row.extend(value);
    let sum = checksum(revision, &row[CHECKSUM..]);
    row[..CHECKSUM].copy_from_slice(&sum.to_le_bytes());
    row
}

/// The row, unless it is not what was written.
pub(super) fn decode(revision: Revision, row: &[u8]) -> Option<Row> {
    let (sum, rest) = row.split_first_chunk::<CHECKSUM>()?;
    if u32::from_le_bytes(*sum) != checksum(revision, rest) {
        return None;
    }
    let (kind, rest) = rest.split_first()?;
    let kind = match *kind {
        CREATED => EventKind::Created,
        UPDATED => EventKind::Updated,
        DELETED => EventKind::Deleted,
        _ => return None,
    };
    let (created, rest) = rest.split_first_chunk()?;
    let created = Revision(u64::from_le_bytes(*created));
    let (length, rest) = rest.split_first_chunk()?;
    let (key, value) = rest.split_at_checked(usize::try_from(u32::from_le_bytes(*length)).ok()?)?;
    let key = Key::new(std::str::from_utf8(key).ok()?);
    Some(Row { kind, created, key, value: Bytes::copy_from_slice(value) })
}

fn checksum(revision: Revision, rest: &[u8]) -> u32 {
    let mut sum = crc32fast::Hasher::new();
    sum.update(&revision.0.to_le_bytes());
    sum.update(rest);
    sum.finalize()
}

const CHECKSUM: usize = 4;
const CREATED: u8 = 1;
const UPDATED: u8 = 2;
const DELETED: u8 = 3;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_row_is_read_as_it_was_written() {
        let (key, value) = (Key::new("g/a/x"), Bytes::from_static(b"value"));
        for kind in [EventKind::Created, EventKind::Updated, EventKind::Deleted] {
            let row = encode(Revision(7), kind, Revision(3), &key, &value);
            let expected = Row { kind, created: Revision(3), key: key.clone(), value: value.clone() };
            assert_eq!(decode(Revision(7), &row), Some(expected));
        }
    }

    #[test]
    fn a_flipped_bit_a_cut_and_another_place_are_noticed() {
        let row = encode(Revision(7), EventKind::Created, Revision(7), &Key::new("g/a/x"), b"value");
        for place in 0..row.len() {
            for bit in 0..8 {
                let mut flipped = row.clone();
                flipped[place] ^= 1 << bit;
                assert_eq!(decode(Revision(7), &flipped), None);
            }
            assert_eq!(decode(Revision(7), &row[..place]), None);
        }
        assert_eq!(decode(Revision(8), &row), None);
    }
}
