//! What the documents tell people to type exists, and what they link to is there.
#![allow(clippy::unwrap_used, clippy::panic, reason = "helpers of tests")]

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

#[test]
fn every_task_and_flag_that_the_documents_name_exists() {
    let mut checked = 0;
    for (page, command) in commands() {
        let Some(arguments) = command.strip_prefix("cargo xtask ") else { continue };
        let words: Vec<&str> = arguments.split_whitespace().collect();
        let tasks: Vec<&str> = words.iter().copied().take_while(|word| is_task(word)).collect();
        let help = help(&tasks).unwrap_or_else(|error| panic!("{page}: `{command}`: {error}"));
        for flag in words.iter().filter(|word| word.starts_with("--")) {
            let flag = flag.split('=').next().unwrap_or(flag);
            let known = help.split(|letter: char| letter.is_whitespace() || letter == ',').any(|word| word == flag);
            assert!(known, "{page}: `{command}`: there is no {flag}:\n{help}");
        }
        checked += 1;
    }
    assert!(checked >= 5, "only {checked} commands were found; is the search broken?");
}

#[test]
fn every_relative_link_leads_to_a_file() {
    let mut checked = 0;
    for path in pages() {
        let text = fs::read_to_string(&path).unwrap();
        for link in text.split("](").skip(1).filter_map(|rest| rest.split(')').next()) {
            let file = link.split('#').next().unwrap_or_default();
            if file.is_empty() || file.contains("://") {
                continue;
            }
            assert!(path.with_file_name(file).exists(), "{}: {link} leads nowhere", path.display());
            checked += 1;
        }
    }
    assert!(checked >= 10, "only {checked} links were found; is the search broken?");
}

#[test]
fn every_block_says_what_it_is_so_that_it_can_be_checked() {
    for path in pages() {
        for (index, block) in blocks(&fs::read_to_string(&path).unwrap()).into_iter().enumerate() {
            let language = block.lines().next().unwrap_or_default().split(',').next().unwrap_or_default();
            assert!(LANGUAGES.contains(&language), "{}: block {} is {language:?}", path.display(), index + 1);
        }
    }
}

/// Rust is compiled as a doctest, commands are checked here; text shows shapes and output.
const LANGUAGES: [&str; 6] = ["console", "json", "rust", "text", "toml", "yaml"];

/// Everything that the documents show at a prompt, with the page it stands on.
fn commands() -> Vec<(String, String)> {
    let mut found = Vec::new();
    for path in pages() {
        let text = fs::read_to_string(&path).unwrap();
        for block in blocks(&text).into_iter().filter(|block| block.starts_with("console")) {
            let lines = block.lines().filter_map(|line| line.strip_prefix("$ "));
            found.extend(lines.map(|line| (path.display().to_string(), line.to_owned())));
        }
    }
    found
}

/// The blocks of a page, each from its language on.
fn blocks(text: &str) -> Vec<&str> {
    text.split("```").skip(1).step_by(2).collect()
}

/// A task's name is lower-case letters and dashes; what is left of the words are values and flags.
fn is_task(word: &str) -> bool {
    !word.starts_with('-') && word.chars().all(|letter| letter.is_ascii_lowercase() || letter == '-')
}

/// The help of a task. The parts of `test` are values, not tasks.
fn help(tasks: &[&str]) -> Result<String, String> {
    let depth = if tasks.first() == Some(&"test") { 1 } else { tasks.len() };
    let output = Command::new(env!("CARGO_BIN_EXE_xtask")).args(&tasks[..depth]).arg("--help").output().unwrap();
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    if !output.status.success() {
        return Err(String::from_utf8_lossy(&output.stderr).into_owned());
    }
    match tasks[depth..].iter().find(|part| !text.contains(&format!("- {part}:"))) {
        Some(part) => Err(format!("there is no {part}:\n{text}")),
        None => Ok(text),
    }
}

/// The pages at the top level and below docs/.
fn pages() -> Vec<PathBuf> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
    let mut found = Vec::new();
    let mut folders = vec![root.join("docs")];
    let mut files: Vec<PathBuf> = entries(root);
    while let Some(folder) = folders.pop() {
        let below = entries(&folder);
        folders.extend(below.iter().filter(|path| path.is_dir()).cloned());
        files.extend(below);
    }
    found.extend(files.into_iter().filter(|path| path.extension().is_some_and(|extension| extension == "md")));
    found.sort();
    found
}

fn entries(folder: &Path) -> Vec<PathBuf> {
    fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect()
}
