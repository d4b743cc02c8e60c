//! The struct itself: its fields are named, it is one concrete type, and it has metadata.

use crate::diag::Errors;
use quote::{ToTokens, quote};
use syn::{Data, DeriveInput, Field, Fields, GenericArgument, PathArguments, PathSegment, Type};

/// Judges the struct; answers the type of its field `metadata`.
pub(super) fn check<'a>(input: &'a DeriveInput, errors: &Errors) -> Option<&'a Type> {
    concrete(input, errors);
    let name = &input.ident;
    let answer = format!("write `struct {name} {{ metadata: ObjectMeta, .. }}`");
    match &input.data {
        Data::Struct(data) => match &data.fields {
            Fields::Named(_) => metadata(input, errors),
            Fields::Unnamed(fields) => {
                errors.at(fields, format!("an aggregated resource has named fields, as its JSON does; {answer}"));
                None
            }
            Fields::Unit => {
                errors.at(name, format!("`{name}` has no fields, and every Kubernetes object has metadata; {answer}"));
                None
            }
        },
        Data::Enum(data) => {
            let keyword = data.enum_token;
            errors.at(quote!(#keyword #name), format!("an aggregated resource is a struct, not an enum; {answer}"));
            None
        }
        Data::Union(data) => {
            let keyword = data.union_token;
            errors.at(quote!(#keyword #name), format!("an aggregated resource is a struct, not a union; {answer}"));
            None
        }
    }
}

/// Whether the type has named fields at all.
pub(super) fn has_fields(input: &DeriveInput) -> bool {
    matches!(&input.data, Data::Struct(data) if matches!(data.fields, Fields::Named(_)))
}

/// Whether the struct has a field of that name.
pub(super) fn has_field(input: &DeriveInput, name: &str) -> bool {
    field(input, name).is_some()
}

fn field<'a>(input: &'a DeriveInput, name: &str) -> Option<&'a Field> {
    let Data::Struct(data) = &input.data else { return None };
    data.fields.iter().find(|field| field.ident.as_ref().is_some_and(|ident| ident == name))
}

fn concrete(input: &DeriveInput, errors: &Errors) {
    if !input.generics.params.is_empty() {
        let name = &input.ident;
        let message = format!(
            "a resource is one concrete type, and `{name}` has parameters; write the types out, or flatten a generic part into it with `#[serde(flatten)]`"
        );
        errors.at(&input.generics, message);
    }
}

fn metadata<'a>(input: &'a DeriveInput, errors: &Errors) -> Option<&'a Type> {
    let Some(field) = field(input, "metadata") else {
        let name = &input.ident;
        errors.at(
            name,
            format!(
                "`{name}` has no field `metadata`, and every Kubernetes object has one; add `metadata: ObjectMeta`"
            ),
        );
        return None;
    };
    match last_segment(&field.ty) {
        Some(segment) if segment.ident == "ObjectMeta" => Some(&field.ty),
        Some(segment) if segment.ident == "Option" && holds_metadata(segment) => {
            errors.at(&field.ty, "metadata is always there; write `metadata: ObjectMeta`, without the `Option`");
            None
        }
        _ => {
            let written = field.ty.to_token_stream();
            errors.at(&field.ty, format!("`metadata` is an `ObjectMeta`, not `{written}`; write `metadata: ObjectMeta` with `use kube_annex::ObjectMeta;`"));
            None
        }
    }
}

fn holds_metadata(option: &PathSegment) -> bool {
    let PathArguments::AngleBracketed(arguments) = &option.arguments else { return false };
    arguments.args.iter().any(|argument| match argument {
        GenericArgument::Type(inner) => last_segment(inner).is_some_and(|segment| segment.ident == "ObjectMeta"),
        _ => false,
    })
}

fn last_segment(r#type: &Type) -> Option<&PathSegment> {
    match r#type {
        Type::Path(path) => path.path.segments.last(),
        Type::Group(group) => match &*group.elem {
            Type::Path(path) => path.path.segments.last(),
            _ => None,
        },
        _ => None,
    }
}
