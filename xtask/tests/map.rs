//! The map in ARCHITECTURE.md equals the folders.
#![allow(clippy::unwrap_used, clippy::panic, reason = "helpers of tests")]

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

#[test]
fn every_top_level_folder_is_on_the_map_and_nothing_else() {
    let ignored = fs::read_to_string(root().join(".gitignore")).unwrap();
    let ignored: BTreeSet<&str> = ignored.lines().filter_map(|line| line.strip_prefix('/')).collect();
    let found = folders(&root()).into_iter().filter(|name| !ignored.contains(name.as_str())).collect();
    assert_same("the top level", &children(&map(), ""), &found);
}

#[test]
fn every_crate_is_on_the_map_and_nothing_else() {
    assert_same("crates/", &children(&map(), "crates"), &folders(&root().join("crates")));
}

#[test]
fn every_module_is_on_the_map_and_nothing_else() {
    let map = map();
    let crates = children(&map, "crates").into_iter().map(|name| format!("crates/{name}"));
    for member in crates.chain(["xtask".to_owned()]) {
        assert_same(&member, &children(&map, &member), &modules(&root().join(&member).join("src")));
    }
}

#[test]
fn every_folder_of_tests_is_on_the_map_and_nothing_else() {
    assert_same("tests/", &children(&map(), "tests"), &folders(&root().join("tests")));
}

#[test]
fn what_braces_name_is_inside_the_module() {
    for (path, text) in map() {
        let Some((_, rest)) = text.split_once('{') else { continue };
        let (names, _) = rest.split_once('}').unwrap_or_else(|| panic!("{path}: a brace is not closed"));
        let (member, module) = path.rsplit_once('/').unwrap_or_else(|| panic!("{path}: not a module"));
        let inside = modules(&root().join(member).join("src").join(module));
        for name in names.split(',').map(str::trim) {
            assert!(inside.contains(name), "{path} has no module {name}; it has {inside:?}");
        }
    }
}

#[test]
fn the_arrows_are_the_dependencies_between_crates() {
    for (path, text) in map() {
        let Some(name) = path.strip_prefix("crates/").filter(|name| !name.contains('/')) else { continue };
        let drawn = text.split_once("->").map_or("", |(_, arrows)| arrows);
        let drawn: BTreeSet<String> =
            drawn.split([',', ' ']).filter(|word| !word.is_empty()).map(str::to_owned).collect();
        assert_same(&format!("the arrows of {name}"), &drawn, &dependencies(&root().join(&path)));
    }
}

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap().to_path_buf()
}

/// Each line's path and text. A line's parent is the nearest line above it that is indented less.
fn map() -> BTreeMap<String, String> {
    let page = fs::read_to_string(root().join("ARCHITECTURE.md")).unwrap();
    let (_, section) = page.split_once("## The map").expect("ARCHITECTURE.md has a section \"The map\"");
    let block = section.split("```").nth(1).expect("the section has a block");
    let mut parents: Vec<(usize, String)> = Vec::new();
    let mut map = BTreeMap::new();
    for line in block.lines().skip(1).filter(|line| !line.trim().is_empty()) {
        let indent = line.len() - line.trim_start().len();
        let (name, text) = line.trim().split_once(' ').unwrap_or((line.trim(), ""));
        parents.retain(|(deeper, _)| *deeper < indent);
        let parent = parents.last().map(|(_, path)| format!("{path}/")).unwrap_or_default();
        let path = format!("{parent}{}", name.trim_end_matches('/'));
        parents.push((indent, path.clone()));
        assert_eq!(map.insert(path, text.trim().to_owned()), None, "{line} is on the map twice");
    }
    map
}

fn children(map: &BTreeMap<String, String>, parent: &str) -> BTreeSet<String> {
    let prefix = if parent.is_empty() { String::new() } else { format!("{parent}/") };
    let below = map.keys().filter_map(|path| path.strip_prefix(&prefix));
    below.filter(|rest| !rest.contains('/')).map(str::to_owned).collect()
}

/// The folders below one, but for hidden ones.
fn folders(folder: &Path) -> BTreeSet<String> {
    entries(folder)
        .into_iter()
        .filter(|path| path.is_dir())
        .map(|path| stem(&path))
        .filter(|name| !name.starts_with('.'))
        .collect()
}

/// The modules of a crate or of a module: files and folders, but for roots, tests and their golden files.
fn modules(source: &Path) -> BTreeSet<String> {
    let entries = entries(source).into_iter();
    let sources = entries.filter(|path| path.is_dir() || path.extension().is_some_and(|extension| extension == "rs"));
    sources.map(|path| stem(&path)).filter(|name| !NO_MODULES.contains(&name.as_str())).collect()
}

const NO_MODULES: [&str; 5] = ["lib", "main", "mod", "tests", "snapshots"];

fn entries(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).unwrap_or_else(|error| panic!("{}: {error}", folder.display()));
    entries.map(|entry| entry.unwrap().path()).collect()
}

fn stem(path: &Path) -> String {
    let name = if path.is_dir() { path.file_name() } else { path.file_stem() };
    name.unwrap().to_string_lossy().into_owned()
}

/// The crates of this repository among the dependencies of one, development left aside.
fn dependencies(member: &Path) -> BTreeSet<String> {
    let manifest = fs::read_to_string(member.join("Cargo.toml")).unwrap();
    let lines = manifest.lines().skip_while(|line| *line != "[dependencies]").skip(1);
    let lines = lines.take_while(|line| !line.starts_with('['));
    let names = lines.filter_map(|line| line.split(['.', ' ', '=']).next());
    names.filter(|name| name.starts_with("kube-annex")).map(str::to_owned).collect()
}

fn assert_same(what: &str, map: &BTreeSet<String>, tree: &BTreeSet<String>) {
    let missing: Vec<&String> = tree.difference(map).collect();
    let gone: Vec<&String> = map.difference(tree).collect();
    assert!(
        missing.is_empty() && gone.is_empty(),
        "{what}: ARCHITECTURE.md lacks {missing:?} and has {gone:?}, which are not there; mend its map"
    );
}
