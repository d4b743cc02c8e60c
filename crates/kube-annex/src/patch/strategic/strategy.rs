//! How a field is merged: what the schema says of it.

use super::Error;
use crate::schema::{ListType, Schema, Shape, TypeSchema};

/// A place in a schema, from which fields are looked up.
#[derive(Clone, Copy)]
pub(super) struct Strategies<'s> {
    types: &'s TypeSchema,
    /// `None` where the schema says nothing.
    at: Option<&'s Schema>,
    /// The last part of the name of the definition that this is, as far as it has one.
    name: &'s str,
}

/// How the values of a field are merged.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub(super) struct Strategy<'s> {
    /// Whether the new value takes the old one's place although both are objects.
    pub(super) replaces: bool,
    /// Whether lists are merged item by item.
    pub(super) merges: bool,
    /// The member that tells items apart; empty for lists of scalars.
    pub(super) key: &'s str,
}

impl<'s> Strategies<'s> {
    /// Those of an object.
    pub(super) fn of(types: &'s TypeSchema) -> Self {
        Self { types, at: types.object(), name: last_part(&types.root) }
    }

    /// What is known of a field, and of what is in it.
    pub(super) fn field(&self, key: &str) -> Result<(Self, Strategy<'s>), Error> {
        let Some(here) = self.at else { return Ok((*self, Strategy::default())) };
        let field = match &here.shape {
            Shape::Object(object) => match object.properties.get(key) {
                Some(field) => field,
                None if object.embedded_resource && key == "metadata" => {
                    return Ok((self.metadata(), Strategy::default()));
                }
                None if object.preserve_unknown_fields => return Ok((self.unknown(), Strategy::default())),
                None => {
                    let key = crate::field::quote(key);
                    let text = format!("unable to find api field in struct {} for the json field {key}", self.name);
                    return Err(Error::Other(text));
                }
            },
            Shape::Map(map) => &map.values,
            _ => return Ok((self.unknown(), Strategy::default())),
        };
        let resolved = self.enter(field);
        let strategy = strategy(field, resolved.at);
        Ok((resolved, strategy))
    }

    /// What is known of a field that is a list, and of its items.
    pub(super) fn list(&self, key: &str) -> Result<(Self, Strategy<'s>), Error> {
        let (field, strategy) = self.field(key)?;
        let Some(Schema { shape: Shape::Array(array), .. }) = field.at else {
            return match field.at {
                None | Some(Schema { shape: Shape::Any, .. }) => Ok((field, strategy)),
                Some(_) => Err(Error::Other(format!("the field {} is not a list", crate::field::quote(key)))),
            };
        };
        let items = field.enter(&array.items);
        if matches!(items.at, Some(Schema { shape: Shape::Array(_), .. })) {
            return Err(Error::Other("unexpected slice of slice".to_owned()));
        }
        Ok((items, strategy))
    }

    /// The name of what is here, for an error.
    pub(super) fn name(&self) -> &'s str {
        self.name
    }

    fn enter(&self, schema: &'s Schema) -> Self {
        let name = match &schema.shape {
            Shape::Reference(name) => last_part(name),
            _ => "struct",
        };
        Self { types: self.types, at: self.types.resolve(schema), name }
    }

    /// The metadata of an embedded object, which merges as that of its owner.
    fn metadata(&self) -> Self {
        Self { types: self.types, at: self.types.definitions.get(OBJECT_META), name: last_part(OBJECT_META) }
    }

    fn unknown(&self) -> Self {
        Self { at: None, ..*self }
    }
}

/// What is written at the field comes first, then what its type says for every merge.
fn strategy<'s>(field: &'s Schema, resolved: Option<&'s Schema>) -> Strategy<'s> {
    let extension = |name: &str| field.extensions.get(name).and_then(serde_json::Value::as_str);
    if let Some(strategies) = extension("x-kubernetes-patch-strategy") {
        let says = |wanted: &str| strategies.split(',').any(|strategy| strategy == wanted);
        let key = extension("x-kubernetes-patch-merge-key").unwrap_or_default();
        return Strategy { replaces: says("replace"), merges: says("merge"), key };
    }
    let list_type = match resolved.map(|schema| &schema.shape) {
        Some(Shape::Array(array)) => array.list_type.as_ref(),
        _ => None,
    };
    list_type.and_then(ListType::patch_merge_key).map_or_else(Strategy::default, |key| Strategy {
        merges: true,
        key,
        replaces: false,
    })
}

fn last_part(name: &str) -> &str {
    name.rsplit('.').next().unwrap_or(name)
}

const OBJECT_META: &str = "io.k8s.apimachinery.pkg.apis.meta.v1.ObjectMeta";
