//! The expansion of every resource in `tests/ui/pass`, as a person would format it.
//!
//! It is tested from within, since a proc-macro crate exports nothing else. `tests/expand` holds the snapshots.

use std::fs;
use std::path::{Path, PathBuf};
use syn::{DeriveInput, Item, ItemStruct};

/// The files whose structs are written by a macro, which cannot be seen without running it.
const UNSEEN: [&str; 1] = ["written_by_a_macro"];

#[test]
fn expansions_are_as_they_were() {
    let mut settings = insta::Settings::clone_current();
    settings.set_snapshot_path("../tests/expand");
    settings.set_prepend_module_to_snapshot(false);
    settings.set_omit_expression(true);
    settings.bind(|| {
        for path in sources() {
            let name = path.file_stem().unwrap().to_string_lossy().into_owned();
            let file = syn::parse_file(&fs::read_to_string(&path).unwrap()).unwrap();
            let expansions: Vec<String> = resources(&file.items).map(|item| expansion(&item)).collect();
            assert_eq!(expansions.is_empty(), UNSEEN.contains(&name.as_str()), "{name}");
            if !expansions.is_empty() {
                insta::assert_snapshot!(name, expansions.join("\n"));
            }
        }
    });
}

fn sources() -> Vec<PathBuf> {
    let directory = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/ui/pass");
    let mut paths: Vec<PathBuf> = fs::read_dir(directory).unwrap().map(|entry| entry.unwrap().path()).collect();
    paths.sort();
    assert!(paths.len() >= 12);
    paths
}

/// The resources of a file, those in its modules included.
fn resources(items: &[Item]) -> Box<dyn Iterator<Item = ItemStruct> + '_> {
    Box::new(items.iter().flat_map(|item| match item {
        Item::Struct(item) if OURS.iter().any(|ours| has(item, ours)) => Box::new(std::iter::once(item.clone())),
        Item::Mod(module) => resources(module.content.as_ref().map_or(&[], |(_, items)| items)),
        _ => Box::new(std::iter::empty()) as Box<dyn Iterator<Item = ItemStruct>>,
    }))
}

/// The attributes that mark what is ours to write.
const OURS: [&str; 2] = ["aggregated_resource", "aggregated_type"];

fn has(item: &ItemStruct, attribute: &str) -> bool {
    item.attrs.iter().any(|attr| attr.path().is_ident(attribute))
}

fn expansion(item: &ItemStruct) -> String {
    if has(item, "aggregated_type") {
        return declaration(item);
    }
    let input = DeriveInput::from(item.clone());
    prettyplease::unparse(&syn::parse2(super::expand(&input)).unwrap())
}

/// What the attribute makes of a struct; as in a compilation, the attribute itself is gone.
fn declaration(item: &ItemStruct) -> String {
    let mut item = item.clone();
    let at = item.attrs.iter().position(|attr| attr.path().is_ident("aggregated_type")).unwrap();
    let arguments = match item.attrs.remove(at).meta {
        syn::Meta::List(list) => list.tokens,
        _ => proc_macro2::TokenStream::new(),
    };
    let expansion = super::declared::expand(arguments, Item::Struct(item));
    prettyplease::unparse(&syn::parse2(expansion).unwrap())
}
