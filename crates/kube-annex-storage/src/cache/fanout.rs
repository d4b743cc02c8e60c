//! Watchers that sleep: each has a place for its waker, and all are woken at once.

use super::sync::{Mutex, MutexGuard};
use std::sync::PoisonError;
use std::task::Waker;

/// The sleepers of one lane.
///
/// A watcher looks, finds nothing, leaves its waker, and looks once more: what was published in between either is seen
/// by the second look or wakes it.
#[derive(Debug, Default)]
pub(super) struct Sleepers(Mutex<Places>);

#[derive(Debug, Default)]
struct Places {
    wakers: Vec<Option<Waker>>,
    free: Vec<usize>,
    /// Whose wakers are there; some may have left since.
    asleep: Vec<usize>,
}

impl Sleepers {
    fn lock(&self) -> MutexGuard<'_, Places> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A place of one's own, until it is given back.
    pub(super) fn enter(&self) -> usize {
        let mut places = self.lock();
        places.free.pop().unwrap_or_else(|| {
            places.wakers.push(None);
            places.wakers.len() - 1
        })
    }

    /// Gives a place back.
    pub(super) fn leave(&self, place: usize) {
        let mut places = self.lock();
        if let Some(waker) = places.wakers.get_mut(place) {
            *waker = None;
            places.free.push(place);
        }
    }

    /// Leaves a waker; the next [`wake`](Self::wake) takes it.
    pub(super) fn sleep(&self, place: usize, waker: &Waker) {
        let Places { wakers, asleep, .. } = &mut *self.lock();
        let Some(there) = wakers.get_mut(place) else { return };
        if let Some(there) = there {
            there.clone_from(waker);
        } else {
            *there = Some(waker.clone());
            asleep.push(place);
        }
    }

    /// Wakes everybody who sleeps now.
    pub(super) fn wake(&self) {
        let woken: Vec<Waker> = {
            let Places { wakers, asleep, .. } = &mut *self.lock();
            asleep.drain(..).filter_map(|place| wakers.get_mut(place)?.take()).collect()
        };
        // Outside of the lock: whoever wakes may come back at once.
        woken.into_iter().for_each(Waker::wake);
    }
}
