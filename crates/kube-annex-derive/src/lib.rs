//! The derive macro of `kube-annex`. Use it through that crate.

use proc_macro::TokenStream;

/// Declares a plain struct to be an aggregated API resource.
#[proc_macro_derive(AggregatedResource, attributes(aggregated_resource))]
pub fn aggregated_resource(input: TokenStream) -> TokenStream {
    let _ = input;
    TokenStream::new()
}
