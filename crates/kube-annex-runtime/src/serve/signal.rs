//! Something that happens once, for which thousands wait.

use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll, Waker};
use tokio_util::sync::{CancellationToken, WaitForCancellationFutureOwned};

/// A signal, shared by who gives it and who waits for it. Whether it was given is known without a lock.
#[derive(Clone, Debug, Default)]
pub(crate) struct Signal {
    given: Arc<AtomicBool>,
    token: CancellationToken,
}

impl Signal {
    /// Gives the signal, for ever.
    pub(crate) fn give(&self) {
        self.given.store(true, Ordering::Release);
        self.token.cancel();
    }

    pub(crate) fn is_given(&self) -> bool {
        self.given.load(Ordering::Acquire)
    }

    /// Waits for the signal.
    pub(crate) async fn given(&self) {
        self.token.cancelled().await;
    }

    /// For a task that is polled often and has to know when the signal is given.
    pub(crate) fn waiting(&self) -> Waiting {
        Waiting { signal: self.clone(), left: None }
    }
}

/// A task's place among those who wait for a [`Signal`].
///
/// A waker that was left there once stays until the signal takes it: leaving it again, at each of a thousand streams'
/// events, would cost two locks that all of them share.
#[derive(Debug)]
pub(crate) struct Waiting {
    signal: Signal,
    left: Option<(Pin<Box<WaitForCancellationFutureOwned>>, Waker)>,
}

impl Waiting {
    pub(crate) fn is_over(&self) -> bool {
        self.signal.is_given()
    }

    /// Ready when the signal was given; else the task is woken when it is.
    pub(crate) fn poll(&mut self, context: &mut Context<'_>) -> Poll<()> {
        if self.is_over() {
            return Poll::Ready(());
        }
        if self.left.as_ref().is_some_and(|(_, waker)| waker.will_wake(context.waker())) {
            return Poll::Pending;
        }
        let place = || Box::pin(self.signal.token.clone().cancelled_owned());
        let mut place = self.left.take().map_or_else(place, |(place, _)| place);
        if place.as_mut().poll(context).is_ready() {
            return Poll::Ready(());
        }
        self.left = Some((place, context.waker().clone()));
        Poll::Pending
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::atomic::AtomicUsize;
    use std::task::Wake;

    /// A task that counts how often it is woken.
    #[derive(Default)]
    struct Task(AtomicUsize);

    impl Wake for Task {
        fn wake(self: Arc<Self>) {
            self.0.fetch_add(1, Ordering::Relaxed);
        }
    }

    impl Task {
        fn poll(self: &Arc<Self>, waiting: &mut Waiting) -> Poll<()> {
            waiting.poll(&mut Context::from_waker(&Waker::from(self.clone())))
        }

        fn woken(&self) -> usize {
            self.0.load(Ordering::Relaxed)
        }
    }

    #[test]
    fn who_waits_is_woken_once_the_signal_is_given() {
        let (signal, task) = (Signal::default(), Arc::new(Task::default()));
        let mut waiting = signal.waiting();
        let waker = Waker::from(task.clone());
        let mut context = Context::from_waker(&waker);
        for _ in 0..3 {
            assert!(waiting.poll(&mut context).is_pending());
        }
        assert_eq!(task.woken(), 0);
        signal.give();
        assert_eq!(task.woken(), 1);
        assert!(waiting.poll(&mut context).is_ready() && waiting.is_over());
    }

    #[test]
    fn who_goes_on_in_another_task_is_woken_there() {
        let (signal, first, second) = (Signal::default(), Arc::new(Task::default()), Arc::new(Task::default()));
        let mut waiting = signal.waiting();
        assert!(first.poll(&mut waiting).is_pending());
        assert!(second.poll(&mut waiting).is_pending());
        signal.give();
        assert_eq!((first.woken(), second.woken()), (0, 1));
        assert!(second.poll(&mut waiting).is_ready());
    }

    #[test]
    fn a_signal_that_was_given_before_is_not_waited_for() {
        let (signal, task) = (Signal::default(), Arc::new(Task::default()));
        let mut waiting = signal.waiting();
        signal.give();
        assert!(task.poll(&mut waiting).is_ready());
        assert!(task.poll(&mut signal.waiting()).is_ready());
    }
}
