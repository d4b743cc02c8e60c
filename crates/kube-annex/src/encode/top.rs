//! The outermost level of an object: writes the head itself, then lets the type's other fields through.

use super::ApiVersion;
use super::go_json::{GoFormatter, GoSerializer};
use super::meta::GoObjectMeta;
use serde::ser::{Error as _, Impossible, Serialize, SerializeMap, SerializeStruct, Serializer};
use serde_json::ser::Compound;

/// What every object begins with.
pub(super) struct Head<'a> {
    pub(super) kind: &'static str,
    pub(super) api_version: ApiVersion,
    pub(super) metadata: GoObjectMeta<'a>,
}

/// Serializes one object; refuses everything that is not an object.
pub(super) struct Top<'s, 'o, 'h> {
    serializer: &'s mut GoSerializer<'o>,
    head: &'h Head<'h>,
}

impl<'s, 'o, 'h> Top<'s, 'o, 'h> {
    pub(super) fn new(serializer: &'s mut GoSerializer<'o>, head: &'h Head<'h>) -> Self {
        Self { serializer, head }
    }

    fn begin(self) -> Result<Fields<'s, 'o>, serde_json::Error> {
        let mut inner = self.serializer.serialize_map(None)?;
        inner.serialize_entry("kind", self.head.kind)?;
        inner.serialize_entry("apiVersion", &self.head.api_version)?;
        inner.serialize_entry("metadata", &self.head.metadata)?;
        Ok(Fields { inner, skip: false })
    }
}

/// The fields after the head.
pub(super) struct Fields<'s, 'o> {
    inner: Compound<'s, &'o mut Vec<u8>, GoFormatter>,
    skip: bool,
}

fn in_head(key: &str) -> bool {
    matches!(key, "kind" | "apiVersion" | "metadata")
}

impl SerializeStruct for Fields<'_, '_> {
    type Ok = ();
    type Error = serde_json::Error;

    fn serialize_field<T: ?Sized + Serialize>(&mut self, key: &'static str, value: &T) -> Result<(), Self::Error> {
        if in_head(key) { Ok(()) } else { self.inner.serialize_entry(key, value) }
    }

    fn end(self) -> Result<(), Self::Error> {
        SerializeMap::end(self.inner)
    }
}

/// A struct with a flattened field arrives as a map.
impl SerializeMap for Fields<'_, '_> {
    type Ok = ();
    type Error = serde_json::Error;

    fn serialize_key<T: ?Sized + Serialize>(&mut self, key: &T) -> Result<(), Self::Error> {
        self.skip = serde_json::to_value(key)?.as_str().is_some_and(in_head);
        if self.skip { Ok(()) } else { self.inner.serialize_key(key) }
    }

    fn serialize_value<T: ?Sized + Serialize>(&mut self, value: &T) -> Result<(), Self::Error> {
        if self.skip { Ok(()) } else { self.inner.serialize_value(value) }
    }

    fn end(self) -> Result<(), Self::Error> {
        SerializeMap::end(self.inner)
    }
}

fn refused<T>(what: &str) -> Result<T, serde_json::Error> {
    Err(serde_json::Error::custom(format_args!("the type is written as {what}, not as an object")))
}

macro_rules! refuse {
    ($($method:ident($($type:ty),*) -> $what:literal;)*) => {
        $(fn $method(self, $(_: $type),*) -> Result<Self::Ok, Self::Error> { refused($what) })*
    };
}

impl<'s, 'o> Serializer for Top<'s, 'o, '_> {
    type Ok = ();
    type Error = serde_json::Error;
    type SerializeSeq = Impossible<(), Self::Error>;
    type SerializeTuple = Impossible<(), Self::Error>;
    type SerializeTupleStruct = Impossible<(), Self::Error>;
    type SerializeTupleVariant = Impossible<(), Self::Error>;
    type SerializeMap = Fields<'s, 'o>;
    type SerializeStruct = Fields<'s, 'o>;
    type SerializeStructVariant = Impossible<(), Self::Error>;

    fn serialize_struct(self, _: &'static str, _: usize) -> Result<Self::SerializeStruct, Self::Error> {
        self.begin()
    }

    fn serialize_map(self, _: Option<usize>) -> Result<Self::SerializeMap, Self::Error> {
        self.begin()
    }

    fn serialize_newtype_struct<T: ?Sized + Serialize>(self, _: &'static str, value: &T) -> Result<(), Self::Error> {
        value.serialize(self)
    }

    fn serialize_some<T: ?Sized + Serialize>(self, value: &T) -> Result<(), Self::Error> {
        value.serialize(self)
    }

    refuse! {
        serialize_bool(bool) -> "a boolean";
        serialize_i8(i8) -> "a number";
        serialize_i16(i16) -> "a number";
        serialize_i32(i32) -> "a number";
        serialize_i64(i64) -> "a number";
        serialize_u8(u8) -> "a number";
        serialize_u16(u16) -> "a number";
        serialize_u32(u32) -> "a number";
        serialize_u64(u64) -> "a number";
        serialize_f32(f32) -> "a number";
        serialize_f64(f64) -> "a number";
        serialize_char(char) -> "a string";
        serialize_str(&str) -> "a string";
        serialize_bytes(&[u8]) -> "bytes";
        serialize_none() -> "null";
        serialize_unit() -> "null";
        serialize_unit_struct(&'static str) -> "null";
        serialize_unit_variant(&'static str, u32, &'static str) -> "a string";
    }

    fn serialize_newtype_variant<T: ?Sized + Serialize>(
        self,
        _: &'static str,
        _: u32,
        _: &'static str,
        _: &T,
    ) -> Result<(), Self::Error> {
        refused("a variant")
    }

    fn serialize_seq(self, _: Option<usize>) -> Result<Self::SerializeSeq, Self::Error> {
        refused("a list")
    }

    fn serialize_tuple(self, _: usize) -> Result<Self::SerializeTuple, Self::Error> {
        refused("a list")
    }

    fn serialize_tuple_struct(self, _: &'static str, _: usize) -> Result<Self::SerializeTupleStruct, Self::Error> {
        refused("a list")
    }

    fn serialize_tuple_variant(
        self,
        _: &'static str,
        _: u32,
        _: &'static str,
        _: usize,
    ) -> Result<Self::SerializeTupleVariant, Self::Error> {
        refused("a variant")
    }

    fn serialize_struct_variant(
        self,
        _: &'static str,
        _: u32,
        _: &'static str,
        _: usize,
    ) -> Result<Self::SerializeStructVariant, Self::Error> {
        refused("a variant")
    }
}
