//! Reads `key = value`, `key(..)` and bare keys, one by one, so that a mistake in one does not hide those in the next.

use super::Setting;
use crate::diag::Errors;
use proc_macro2::{TokenStream, TokenTree};
use quote::{ToTokens, quote};
use syn::ext::IdentExt;
use syn::parse::{ParseStream, Parser};
use syn::{Error, Ident, Lit, LitBool, LitInt, LitStr, Path, Token, Type, parenthesized, token};

/// One key with its value.
pub(super) struct Entry {
    pub(super) key: Ident,
    pub(super) value: Value,
}

/// What follows a key.
pub(super) enum Value {
    /// Nothing.
    Bare,
    /// `= literal`
    Lit(Lit),
    /// `= path::to::Thing<Of<Things>>`
    Type(Box<Type>),
    /// `(..)`
    List(TokenStream),
    /// `=` and something that no key takes.
    Other(TokenStream),
    /// `=` and nothing, which is reported already.
    Missing,
}

/// Reads every entry that can be read.
pub(super) fn entries(tokens: TokenStream, errors: &Errors) -> Vec<Entry> {
    each(tokens, errors, |input| {
        let key = Ident::parse_any(input)
            .map_err(|error| Error::new(error.span(), "expected a key, such as `group = \"sample.example.com\"`"))?;
        let value = value(&key, input, errors)?;
        Ok(Entry { key, value })
    })
}

/// Reads what stands between commas. What cannot be read is reported and left out.
fn each<T>(tokens: TokenStream, errors: &Errors, read: impl Fn(ParseStream<'_>) -> syn::Result<T>) -> Vec<T> {
    let all = |input: ParseStream<'_>| {
        let mut found = Vec::new();
        while !input.is_empty() {
            match read(input) {
                Ok(item) => {
                    found.push(item);
                    if !input.is_empty() && !input.peek(Token![,]) {
                        errors.push(input.error("expected a comma before this"));
                        if input.peek(syn::Ident::peek_any) && (input.peek2(Token![=]) || input.peek2(token::Paren)) {
                            continue; // the next entry begins here
                        }
                    }
                }
                Err(error) => errors.push(error),
            }
            skip_past_comma(input)?;
        }
        Ok(found)
    };
    all.parse2(tokens).unwrap_or_else(|error| {
        errors.push(error);
        Vec::new()
    })
}

fn skip_past_comma(input: ParseStream<'_>) -> syn::Result<()> {
    until_comma(input)?;
    input.parse::<Option<Token![,]>>().map(|_| ())
}

fn until_comma(input: ParseStream<'_>) -> syn::Result<TokenStream> {
    let mut skipped = TokenStream::new();
    while !input.is_empty() && !input.peek(Token![,]) {
        skipped.extend([input.parse::<TokenTree>()?]);
    }
    Ok(skipped)
}

fn value(key: &Ident, input: ParseStream<'_>, errors: &Errors) -> syn::Result<Value> {
    if input.peek(token::Paren) {
        let content;
        parenthesized!(content in input);
        return Ok(Value::List(content.parse()?));
    }
    if !input.peek(Token![=]) {
        return Ok(Value::Bare);
    }
    let equals: Token![=] = input.parse()?;
    if input.is_empty() || input.peek(Token![,]) {
        errors.at(quote!(#key #equals), format!("`{key}` has no value after the `=`"));
        return Ok(Value::Missing);
    }
    if input.peek(Lit) {
        return Ok(Value::Lit(input.parse()?));
    }
    let ahead = input.fork();
    if let Ok(Type::Path(_) | Type::Group(_)) = ahead.parse::<Type>()
        && (ahead.is_empty() || ahead.peek(Token![,]))
    {
        return Ok(Value::Type(Box::new(input.parse()?)));
    }
    until_comma(input).map(Value::Other)
}

impl Entry {
    /// A string.
    pub(super) fn text(&self, example: &str, errors: &Errors) -> Option<LitStr> {
        match &self.value {
            Value::Lit(Lit::Str(text)) => Some(text.clone()),
            _ => self.refuse("a string", &format!("{} = \"{example}\"", self.key), errors),
        }
    }

    /// A list of strings in parentheses.
    pub(super) fn texts(&self, example: &str, errors: &Errors) -> Option<Vec<LitStr>> {
        let example = format!("{}(\"{example}\")", self.key);
        let Value::List(tokens) = &self.value else {
            return self.refuse("a list of strings", &example, errors);
        };
        let message = format!("`{}` takes strings; write `{example}`", self.key);
        self.items(tokens, &message, errors, <LitStr as syn::parse::Parse>::parse)
    }

    /// A list of words in parentheses.
    pub(super) fn words(&self, example: &str, errors: &Errors) -> Option<Vec<Ident>> {
        let example = format!("{}({example})", self.key);
        let Value::List(tokens) = &self.value else {
            return self.refuse("a list of words", &example, errors);
        };
        let message = format!("`{}` takes words without quotes; write `{example}`", self.key);
        self.items(tokens, &message, errors, Ident::parse_any)
    }

    /// `true` or `false`.
    pub(super) fn flag(&self, errors: &Errors) -> Option<LitBool> {
        match &self.value {
            Value::Lit(Lit::Bool(flag)) => Some(flag.clone()),
            _ => self.refuse("`true` or `false`", &format!("{} = true", self.key), errors),
        }
    }

    /// A whole number.
    pub(super) fn number(&self, example: &str, errors: &Errors) -> Option<LitInt> {
        match &self.value {
            Value::Lit(Lit::Int(number)) => Some(number.clone()),
            _ => self.refuse("a whole number", &format!("{} = {example}", self.key), errors),
        }
    }

    /// One word.
    pub(super) fn word(&self, example: &str, errors: &Errors) -> Option<Ident> {
        match self.path_value().and_then(Path::get_ident) {
            Some(word) => Some(word.clone()),
            None => self.refuse_string("a word", example, errors),
        }
    }

    /// A path; `wanted` says what it names.
    pub(super) fn path(&self, wanted: &str, example: &str, errors: &Errors) -> Option<Path> {
        match self.path_value() {
            Some(path) => Some(path.clone()),
            None => self.refuse_string(wanted, example, errors),
        }
    }

    /// A type.
    pub(super) fn r#type(&self, example: &str, errors: &Errors) -> Option<Type> {
        match &self.value {
            Value::Type(r#type) => Some(Type::clone(r#type)),
            _ => self.refuse_string("a type", example, errors),
        }
    }

    fn path_value(&self) -> Option<&Path> {
        let Value::Type(written) = &self.value else { return None };
        let mut written = &**written;
        // A type that a `macro_rules!` handed over stands in an invisible group.
        while let Type::Group(group) = written {
            written = &group.elem;
        }
        match written {
            Type::Path(path) if path.qself.is_none() => Some(&path.path),
            _ => None,
        }
    }

    fn items<T>(
        &self,
        tokens: &TokenStream,
        message: &str,
        errors: &Errors,
        read: impl Fn(ParseStream<'_>) -> syn::Result<T>,
    ) -> Option<Vec<T>> {
        let failed = std::cell::Cell::new(false);
        let items = each(tokens.clone(), errors, |input| {
            let item = read(input).map_err(|error| Error::new(error.span(), message));
            failed.set(failed.get() || item.is_err());
            item
        });
        if failed.get() {
            return None;
        }
        if items.is_empty() {
            errors.at(&self.key, format!("`{}` is empty; name at least one, or leave the key out", self.key));
            return None;
        }
        Some(items)
    }

    /// Reports a value of the wrong sort; when Rust was written in a string, the answer is that Rust.
    fn refuse_string<T>(&self, wanted: &str, example: &str, errors: &Errors) -> Option<T> {
        let written = match &self.value {
            Value::Lit(Lit::Str(text)) if text.parse::<Path>().is_ok() => text.value(),
            _ => example.to_owned(),
        };
        self.refuse(&format!("{wanted}, without quotes"), &format!("{} = {written}", self.key), errors)
    }

    /// Reports a value of the wrong sort, under the value.
    pub(super) fn refuse<T>(&self, wanted: &str, example: &str, errors: &Errors) -> Option<T> {
        let place = match &self.value {
            Value::Missing => return None,
            Value::Bare => self.key.to_token_stream(),
            Value::Lit(lit) => lit.to_token_stream(),
            Value::Type(r#type) => r#type.to_token_stream(),
            Value::List(tokens) | Value::Other(tokens) if tokens.is_empty() => self.key.to_token_stream(),
            Value::List(tokens) | Value::Other(tokens) => tokens.clone(),
        };
        errors.at(place, format!("`{}` takes {wanted}; write `{example}`", self.key));
        None
    }
}

/// Sets a key that was not set before.
pub(super) fn once<T>(setting: &mut Setting<T>, entry: &Entry, errors: &Errors, read: impl FnOnce() -> Option<T>) {
    if matches!(setting, Setting::Absent) {
        *setting = read().map_or(Setting::Refused, Setting::Given);
    } else {
        errors.at(&entry.key, format!("`{}` is given twice; keep one of them", entry.key));
    }
}
