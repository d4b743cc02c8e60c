//! `#[aggregated_type]`: what fields declare, rewritten into what serde and schemars read.
//!
//! The struct stays as it is but for the attributes: `#[field(..)]` becomes keywords of `#[schemars(extend(..))]`, and a
//! default a function that serde calls.

use crate::attr::{self, Setting};
use crate::diag::Errors;
use crate::model;
use proc_macro2::{Ident, TokenStream};
use quote::{ToTokens, format_ident, quote, quote_spanned};
use syn::ext::IdentExt;
use syn::spanned::Spanned;
use syn::{Attribute, Field, Fields, Item, ItemStruct, parse_quote};

/// Rewrites a struct. Mistakes stand beside the struct as it was, so that they cause no others.
pub(crate) fn expand(arguments: TokenStream, item: Item) -> TokenStream {
    let errors = Errors::default();
    let Item::Struct(mut item) = item else {
        let name = match &item {
            Item::Enum(item) => item.ident.to_token_stream(),
            Item::Union(item) => item.ident.to_token_stream(),
            other => other.to_token_stream(),
        };
        errors.at(name, "`#[aggregated_type]` is for structs, whose fields declare something; leave it out here");
        return with_errors(item.into_token_stream(), errors);
    };
    let map = attr::type_map(arguments, &errors);
    if !derives_schema(&item.attrs) {
        errors.at(
            &item.ident,
            "`#[aggregated_type]` stands above `#[derive(.., JsonSchema, ..)]`, or what the fields declare would be lost",
        );
    }
    if let Setting::Given(word) = &map
        && let Some(kind) = model::granularity(word, &errors)
    {
        item.attrs.push(parse_quote!(#[schemars(extend("x-kubernetes-map-type" = #kind))]));
    }
    let defaults = fields(&mut item, &errors);
    let functions = functions(&item, &defaults);
    with_errors(quote!(#item #functions), errors)
}

fn with_errors(item: TokenStream, errors: Errors) -> TokenStream {
    match errors.finish() {
        Ok(()) => item,
        Err(error) => {
            let error = error.to_compile_error();
            quote!(#item #error)
        }
    }
}

/// Rewrites the fields; answers the functions of their defaults.
fn fields(item: &mut ItemStruct, errors: &Errors) -> Vec<TokenStream> {
    let Fields::Named(fields) = &mut item.fields else {
        errors.at(&item.ident, "`#[aggregated_type]` is for structs with named fields; leave it out here");
        return Vec::new();
    };
    let owner = &item.ident;
    fields.named.iter_mut().filter_map(|field| self::field(owner, field, errors)).collect()
}

fn field(owner: &Ident, field: &mut Field, errors: &Errors) -> Option<TokenStream> {
    let attrs = attr::field(&field.attrs, errors)?;
    field.attrs.retain(|attribute| !attr::is_field(attribute));
    let declared = model::field(&attrs, &field.ty, errors);
    if !declared.keywords.is_empty() {
        let keywords = declared.keywords.iter().map(|(name, value)| quote!(#name = #value));
        field.attrs.push(parse_quote!(#[schemars(extend(#(#keywords),*))]));
    }
    let (value, name) = (declared.default?, field.ident.as_ref()?);
    let function = format_ident!("__default_{}", name.unraw());
    let path = format!("{}::{function}", owner.unraw());
    field.attrs.push(parse_quote!(#[serde(default = #path)]));
    let (r#type, span) = (&field.ty, value.span());
    Some(quote_spanned! {span=>
        #[doc(hidden)]
        fn #function() -> #r#type {
            #value
        }
    })
}

fn functions(item: &ItemStruct, functions: &[TokenStream]) -> TokenStream {
    if functions.is_empty() {
        return TokenStream::new();
    }
    let name = &item.ident;
    let (generics, arguments, bounds) = item.generics.split_for_impl();
    quote! {
        #[automatically_derived]
        impl #generics #name #arguments #bounds {
            #(#functions)*
        }
    }
}

/// Whether a derive below makes the schema that the fields' declarations go into.
fn derives_schema(attributes: &[Attribute]) -> bool {
    attributes
        .iter()
        .filter(|attribute| attribute.path().is_ident("derive"))
        .any(|attribute| attribute.meta.to_token_stream().to_string().contains("JsonSchema"))
}
