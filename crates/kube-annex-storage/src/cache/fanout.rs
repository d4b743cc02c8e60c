//! Watchers that sleep: each has a place for its waker, and all are woken at once.

use super::sync::{AtomicU64, Mutex, MutexGuard, Ordering};
use std::sync::PoisonError;
use std::task::Waker;

/// The sleepers of one lane.
///
/// A watcher leaves its waker and then looks: what is published later wakes it. Until it is woken it need not look again
/// where it found nothing more.
#[derive(Debug, Default)]
pub(super) struct Sleepers {
    places: Mutex<Places>,
    /// How often all were woken, which is counted before their wakers are taken.
    rounds: AtomicU64,
}

/// A waker that was left.
#[derive(Debug)]
pub(super) struct Left {
    waker: Waker,
    round: u64,
}

impl Left {
    /// Whether nobody has taken the waker since, and it wakes this task.
    pub(super) fn is_there(&self, sleepers: &Sleepers, waker: &Waker) -> bool {
        self.round == sleepers.rounds.load(Ordering::Acquire) && self.waker.will_wake(waker)
    }
}

#[derive(Debug, Default)]
struct Places {
    wakers: Vec<Option<Waker>>,
    free: Vec<usize>,
    /// Whose wakers are there; some may have left since.
    asleep: Vec<usize>,
}

impl Sleepers {
    fn lock(&self) -> MutexGuard<'_, Places> {
        self.places.lock().unwrap_or_else(PoisonError::into_inner)
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

    /// Leaves a waker; the next [`wake`](Self::wake) takes it. `left` is the one that was left before.
    pub(super) fn sleep(&self, place: usize, waker: &Waker, left: &mut Option<Left>) {
        let Places { wakers, asleep, .. } = &mut *self.lock();
        let Some(there) = wakers.get_mut(place) else { return };
        if let Some(there) = there {
            there.clone_from(waker);
        } else {
            *there = Some(waker.clone());
            asleep.push(place);
        }
        // Under the lock: no round begins meanwhile.
        let round = self.rounds.load(Ordering::Relaxed);
        match left {
            Some(left) => {
                left.waker.clone_from(waker);
                left.round = round;
            }
            None => *left = Some(Left { waker: waker.clone(), round }),
        }
    }

    /// Wakes everybody who sleeps now.
    pub(super) fn wake(&self) {
        let woken: Vec<Waker> = {
            let Places { wakers, asleep, .. } = &mut *self.lock();
            self.rounds.fetch_add(1, Ordering::Release);
            asleep.drain(..).filter_map(|place| wakers.get_mut(place)?.take()).collect()
        };
        // Outside of the lock: whoever wakes may come back at once.
        woken.into_iter().for_each(Waker::wake);
    }
}
