//! No watcher sleeps through a commit: the fan-out in every order in which its steps can happen.

#![allow(clippy::unwrap_used, reason = "helpers of tests")]
#![allow(unreachable_pub, reason = "the module is compiled a second time, out of its place")]

mod sync {
    pub(crate) use loom::sync::atomic::{AtomicU64, Ordering};
    pub(crate) use loom::sync::{Mutex, MutexGuard};
}

#[path = "../src/cache/fanout.rs"]
mod fanout;

use fanout::{Left, Sleepers};
use loom::future::block_on;
use loom::sync::{Arc, RwLock};
use loom::thread;
use std::future::poll_fn;
use std::task::Poll;

/// What is published, and who waits for it.
#[derive(Default)]
struct Lane {
    published: RwLock<Vec<u32>>,
    sleepers: Sleepers,
}

impl Lane {
    fn publish(&self, value: u32) {
        self.published.write().unwrap().push(value);
        self.sleepers.wake();
    }

    /// What a watcher reads, as the cache's watchers do: it leaves a waker, if none is there, and looks. Where it found
    /// nothing more it does not look again before it is woken.
    fn read(&self, count: usize) -> Vec<u32> {
        let place = self.sleepers.enter();
        let (mut left, mut at_rest) = (None::<Left>, false);
        let mut seen = Vec::new();
        while seen.len() < count {
            let next = block_on(poll_fn(|context| {
                if !left.as_ref().is_some_and(|left| left.is_there(&self.sleepers, context.waker())) {
                    self.sleepers.sleep(place, context.waker(), &mut left);
                } else if at_rest {
                    return Poll::Pending;
                }
                let published = self.published.read().unwrap();
                at_rest = published.len() <= seen.len() + 1;
                published.get(seen.len()).copied().map_or(Poll::Pending, Poll::Ready)
            }));
            seen.push(next);
        }
        self.sleepers.leave(place);
        seen
    }
}

/// Every order in which a thread is interrupted at most twice against its will: more takes minutes and has shown nothing.
fn every_order(steps: impl Fn() + Sync + Send + 'static) {
    let mut builder = loom::model::Builder::new();
    builder.preemption_bound = Some(2);
    builder.check(steps);
}

fn lane() -> Arc<Lane> {
    Arc::new(Lane::default())
}

#[test]
fn a_watcher_sees_every_commit_in_every_order_of_steps() {
    every_order(|| {
        let lane = lane();
        let writer = lane.clone();
        let writing = thread::spawn(move || {
            writer.publish(1);
            writer.publish(2);
        });
        assert_eq!(lane.read(2), [1, 2]);
        writing.join().unwrap();
    });
}

#[test]
fn a_watcher_that_leaves_takes_no_wake_up_from_another() {
    every_order(|| {
        let lane = lane();
        let (writer, leaver) = (lane.clone(), lane.clone());
        let writing = thread::spawn(move || writer.publish(1));
        let leaving = thread::spawn(move || {
            let place = leaver.sleepers.enter();
            leaver.sleepers.leave(place);
        });
        assert_eq!(lane.read(1), [1]);
        writing.join().unwrap();
        leaving.join().unwrap();
    });
}
