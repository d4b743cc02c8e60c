//! What is declared of a field: keywords of a schema, judged against each other and against the field's type.

use crate::attr::{FieldAttrs, List, Number, Setting};
use crate::diag::{Errors, list, nearest};
use proc_macro2::{Ident, TokenStream};
use quote::{ToTokens, quote};
use syn::{GenericArgument, LitInt, LitStr, PathArguments, PathSegment, Type};

/// What one field declares.
pub(crate) struct FieldModel {
    /// Keywords of JSON Schema with their values, as tokens of a JSON value.
    pub(crate) keywords: Vec<(&'static str, TokenStream)>,
    /// What an absent field stands for: an expression of the field's type.
    pub(crate) default: Option<TokenStream>,
}

/// What can be told of a type by its name.
#[derive(Clone, Copy, Eq, PartialEq)]
enum Sort {
    Text,
    Whole,
    Fraction,
    Flag,
    List,
    Map,
    /// Something with another name: anything.
    Other,
}

/// The formats that the server checks.
const FORMATS: [&str; 20] = [
    "byte",
    "cidr",
    "date",
    "date-time",
    "email",
    "hexcolor",
    "hostname",
    "ipv4",
    "ipv6",
    "k8s-long-name",
    "k8s-short-name",
    "mac",
    "password",
    "rgbcolor",
    "ssn",
    "uri",
    "uuid",
    "uuid3",
    "uuid4",
    "uuid5",
];

/// Judges what is declared of a field of that type. What is wrong leaves an error.
pub(crate) fn check(attrs: &FieldAttrs, r#type: &Type, errors: &Errors) -> FieldModel {
    let subject = Subject { attrs, r#type, sort: sort(r#type), errors };
    let mut keywords = Vec::new();
    subject.list(&mut keywords);
    subject.map(&mut keywords);
    subject.text(&mut keywords);
    subject.numbers(&mut keywords);
    subject.counts(&mut keywords);
    subject.flags(&mut keywords);
    FieldModel { keywords, default: attrs.default.given().cloned() }
}

/// Judges how a struct or map is merged.
pub(crate) fn granularity(word: &Ident, errors: &Errors) -> Option<&'static str> {
    one_word(word, &["atomic", "granular"], "merges", errors)
}

fn one_word(word: &Ident, known: &[&'static str], what: &str, errors: &Errors) -> Option<&'static str> {
    let written = word.to_string();
    let found = known.iter().find(|known| **known == written).copied();
    if found.is_none() {
        let answer = match nearest(&written, known.iter().copied()) {
            Some(near) => format!("did you mean `{near}`?"),
            None => format!("write one of {}", list(known.iter().copied())),
        };
        errors.at(word, format!("nothing {what} as `{written}`; {answer}"));
    }
    found
}

struct Subject<'a> {
    attrs: &'a FieldAttrs,
    r#type: &'a Type,
    sort: Sort,
    errors: &'a Errors,
}

type Keywords = Vec<(&'static str, TokenStream)>;

impl Subject<'_> {
    fn list(&self, keywords: &mut Keywords) {
        let Some(List { word, keys }) = self.attrs.list.given() else { return };
        self.only_of("list", "a list", &[Sort::List]);
        match one_word(word, &["atomic", "set", "map"], "merges", self.errors) {
            Some("map") => {
                if keys.is_empty() {
                    self.errors
                        .at(word, "the items of a map are told apart by fields; write `list = map(keys(\"name\"))`");
                }
                self.distinct(keys, "key");
                keywords.push(("x-kubernetes-list-type", quote!("map")));
                keywords.push(("x-kubernetes-list-map-keys", quote!([#(#keys),*])));
            }
            Some(kind) => {
                if let Some(key) = keys.first() {
                    self.errors
                        .at(key, format!("only a map has keys; write `list = {kind}`, or `list = map(keys(..))`"));
                }
                keywords.push(("x-kubernetes-list-type", quote!(#kind)));
            }
            None => {}
        }
    }

    fn map(&self, keywords: &mut Keywords) {
        let Some(word) = self.attrs.map.given() else { return };
        self.only_of("map", "a map or a struct", &[Sort::Map]);
        if let Some(kind) = granularity(word, self.errors) {
            keywords.push(("x-kubernetes-map-type", quote!(#kind)));
        }
    }

    fn text(&self, keywords: &mut Keywords) {
        if let Some(values) = self.attrs.values.given() {
            self.only_of("enum", "text", &[Sort::Text]);
            self.distinct(values, "value");
            keywords.push(("enum", quote!([#(#values),*])));
        }
        if let Some(format) = self.attrs.format.given() {
            self.only_of("format", "text", &[Sort::Text]);
            self.known_format(format);
            keywords.push(("format", format.to_token_stream()));
        }
        if let Some(pattern) = self.attrs.pattern.given() {
            self.only_of("pattern", "text", &[Sort::Text]);
            if let Err(error) = regex_syntax::parse(&pattern.value()) {
                let why = match &error {
                    regex_syntax::Error::Parse(error) => error.kind().to_string(),
                    regex_syntax::Error::Translate(error) => error.kind().to_string(),
                    other => other.to_string(),
                };
                self.errors.at(pattern, format!("this is not a regular expression: {why}"));
            }
            keywords.push(("pattern", pattern.to_token_stream()));
        }
    }

    fn known_format(&self, format: &LitStr) {
        let written = format.value();
        if !FORMATS.contains(&written.as_str()) {
            let answer = match nearest(&written, FORMATS) {
                Some(near) => format!("did you mean `{near}`?"),
                None => format!("the formats are {}", list(FORMATS)),
            };
            self.errors.at(format, format!("there is no format `{written}`; {answer}"));
        }
    }

    fn numbers(&self, keywords: &mut Keywords) {
        let attrs = self.attrs;
        let bounds = [
            ("minimum", "minimum", &attrs.minimum),
            ("maximum", "maximum", &attrs.maximum),
            ("exclusive_minimum", "exclusiveMinimum", &attrs.exclusive_minimum),
            ("exclusive_maximum", "exclusiveMaximum", &attrs.exclusive_maximum),
            ("multiple_of", "multipleOf", &attrs.multiple_of),
        ];
        for (key, keyword, setting) in bounds {
            let Some(number) = setting.given() else { continue };
            self.only_of(key, "a number", &[Sort::Whole, Sort::Fraction]);
            if self.sort == Sort::Whole && !number.whole {
                self.errors.at(&number.tokens, "the field is a whole number; write one without a fraction");
            }
            keywords.push((keyword, number.tokens.clone()));
        }
        self.one_bound("minimum", "exclusive_minimum");
        self.one_bound("maximum", "exclusive_maximum");
        let least = attrs.minimum.given().or(attrs.exclusive_minimum.given());
        if let (Some(least), Some(most)) = (least, attrs.maximum.given().or(attrs.exclusive_maximum.given()))
            && least.value > most.value
        {
            self.errors.at(&most.tokens, format!("this is less than the minimum, {}", least.tokens));
        }
        if let Some(Number { tokens, .. }) = attrs.multiple_of.given().filter(|factor| factor.value <= 0.0) {
            self.errors.at(tokens, "nothing is a multiple of this; write a number greater than 0");
        }
    }

    fn one_bound(&self, inclusive: &str, exclusive: &str) {
        if let (Some(_), Some(key)) = (self.attrs.key(inclusive), self.attrs.key(exclusive)) {
            self.errors.at(key, format!("`{inclusive}` is given too; keep one of them"));
        }
    }

    fn counts(&self, keywords: &mut Keywords) {
        let attrs = self.attrs;
        let pairs = [
            (
                ["min_length", "max_length"],
                ["minLength", "maxLength"],
                [&attrs.min_length, &attrs.max_length],
                "text",
                Sort::Text,
            ),
            (
                ["min_items", "max_items"],
                ["minItems", "maxItems"],
                [&attrs.min_items, &attrs.max_items],
                "a list",
                Sort::List,
            ),
            (
                ["min_properties", "max_properties"],
                ["minProperties", "maxProperties"],
                [&attrs.min_properties, &attrs.max_properties],
                "a map",
                Sort::Map,
            ),
        ];
        for (keys, names, settings, what, sort) in pairs {
            let mut counts = [None, None];
            for (((key, name), setting), count) in keys.into_iter().zip(names).zip(settings).zip(&mut counts) {
                let Some(literal) = Setting::given(setting) else { continue };
                self.only_of(key, what, &[sort]);
                *count = self.count(literal);
                keywords.push((name, literal.to_token_stream()));
            }
            if let ([Some(least), Some(most)], Some(literal)) = (counts, settings[1].given())
                && least > most
            {
                self.errors.at(literal, format!("this is less than `{}`, {least}", keys[0]));
            }
        }
    }

    fn count(&self, literal: &LitInt) -> Option<u64> {
        let count = literal.base10_parse();
        count.map_err(|_| self.errors.at(literal, "a count is a whole number of at least 0")).ok()
    }

    fn flags(&self, keywords: &mut Keywords) {
        if let Some(key) = self.attrs.nullable.given() {
            if !can_be_null(self.r#type) {
                let written = self.r#type.to_token_stream();
                self.errors.at(key, format!("`{written}` has no null; write `Nullable<{written}>` with `use kube_annex::schema::Nullable;`, or an `Option`"));
            }
            keywords.push(("nullable", quote!(true)));
        }
        let object = "an object; a `RawObject` holds any";
        if self.attrs.preserve_unknown_fields.given().is_some() {
            self.only_of("preserve_unknown_fields", object, &[Sort::Map]);
        }
        if self.attrs.embedded.given().is_some() {
            self.only_of("embedded", object, &[Sort::Map]);
            keywords.push(("x-kubernetes-embedded-resource", quote!(true)));
        }
        if self.attrs.preserve_unknown_fields.given().or(self.attrs.embedded.given()).is_some() {
            keywords.push(("type", quote!("object")));
            keywords.push(("x-kubernetes-preserve-unknown-fields", quote!(true)));
        }
    }

    /// Reports a key that says nothing of a type like this. A type whose name tells nothing is believed.
    fn only_of(&self, key: &str, what: &str, sorts: &[Sort]) {
        let Some(key) = self.attrs.key(key).filter(|_| self.sort != Sort::Other && !sorts.contains(&self.sort)) else {
            return;
        };
        let written = self.r#type.to_token_stream().to_string().replace(' ', "");
        self.errors.at(key, format!("`{key}` is about {what}, and `{written}` is none"));
    }

    fn distinct(&self, literals: &[LitStr], what: &str) {
        let mut seen = Vec::new();
        for literal in literals {
            let text = literal.value();
            if seen.contains(&text) {
                self.errors.at(literal, format!("{what} `{text}` is given twice; keep one of them"));
            }
            seen.push(text);
        }
    }
}

fn can_be_null(r#type: &Type) -> bool {
    last_segment(r#type).is_none_or(|segment| {
        ["Option", "Nullable", "Value"].iter().any(|name| segment.ident == name) || sort(r#type) == Sort::Other
    })
}

fn sort(r#type: &Type) -> Sort {
    let Some(segment) = last_segment(r#type) else { return Sort::Other };
    match segment.ident.to_string().as_str() {
        "Option" | "Nullable" | "Box" | "Arc" | "Rc" => inner(segment).map_or(Sort::Other, sort),
        "String" | "str" | "char" => Sort::Text,
        "i8" | "i16" | "i32" | "i64" | "u8" | "u16" | "u32" | "u64" | "isize" | "usize" => Sort::Whole,
        "f32" | "f64" => Sort::Fraction,
        "bool" => Sort::Flag,
        "Vec" | "BTreeSet" | "HashSet" | "VecDeque" => Sort::List,
        "BTreeMap" | "HashMap" | "RawObject" => Sort::Map,
        _ => Sort::Other,
    }
}

fn inner(segment: &PathSegment) -> Option<&Type> {
    let PathArguments::AngleBracketed(arguments) = &segment.arguments else { return None };
    arguments.args.iter().find_map(|argument| match argument {
        GenericArgument::Type(inner) => Some(inner),
        _ => None,
    })
}

fn last_segment(r#type: &Type) -> Option<&PathSegment> {
    match r#type {
        Type::Path(path) => path.path.segments.last(),
        Type::Group(group) => last_segment(&group.elem),
        _ => None,
    }
}
