//! A server, or the etcd below it, is killed at a random instant while clients write over HTTPS, and what was answered is
//! there.
//!
//! `KUBE_ANNEX_CRASH_ROUNDS` says how often; `cargo xtask crash` sets it.

#![cfg(feature = "redb")]
#![allow(clippy::unwrap_used, reason = "helpers of tests")]

mod support;
#[path = "crash/watchers.rs"]
mod watchers;
#[path = "crash/writers.rs"]
mod writers;

use http::{Method, StatusCode};
use serde_json::Value;
use std::collections::BTreeMap;
use std::io::Write as _;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};
use support::{BINARY, PATIENCE, Standalone, ask};
use tokio::sync::watch;
use watchers::{Watcher, by_writer, history, replay};
use writers::{Client, WRITERS, Work, Write, name, version};

const FLUNDERS: &str = "/apis/wardle.example.com/v1beta1/namespaces/default/flunders";
const ROUNDS: &str = "KUBE_ANNEX_CRASH_ROUNDS";
/// Without being told how often: as often as this, or as fits into the time.
const USUAL_ROUNDS: u64 = 100;
const USUAL_TIME: Duration = Duration::from_secs(15);

mod redb {
    use super::{Killed, Rounds};

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn what_was_answered_outlives_a_kill_of_the_server() {
        Rounds::of(Killed::Server { flags: Vec::new() }).await;
    }
}

#[cfg(feature = "etcd")]
mod etcd {
    use super::{Killed, Rounds, support};
    use kube_annex_testkit::etcd::Etcd;

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn what_was_answered_outlives_a_kill_of_the_server() {
        let Some(program) = support::etcd("etcd::what_was_answered_outlives_a_kill_of_the_server") else { return };
        let etcd = tokio::task::block_in_place(|| Etcd::start(&program));
        Rounds::of(Killed::Server { flags: vec![super::servers(&etcd)] }).await;
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn what_was_answered_outlives_a_kill_of_etcd_and_the_server_goes_on() {
        let test = "etcd::what_was_answered_outlives_a_kill_of_etcd_and_the_server_goes_on";
        let Some(program) = support::etcd(test) else { return };
        let etcd = tokio::task::block_in_place(|| Etcd::start(&program));
        Rounds::of(Killed::Etcd(etcd)).await;
    }
}

/// What is killed in each round, and started again.
enum Killed {
    /// The server, which has these flags.
    Server { flags: Vec<String> },
    /// What the server keeps its objects in.
    #[cfg(feature = "etcd")]
    Etcd(kube_annex_testkit::etcd::Etcd),
}

impl Killed {
    fn server(&self, folder: &Path) -> Standalone {
        let flags = match self {
            Self::Server { flags } => flags.clone(),
            #[cfg(feature = "etcd")]
            Self::Etcd(etcd) => vec![servers(etcd)],
        };
        let flags: Vec<&str> = flags.iter().map(String::as_str).collect();
        tokio::task::block_in_place(|| Standalone::start_with(Path::new(BINARY), folder, &flags))
    }
}

#[cfg(feature = "etcd")]
fn servers(etcd: &kube_annex_testkit::etcd::Etcd) -> String {
    format!("--etcd-servers={}", etcd.addresses().join(","))
}

/// Rounds of writing and killing on the same data.
struct Rounds {
    killed: Killed,
    folder: tempfile::TempDir,
    server: Standalone,
    /// The newest server, for whoever follows what happens.
    newest: watch::Sender<kube::Client>,
    /// What each writer writes next.
    next: [u64; WRITERS],
    objects: BTreeMap<String, Value>,
    from: u64,
    /// All that happened, as the watches of the rounds told it.
    told: Vec<Value>,
    random: u64,
}

impl Rounds {
    async fn of(killed: Killed) {
        let wanted = std::env::var(ROUNDS).ok().map(|rounds| rounds.parse::<u64>().expect("a number of rounds"));
        let started = Instant::now();
        let mut rounds = Self::begin(killed).await;
        let mut watcher = Box::pin(Watcher::new(rounds.newest.subscribe()).until(END));
        let work = async {
            let (mut count, mut answers) = (0, 0);
            while count < wanted.unwrap_or(USUAL_ROUNDS) {
                if wanted.is_none() && count > 0 && started.elapsed() > USUAL_TIME {
                    break;
                }
                answers += rounds.round(count).await;
                count += 1;
            }
            assert!(answers as u64 > count * 4, "{answers} answers in {count} rounds are no work");
            for kind in ["ADDED", "DELETED"] {
                let end = Write { kind, name: END.to_owned(), number: 0 };
                writers::send(&rounds.admin().await, &end).await.expect("the server lives");
            }
            rounds
        };
        let (mut work, mut seen) = (Box::pin(work), None);
        let rounds = loop {
            tokio::select! {
                rounds = &mut work => break rounds,
                all = &mut watcher, if seen.is_none() => seen = Some(all),
            }
        };
        let seen = match seen {
            Some(seen) => seen,
            None => tokio::time::timeout(PATIENCE, watcher).await.expect("the watcher comes to the end"),
        };
        assert_eq!(seen.len(), rounds.told.len(), "events of a watcher that goes on, and of those that begin anew");
        assert!(seen == rounds.told, "a watcher that goes on where it was sees what happened, once, in its order");
    }

    async fn begin(killed: Killed) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let server = killed.server(folder.path());
        let newest = watch::Sender::new(server.admin().await);
        let (objects, told) = (BTreeMap::new(), Vec::new());
        let random = u64::from(std::process::id());
        Self { killed, folder, server, newest, next: [0; WRITERS], objects, from: 1, told, random }
    }

    async fn admin(&self) -> kube::Client {
        self.server.admin().await
    }

    fn below(&mut self, bound: u64) -> Duration {
        self.random = self.random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        Duration::from_micros((self.random >> 33) % bound)
    }

    /// Lets all write, kills, and compares what is there with what was answered. Answers how much that was.
    async fn round(&mut self, round: u64) -> usize {
        let work = Arc::new(Work::default());
        let mut clients = Vec::new();
        for (writer, next) in self.next.into_iter().enumerate() {
            let (client, connection) = (Client::new(writer, next), self.admin().await);
            // The time until the kill is one of writing, and not of handshakes.
            assert_eq!(ask(&connection, Method::GET, "/livez", None).await.0, StatusCode::OK);
            clients.push(client.go_on(connection, work.clone()));
        }
        let clients = futures_util::future::join_all(clients);
        let kill = async {
            tokio::time::sleep(Duration::from_millis(100) + self.below(600_000)).await;
            // Every other kill may come before the first answer. On a busy machine all would.
            while round.is_multiple_of(2) && work.answers.load(Ordering::Relaxed) < WRITERS {
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
            self.kill().await;
            work.ended.store(true, Ordering::Relaxed);
        };
        let both = async { tokio::join!(clients, kill) };
        let (clients, ()) =
            tokio::time::timeout(PATIENCE, both).await.expect("whoever waits is told that nobody answers");

        let admin = self.admin().await;
        let (status, list) = ask(&admin, Method::GET, FLUNDERS, None).await;
        assert_eq!(status, StatusCode::OK, "{list}");
        let history = history(&admin, self.from, round).await;
        let found = by_writer(&history);
        for client in &clients {
            self.next[client.writer] += client.compare(&found[client.writer]);
        }
        let answered = clients.iter().map(|client| client.answered.len()).sum();
        let _ = writeln!(std::io::stdout(), "round {round}: {answered} answers, {} writes", history.len());

        replay(&mut self.objects, &history);
        let items = list["items"].as_array().unwrap();
        let listed: BTreeMap<String, u64> = items.iter().map(|item| (name(item), version(item))).collect();
        let replayed = self.objects.iter().map(|(name, object)| (name.clone(), version(object))).collect();
        assert_eq!(listed, replayed, "the list is what its history makes");
        self.from = version(&list);
        self.told.extend(history);
        answered
    }

    /// Kills what is to be killed and waits until the server is ready again, or the next one.
    async fn kill(&mut self) {
        #[cfg(feature = "etcd")]
        let pause = self.below(400_000);
        match &mut self.killed {
            Killed::Server { .. } => {
                self.server.process.kill_and_wait();
                self.server = self.killed.server(self.folder.path());
                self.newest.send_replace(self.admin().await);
            }
            #[cfg(feature = "etcd")]
            Killed::Etcd(etcd) => {
                tokio::task::block_in_place(|| etcd.kill(0));
                tokio::time::sleep(pause).await;
                tokio::task::block_in_place(|| etcd.start_again(0));
                let admin = self.admin().await;
                while ask(&admin, Method::GET, "/readyz", None).await.0 != StatusCode::OK {
                    tokio::time::sleep(Duration::from_millis(20)).await;
                }
            }
        }
    }
}

/// The object whose end is the last that a watcher is to see.
const END: &str = "mark-end";
