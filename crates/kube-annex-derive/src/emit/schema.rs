//! The function that answers the type's schema.

use proc_macro2::{Ident, TokenStream};
use quote::{quote, quote_spanned};

/// `fn schema`. That the type has a `JsonSchema` is checked under its name.
pub(super) fn function(ident: &Ident, private: &TokenStream) -> TokenStream {
    let call = quote_spanned!(ident.span()=> <#ident as #private::HasSchema>::schema());
    quote! {
        fn schema() -> #private::Schema {
            #call
        }
    }
}
