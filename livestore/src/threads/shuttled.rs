//! The same under a scheduler. Time is a count that goes on only where a short wait ends by itself; a long one never does, so that
//! who was forgotten is found as a deadlock.

use std::cell::Cell;
use std::ops::Add;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, LockResult, PoisonError};
use std::time::Duration;

pub(crate) use shuttle::sync::{Mutex, MutexGuard, atomic, mpsc};
pub(crate) use shuttle::thread::{Builder, JoinHandle, ThreadId, current};
pub(crate) use shuttle::thread_local;

/// Waits of this length or more do not end by themselves.
const FOR_EVER: Duration = Duration::from_secs(1);

pub(crate) fn this_thread() -> usize {
    usize::from(current().id()) + 1
}

// All threads of an execution are run by one of the system's.
std::thread_local!(static NOW: Cell<Duration> = const { Cell::new(Duration::ZERO) });

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Instant(Duration);

impl Instant {
    pub(crate) fn now() -> Self {
        Self(NOW.get())
    }

    pub(crate) fn elapsed(self) -> Duration {
        NOW.get().saturating_sub(self.0)
    }

    pub(crate) fn saturating_duration_since(self, earlier: Self) -> Duration {
        self.0.saturating_sub(earlier.0)
    }
}

impl Add<Duration> for Instant {
    type Output = Self;

    fn add(self, wait: Duration) -> Self {
        Self(self.0 + wait)
    }
}

#[derive(Debug, Default)]
pub(crate) struct Condvar(Arc<shuttle::sync::Condvar>);

impl Condvar {
    pub(crate) fn new() -> Self {
        Self::default()
    }

    pub(crate) fn notify_one(&self) {
        self.0.notify_one();
    }

    pub(crate) fn notify_all(&self) {
        self.0.notify_all();
    }

    pub(crate) fn wait<'a, T>(&self, guard: MutexGuard<'a, T>) -> LockResult<MutexGuard<'a, T>> {
        self.0.wait(guard)
    }

    pub(crate) fn wait_while<'a, T>(
        &self,
        mut guard: MutexGuard<'a, T>,
        mut is_waiting: impl FnMut(&mut T) -> bool,
    ) -> LockResult<MutexGuard<'a, T>> {
        while is_waiting(&mut guard) {
            guard = self.0.wait(guard)?;
        }
        Ok(guard)
    }

    /// A short wait may end at any moment, as if its time were over.
    pub(crate) fn wait_timeout<'a, T>(
        &self,
        guard: MutexGuard<'a, T>,
        wait: Duration,
    ) -> LockResult<(MutexGuard<'a, T>, ())> {
        if wait >= FOR_EVER {
            return with_time(self.0.wait(guard));
        }
        let is_awake = Arc::new(AtomicBool::new(false));
        let (condvar, awake) = (Arc::clone(&self.0), Arc::clone(&is_awake));
        let at = NOW.get() + wait;
        shuttle::thread::spawn(move || {
            NOW.set(NOW.get().max(at));
            // It does not hold the lock: who is only about to wait would miss a single ring.
            while !awake.load(Ordering::SeqCst) {
                condvar.notify_all();
                shuttle::thread::yield_now();
            }
        });
        let guard = self.0.wait(guard);
        is_awake.store(true, Ordering::SeqCst);
        with_time(guard)
    }

    pub(crate) fn wait_timeout_while<'a, T>(
        &self,
        mut guard: MutexGuard<'a, T>,
        wait: Duration,
        mut is_waiting: impl FnMut(&mut T) -> bool,
    ) -> LockResult<(MutexGuard<'a, T>, ())> {
        let until = NOW.get().saturating_add(wait);
        while is_waiting(&mut guard) {
            let left = until.saturating_sub(NOW.get());
            if left.is_zero() {
                break;
            }
            guard = self.wait_timeout(guard, left)?.0;
        }
        Ok((guard, ()))
    }
}

/// The library never asks whether a time was over: it looks at what it waits for.
fn with_time<T>(guard: LockResult<T>) -> LockResult<(T, ())> {
    guard.map(|guard| (guard, ())).map_err(|poisoned| PoisonError::new((poisoned.into_inner(), ())))
}

/// Runs it in many orders: some at random, some that stay with one thread as long as they can. What failed is printed with its schedule;
/// `SHUTTLE_RANDOM_SEED` begins from a seed, `SCHEDULES` says how many. `share` is for what takes long: one of so many.
#[cfg(test)]
pub(crate) fn explore(share: usize, run: impl Fn() + Copy + Send + Sync + 'static) {
    use shuttle::MaxSteps;
    use shuttle::scheduler::{PctScheduler, RandomScheduler};
    let asked = std::env::var("SCHEDULES").ok().and_then(|count| count.parse().ok());
    let schedules = asked.unwrap_or(if std::env::var_os("CI").is_some() { 10_000 } else { 200 }) / share;
    let config = |max_steps| {
        let mut config = shuttle::Config::new();
        config.stack_size = 1 << 20; // SQLite's parser is not frugal.
        config.silence_warnings = true;
        config.max_steps = max_steps;
        config
    };
    let run = move || {
        NOW.set(Duration::ZERO);
        run();
    };
    // Chance is fair: who goes on for so long goes round in a circle.
    shuttle::Runner::new(RandomScheduler::new(schedules), config(MaxSteps::FailAfter(1_000_000))).run(run);
    // This one is not: a thread that it forgot may be what all others look for again and again.
    shuttle::Runner::new(PctScheduler::new(3, schedules), config(MaxSteps::ContinueAfter(50_000))).run(run);
}
