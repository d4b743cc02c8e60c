//! The constant that discovery, routing and storage read.

use crate::model::{Column, Deprecation, Model, Names, Scale, Scope};
use proc_macro2::TokenStream;
use quote::{format_ident, quote};

/// `const DESCRIPTOR`
pub(super) fn constant(model: &Model<'_>, private: &TokenStream) -> TokenStream {
    let Names { group, version, kind, plural, singular, short_names, categories } = &model.names;
    let scope = match model.scope {
        Scope::Namespaced => quote!(#private::Scope::Namespaced),
        Scope::Cluster => quote!(#private::Scope::Cluster),
    };
    let verbs = model.verbs.iter().map(|declared| format_ident!("{}", declared.verb.variant()));
    let subresources = subresources(model, private);
    let scale = scale(model.scale.as_ref(), private);
    let selectable_fields = &model.selectable_fields;
    let columns = model.columns.iter().map(|column| self::column(column, private));
    let deprecated = deprecation(model.deprecated.as_ref(), private);
    let description = &model.description;
    quote! {
        const DESCRIPTOR: #private::ResourceDescriptor = #private::ResourceDescriptor {
            group: #group,
            version: #version,
            kind: #kind,
            plural: #plural,
            singular: #singular,
            short_names: &[#(#short_names),*],
            categories: &[#(#categories),*],
            scope: #scope,
            verbs: &[#(#private::Verb::#verbs),*],
            subresources: &[#(#subresources),*],
            scale: #scale,
            selectable_fields: &[#(#selectable_fields),*],
            columns: &[#(#columns),*],
            deprecated: #deprecated,
            description: #description,
        };
    }
}

/// The subresources, alphabetically.
fn subresources(model: &Model<'_>, private: &TokenStream) -> Vec<TokenStream> {
    let Names { group, version, kind, .. } = &model.names;
    let scale = model.scale.as_ref().map(|_| subresource("scale", "autoscaling", "v1", "Scale", private));
    let status = model.status.map(|_| subresource("status", group, version, kind, private));
    scale.into_iter().chain(status).collect()
}

fn subresource(name: &str, group: &str, version: &str, kind: &str, private: &TokenStream) -> TokenStream {
    quote! {
        #private::SubresourceDescriptor {
            name: #name,
            group: #group,
            version: #version,
            kind: #kind,
            verbs: &[#private::Verb::Get, #private::Verb::Patch, #private::Verb::Update],
        }
    }
}

fn scale(scale: Option<&Scale>, private: &TokenStream) -> TokenStream {
    let Some(Scale { spec_replicas, status_replicas, label_selector }) = scale else {
        return quote!(::core::option::Option::None);
    };
    let label_selector = if let Some(path) = label_selector {
        quote!(::core::option::Option::Some(#path))
    } else {
        quote!(::core::option::Option::None)
    };
    quote! {
        ::core::option::Option::Some(#private::ScaleDescriptor {
            spec_replicas: #spec_replicas,
            status_replicas: #status_replicas,
            label_selector: #label_selector,
        })
    }
}

fn column(column: &Column, private: &TokenStream) -> TokenStream {
    let Column { name, path, r#type, priority, description } = column;
    let r#type = format_ident!("{}", r#type.variant());
    quote! {
        #private::ColumnDescriptor {
            name: #name,
            path: #path,
            r#type: #private::ColumnType::#r#type,
            description: #description,
            priority: #priority,
        }
    }
}

fn deprecation(deprecation: Option<&Deprecation>, private: &TokenStream) -> TokenStream {
    let Some(Deprecation { since, removed, replacement, warning }) = deprecation else {
        return quote!(::core::option::Option::None);
    };
    quote! {
        ::core::option::Option::Some(#private::Deprecation {
            since: #since,
            removed: #removed,
            replacement: #replacement,
            warning: #warning,
        })
    }
}
