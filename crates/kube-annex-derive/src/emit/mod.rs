//! The tokens of a resource. Nothing is decided here and nothing can fail.

mod descriptor;
mod schema;
pub(crate) mod stubs;

use crate::model::Model;
use proc_macro2::{Ident, TokenStream};
use quote::{quote, quote_spanned};
use syn::Path;
use syn::spanned::Spanned;

/// Everything the derive writes for one resource.
pub(crate) fn resource(model: &Model<'_>) -> TokenStream {
    let private = private(model.krate.as_ref());
    let ident = model.ident;
    let descriptor = descriptor::constant(model, &private);
    let strategy = match &model.strategy {
        Some(strategy) => quote!(#strategy),
        None => quote!(#private::DefaultStrategy),
    };
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
    match krate {
        Some(path) => quote!(#path::__private),
        None => quote!(::kube_annex::__private),
    }
}

/// The accessors. Their types are checked under the type of the field.
fn metadata(model: &Model<'_>, private: &TokenStream) -> TokenStream {
    let object = quote_spanned!(model.metadata.span()=> self.metadata);
    quote! {
        fn metadata(&self) -> &#private::ObjectMeta {
            &#object
        }

        fn metadata_mut(&mut self) -> &mut #private::ObjectMeta {
            &mut #object
        }
    }
}

/// The name of the handlers trait of a struct.
pub(crate) fn handlers_name(ident: &Ident) -> Ident {
    quote::format_ident!("{}Handlers", ident)
}
