//! The handlers trait, which a person implements when the objects are computed, and what connects it to the resource.

use super::handlers_name;
use crate::model::{Model, Verb};
use proc_macro2::{Ident, Span, TokenStream};
use quote::{format_ident, quote, quote_spanned};

/// A method of the handlers trait.
#[derive(Clone, Copy)]
pub(crate) enum Method {
    Get,
    List,
    Create,
    Update,
    Delete,
    UpdateStatus,
}

/// `trait HelloHandlers`
pub(super) fn handlers(model: &Model<'_>, private: &TokenStream) -> TokenStream {
    let (visibility, ident, handlers) = (model.visibility, model.ident, handlers_name(model.ident));
    let methods = methods(model).into_iter().map(|(method, span)| {
        let (docs, signature) = (method.docs(ident), method.signature(span, ident, private));
        quote_spanned!(span=> #(#[doc = #docs])* #signature;)
    });
    let summary = format!("Answers the verbs of [`{ident}`] for a server that computes its objects.");
    let message = format!("`{{Self}}` does not implement `{handlers}`, so it cannot answer for `{ident}`");
    let note = format!("write `impl {handlers} for {{Self}} {{{{ .. }}}}` with {}", all_written(model));
    quote! {
        #[doc = #summary]
        ///
        /// A resource that is kept in storage needs none of this.
        #[diagnostic::on_unimplemented(message = #message, note = #note)]
        #[allow(dead_code, non_camel_case_types, unnameable_types, unreachable_pub, reason = "only resources that are computed use it")]
        #visibility trait #handlers: ::core::marker::Send + ::core::marker::Sync + 'static {
            #(#methods)*
        }
    }
}

/// `impl Dispatch<H> for Hello`
pub(super) fn handled_by(model: &Model<'_>, private: &TokenStream) -> TokenStream {
    let (ident, handlers) = (model.ident, handlers_name(model.ident));
    let methods = methods(model).into_iter().map(|(method, _)| method.forward(&handlers, private));
    quote! {
        #[automatically_derived]
        impl<__Handlers: #handlers> #private::Dispatch<__Handlers> for #ident {
            #(#methods)*
        }
    }
}

/// The trait with every method, none of which must be written: what stands in beside errors.
pub(crate) fn any_handlers(ident: &Ident, visibility: &syn::Visibility, private: &TokenStream) -> TokenStream {
    let handlers = handlers_name(ident);
    let methods = Method::ALL.into_iter().map(|method| method.signature(Span::call_site(), ident, private));
    quote! {
        #[allow(dead_code, missing_docs, non_camel_case_types, reason = "it stands in beside errors")]
        #visibility trait #handlers: ::core::marker::Send + ::core::marker::Sync + 'static {
            #(#methods { ::core::future::pending() })*
        }
    }
}

/// Every method's head, for the one who implements none of them.
fn all_written(model: &Model<'_>) -> String {
    let heads: Vec<String> =
        methods(model).into_iter().map(|(method, _)| format!("`{}`", method.written(model.ident))).collect();
    heads.join(" and ")
}

/// The methods of a resource, and the words that asked for them.
fn methods(model: &Model<'_>) -> Vec<(Method, Span)> {
    let verbs = model.verbs.iter().filter_map(|declared| Some((Method::of(declared.verb)?, declared.span)));
    verbs.chain(model.status.map(|span| (Method::UpdateStatus, span))).collect()
}

impl Method {
    const ALL: [Self; 6] = [Self::Get, Self::List, Self::Create, Self::Update, Self::Delete, Self::UpdateStatus];

    /// The method of a verb; none for a verb that is made of others.
    fn of(verb: Verb) -> Option<Self> {
        match verb {
            Verb::Get => Some(Self::Get),
            Verb::List => Some(Self::List),
            Verb::Create => Some(Self::Create),
            Verb::Update => Some(Self::Update),
            Verb::Delete => Some(Self::Delete),
            Verb::DeleteCollection | Verb::Patch | Verb::Watch => None,
        }
    }

    fn name(self) -> &'static str {
        match self {
            Self::Get => "get",
            Self::List => "list",
            Self::Create => "create",
            Self::Update => "update",
            Self::Delete => "delete",
            Self::UpdateStatus => "update_status",
        }
    }

    /// What is handed over after the call: names, and their types without the reference.
    fn parameters(self) -> &'static [(&'static str, &'static str)] {
        match self {
            Self::Get => &[("name", "str")],
            Self::List => &[("options", "ListOptions")],
            Self::Create => &[("object", "Self"), ("options", "CreateOptions")],
            Self::Update | Self::UpdateStatus => &[("object", "Self"), ("options", "UpdateOptions")],
            Self::Delete => &[("name", "str"), ("options", "DeleteOptions")],
        }
    }

    fn summary(self) -> &'static str {
        match self {
            Self::Get => "One object: that of `name` in `call.info.namespace`. `Status::not_found` when there is none.",
            Self::List => {
                "Every object in `call.info.namespace`, or in all namespaces when that is empty. Selectors, limits and order \
                 are applied to the answer."
            }
            Self::Create => {
                "Makes a new object and answers it as it is now. `Status::already_exists` when its name is taken."
            }
            Self::Update => "Changes an object and answers it as it is now. `Status::not_found` when there is none.",
            Self::Delete => "Removes an object and answers what it was. `Status::not_found` when there is none.",
            Self::UpdateStatus => {
                "Changes the status of an object and nothing else; answers the object as it is now. `Status::not_found` when \
                 there is none."
            }
        }
    }

    fn docs(self, ident: &Ident) -> [String; 3] {
        [format!(" {}", self.summary()), String::new(), format!(" Write it as `{}`.", self.written(ident))]
    }

    /// The method's head as a person writes it.
    fn written(self, ident: &Ident) -> String {
        let name = self.name();
        let parameters = self.parameters().iter().map(|(name, r#type)| match *r#type {
            "Self" => format!(", {name}: {ident}"),
            other => format!(", {name}: &{other}"),
        });
        let parameters: String = parameters.collect();
        let output = match self {
            Self::List => format!("Vec<{ident}>"),
            _ => ident.to_string(),
        };
        format!("async fn {name}(&self, call: &Call{parameters}) -> Result<{output}, Status>")
    }

    /// What it answers, of that type of object.
    fn output(self, object: &TokenStream, private: &TokenStream) -> TokenStream {
        match self {
            Self::List => quote!(#private::Vec<#object>),
            Self::Get | Self::Create | Self::Update | Self::Delete | Self::UpdateStatus => object.clone(),
        }
    }

    /// The method's head; `span` is where rustc points when the method is forgotten.
    fn signature(self, span: Span, ident: &Ident, private: &TokenStream) -> TokenStream {
        let name = Ident::new(self.name(), span);
        let parameters = self.parameters().iter().map(|(name, r#type)| {
            let name = format_ident!("{}", name);
            let r#type = match *r#type {
                "Self" => quote!(#ident),
                "str" => quote!(&::core::primitive::str),
                other => {
                    let other = format_ident!("{}", other);
                    quote!(&#private::#other)
                }
            };
            quote!(#name: #r#type)
        });
        let output = self.output(&quote!(#ident), private);
        quote_spanned! {span=>
            fn #name(&self, call: &#private::Call, #(#parameters),*) -> impl ::core::future::Future<
                Output = ::core::result::Result<#output, #private::Status>
            > + ::core::marker::Send
        }
    }

    /// The method of `HandledBy` that calls it.
    fn forward(self, handlers: &Ident, private: &TokenStream) -> TokenStream {
        let name = format_ident!("{}", self.name());
        let arguments: Vec<Ident> = self.parameters().iter().map(|(name, _)| format_ident!("{}", name)).collect();
        let parameters = self.parameters().iter().zip(&arguments).map(|((_, r#type), argument)| {
            let r#type = match *r#type {
                "Self" => quote!(Self),
                "str" => quote!(&'a ::core::primitive::str),
                other => {
                    let other = format_ident!("{}", other);
                    quote!(&'a #private::#other)
                }
            };
            quote!(#argument: #r#type)
        });
        let output = self.output(&quote!(Self), private);
        quote! {
            fn #name<'a>(
                handlers: &'a __Handlers,
                call: &'a #private::Call,
                #(#parameters),*
            ) -> #private::BoxFuture<'a, ::core::result::Result<#output, #private::Status>> {
                #private::handled(<__Handlers as #handlers>::#name(handlers, call, #(#arguments),*))
            }
        }
    }
}
