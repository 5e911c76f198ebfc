//! Whether this thread is inside a callback of the application, where waiting for the store would wait for itself.

use std::cell::Cell;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::task::Waker;

crate::threads::thread_local!(static IN_CALLBACK: Cell<bool> = const { Cell::new(false) });

/// Whether this thread runs a callback right now.
pub(crate) fn is_in_callback() -> bool {
    IN_CALLBACK.with(Cell::get)
}

/// Runs the closure as a callback. It must not panic: whoever calls an application catches its panics inside.
pub(crate) fn as_callback<T>(call: impl FnOnce() -> T) -> T {
    let outer = IN_CALLBACK.with(|flag| flag.replace(true));
    let called = call();
    IN_CALLBACK.with(|flag| flag.set(outer));
    called
}

/// Wakes a task of the application. A waker that panics must not take the thread with it that serves everybody.
pub(crate) fn wake(waker: Waker) {
    if catch_unwind(AssertUnwindSafe(|| waker.wake())).is_err() {
        tracing::error!("a waker panicked");
    }
}
