//! The laws of [`Storage`], each a named test that runs against any backend.
//!
//! One line runs them all; the closure makes a store that nobody else uses, one for each law:
//!
//! ```
//! # #![allow(dead_code, reason = "the laws are tests, a documentation test only compiles them")]
//! use kube_annex_storage::memory::Memory;
//!
//! kube_annex_storage::conformance!(memory, || async { Memory::new() });
//! # fn main() {}
//! ```
//!
//! A backend that needs something to stay alive beside it (a folder, a server) returns a [`Subject`] that holds it.
//! The laws never assume that revisions are consecutive, nor how long history is kept when nobody compacts it:
//! a few thousand commits are enough.

#![allow(clippy::missing_panics_doc, reason = "a law that does not hold panics: it is a test")]

pub mod concurrency;
pub mod history;
mod linearizability;
pub mod list;
mod probe;
pub mod read;
pub mod restart;
pub mod watch;
pub mod write;

use crate::storage::{BoxFuture, Storage};
use std::any::Any;
use std::fmt;
use std::future::Future;
use std::ops::Deref;
use std::sync::Arc;
use std::time::Duration;

/// A store under test, and what must live as long as it.
#[derive(Clone)]
pub struct Subject {
    store: Arc<dyn Storage>,
    reopen: Option<Reopen>,
    held: Option<Arc<dyn Any + Send + Sync>>,
}

/// Opens a store again that was closed.
type Reopen = Arc<dyn Fn() -> BoxFuture<'static, Arc<dyn Storage>> + Send + Sync>;

impl Subject {
    /// A store that needs nothing beside it.
    pub fn new(store: impl Storage) -> Self {
        Self { store: Arc::new(store), reopen: None, held: None }
    }

    /// The same store; what is held is dropped after it.
    #[must_use]
    pub fn holding(self, held: impl Any + Send + Sync) -> Self {
        Self { held: Some(Arc::new(held)), ..self }
    }

    /// The same store, which can be opened again after it was dropped, as by the next process: what is held lives on
    /// meanwhile. Without this the laws of restarts only go on with the store that they have.
    #[must_use]
    pub fn reopened_by<S, Opened>(self, open: impl Fn() -> Opened + Send + Sync + 'static) -> Self
    where
        S: Storage,
        Opened: Future<Output = S> + Send + 'static,
    {
        let open = move || -> BoxFuture<'static, Arc<dyn Storage>> {
            let opened = open();
            Box::pin(async move { Arc::new(opened.await) as Arc<dyn Storage> })
        };
        Self { reopen: Some(Arc::new(open)), ..self }
    }

    /// Drops the store and opens it again.
    pub(crate) async fn restarted(self) -> Self {
        let Self { store, reopen, held } = self;
        let store = match &reopen {
            Some(reopen) => {
                drop(store);
                reopen().await
            }
            None => store,
        };
        Self { store, reopen, held }
    }
}

impl<S: Storage> From<S> for Subject {
    fn from(store: S) -> Self {
        Self::new(store)
    }
}

impl Deref for Subject {
    type Target = dyn Storage;

    fn deref(&self) -> &Self::Target {
        &*self.store
    }
}

impl fmt::Debug for Subject {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Subject").field(&self.store.name()).finish()
    }
}

/// A law about a certain backend: it returns if it holds. [`conformance_list!`](crate::conformance_list!) makes them.
pub type Law = Box<dyn FnOnce() + Send>;

/// Runs one law on a store of its own, on two threads, and gives up after a minute. [`conformance!`](crate::conformance!)
/// calls it.
pub fn run<S, Made, Kept>(make: impl FnOnce() -> Made, law: impl FnOnce(Subject) -> Kept)
where
    S: Into<Subject>,
    Made: Future<Output = S>,
    Kept: Future<Output = ()>,
{
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .expect("a runtime needs two threads");
    runtime.block_on(async {
        let done = tokio::time::timeout(PATIENCE, async { law(make().await.into()).await }).await;
        assert!(done.is_ok(), "the law is not decided after {PATIENCE:?}");
    });
    runtime.shutdown_timeout(Duration::from_secs(1));
}

/// Far longer than any law takes on a busy machine; a law that hangs is a law that fails.
const PATIENCE: Duration = Duration::from_mins(1);

/// Tests that a backend keeps every law: one test for each, in a module of the given name.
///
/// The second argument is a closure that makes an empty store: it returns a future of anything that becomes a
/// [`Subject`](crate::conformance::Subject), which every [`Storage`] does.
#[macro_export]
macro_rules! conformance {
    ($name:ident, $make:expr) => {
        mod $name {
            #[allow(unused_imports, reason = "the closure may name what surrounds the macro")]
            use super::*;
            $crate::__each_storage_law! { __storage_law_tests [$make] }
        }
    };
}

/// Every law by its name, for a test harness of one's own: a `Vec` of names and of functions that panic when the law does
/// not hold.
///
/// The argument is evaluated for each law; it is a closure as [`conformance!`](crate::conformance!) takes it.
#[macro_export]
macro_rules! conformance_list {
    ($make:expr) => {
        $crate::__each_storage_law! { __storage_law_list [$make] }
    };
}

#[doc(hidden)]
#[macro_export]
macro_rules! __storage_law_list {
    ([$make:expr] $($topic:ident { $($law:ident)* })*) => {
        ::std::vec![$($({
            let make = $make;
            let law: $crate::conformance::Law =
                ::std::boxed::Box::new(move || $crate::conformance::run(make, $crate::conformance::$topic::$law));
            (concat!(stringify!($topic), "::", stringify!($law)), law)
        }),*),*]
    };
}

#[doc(hidden)]
#[macro_export]
macro_rules! __storage_law_tests {
    ([$make:expr] $($topic:ident { $($law:ident)* })*) => {$(
        mod $topic {
            #[allow(unused_imports, reason = "the closure may name what surrounds the macro")]
            use super::*;
            $(
                #[test]
                fn $law() {
                    $crate::conformance::run($make, $crate::conformance::$topic::$law);
                }
            )*
        }
    )*};
}

/// Every law, once. A law that is written and not listed here makes a test of this crate fail.
#[doc(hidden)]
#[macro_export]
macro_rules! __each_storage_law {
    ($then:ident $arguments:tt) => {
        $crate::$then! { $arguments
            read {
                an_empty_store_has_a_revision_that_is_not_zero
                a_store_that_serves_is_healthy_and_has_a_name
                a_missing_key_reads_as_nothing
                a_read_returns_the_bytes_that_were_written
                an_empty_value_is_a_value
                a_large_value_comes_back_whole
                keys_are_compared_byte_by_byte
                a_read_reflects_every_write_answered_before_it
                current_revision_covers_every_answered_write
                reads_consume_no_revision
                waiting_for_the_past_ends_at_once
                waiting_for_the_next_revision_ends_when_it_happens
                many_waiters_wake_up_each_at_its_revision
                a_dropped_wait_disturbs_nobody
                a_count_is_of_what_exists_below_the_prefix
                a_size_covers_what_is_kept
            }
            write {
                a_creation_answers_the_revision_it_wrote
                a_creation_never_overwrites
                an_update_replaces_value_and_revision
                an_update_of_nothing_is_not_found_and_creates_nothing
                an_update_at_the_current_revision_happens
                an_update_at_another_revision_is_a_conflict
                an_update_with_the_same_bytes_is_a_commit
                a_deletion_answers_what_was_there
                a_deletion_has_a_revision_of_its_own
                a_deletion_of_nothing_is_not_found
                a_deletion_at_the_current_revision_happens
                a_deletion_at_another_revision_is_a_conflict
                a_missing_key_is_not_found_whatever_the_precondition
                a_deleted_key_can_be_created_again
                a_revision_from_before_a_re_creation_is_a_conflict
                a_failed_write_consumes_no_revision
                revisions_increase_across_all_keys
                a_write_touches_one_key_alone
                a_large_value_can_be_replaced_and_deleted
                an_entry_tells_the_commit_that_created_it
                a_write_to_the_known_creation_happens
                a_write_to_an_earlier_creation_is_refused
            }
            list {
                an_empty_prefix_is_an_empty_page_with_a_revision
                entries_come_in_byte_order_of_their_keys
                a_prefix_never_covers_its_neighbours
                a_namespace_is_part_of_its_resource
                a_page_holds_what_single_reads_return
                a_deleted_key_is_not_listed
                no_limit_is_everything
                a_limit_of_exactly_all_has_no_next_page
                pages_of_any_size_join_to_the_whole
                remaining_counts_what_follows_the_page
                next_lies_after_the_page_and_not_after_what_remains
                a_start_is_included
                a_start_between_keys_begins_with_the_next_key
                a_start_before_the_prefix_begins_with_the_prefix
                a_start_after_the_prefix_is_an_empty_page
                a_page_is_as_new_as_every_answered_write
                a_page_of_the_past_says_its_revision
                pages_of_one_revision_ignore_later_writes
            }
            history {
                every_kept_revision_can_be_listed
                the_newest_revision_lists_as_the_newest_state
                a_revision_of_another_prefix_can_be_listed
                a_future_revision_cannot_be_listed
                revision_zero_is_before_everything
                compaction_expires_older_lists
                compaction_expires_older_watches
                compaction_keeps_the_revision_it_names
                compaction_keeps_the_newest_state
                compaction_keeps_deleted_keys_deleted
                compaction_consumes_no_revision
                compaction_of_what_is_forgotten_changes_nothing
                compaction_of_the_future_is_refused_and_forgets_nothing
                a_page_whose_revision_is_forgotten_cannot_go_on
                a_watcher_that_has_seen_all_survives_compaction
                a_watcher_left_behind_by_compaction_gets_all_or_an_error
            }
            watch {
                a_watch_tells_what_happened_and_what_was_there_before
                a_deletion_carries_the_last_value
                a_re_creation_is_a_creation
                a_watch_begins_after_its_revision
                any_kept_revision_can_be_watched_from
                the_past_comes_first_and_goes_over_into_the_present
                a_future_revision_is_waited_for
                a_list_and_a_watch_from_its_revision_make_a_whole
                a_watch_never_sees_its_neighbours
                a_watch_of_a_namespace_sees_that_namespace_alone
                a_failed_write_is_not_seen
                an_event_needs_no_other_to_arrive
                a_sleeping_watcher_wakes_up
                all_watchers_see_the_same
                a_dropped_watcher_disturbs_nobody
                a_dropped_wait_for_an_event_loses_nothing
                large_values_arrive_whole
                a_watcher_that_does_not_read_delays_no_writer
                a_watcher_that_does_not_read_misses_nothing_when_it_does
                an_event_tells_the_commit_that_created_its_key
                progress_is_not_told_unasked
                progress_is_as_new_as_what_was_answered_before_it_was_asked_for
                progress_comes_after_the_events_that_it_covers
                progress_is_told_to_every_open_watch
                progress_never_goes_back_and_nothing_it_covers_follows
                progress_of_a_watch_of_the_future_waits_until_it_has_happened
            }
            concurrency {
                one_of_many_creators_wins
                one_of_many_updaters_of_one_revision_wins
                one_of_many_deleters_wins
                no_increment_is_lost
                concurrent_writes_have_revisions_of_their_own
                current_revision_never_goes_back
                histories_are_linearizable
                lists_are_snapshots
                pages_hold_still_while_writers_run
                watches_under_64_writers_have_no_gap_and_no_repetition
                events_of_a_contended_key_follow_each_other
                a_list_and_a_watch_rebuild_the_store_while_writers_run
                compaction_under_load_never_makes_a_hole
                a_dropped_write_happens_whole_or_not_at_all
                aborted_writers_leave_a_store_that_agrees_with_its_watch
                dropped_reads_disturb_nobody
            }
            restart {
                revisions_go_on_after_a_restart
                what_was_answered_is_there_after_a_restart
                history_is_there_after_a_restart
                a_watch_goes_on_after_a_restart_where_it_was
                pages_go_on_after_a_restart
                what_was_forgotten_stays_so_after_a_restart
                a_key_is_the_same_life_after_a_restart
                writes_that_a_restart_cuts_off_are_whole_or_not_there
            }
        }
    };
}

/// Each topic with the source of its laws and the names that are listed.
#[cfg(test)]
#[macro_export]
macro_rules! __storage_law_names {
    ([] $($topic:ident { $($law:ident)* })*) => {
        [$((include_str!(concat!("conformance/", stringify!($topic), ".rs")), vec![$(stringify!($law)),*])),*]
    };
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    #[test]
    fn every_law_that_is_written_is_listed() {
        for (source, listed) in crate::__each_storage_law! { __storage_law_names [] } {
            let functions = source.lines().filter_map(|line| line.strip_prefix("pub async fn ")?.split('(').next());
            assert_eq!(functions.collect::<BTreeSet<_>>(), listed.into_iter().collect());
        }
    }
}
