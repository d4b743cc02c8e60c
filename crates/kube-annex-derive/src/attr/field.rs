//! `#[field(list = map(keys("name")), max_items = 16)]` on a field of a struct below `#[aggregated_type]`.

use super::read::{Entry, Value, entries, once};
use super::{Setting, unknown_key};
use crate::diag::Errors;
use proc_macro2::{Ident, TokenStream};
use quote::ToTokens;
use syn::parse::Parser;
use syn::{Attribute, Expr, ExprLit, ExprUnary, Lit, LitInt, LitStr, Meta, UnOp};

/// What is declared of one field, as it was written.
#[derive(Default)]
pub(crate) struct FieldAttrs {
    pub(crate) list: Setting<List>,
    pub(crate) map: Setting<Ident>,
    pub(crate) default: Setting<TokenStream>,
    pub(crate) values: Setting<Vec<LitStr>>,
    pub(crate) format: Setting<LitStr>,
    pub(crate) pattern: Setting<LitStr>,
    pub(crate) nullable: Setting<Ident>,
    pub(crate) preserve_unknown_fields: Setting<Ident>,
    pub(crate) embedded: Setting<Ident>,
    pub(crate) minimum: Setting<Number>,
    pub(crate) maximum: Setting<Number>,
    pub(crate) exclusive_minimum: Setting<Number>,
    pub(crate) exclusive_maximum: Setting<Number>,
    pub(crate) multiple_of: Setting<Number>,
    pub(crate) min_length: Setting<LitInt>,
    pub(crate) max_length: Setting<LitInt>,
    pub(crate) min_items: Setting<LitInt>,
    pub(crate) max_items: Setting<LitInt>,
    pub(crate) min_properties: Setting<LitInt>,
    pub(crate) max_properties: Setting<LitInt>,
    /// The keys that were written, to point at.
    pub(crate) keys: Vec<Ident>,
}

/// How a list is merged.
pub(crate) struct List {
    /// `atomic`, `set` or `map`
    pub(crate) word: Ident,
    /// What follows the word in parentheses: the fields that tell items of a map apart.
    pub(crate) keys: Vec<LitStr>,
}

/// A number, negative ones included.
pub(crate) struct Number {
    pub(crate) tokens: TokenStream,
    pub(crate) value: f64,
    pub(crate) whole: bool,
}

const KEYS: [&str; 20] = [
    "list",
    "map",
    "default",
    "enum",
    "format",
    "pattern",
    "nullable",
    "preserve_unknown_fields",
    "embedded",
    "minimum",
    "maximum",
    "exclusive_minimum",
    "exclusive_maximum",
    "multiple_of",
    "min_length",
    "max_length",
    "min_items",
    "max_items",
    "min_properties",
    "max_properties",
];

const LIST_EXAMPLE: &str = "list = map(keys(\"name\"))";

/// Whether an attribute is one of ours.
pub(crate) fn is_ours(attribute: &Attribute) -> bool {
    attribute.path().is_ident("field")
}

/// Reads what is declared of a field; `None` when nothing is.
pub(crate) fn parse(attributes: &[Attribute], errors: &Errors) -> Option<FieldAttrs> {
    let mut attrs = None;
    for attribute in attributes.iter().filter(|attribute| is_ours(attribute)) {
        let attrs: &mut FieldAttrs = attrs.get_or_insert_default();
        match &attribute.meta {
            Meta::List(list) => {
                for entry in entries(list.tokens.clone(), errors) {
                    attrs.set(&entry, errors);
                }
            }
            other => errors.at(other, "what is declared goes in parentheses: `#[field(minimum = 0)]`"),
        }
    }
    attrs
}

impl FieldAttrs {
    fn set(&mut self, entry: &Entry, errors: &Errors) {
        let key = entry.key.to_string();
        match key.as_str() {
            "list" => once(&mut self.list, entry, errors, || list(entry, errors)),
            "map" => once(&mut self.map, entry, errors, || entry.word("atomic", errors)),
            "default" => once(&mut self.default, entry, errors, || default(entry, errors)),
            "enum" => once(&mut self.values, entry, errors, || entry.texts("Auto", errors)),
            "format" => once(&mut self.format, entry, errors, || entry.text("date-time", errors)),
            "pattern" => once(&mut self.pattern, entry, errors, || entry.text("^[a-z]+$", errors)),
            "nullable" => once(&mut self.nullable, entry, errors, || bare(entry, errors)),
            "preserve_unknown_fields" => {
                once(&mut self.preserve_unknown_fields, entry, errors, || bare(entry, errors));
            }
            "embedded" => once(&mut self.embedded, entry, errors, || bare(entry, errors)),
            "minimum" => once(&mut self.minimum, entry, errors, || number(entry, errors)),
            "maximum" => once(&mut self.maximum, entry, errors, || number(entry, errors)),
            "exclusive_minimum" => once(&mut self.exclusive_minimum, entry, errors, || number(entry, errors)),
            "exclusive_maximum" => once(&mut self.exclusive_maximum, entry, errors, || number(entry, errors)),
            "multiple_of" => once(&mut self.multiple_of, entry, errors, || number(entry, errors)),
            "min_length" => once(&mut self.min_length, entry, errors, || entry.number("1", errors)),
            "max_length" => once(&mut self.max_length, entry, errors, || entry.number("63", errors)),
            "min_items" => once(&mut self.min_items, entry, errors, || entry.number("1", errors)),
            "max_items" => once(&mut self.max_items, entry, errors, || entry.number("16", errors)),
            "min_properties" => once(&mut self.min_properties, entry, errors, || entry.number("1", errors)),
            "max_properties" => once(&mut self.max_properties, entry, errors, || entry.number("16", errors)),
            _ => {
                unknown_key(entry, &KEYS, errors);
                return;
            }
        }
        self.keys.push(entry.key.clone());
    }

    /// The key as it was written.
    pub(crate) fn key(&self, name: &str) -> Option<&Ident> {
        self.keys.iter().find(|key| *key == name)
    }
}

/// `atomic`, `set` or `map(keys("name"))`
fn list(entry: &Entry, errors: &Errors) -> Option<List> {
    if let Value::Type(_) = &entry.value {
        return entry.word("set", errors).map(|word| List { word, keys: Vec::new() });
    }
    let Value::Other(tokens) = &entry.value else {
        return entry.refuse("`atomic`, `set` or `map(keys(..))`", LIST_EXAMPLE, errors);
    };
    let read = |input: syn::parse::ParseStream<'_>| {
        let word: Ident = input.parse()?;
        let inside;
        syn::parenthesized!(inside in input);
        let keys: Ident = inside.parse()?;
        if keys != "keys" {
            return Err(syn::Error::new(keys.span(), format!("the keys are missing; write `{LIST_EXAMPLE}`")));
        }
        let texts;
        syn::parenthesized!(texts in inside);
        let keys = texts.parse_terminated(<LitStr as syn::parse::Parse>::parse, syn::Token![,])?;
        Ok(List { word, keys: keys.into_iter().collect() })
    };
    match read.parse2(tokens.clone()) {
        Ok(list) => Some(list),
        Err(_) => entry.refuse("`atomic`, `set` or `map(keys(..))`", LIST_EXAMPLE, errors),
    }
}

/// An expression of the field's type.
fn default(entry: &Entry, errors: &Errors) -> Option<TokenStream> {
    match &entry.value {
        Value::Lit(Lit::Str(text)) => Some(quote::quote_spanned!(text.span()=> ::core::convert::Into::into(#text))),
        Value::Lit(lit) => Some(lit.to_token_stream()),
        Value::Type(path) => Some(path.to_token_stream()),
        Value::Other(tokens) if syn::parse2::<Expr>(tokens.clone()).is_ok() => Some(tokens.clone()),
        _ => entry.refuse("a value of the field's type", "default = 1", errors),
    }
}

fn bare(entry: &Entry, errors: &Errors) -> Option<Ident> {
    match &entry.value {
        Value::Bare => Some(entry.key.clone()),
        _ => entry.refuse("no value", &entry.key.to_string(), errors),
    }
}

fn number(entry: &Entry, errors: &Errors) -> Option<Number> {
    let tokens = match &entry.value {
        Value::Lit(lit) => lit.to_token_stream(),
        Value::Other(tokens) => tokens.clone(),
        _ => TokenStream::new(),
    };
    let number = syn::parse2::<Expr>(tokens.clone()).ok().and_then(|expression| signed(&expression));
    match number {
        Some((value, whole)) => Some(Number { tokens, value, whole }),
        None => entry.refuse("a number", &format!("{} = 1", entry.key), errors),
    }
}

/// A literal, perhaps after a minus: its value, and whether it is whole.
fn signed(expression: &Expr) -> Option<(f64, bool)> {
    match expression {
        Expr::Unary(ExprUnary { op: UnOp::Neg(_), expr, .. }) => signed(expr).map(|(value, whole)| (-value, whole)),
        Expr::Lit(ExprLit { lit: Lit::Int(number), .. }) => Some((number.base10_parse().ok()?, true)),
        Expr::Lit(ExprLit { lit: Lit::Float(number), .. }) => Some((number.base10_parse().ok()?, false)),
        _ => None,
    }
}
