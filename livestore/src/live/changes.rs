use super::definition::Definition;

use super::queryable::typed;
use super::subscription::{LiveHost, Subscription};
use crate::callback::is_in_callback;
use crate::error::QueryError;
use crate::reactivity::Value;
use crate::threads::{Condvar, Instant, Mutex, MutexGuard, deadline};
use std::marker::PhantomData;
use std::pin::Pin;
use std::sync::{Arc, PoisonError};
use std::task::{Context, Poll, Waker};
use std::time::Duration;

/// The results of a live query, one after the other: an iterator that waits, and a [`futures_core::Stream`].
///
/// It begins with the present result. A reader that is slower than the changes gets the latest and misses those between. It
/// ends when the store is closed. Inside a subscriber's callback it does not wait, which would be for itself: there it ends
/// where nothing is ready.
///
/// ```
/// # use livestore::*;
/// # #[event("v1.Added")] pub struct Added { pub id: i64 }
/// # #[table("items")] pub struct Item { #[column(primary_key)] pub id: i64 }
/// # #[schema(events(Added), tables(Item))] pub struct App;
/// # #[materializers] impl App { fn added(Added { id }: Added) -> impl IntoWrites { Item { id }.insert() } }
/// # fn main() -> Result<()> {
/// # let store = Store::<App>::open(memory(), "items")?;
/// let mut counts = store.changes(&Item::query().count())?;
/// assert_eq!(counts.next().as_deref(), Some(&0));
/// store.commit(Added { id: 1 })?;
/// assert_eq!(counts.next().as_deref(), Some(&1));
/// assert!(counts.try_next().is_none());
/// # Ok(()) }
/// ```
#[derive(Debug)]
pub struct Changes<T> {
    slot: Arc<Slot>,
    subscription: Subscription,
    output: PhantomData<fn() -> T>,
}

#[derive(Debug, Default)]
struct Slot {
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Debug, Default)]
struct State {
    latest: Option<Value>,
    is_closed: bool,
    waker: Option<Waker>,
}

impl Slot {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn change(&self, change: impl FnOnce(&mut State)) {
        let mut state = self.state();
        change(&mut state);
        let waker = state.waker.take();
        drop(state);
        self.changed.notify_all();
        if let Some(waker) = waker {
            crate::callback::wake(waker);
        }
    }
}

/// Lives in the callback, which the store drops when it closes.
struct Feeder(Arc<Slot>);

impl Drop for Feeder {
    fn drop(&mut self) {
        self.0.change(|state| state.is_closed = true);
    }
}

impl<T: Send + Sync + 'static> Changes<T> {
    pub(super) fn start(host: &Arc<dyn LiveHost>, definition: &Arc<Definition>) -> Result<Self, QueryError> {
        let slot = Arc::new(Slot::default());
        let feeder = Feeder(Arc::clone(&slot));
        let feed = move |value: &Value| feeder.0.change(|state| state.latest = Some(Arc::clone(value)));
        let subscription = Subscription::start(host, definition, Box::new(feed))?;
        Ok(Self { slot, subscription, output: PhantomData })
    }

    /// A result that came since the last call, if one did.
    pub fn try_next(&mut self) -> Option<Arc<T>> {
        take(&mut self.slot.state())
    }

    /// The next result, waiting for it; `None` when the time is over or the store is closed.
    pub fn next_timeout(&mut self, timeout: Duration) -> Option<Arc<T>> {
        let deadline = deadline(timeout);
        let mut state = self.slot.state();
        loop {
            if let Some(value) = take(&mut state) {
                return Some(value);
            }
            let left = deadline.saturating_duration_since(Instant::now());
            if state.is_closed || left.is_zero() || is_in_callback() {
                return None;
            }
            state = self.slot.changed.wait_timeout(state, left).unwrap_or_else(PoisonError::into_inner).0;
        }
    }

    /// Why the last run of the query failed, see [`Subscription::error`].
    #[must_use]
    pub fn error(&self) -> Option<QueryError> {
        self.subscription.error()
    }

    /// Whether the store was closed.
    #[must_use]
    pub fn is_closed(&self) -> bool {
        self.slot.state().is_closed
    }
}

fn take<T: Send + Sync + 'static>(state: &mut State) -> Option<Arc<T>> {
    state.latest.take().and_then(|value| typed(value).ok())
}

impl<T: Send + Sync + 'static> Iterator for Changes<T> {
    type Item = Arc<T>;

    fn next(&mut self) -> Option<Arc<T>> {
        let mut state = self.slot.state();
        loop {
            if let Some(value) = take(&mut state) {
                return Some(value);
            }
            if state.is_closed || is_in_callback() {
                return None;
            }
            state = self.slot.changed.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
    }
}

impl<T: Send + Sync + 'static> futures_core::Stream for Changes<T> {
    type Item = Arc<T>;

    fn poll_next(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Arc<T>>> {
        let mut state = self.slot.state();
        if let Some(value) = take(&mut state) {
            return Poll::Ready(Some(value));
        }
        if state.is_closed {
            return Poll::Ready(None);
        }
        state.waker = Some(context.waker().clone());
        Poll::Pending
    }
}
