//! What stands in beside errors: impls with nothing in them, so that the only errors are those of the derive.

use crate::attr::Attrs;
use crate::emit;
use proc_macro2::TokenStream;
use quote::{quote, quote_spanned};
use syn::{Data, Error};

/// The errors, and impls that let the rest of the crate compile.
pub(crate) fn resource(attrs: &Attrs<'_>, errors: &Error) -> TokenStream {
    let errors = errors.to_compile_error();
    let input = attrs.input;
    if let Data::Union(_) = input.data {
        return errors; // nothing can be derived for a union, so an impl would only ask for more
    }
    let private = emit::private(attrs.krate.given());
    let ident = &input.ident;
    let (generics, arguments, bounds) = input.generics.split_for_impl();
    // A generic struct's derives have bounds of their own; asking for what they give avoids repeating those.
    let bounds = if input.generics.params.is_empty() {
        quote!(#bounds)
    } else {
        let predicates = bounds.map(|bounds| &bounds.predicates).into_iter().flatten();
        quote!(where #(#predicates,)* Self: ::core::clone::Clone + #private::Serialize + #private::DeserializeOwned + ::core::marker::Send + ::core::marker::Sync + 'static)
    };
    // A struct without parameters may be handled; the trait's methods could not name any other.
    let handlers = input.generics.params.is_empty().then(|| emit::stubs::any_handlers(ident, &input.vis, &private));
    let descriptor = descriptor(&private);
    let handled = input.generics.params.is_empty().then(|| {
        let handlers = emit::handlers_name(ident);
        quote! {
            #[automatically_derived]
            impl<__Handlers: #handlers> #private::Dispatch<__Handlers> for #ident {}
        }
    });
    quote_spanned! {ident.span()=>
        #errors
        const _: () = {
            #[automatically_derived]
            impl #generics #private::AggregatedResource for #ident #arguments #bounds {
                #descriptor
                type Strategy = #private::DefaultStrategy;
                fn schema() -> #private::Schema { ::core::unimplemented!() }
                fn metadata(&self) -> &#private::ObjectMeta { ::core::unimplemented!() }
                fn metadata_mut(&mut self) -> &mut #private::ObjectMeta { ::core::unimplemented!() }
            }
            #handled
        };
        #handlers
    }
}

fn descriptor(private: &TokenStream) -> TokenStream {
    quote! {
        const DESCRIPTOR: #private::ResourceDescriptor = #private::ResourceDescriptor {
            group: "",
            version: "",
            kind: "",
            plural: "",
            singular: "",
            short_names: &[],
            categories: &[],
            scope: #private::Scope::Namespaced,
            verbs: &[],
            subresources: &[],
            columns: &[],
            deprecated: ::core::option::Option::None,
            description: "",
        };
    }
}
