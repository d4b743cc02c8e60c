//! The derive macro of `kube-annex`. Use it through that crate.
//!
//! What is written goes through three steps: `attr` reads it, `model` judges it, `emit` quotes what follows from it.
//! Mistakes are collected by `diag` and reported together, and `fallback` stands in for what could not be written.

mod attr;
mod declared;
mod diag;
mod emit;
mod fallback;
mod model;

use proc_macro::TokenStream;
use syn::DeriveInput;

/// Declares a plain struct to be an aggregated API resource.
#[doc = include_str!("../docs/aggregated_resource.md")]
#[proc_macro_derive(AggregatedResource, attributes(aggregated_resource))]
pub fn aggregated_resource(input: TokenStream) -> TokenStream {
    match syn::parse(input) {
        Ok(input) => expand(&input).into(),
        Err(error) => error.into_compile_error().into(),
    }
}

/// Lets the fields of a struct declare what values they take, how they are merged and what they are when absent.
#[doc = include_str!("../docs/aggregated_type.md")]
#[proc_macro_attribute]
pub fn aggregated_type(arguments: TokenStream, item: TokenStream) -> TokenStream {
    match syn::parse(item) {
        Ok(item) => declared::expand(arguments.into(), item).into(),
        Err(error) => error.into_compile_error().into(),
    }
}

fn expand(input: &DeriveInput) -> proc_macro2::TokenStream {
    let errors = diag::Errors::default();
    let attrs = attr::parse(input, &errors);
    let model = model::check(&attrs, &errors);
    match (model, errors.finish()) {
        (Some(model), Ok(())) => emit::resource(&model),
        (_, Err(errors)) => fallback::resource(&attrs, &errors), // no second wave of errors
        (None, Ok(())) => unreachable!("a missing model always leaves an error"),
    }
}

#[cfg(test)]
mod tests;
