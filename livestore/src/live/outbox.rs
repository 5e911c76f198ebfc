use crate::callback::as_callback;
use crate::error::QueryError;
use crate::materialize::panic_message;
use crate::reactivity::Value;
use crate::threads::atomic::{AtomicBool, Ordering};
use crate::threads::{Mutex, MutexGuard};
use std::collections::VecDeque;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, PoisonError};

fn lock<T: ?Sized>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

type Callback = Box<dyn FnMut(&Value) + Send>;

/// One who watches: a callback, and at most one value that waits for it.
pub(crate) struct Subscriber {
    callback: Mutex<Option<Callback>>,
    waiting: Mutex<Option<Value>>,
    /// Why the last run of what it watches gave nothing.
    failed: Mutex<Option<QueryError>>,
    is_active: AtomicBool,
}

impl std::fmt::Debug for Subscriber {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Subscriber").finish_non_exhaustive()
    }
}

impl Subscriber {
    pub(super) fn new(callback: Callback) -> Arc<Self> {
        Arc::new(Self {
            callback: Mutex::new(Some(callback)),
            waiting: Mutex::default(),
            failed: Mutex::default(),
            is_active: AtomicBool::new(true),
        })
    }

    /// No call begins after this. The callback is dropped now, or when the call that runs it returns.
    pub(super) fn end(&self) {
        self.is_active.store(false, Ordering::Release);
        let ended = self.callback.try_lock().ok().and_then(|mut callback| callback.take());
        calmly(|| drop(ended));
    }

    /// What it watches failed, or gives values again.
    pub(super) fn note_failure(&self, error: Option<&QueryError>) {
        *lock(&self.failed) = error.cloned();
    }

    pub(super) fn failure(&self) -> Option<QueryError> {
        lock(&self.failed).clone()
    }

    fn call(&self) {
        let Some(value) = lock(&self.waiting).take() else { return };
        let mut callback = lock(&self.callback);
        if let Some(call) = callback.as_mut().filter(|_| self.is_active.load(Ordering::Acquire)) {
            as_callback(|| calmly(|| call(&value)));
        }
        // Whoever ended it while it ran could not take it; after this lock is free they can.
        drop(callback);
        if !self.is_active.load(Ordering::Acquire) {
            self.end();
        }
    }
}

/// Runs the application's code, or drops what it owns; a panic there is its own affair, and must not stop the deliveries.
fn calmly(work: impl FnOnce()) {
    if let Err(panic) = catch_unwind(AssertUnwindSafe(work)) {
        tracing::error!(message = panic_message(&*panic), "a subscriber's callback panicked");
    }
}

/// Changed values on their way to callbacks. Filled with the store's lock held, emptied with no lock held, by one thread at a
/// time. A subscriber stands in the queue once, with its latest value: so it is bounded by the number of subscribers.
#[derive(Debug, Default)]
pub(crate) struct Outbox {
    queue: Mutex<Queue>,
}

#[derive(Debug, Default)]
struct Queue {
    subscribers: VecDeque<Arc<Subscriber>>,
    is_draining: bool,
    is_closed: bool,
}

impl Outbox {
    pub(super) fn post(&self, subscriber: &Arc<Subscriber>, value: Value) {
        let is_queued = lock(&subscriber.waiting).replace(value).is_some();
        if !is_queued {
            lock(&self.queue).subscribers.push_back(Arc::clone(subscriber));
        }
    }

    /// Runs callbacks until none is left, unless another thread, or a frame below on this one, is at it.
    pub(crate) fn drain(&self) {
        loop {
            let next = {
                let mut queue = lock(&self.queue);
                if queue.subscribers.is_empty() || queue.is_draining || queue.is_closed {
                    return;
                }
                queue.is_draining = true;
                queue.subscribers.pop_front()
            };
            if let Some(subscriber) = next {
                subscriber.call();
            }
            lock(&self.queue).is_draining = false;
        }
    }

    /// Nothing is delivered any more.
    pub(crate) fn close(&self) {
        let mut queue = lock(&self.queue);
        queue.is_closed = true;
        queue.subscribers.clear();
    }
}
