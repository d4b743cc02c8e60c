//! The verbs a resource serves.

use crate::attr::Attrs;
use crate::diag::{Errors, list, nearest};
use proc_macro2::Span;
use syn::Ident;

/// A verb of the Kubernetes API. The order is that of discovery: alphabetical.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub(crate) enum Verb {
    Create,
    Delete,
    DeleteCollection,
    Get,
    List,
    Patch,
    Update,
    Watch,
}

/// A verb, and where it is declared.
pub(crate) struct DeclaredVerb {
    pub(crate) verb: Verb,
    /// The word in `verbs`, or the struct's name when every verb is served by default.
    pub(crate) span: Span,
}

impl Verb {
    pub(crate) const ALL: [Self; 8] = [
        Self::Create,
        Self::Delete,
        Self::DeleteCollection,
        Self::Get,
        Self::List,
        Self::Patch,
        Self::Update,
        Self::Watch,
    ];

    /// The verb as it is written.
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::Create => "create",
            Self::Delete => "delete",
            Self::DeleteCollection => "deletecollection",
            Self::Get => "get",
            Self::List => "list",
            Self::Patch => "patch",
            Self::Update => "update",
            Self::Watch => "watch",
        }
    }

    /// The variant of `kube_annex::Verb`.
    pub(crate) fn variant(self) -> &'static str {
        match self {
            Self::Create => "Create",
            Self::Delete => "Delete",
            Self::DeleteCollection => "DeleteCollection",
            Self::Get => "Get",
            Self::List => "List",
            Self::Patch => "Patch",
            Self::Update => "Update",
            Self::Watch => "Watch",
        }
    }

    /// The verbs it is made of, without which it cannot be served.
    fn made_of(self) -> &'static [Self] {
        match self {
            Self::DeleteCollection => &[Self::Delete, Self::List],
            Self::Patch => &[Self::Get, Self::Update],
            Self::Watch => &[Self::List],
            Self::Create | Self::Delete | Self::Get | Self::List | Self::Update => &[],
        }
    }
}

/// Judges the verbs; answers them alphabetically. `None` leaves at least one error.
pub(super) fn check(attrs: &Attrs<'_>, errors: &Errors) -> Option<Vec<DeclaredVerb>> {
    let Some(written) = attrs.verbs.given() else {
        let span = attrs.input.ident.span();
        return Some(Verb::ALL.into_iter().map(|verb| DeclaredVerb { verb, span }).collect());
    };
    let known: Vec<Option<(Verb, &Ident)>> = written.iter().map(|word| Some((known(word, errors)?, word))).collect();
    let mut verbs: Vec<(Verb, &Ident)> = known.into_iter().collect::<Option<_>>()?;
    verbs.sort_by_key(|(verb, _)| *verb);
    twice(&verbs, errors);
    incomplete(&verbs, errors);
    Some(verbs.into_iter().map(|(verb, word)| DeclaredVerb { verb, span: word.span() }).collect())
}

fn known(word: &Ident, errors: &Errors) -> Option<Verb> {
    let written = word.to_string();
    let verb = Verb::ALL.into_iter().find(|verb| verb.as_str() == written);
    if verb.is_none() {
        let words = Verb::ALL.map(Verb::as_str);
        let answer = match nearest(&written, words) {
            Some(near) => format!("did you mean `{near}`?"),
            None => format!("the verbs are {}", list(words)),
        };
        errors.at(word, format!("there is no verb `{written}`; {answer}"));
    }
    verb
}

fn twice(sorted: &[(Verb, &Ident)], errors: &Errors) {
    for (before, (verb, word)) in sorted.iter().zip(sorted.iter().skip(1)) {
        if before.0 == *verb {
            errors.at(word, format!("`{word}` is given twice; keep one of them"));
        }
    }
}

fn incomplete(verbs: &[(Verb, &Ident)], errors: &Errors) {
    let declared = |verb: &Verb| verbs.iter().any(|(other, _)| other == verb);
    for (verb, word) in verbs {
        let missing: Vec<&str> =
            verb.made_of().iter().filter(|part| !declared(part)).map(|part| part.as_str()).collect();
        if !missing.is_empty() {
            let made_of = list(verb.made_of().iter().map(|part| part.as_str()));
            let missing = list(missing);
            errors.at(word, format!("`{word}` is made of {made_of}; add {missing} to `verbs`, or leave `{word}` out"));
        }
    }
}
