//! What the attributes mean. A [`Model`] holds only what is legal, so that `emit` has nothing to decide.

mod columns;
mod deprecation;
mod field;
mod json_path;
mod names;
mod paths;
mod shape;
mod verbs;

pub(crate) use columns::Column;
pub(crate) use deprecation::Deprecation;
pub(crate) use field::{check as field, granularity};
pub(crate) use names::Names;
pub(crate) use paths::Scale;
pub(crate) use verbs::{DeclaredVerb, Verb};

use crate::attr::Attrs;
use crate::diag::Errors;
use proc_macro2::Span;
use syn::{Ident, Path, Type, Visibility};

/// One resource that can be served.
pub(crate) struct Model<'a> {
    /// The struct's name.
    pub(crate) ident: &'a Ident,
    /// The struct's visibility, which its handlers trait shares.
    pub(crate) visibility: &'a Visibility,
    /// The type of the field `metadata`.
    pub(crate) metadata: &'a Type,
    /// Where `kube-annex` is, when not at `::kube_annex`.
    pub(crate) krate: Option<Path>,
    /// What the resource is called.
    pub(crate) names: Names,
    /// Where its objects live.
    pub(crate) scope: Scope,
    /// The verbs, alphabetically; each stands once and what it is made of is there.
    pub(crate) verbs: Vec<DeclaredVerb>,
    /// Set when the status is served on its own: where that is declared.
    pub(crate) status: Option<Span>,
    /// Set when objects can be scaled: where their replicas are.
    pub(crate) scale: Option<Scale>,
    /// The paths of the fields that objects are selected by.
    pub(crate) selectable_fields: Vec<String>,
    /// The table columns after the name.
    pub(crate) columns: Vec<Column>,
    /// The type's own rules, when it has some.
    pub(crate) strategy: Option<Type>,
    /// Set when clients are warned to leave this version.
    pub(crate) deprecated: Option<Deprecation>,
    /// The first paragraph of the documentation.
    pub(crate) description: String,
}

/// Where objects live.
#[derive(Clone, Copy, Eq, PartialEq)]
pub(crate) enum Scope {
    Namespaced,
    Cluster,
}

/// Judges what was written. `None` leaves at least one error.
pub(crate) fn check<'a>(attrs: &Attrs<'a>, errors: &Errors) -> Option<Model<'a>> {
    let shape = shape::check(attrs.input, errors);
    let scope = scope(attrs, errors);
    let names = names::check(attrs, scope, errors);
    let verbs = verbs::check(attrs, errors);
    let status = status(attrs, verbs.as_deref(), errors);
    let scale = scale(attrs, verbs.as_deref(), errors);
    let selectable_fields = paths::selectable(attrs, errors);
    let columns = columns::check(attrs.columns.given(), errors);
    let deprecated = deprecation::check(attrs.deprecated.given(), errors);
    Some(Model {
        ident: &attrs.input.ident,
        visibility: &attrs.input.vis,
        metadata: shape?,
        krate: attrs.krate.given().cloned(),
        names: names?,
        scope: scope?,
        verbs: verbs?,
        status,
        scale,
        selectable_fields,
        columns,
        strategy: attrs.strategy.given().cloned(),
        deprecated,
        description: attrs.description.clone(),
    })
}

fn scope(attrs: &Attrs<'_>, errors: &Errors) -> Option<Scope> {
    let Some(path) = attrs.scope.given() else { return Some(Scope::Namespaced) };
    match path.segments.last().map(|last| last.ident.to_string()).as_deref() {
        Some("Namespaced") => Some(Scope::Namespaced),
        Some("Cluster") => Some(Scope::Cluster),
        _ => {
            errors.at(path, "this is not a scope; write `scope = Namespaced` or `scope = Cluster`");
            None
        }
    }
}

fn status(attrs: &Attrs<'_>, verbs: Option<&[DeclaredVerb]>, errors: &Errors) -> Option<Span> {
    let flag = attrs.status.given().filter(|flag| flag.value)?;
    let name = &attrs.input.ident;
    if shape::has_fields(attrs.input) && !shape::has_field(attrs.input, "status") {
        errors.at(flag, format!("`{name}` has no field `status` to serve; add `status: Option<{name}Status>`, or leave `status = true` out"));
    }
    let gets = |verbs: &[DeclaredVerb]| verbs.iter().any(|declared| declared.verb == Verb::Get);
    if verbs.is_some_and(|verbs| !gets(verbs)) {
        errors.at(
            flag,
            "the status is read with `get`, which is not declared; add `get` to `verbs`, or leave `status = true` out",
        );
    }
    Some(flag.span())
}

fn scale(attrs: &Attrs<'_>, verbs: Option<&[DeclaredVerb]>, errors: &Errors) -> Option<Scale> {
    let place = &attrs.scale.given()?.place;
    let has = |wanted: Verb| verbs.is_none_or(|verbs| verbs.iter().any(|declared| declared.verb == wanted));
    if !(has(Verb::Get) && has(Verb::Update)) {
        errors.at(
            place,
            "the scale is read with `get` and written with `update`; add both to `verbs`, or leave `scale` out",
        );
    }
    paths::scale(attrs, errors)
}
