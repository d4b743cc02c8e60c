//! The encoding below all messages: numbers of seven bits a byte, and fields of four kinds.

use super::Error;

/// Appends fields to a message.
#[derive(Debug)]
pub struct Writer<'o>(pub &'o mut Vec<u8>);

impl Writer<'_> {
    /// A number, which may be negative.
    pub fn integer(&mut self, number: u32, value: i64) {
        self.tag(number, VARINT);
        write_varint(value.cast_unsigned(), self.0);
    }

    /// A boolean.
    pub fn boolean(&mut self, number: u32, value: bool) {
        self.integer(number, i64::from(value));
    }

    /// A number of 64 bits as it is in memory.
    pub fn double(&mut self, number: u32, value: f64) {
        self.tag(number, FIXED64);
        self.0.extend_from_slice(&value.to_le_bytes());
    }

    /// Bytes: a string, or a message that is written already.
    pub fn bytes(&mut self, number: u32, bytes: &[u8]) {
        self.head(number, bytes.len());
        self.0.extend_from_slice(bytes);
    }

    /// A message that is written on the spot.
    ///
    /// * Errors: those of `write`; what it had written stays.
    pub fn message<E>(&mut self, number: u32, write: impl FnOnce(&mut Writer<'_>) -> Result<(), E>) -> Result<(), E> {
        let mut inner = Vec::new();
        write(&mut Writer(&mut inner))?;
        self.bytes(number, &inner);
        Ok(())
    }

    /// What comes before so many bytes.
    pub fn head(&mut self, number: u32, length: usize) {
        self.tag(number, BYTES);
        write_varint(length as u64, self.0);
    }

    fn tag(&mut self, number: u32, kind: u64) {
        write_varint(u64::from(number) << 3 | kind, self.0);
    }
}

/// Appends a number, seven bits a byte, the least significant first.
fn write_varint(mut value: u64, out: &mut Vec<u8>) {
    loop {
        let [low, ..] = value.to_le_bytes();
        value >>= 7;
        if value == 0 {
            out.push(low);
            return;
        }
        out.push(low | 0x80);
    }
}

/// How many bytes a field of so many bytes takes, its number being below 16.
pub(super) const fn size_of_field(length: usize) -> usize {
    let bits = (usize::BITS - (length | 1).leading_zeros()) as usize;
    1 + bits.div_ceil(7) + length
}

/// The value of a field as it stands in the bytes.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Value<'b> {
    /// A number of any size.
    Varint(u64),
    /// Eight bytes.
    Fixed64(u64),
    /// Four bytes.
    Fixed32(u32),
    /// Bytes: a string or a message.
    Bytes(&'b [u8]),
}

/// The fields of a message, one after the other. Groups are skipped. Ends after the first error.
#[derive(Clone, Debug)]
pub struct Fields<'b> {
    rest: &'b [u8],
    failed: bool,
}

impl<'b> Fields<'b> {
    /// The fields in these bytes.
    pub fn of(bytes: &'b [u8]) -> Self {
        Self { rest: bytes, failed: false }
    }

    fn field(&mut self) -> Result<Option<(u32, Value<'b>)>, Error> {
        let mut depth = 0_usize;
        while !self.rest.is_empty() {
            let tag = self.varint()?;
            let number = u32::try_from(tag >> 3).ok().filter(|number| *number > 0).ok_or(Error::BadField)?;
            let value = match tag & 7 {
                VARINT => Value::Varint(self.varint()?),
                FIXED64 => Value::Fixed64(u64::from_le_bytes(self.array()?)),
                BYTES => {
                    let length = usize::try_from(self.varint()?).map_err(|_| Error::Truncated)?;
                    Value::Bytes(self.take(length)?)
                }
                GROUP => {
                    depth += 1;
                    if depth > DEEPEST_GROUP {
                        return Err(Error::TooDeep);
                    }
                    continue;
                }
                END_OF_GROUP => {
                    depth = depth.checked_sub(1).ok_or(Error::BadField)?;
                    continue;
                }
                FIXED32 => Value::Fixed32(u32::from_le_bytes(self.array()?)),
                _ => return Err(Error::BadField),
            };
            if depth == 0 {
                return Ok(Some((number, value)));
            }
        }
        if depth == 0 { Ok(None) } else { Err(Error::Truncated) }
    }

    fn varint(&mut self) -> Result<u64, Error> {
        let mut value = 0_u64;
        for shift in (0..64).step_by(7) {
            let [byte] = self.array()?;
            value |= u64::from(byte & 0x7f) << shift;
            if byte < 0x80 {
                return Ok(value);
            }
        }
        Err(Error::Overlong)
    }

    fn array<const N: usize>(&mut self) -> Result<[u8; N], Error> {
        let (array, rest) = self.rest.split_first_chunk().ok_or(Error::Truncated)?;
        self.rest = rest;
        Ok(*array)
    }

    fn take(&mut self, length: usize) -> Result<&'b [u8], Error> {
        let (taken, rest) = self.rest.split_at_checked(length).ok_or(Error::Truncated)?;
        self.rest = rest;
        Ok(taken)
    }
}

impl<'b> Iterator for Fields<'b> {
    type Item = Result<(u32, Value<'b>), Error>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.failed {
            return None;
        }
        let field = self.field().transpose();
        self.failed = matches!(field, Some(Err(_)));
        field
    }
}

const VARINT: u64 = 0;
const FIXED64: u64 = 1;
const BYTES: u64 = 2;
const GROUP: u64 = 3;
const END_OF_GROUP: u64 = 4;
const FIXED32: u64 = 5;

/// Nobody writes groups; they are skipped as deep as this.
const DEEPEST_GROUP: usize = 100;
