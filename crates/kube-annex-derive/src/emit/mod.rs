//! The tokens of a resource. Nothing is decided here and nothing can fail.

mod descriptor;
mod schema;
pub(crate) mod stubs;

use crate::model::Model;
use proc_macro2::{Ident, TokenStream};
use quote::{ToTokens, quote, quote_spanned};
use syn::Path;
use syn::spanned::Spanned;

/// Everything the derive writes for one resource.
pub(crate) fn resource(model: &Model<'_>) -> TokenStream {
    let private = private(model.krate.as_ref());
    let ident = model.ident;
    let descriptor = descriptor::constant(model, &private);
    let strategy = model.strategy.as_ref().map_or_else(|| quote!(#private::DefaultStrategy), ToTokens::to_token_stream);
    let schema = schema::function(ident, &private);
    let metadata = metadata(model, &private);
    let handled_by = stubs::handled_by(model, &private);
    let handlers = stubs::handlers(model, &private);
    quote! {
        const _: () = {
            #[automatically_derived]
            impl #private::AggregatedResource for #ident {
                #descriptor
                type Strategy = #strategy;
                #schema
                #metadata
            }
            #handled_by
        };
        #handlers
    }
}

/// Where the expansion finds what it calls.
pub(crate) fn private(krate: Option<&Path>) -> TokenStream {
    krate.map_or_else(|| quote!(::kube_annex::__private), |path| quote!(#path::__private))
}

/// The accessors. Their types are checked under the type of the field.
fn metadata(model: &Model<'_>, private: &TokenStream) -> TokenStream {
    let shared = quote_spanned!(model.metadata.span()=> &self.metadata);
    let exclusive = quote_spanned!(model.metadata.span()=> &mut self.metadata);
    quote! {
        fn metadata(&self) -> &#private::ObjectMeta {
            #shared
        }

        fn metadata_mut(&mut self) -> &mut #private::ObjectMeta {
            #exclusive
        }
    }
}

/// The name of the handlers trait of a struct.
pub(crate) fn handlers_name(ident: &Ident) -> Ident {
    quote::format_ident!("{}Handlers", ident)
}
