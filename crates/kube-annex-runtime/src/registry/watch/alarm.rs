//! A moment that comes, for a task that is polled far more often than it looks at the clock.

use std::pin::{Pin, pin};
use std::task::{Context, Poll, Waker};
use tokio::time::{Instant, Sleep};

/// Rings at a moment, and until it is set anew.
///
/// The timer keeps the waker that was left there first: at each of a thousand streams' events, neither the clock is read
/// nor the waker left again.
#[derive(Debug)]
pub(super) struct Alarm {
    sleep: Pin<Box<Sleep>>,
    /// The waker that the timer has.
    left: Option<Waker>,
}

impl Alarm {
    pub(super) fn at(moment: Instant) -> Self {
        Self { sleep: Box::pin(tokio::time::sleep_until(moment)), left: None }
    }

    /// Lets it ring at another moment.
    pub(super) fn set(&mut self, moment: Instant) {
        self.sleep.as_mut().reset(moment);
        self.left = None;
    }

    /// Ready when it rings; else the task is woken when it does.
    pub(super) fn poll(&mut self, context: &mut Context<'_>) -> Poll<()> {
        let waits = self.left.as_ref().is_some_and(|left| left.will_wake(context.waker()));
        if waits && !self.sleep.is_elapsed() {
            return Poll::Pending;
        }
        // Also a task that has done much in its turn leaves its waker.
        let rings = pin!(tokio::task::unconstrained(self.sleep.as_mut())).poll(context);
        self.left = rings.is_pending().then(|| context.waker().clone());
        rings
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use futures_util::FutureExt as _;
    use std::future::poll_fn;
    use std::sync::Arc;
    use std::sync::atomic::{AtomicUsize, Ordering};
    use std::task::Wake;
    use std::time::Duration;

    #[derive(Default)]
    struct Task(AtomicUsize);

    impl Wake for Task {
        fn wake(self: Arc<Self>) {
            self.0.fetch_add(1, Ordering::Relaxed);
        }
    }

    #[tokio::test(start_paused = true)]
    async fn it_rings_at_its_moment_however_often_it_is_asked_before() {
        let mut alarm = Alarm::at(Instant::now() + Duration::from_mins(1));
        for _ in 0..59 {
            tokio::time::advance(Duration::from_secs(1)).await;
            assert!(poll_fn(|context| alarm.poll(context)).now_or_never().is_none());
        }
        tokio::time::timeout(Duration::from_secs(2), poll_fn(|context| alarm.poll(context))).await.unwrap();
        assert!(poll_fn(|context| alarm.poll(context)).now_or_never().is_some());
        alarm.set(Instant::now() + Duration::from_secs(5));
        assert!(poll_fn(|context| alarm.poll(context)).now_or_never().is_none());
        tokio::time::timeout(Duration::from_secs(6), poll_fn(|context| alarm.poll(context))).await.unwrap();
    }

    #[tokio::test(start_paused = true)]
    async fn it_wakes_the_task_that_asked_last() {
        let [first, last] = [(); 2].map(|()| Arc::new(Task::default()));
        let mut alarm = Alarm::at(Instant::now() + Duration::from_secs(1));
        for task in [&first, &last, &last] {
            assert!(alarm.poll(&mut Context::from_waker(&Waker::from(task.clone()))).is_pending());
        }
        tokio::time::sleep(Duration::from_secs(2)).await;
        assert_eq!([first, last].map(|task| task.0.load(Ordering::Relaxed)), [0, 1]);
    }

    #[tokio::test(start_paused = true)]
    async fn it_rings_for_a_task_that_had_used_up_its_turn() {
        let mut alarm = Alarm::at(Instant::now() + Duration::from_secs(1));
        let used_up = async {
            while tokio::task::coop::has_budget_remaining() {
                tokio::task::coop::consume_budget().now_or_never();
            }
            poll_fn(|context| alarm.poll(context)).await;
        };
        tokio::time::timeout(Duration::from_secs(2), used_up).await.unwrap();
    }
}
