//! A leader without a thread: whoever pumps the store runs its steps.

use super::desk::{Desk, lock};
use super::step::Step;
use super::worker::Worker;
use crate::materialize::panic_message;
use crate::threads::Mutex;
use std::any::Any;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, TryLockError};
use std::time::Duration;

/// The most steps in one call: a leader that never rests must not keep its caller.
const STEPS_MAX: usize = 10_000;

/// The latest time: what is due after it can still be counted.
const NOW_MAX: Duration = Duration::from_secs(u64::MAX / 2);

/// The leader, and what is held as long as it leads.
struct Led {
    // In the order in which they end.
    worker: Box<Worker>,
    _keep: Box<dyn Any + Send>,
}

pub(crate) struct Pumped {
    desk: Arc<Desk>,
    led: Mutex<Option<Led>>,
    /// The time of the last call.
    now: Mutex<Duration>,
}

impl Pumped {
    pub(super) fn new(desk: &Arc<Desk>, worker: Box<Worker>, keep: Box<dyn Any + Send>) -> Arc<Self> {
        let led = Mutex::new(Some(Led { worker, _keep: keep }));
        let pumped = Arc::new(Self { desk: Arc::clone(desk), led, now: Mutex::default() });
        desk.be_pumped_by(&pumped);
        pumped
    }

    /// Runs all steps that are due, and says when the next one is.
    pub(crate) fn pump(&self, now: Duration) -> Option<Duration> {
        let now = {
            let mut last = lock(&self.now);
            *last = now.min(NOW_MAX).max(*last);
            *last
        };
        self.run(|worker| worker.step(now))
    }

    /// Runs the steps that are due without time going on: somebody waits for an answer.
    pub(crate) fn pump_again(&self) {
        let now = *lock(&self.now);
        self.run(|worker| worker.step(now));
    }

    fn run(&self, mut step: impl FnMut(&mut Worker) -> Step) -> Option<Duration> {
        let mut led = match self.led.try_lock() {
            Ok(led) => led,
            Err(TryLockError::Poisoned(poisoned)) => poisoned.into_inner(),
            // Another thread is at it, or this one is, further up.
            Err(TryLockError::WouldBlock) => return None,
        };
        for _ in 0..STEPS_MAX {
            let worker = &mut led.as_mut()?.worker;
            match catch_unwind(AssertUnwindSafe(|| step(worker))) {
                Ok(Step::Worked) => {}
                Ok(Step::Wait { until, .. }) => return Some(until),
                Ok(Step::Ended) => {
                    self.end(led.take(), "the store was shut down");
                    return None;
                }
                Err(panic) => {
                    self.end(led.take(), &format!("the leader panicked: {}", panic_message(&*panic)));
                    return None;
                }
            }
        }
        Some(*lock(&self.now))
    }

    fn end(&self, led: Option<Led>, reason: &str) {
        drop(led);
        self.desk.close(&reason.into());
    }

    /// Ends the leader as the end of its process would: nothing is taken any more.
    pub(crate) fn abandon(&self) {
        let led = lock(&self.led).take();
        self.end(led, "the store was abandoned");
    }
}
