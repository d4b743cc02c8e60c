//! `storage`: looking after the objects that are kept under --data-dir while no server has them.

use crate::encryption;
use anyhow::Context as _;
use clap::{Args, Subcommand, ValueEnum};
use kube_annex_storage::Prefix;
use kube_annex_storage::encryption::{Rewritten, rewrite};
use kube_annex_storage::redb::{self, Redb};
use serde::Serialize;
use std::fmt::Display;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;

#[derive(Debug, Subcommand)]
pub(crate) enum StorageCommand {
    /// Read everything that is kept, as a start of the server does, and say what there is. The server must be stopped.
    Verify(Look),
    /// Say what takes the space, also when some of it is damaged. The server must be stopped.
    Stats(Look),
    /// Copy objects and history into one new file. The server must be stopped.
    Backup {
        #[command(flatten)]
        folder: Folder,
        /// The file to write; it must not exist.
        #[arg(long)]
        to: PathBuf,
    },
    /// Make a folder of what `backup` wrote.
    Restore {
        #[command(flatten)]
        folder: Folder,
        /// The file that `backup` wrote.
        #[arg(long)]
        from: PathBuf,
    },
    /// Write every object anew that another key encrypts than a write would use now. The server must be stopped.
    Rewrite {
        #[command(flatten)]
        folder: Folder,
        /// The file that says which objects are encrypted with which keys.
        #[arg(long)]
        encryption_provider_config: PathBuf,
    },
}

#[derive(Args, Debug)]
pub(crate) struct Folder {
    /// The folder of the server.
    #[arg(long)]
    data_dir: PathBuf,
}

impl Folder {
    fn storage(&self) -> PathBuf {
        storage_in(&self.data_dir)
    }
}

/// Where a server keeps objects under its folder.
pub(crate) fn storage_in(data: &Path) -> PathBuf {
    data.join("storage")
}

#[derive(Args, Debug)]
pub(crate) struct Look {
    #[command(flatten)]
    folder: Folder,
    /// How the answer is written.
    #[arg(short, long, value_enum, default_value_t)]
    output: Output,
}

#[derive(Clone, Copy, Debug, Default, ValueEnum)]
pub(crate) enum Output {
    /// For people.
    #[default]
    Text,
    /// For programs.
    Json,
}

/// Does what was asked and says what that was.
///
/// * Errors: what is wrong with the folder, or which process has it.
pub(crate) fn run(command: StorageCommand) -> anyhow::Result<()> {
    match command {
        StorageCommand::Verify(look) => say(&redb::verify(look.folder.storage())?, look.output),
        StorageCommand::Stats(look) => say(&redb::stats(look.folder.storage())?, look.output),
        StorageCommand::Backup { folder, to } => say(&redb::backup(folder.storage(), to)?, Output::Text),
        StorageCommand::Restore { folder, from } => say(&redb::restore(folder.storage(), from)?, Output::Text),
        StorageCommand::Rewrite { folder, encryption_provider_config } => {
            let Rewritten { seen, written, .. } = rewrite_all(&folder.storage(), &encryption_provider_config)?;
            print(&format!("{written} of {seen} objects were written anew"))
        }
    }
}

fn rewrite_all(folder: &Path, configuration: &Path) -> anyhow::Result<Rewritten> {
    // Before anything is opened to be written: it would begin a store where there is none.
    let resources = redb::stats(folder)?.resources;
    let storage = encryption::around(Arc::new(Redb::open(folder)?), Some(configuration), "")?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(async {
        let mut all = Rewritten::default();
        for name in resources.keys() {
            let (resource, group) = name.split_once('.').unwrap_or((name, ""));
            let rewritten = rewrite(&*storage, &Prefix::of_resource(group, resource)).await?;
            all.seen += rewritten.seen;
            all.written += rewritten.written;
        }
        Ok(all)
    })
}

fn say<T: Display + Serialize>(found: &T, output: Output) -> anyhow::Result<()> {
    match output {
        Output::Text => print(&found.to_string()),
        Output::Json => print(&serde_json::to_string_pretty(found)?),
    }
}

fn print(text: &str) -> anyhow::Result<()> {
    writeln!(std::io::stdout(), "{text}").context("standard output is closed")
}
