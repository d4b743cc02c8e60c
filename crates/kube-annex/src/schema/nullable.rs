//! A field that can be there without a value.

use schemars::{JsonSchema, Schema, SchemaGenerator};
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use std::borrow::Cow;

/// Any JSON object: the type of a field that keeps whatever fields a client sends.
pub type RawObject = serde_json::Map<String, serde_json::Value>;

/// A value, an explicit `null`, or nothing: for a field where a client's `null` is kept, and differs from absence.
///
/// Beside it stands `#[serde(default, skip_serializing_if = "Nullable::is_absent")]`. Its schema is nullable.
#[derive(Clone, Copy, Debug, Default, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub enum Nullable<T> {
    /// The field is not there.
    #[default]
    Absent,
    /// The field is `null`.
    Null,
    /// The field has a value.
    Value(T),
}

impl<T> Nullable<T> {
    /// Whether the field is not there, and not to be written.
    pub const fn is_absent(&self) -> bool {
        matches!(self, Self::Absent)
    }

    /// The value, when there is one.
    pub const fn value(&self) -> Option<&T> {
        match self {
            Self::Value(value) => Some(value),
            Self::Absent | Self::Null => None,
        }
    }
}

impl<T> From<T> for Nullable<T> {
    fn from(value: T) -> Self {
        Self::Value(value)
    }
}

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Nullable<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Ok(Option::deserialize(deserializer)?.map_or(Self::Null, Self::Value))
    }
}

impl<T: Serialize> Serialize for Nullable<T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.value().serialize(serializer)
    }
}

impl<T: JsonSchema> JsonSchema for Nullable<T> {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> Cow<'static, str> {
        Cow::Owned(format!("Nullable_{}", T::schema_name()))
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        let mut schema = generator.subschema_for::<T>();
        schema.insert("nullable".to_owned(), true.into());
        schema
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[derive(Debug, Default, Deserialize, JsonSchema, PartialEq, Serialize)]
    struct Noted {
        #[serde(default, skip_serializing_if = "Nullable::is_absent")]
        note: Nullable<String>,
    }

    #[test]
    fn an_explicit_null_is_neither_a_value_nor_absence() {
        for (tree, note) in [
            (json!({}), Nullable::Absent),
            (json!({"note": null}), Nullable::Null),
            (json!({"note": "x"}), Nullable::Value("x".to_owned())),
        ] {
            let noted: Noted = serde_json::from_value(tree.clone()).unwrap();
            assert_eq!(noted, Noted { note });
            assert_eq!(serde_json::to_value(noted).unwrap(), tree);
        }
    }

    #[test]
    fn its_schema_is_nullable_and_it_is_not_required() {
        let schema = crate::schema::schema_of::<Noted>();
        assert_eq!(schema.as_value()["properties"]["note"]["nullable"], true);
        assert_eq!(schema.get("required"), None);
    }
}
