//! What stands in beside errors: impls with nothing in them, so that the only errors are those of the derive.

use crate::attr::Attrs;
use crate::emit;
use proc_macro2::TokenStream;
use quote::{quote, quote_spanned};
use syn::{Data, DeriveInput, Error};

/// The errors, and impls that let the rest of the crate compile.
pub(crate) fn resource(attrs: &Attrs<'_>, errors: &Error) -> TokenStream {
    let errors = errors.to_compile_error();
    let input = attrs.input;
    if let Data::Union(_) = input.data {
        return errors; // nothing can be derived for a union, so an impl would only ask for more
    }
    let private = emit::private(attrs.krate.given());
    let resource = aggregated_resource(input, &private);
    // The methods of a handlers trait could not name a type that has parameters.
    let handlers = input.generics.params.is_empty().then(|| handlers(input, &private));
    quote! {
        #errors
        #resource
        #handlers
    }
}

fn aggregated_resource(input: &DeriveInput, private: &TokenStream) -> TokenStream {
    let ident = &input.ident;
    let (generics, arguments, _) = input.generics.split_for_impl();
    let bounds = bounds(input, private);
    let descriptor = descriptor(&ident.to_string(), private);
    quote_spanned! {ident.span()=>
        const _: () = {
            #[automatically_derived]
            impl #generics #private::AggregatedResource for #ident #arguments #bounds {
                #descriptor
                type Strategy = #private::DefaultStrategy;
                fn schema() -> #private::Schema { ::core::unimplemented!() }
                fn metadata(&self) -> &#private::ObjectMeta { ::core::unimplemented!() }
                fn metadata_mut(&mut self) -> &mut #private::ObjectMeta { ::core::unimplemented!() }
            }
        };
    }
}

/// The other derives of a generic struct have bounds of their own; asking for what they give avoids repeating those.
fn bounds(input: &DeriveInput, private: &TokenStream) -> TokenStream {
    let written = input.generics.where_clause.as_ref();
    if input.generics.params.is_empty() {
        return quote!(#written);
    }
    let predicates = written.map(|bounds| &bounds.predicates).into_iter().flatten();
    quote! {
        where
            #(#predicates,)*
            Self: ::core::clone::Clone
                + #private::Serialize
                + #private::DeserializeOwned
                + ::core::marker::Send
                + ::core::marker::Sync
                + 'static
    }
}

/// Named after the struct, so that two structs with mistakes are not taken for one resource as well.
fn descriptor(name: &str, private: &TokenStream) -> TokenStream {
    quote! {
        const DESCRIPTOR: #private::ResourceDescriptor = #private::ResourceDescriptor {
            group: "",
            version: "",
            kind: #name,
            plural: #name,
            singular: "",
            short_names: &[],
            categories: &[],
            scope: #private::Scope::Namespaced,
            verbs: &[],
            subresources: &[],
            scale: ::core::option::Option::None,
            selectable_fields: &[],
            columns: &[],
            deprecated: ::core::option::Option::None,
            description: "",
        };
    }
}

fn handlers(input: &DeriveInput, private: &TokenStream) -> TokenStream {
    let ident = &input.ident;
    let name = emit::handlers_name(ident);
    let handlers = emit::stubs::any_handlers(ident, &input.vis, private);
    quote! {
        const _: () = {
            #[automatically_derived]
            impl<__Handlers: #name> #private::Dispatch<__Handlers> for #ident {}
        };
        #handlers
    }
}
