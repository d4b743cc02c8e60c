//! What merging asks of a schema: which containers are atomic, and what tells items of lists apart.

use super::Versions;
use crate::schema::{ListType, MapType, ObjectSchema, Schema, Shape, TypeSchema};
use serde_json::Value;
use std::collections::HashMap;
use std::sync::OnceLock;

/// A version's types, with references resolved.
#[derive(Debug)]
pub(super) struct Types {
    atoms: Vec<Atom>,
    root: TypeId,
}

/// A type of one [`Types`].
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) struct TypeId(usize);

/// The kinds of values that a type allows; what each is then.
#[derive(Clone, Debug, Default)]
pub(super) struct Atom {
    pub(super) scalar: Option<ScalarType>,
    pub(super) list: Option<List>,
    pub(super) map: Option<Map>,
    /// Whether the value takes part in nothing.
    pub(super) ignored: bool,
}

/// What a scalar may be.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum ScalarType {
    Numeric,
    Text,
    Boolean,
    Untyped,
}

/// A list.
#[derive(Clone, Debug)]
pub(super) struct List {
    pub(super) items: TypeId,
    pub(super) atomic: bool,
    /// The fields that tell items apart; none in a set.
    pub(super) keys: Vec<Key>,
}

/// A field that tells items of a list apart.
#[derive(Clone, Debug)]
pub(super) struct Key {
    pub(super) name: String,
    pub(super) default: Option<Value>,
}

/// A map or an object.
#[derive(Clone, Debug)]
pub(super) struct Map {
    fields: Vec<(String, TypeId)>,
    /// The type of what is no named field; without it, nothing else is allowed.
    pub(super) rest: Option<TypeId>,
    pub(super) atomic: bool,
    /// Whether nothing is known about what is in it.
    pub(super) deduced: bool,
}

impl Map {
    /// The type of a named field.
    pub(super) fn field(&self, name: &str) -> Option<TypeId> {
        let at = self.fields.binary_search_by(|(field, _)| field.as_str().cmp(name)).ok()?;
        self.fields.get(at).map(|(_, ty)| *ty)
    }
}

impl Atom {
    /// Whether, if it says nothing of the value, it is a container that is owned as a whole.
    pub(super) fn is_atomic_container(&self) -> bool {
        match (&self.map, self.scalar, &self.list) {
            (Some(map), _, _) => map.atomic && !map.deduced,
            (None, None, Some(list)) => list.atomic,
            _ => false,
        }
    }
}

impl Types {
    /// The types of a schema.
    pub(super) fn of(schema: &TypeSchema) -> Self {
        let mut compiler = Compiler { schema, atoms: vec![Atom::default(); RESERVED], named: HashMap::new() };
        for (TypeId(at), atom) in common() {
            if let Some(place) = compiler.atoms.get_mut(at) {
                *place = atom;
            }
        }
        let root = compiler.named(&schema.root);
        compiler.ignore_managed_fields(root);
        Self { atoms: compiler.atoms, root }
    }

    /// The type of an object.
    pub(super) fn root(&self) -> TypeId {
        self.root
    }

    /// What a type is.
    pub(super) fn atom(&self, TypeId(at): TypeId) -> &Atom {
        self.atoms.get(at).unwrap_or_else(|| unreachable!("type ids come from the types they index"))
    }
}

/// The types of each version that was asked for, made once.
#[derive(Debug, Default)]
pub(super) struct Topologies(OnceLock<Box<Known>>);

#[derive(Debug)]
struct Known {
    api_version: String,
    types: Types,
    next: Topologies,
}

impl Topologies {
    /// The types of a version; `None` when it is not served.
    pub(super) fn get(&self, versions: &dyn Versions, api_version: &str) -> Option<&Types> {
        let schema = versions.schema(api_version)?;
        let mut end = self;
        loop {
            let known = end.0.get_or_init(|| {
                let (api_version, types) = (api_version.to_owned(), Types::of(schema));
                Box::new(Known { api_version, types, next: Self::default() })
            });
            if known.api_version == api_version {
                return Some(&known.types);
            }
            end = &known.next;
        }
    }
}

struct Compiler<'s> {
    schema: &'s TypeSchema,
    atoms: Vec<Atom>,
    named: HashMap<&'s str, TypeId>,
}

impl<'s> Compiler<'s> {
    fn add(&mut self, atom: Atom) -> TypeId {
        self.atoms.push(atom);
        TypeId(self.atoms.len() - 1)
    }

    fn set(&mut self, TypeId(at): TypeId, atom: Atom) {
        if let Some(place) = self.atoms.get_mut(at) {
            *place = atom;
        }
    }

    /// A definition; one that is missing allows anything.
    fn named(&mut self, name: &str) -> TypeId {
        let Some((name, schema)) = self.schema.definitions.get_key_value(name) else { return DEDUCED };
        if let Some(&ty) = self.named.get(name.as_str()) {
            return ty;
        }
        let ty = self.add(Atom::default());
        self.named.insert(name, ty);
        let atom = self.atom(schema, false);
        self.set(ty, atom);
        ty
    }

    /// The managers of the object itself take part in nothing; those of an object within it are fields like others.
    fn ignore_managed_fields(&mut self, TypeId(root): TypeId) {
        let of = |atom: &Atom, name| atom.map.as_ref().and_then(|map| map.field(name));
        let metadata = self.atoms.get(root).and_then(|root| of(root, "metadata"));
        let Some(mut atom) = metadata.and_then(|TypeId(at)| self.atoms.get(at)).cloned() else { return };
        set_field(&mut atom, "managedFields", IGNORED);
        let metadata = self.add(atom);
        if let Some(root) = self.atoms.get_mut(root) {
            set_field(root, "metadata", metadata);
        }
    }

    fn ty(&mut self, schema: &'s Schema, preserve: bool) -> TypeId {
        match &schema.shape {
            Shape::Any | Shape::IntOrString => DEDUCED,
            Shape::Quantity => UNTYPED_SCALAR,
            Shape::Reference(name) => {
                let ty = self.named(name);
                match schema.extensions.get("x-kubernetes-map-type").and_then(Value::as_str) {
                    Some(map_type) => self.overridden(ty, map_type == MapType::Atomic.as_str()),
                    None => ty,
                }
            }
            _ => {
                let atom = self.atom(schema, preserve);
                self.add(atom)
            }
        }
    }

    /// The type, with what the reference to it says about merging.
    fn overridden(&mut self, ty: TypeId, atomic: bool) -> TypeId {
        let mut atom = self.atoms.get(ty.0).cloned().unwrap_or_default();
        if let Some(map) = &mut atom.map {
            map.atomic = atomic;
        } else if let Some(list) = &mut atom.list {
            list.atomic = atomic;
        }
        self.add(atom)
    }

    /// `preserve` says whether unknown fields are kept above it; then they are below it too.
    fn atom(&mut self, schema: &'s Schema, preserve: bool) -> Atom {
        let scalar = |scalar| Atom { scalar: Some(scalar), ..Atom::default() };
        match &schema.shape {
            Shape::Boolean => scalar(ScalarType::Boolean),
            Shape::Integer(_) | Shape::Number(_) => scalar(ScalarType::Numeric),
            Shape::String(text) => match text.format.as_deref() {
                None | Some("" | "byte") => scalar(ScalarType::Text),
                Some(_) => scalar(ScalarType::Untyped),
            },
            Shape::Array(array) => {
                let items = self.ty(&array.items, preserve);
                let (atomic, keys) = match &array.list_type {
                    Some(ListType::Atomic) => (true, Vec::new()),
                    Some(ListType::Set) => (false, Vec::new()),
                    Some(ListType::Map(keys)) => (false, keys.clone()),
                    None => patch_strategy(schema),
                };
                let keys = keys.into_iter().map(|name| self.key(&array.items, name)).collect();
                Atom { list: Some(List { items, atomic, keys }), ..Atom::default() }
            }
            Shape::Map(map) => {
                let rest = self.ty(&map.values, preserve);
                let inline = !matches!(map.values.shape, Shape::Reference(_));
                let untyped = self.atoms.get(rest.0).is_some_and(|atom| atom.scalar == Some(ScalarType::Untyped));
                let deduced = rest == DEDUCED || (inline && untyped);
                let atomic = map.map_type == Some(MapType::Atomic);
                Atom { map: Some(Map { fields: Vec::new(), rest: Some(rest), atomic, deduced }), ..Atom::default() }
            }
            Shape::Object(object) => Atom { map: Some(self.object(object, preserve)), ..Atom::default() },
            Shape::Quantity => scalar(ScalarType::Untyped),
            Shape::Reference(name) => {
                let TypeId(at) = self.named(name);
                self.atoms.get(at).cloned().unwrap_or_default()
            }
            // Upstream allows a map where a custom resource has a number or text; validation refuses it later.
            _ => deduced(),
        }
    }

    fn object(&mut self, object: &'s ObjectSchema, preserve: bool) -> Map {
        let preserve = preserve || object.preserve_unknown_fields;
        let mut fields: Vec<_> =
            object.properties.iter().map(|(name, schema)| (name.clone(), self.ty(schema, preserve))).collect();
        if object.embedded_resource {
            fields.retain(|(name, _)| !TYPE_AND_METADATA.contains(&name.as_str()));
            fields.push(("apiVersion".to_owned(), TEXT));
            fields.push(("kind".to_owned(), TEXT));
            let metadata = self.named(OBJECT_META);
            fields.push(("metadata".to_owned(), metadata));
            fields.sort_by(|(a, _), (b, _)| a.cmp(b));
        }
        let rest = (preserve || fields.is_empty()).then_some(DEDUCED);
        let deduced = rest.is_some() && fields.is_empty();
        Map { fields, rest, atomic: object.map_type == Some(MapType::Atomic), deduced }
    }

    fn key(&self, items: &Schema, name: String) -> Key {
        let object = self.schema.resolve(items).and_then(Schema::as_object);
        let default = object.and_then(|object| object.properties.get(&name)).and_then(|field| field.default.clone());
        Key { name, default: default.filter(|default| !default.is_null()) }
    }
}

fn set_field(atom: &mut Atom, name: &str, ty: TypeId) {
    let fields = atom.map.iter_mut().flat_map(|map| &mut map.fields);
    fields.filter(|(field, _)| field == name).for_each(|(_, of)| *of = ty);
}

/// Whether a list that has no list type is atomic, and its keys otherwise.
fn patch_strategy(schema: &Schema) -> (bool, Vec<String>) {
    let extension = |name| schema.extensions.get(name).and_then(Value::as_str);
    match extension("x-kubernetes-patch-strategy") {
        Some("merge" | "merge,retainKeys") => {
            (false, extension("x-kubernetes-patch-merge-key").map(str::to_owned).into_iter().collect())
        }
        _ => (true, Vec::new()),
    }
}

/// Types that are the same in every schema, and where they are.
fn common() -> [(TypeId, Atom); RESERVED] {
    let map = |rest, atomic, deduced| Some(Map { fields: Vec::new(), rest: Some(rest), atomic, deduced });
    let list = Some(List { items: UNTYPED, atomic: true, keys: Vec::new() });
    let untyped = Some(ScalarType::Untyped);
    let opaque = Atom { scalar: untyped, list, map: map(UNTYPED, true, false), ignored: false };
    [
        (UNTYPED, opaque.clone()),
        (DEDUCED, deduced()),
        (UNTYPED_SCALAR, Atom { scalar: untyped, ..Atom::default() }),
        (TEXT, Atom { scalar: Some(ScalarType::Text), ..Atom::default() }),
        (IGNORED, Atom { ignored: true, ..opaque }),
    ]
}

/// What nothing is known of: maps are merged by their keys, all else as a whole.
fn deduced() -> Atom {
    Atom {
        scalar: Some(ScalarType::Untyped),
        list: Some(List { items: UNTYPED, atomic: true, keys: Vec::new() }),
        map: Some(Map { fields: Vec::new(), rest: Some(DEDUCED), atomic: false, deduced: true }),
        ignored: false,
    }
}

const UNTYPED: TypeId = TypeId(0);
const DEDUCED: TypeId = TypeId(1);
const UNTYPED_SCALAR: TypeId = TypeId(2);
const TEXT: TypeId = TypeId(3);
const IGNORED: TypeId = TypeId(4);
const RESERVED: usize = 5;

const OBJECT_META: &str = "io.k8s.apimachinery.pkg.apis.meta.v1.ObjectMeta";
const TYPE_AND_METADATA: &[&str] = &["apiVersion", "kind", "metadata"];
