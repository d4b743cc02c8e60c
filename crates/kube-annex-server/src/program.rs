//! A server of one's own: what it serves, and the command line around it.

use crate::cli::{Cli, Command};
#[cfg(feature = "redb")]
use crate::maintenance;
use crate::{describe, failure, serve};
use anyhow::Context as _;
use clap::error::ErrorKind;
use clap::{CommandFactory as _, FromArgMatches as _};
use kube_annex_runtime::admission::Plugin;
use kube_annex_runtime::{Reader, Registration, Server, ServerBuilder};
use std::fmt;
use std::io::{IsTerminal as _, Write as _};
#[cfg(feature = "redb")]
use std::panic;
use std::process::ExitCode;
use std::sync::Arc;
use tracing_subscriber::EnvFilter;

type MakePlugin = Box<dyn FnOnce(Reader) -> Arc<dyn Plugin>>;

/// A server's program.
///
/// ```no_run
/// # use kube_annex::{AggregatedResource, JsonSchema, ObjectMeta, serde::{Deserialize, Serialize}};
/// # #[derive(AggregatedResource, Clone, Debug, Deserialize, JsonSchema, Serialize)]
/// # #[serde(crate = "kube_annex::serde")]
/// # #[aggregated_resource(group = "example.com", version = "v1")]
/// # struct Widget { metadata: ObjectMeta }
/// use kube_annex_runtime::Registration;
///
/// fn main() -> std::process::ExitCode {
///     kube_annex_server::Program::new("widgets", "0.1.0").register(Registration::stored::<Widget>()).run()
/// }
/// ```
pub struct Program {
    pub(crate) name: &'static str,
    pub(crate) version: &'static str,
    pub(crate) registrations: Vec<Registration>,
    plugins: Vec<MakePlugin>,
    router: axum::Router,
}

impl Program {
    /// A program of that name and version that serves nothing yet.
    pub fn new(name: &'static str, version: &'static str) -> Self {
        Self { name, version, registrations: Vec::new(), plugins: Vec::new(), router: axum::Router::new() }
    }

    /// Serves a resource.
    #[must_use]
    pub fn register(mut self, registration: impl Into<Registration>) -> Self {
        self.registrations.push(registration.into());
        self
    }

    /// Asks a plug-in about every write. It may read stored objects through the [`Reader`].
    #[must_use]
    pub fn admission<P: Plugin>(mut self, plugin: impl FnOnce(Reader) -> P + 'static) -> Self {
        self.plugins.push(Box::new(move |reader| Arc::new(plugin(reader))));
        self
    }

    /// Answers paths of one's own, outside `/apis`. They are authorized by path as all others.
    #[must_use]
    pub fn router(mut self, router: axum::Router) -> Self {
        self.router = router;
        self
    }

    /// Reads the command line and does what it says. What goes wrong is one sentence on standard error.
    pub fn run(self) -> ExitCode {
        let command = Cli::command().name(self.name).version(self.version);
        let parsed = command.try_get_matches().and_then(|matches| Cli::from_arg_matches(&matches));
        let cli = match parsed {
            Ok(cli) => cli,
            Err(error) => return refuse_usage(&error),
        };
        match self.execute(cli) {
            Ok(()) => ExitCode::SUCCESS,
            Err(error) => {
                complain(&failure::sentence(&error));
                ExitCode::FAILURE
            }
        }
    }

    fn execute(self, cli: Cli) -> anyhow::Result<()> {
        match cli.command {
            Command::Describe { crd } => {
                let text = if crd {
                    serde_json::to_string_pretty(&describe::custom_resources(&self))?
                } else {
                    serde_json::to_string_pretty(&describe::describe(&self))?
                };
                writeln!(std::io::stdout(), "{text}").context("standard output is closed")
            }
            #[cfg(feature = "redb")]
            Command::Storage { command } => {
                leave_out_caught_panics();
                maintenance::run(command)
            }
            Command::Serve(flags) => {
                #[cfg(feature = "redb")]
                leave_out_caught_panics();
                log_to_stderr(flags.verbosity);
                let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build();
                let runtime = runtime.context("the system has no threads to give")?;
                let ended = runtime.block_on(serve::serve(self, *flags));
                runtime.shutdown_background(); // what still runs was given its time
                ended
            }
        }
    }

    /// The server of this program, to be given its seams.
    pub(crate) fn server(self) -> ServerBuilder {
        let plugins = self.plugins;
        Server::builder()
            .about(self.name, self.version)
            .register_all(self.registrations)
            .router(self.router)
            .admission_all(|reader| plugins.into_iter().map(|plugin| plugin(reader.clone())).collect())
    }
}

impl fmt::Debug for Program {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Program")
            .field("name", &self.name)
            .field("version", &self.version)
            .field("registrations", &self.registrations)
            .finish_non_exhaustive()
    }
}

/// Help that was asked for is no failure; help for want of a command is.
fn refuse_usage(error: &clap::Error) -> ExitCode {
    match error.kind() {
        ErrorKind::DisplayHelp | ErrorKind::DisplayVersion | ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand => {
            drop(error.print());
        }
        _ => complain(&failure::wrong_usage(error)),
    }
    ExitCode::from(u8::try_from(error.exit_code()).unwrap_or(2))
}

/// When standard error is closed too, the exit code is all there is to say.
fn complain(sentence: &str) {
    let _ = writeln!(std::io::stderr(), "error: {sentence}");
}

/// What the store makes an error of is told as that, and not with a trace before it.
#[cfg(feature = "redb")]
fn leave_out_caught_panics() {
    let hook = panic::take_hook();
    panic::set_hook(Box::new(move |panic| {
        if !kube_annex_storage::redb::catches_panics() {
            hook(panic);
        }
    }));
}

/// Upstream's `-v`: 0 tells what an operator needs, 4 what a developer does. `RUST_LOG` says more precisely.
fn log_to_stderr(verbosity: u8) {
    let filter = EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new(directives(verbosity)));
    let colours = std::io::stderr().is_terminal() && std::env::var_os("NO_COLOR").is_none_or(|set| set.is_empty());
    let log = tracing_subscriber::fmt().with_env_filter(filter).with_ansi(colours).with_writer(std::io::stderr);
    let _ = log.try_init(); // a program with a log of its own keeps it
}

/// Libraries that hand their errors to us do not tell them as well.
fn directives(verbosity: u8) -> String {
    let (level, libraries) = match verbosity {
        0..=1 => ("info", "off"),
        2..=5 => ("debug", "warn"),
        _ => ("trace", "info"),
    };
    format!(
        "{level},hyper=info,h2=info,rustls=warn,tower=info,kube_client={libraries},rustls_platform_verifier={libraries}"
    )
}
