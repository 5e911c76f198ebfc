use crate::error::{Error, Result, StorageError};
use crate::event::{Event, SequenceNumber};
use crate::eventlog::{LogFilter, LogRow};
use crate::ids::{ClientId, EventId, SessionId};
use crate::leader::{LeaderHandle, LeaderStatus};
use crate::schema::{Schema, SchemaEvent};
use crate::threads::{Instant, deadline};
use std::collections::VecDeque;
use std::pin::Pin;
use std::sync::{Arc, Weak};
use std::task::{Context, Poll};
use std::time::Duration;

/// The most events read from the log at once.
const PAGE_EVENTS: usize = 500;

/// Events from the eventlog in order, then those to come: an iterator, a [`futures_core::Stream`], or polled.
///
/// As an iterator it blocks at the end of the log until the next event; it ends when the store is closed, or behind
/// [`until`](Self::until) or [`until_now`](Self::until_now). Events of this session appear once they are in the eventlog,
/// which is shortly after the commit.
///
/// ```no_run
/// # use livestore::*;
/// # fn show<S: Schema>(store: &Store<S>) -> Result<()> {
/// for event in store.raw_events().since("e10".parse().unwrap()).take(5) {
///     let event = event?;
///     println!("{} {}", event.number, event.event.name);
/// }
/// # Ok(()) }
/// ```
pub struct EventStream<E> {
    leader: Weak<LeaderHandle>,
    filter: LogFilter,
    decode: fn(&LogRow) -> Option<Result<E>>,
    page: VecDeque<LogRow>,
    after: u64,
    /// Of the log that `after` is a place in.
    generation: Option<u64>,
    is_ended: bool,
}

/// The eventlog began again under another backend, or under one that lost events: what the stream gave may have another number
/// now. Begin a new stream.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the eventlog began again under another backend; begin a new stream")]
pub struct EventlogRestarted;

/// An event of the eventlog with its place and origin.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct StreamedEvent<E> {
    /// Its place in the eventlog.
    pub number: SequenceNumber,
    /// Its identity.
    pub id: EventId,
    /// The client that committed it.
    pub client_id: ClientId,
    /// The session that committed it.
    pub session_id: SessionId,
    /// The event.
    pub event: E,
}

/// An event as name and JSON.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct RawEvent {
    /// The wire name.
    pub name: String,
    /// The args as JSON text, byte for byte as first received; `None` where there are none.
    pub args: Option<String>,
    /// Whether it stays with its client.
    pub client_only: bool,
}

impl RawEvent {
    pub(super) fn of(row: &LogRow) -> Self {
        Self {
            name: row.event.name.to_string(),
            args: row.event.args.as_ref().map(ToString::to_string),
            client_only: row.event.client_only,
        }
    }
}

impl EventStream<RawEvent> {
    pub(super) fn raw(leader: Weak<LeaderHandle>) -> Self {
        Self::new(leader, LogFilter::default(), |row| Some(Ok(RawEvent::of(row))))
    }
}

impl<E: Event> EventStream<E> {
    pub(super) fn typed(leader: Weak<LeaderHandle>) -> Self {
        let filter = LogFilter { names: vec![E::DEF.name.to_owned()], ..LogFilter::default() };
        Self::new(leader, filter, |row| Some(E::__decode(row.event.args.as_deref())))
    }
}

impl<E> EventStream<E> {
    pub(super) fn of_schema<S: Schema<Event = E>>(leader: Weak<LeaderHandle>) -> Self
    where
        E: SchemaEvent<S>,
    {
        Self::new(leader, LogFilter::default(), |row| E::decode(&row.event.name, row.event.args.as_deref()))
    }

    fn new(leader: Weak<LeaderHandle>, filter: LogFilter, decode: fn(&LogRow) -> Option<Result<E>>) -> Self {
        Self { leader, filter, decode, page: VecDeque::new(), after: 0, generation: None, is_ended: false }
    }

    /// Only events after this number.
    #[must_use]
    pub fn since(mut self, number: SequenceNumber) -> Self {
        self.filter.since = Some(number);
        self
    }

    /// Only events up to and including this number; the stream ends there.
    #[must_use]
    pub fn until(mut self, number: SequenceNumber) -> Self {
        self.filter.until = Some(number);
        self
    }

    /// Only events that are in the eventlog at this moment; the stream ends behind them, at once where there are none.
    ///
    /// ```
    /// # use livestore::*;
    /// # use std::time::Duration;
    /// # #[event("v1.Added")] pub struct Added { pub id: String }
    /// # #[schema(events(Added))] pub struct App;
    /// # #[materializers] impl App { fn added(_: Added) {} }
    /// # fn main() -> Result<()> {
    /// # let store = Store::<App>::open(memory(), "todos")?;
    /// assert_eq!(store.events::<Added>().until_now().count(), 0);
    /// let receipt = store.commit(Added { id: "a".into() })?;
    /// receipt.wait(Duration::from_secs(5))?; // until it is in the eventlog
    /// let ids: Vec<String> = store.events::<Added>().until_now().map(|event| Ok(event?.event.id)).collect::<Result<_>>()?;
    /// assert_eq!(ids, ["a"]);
    /// # Ok(()) }
    /// ```
    #[must_use]
    pub fn until_now(self) -> Self {
        // A stream of a closed store ends by itself.
        let Some(head) = self.leader.upgrade().map(|leader| leader.status().head) else { return self };
        let until = self.filter.until.map_or(head, |until| until.min(head));
        self.until(until)
    }

    /// Only events with this wire name; more calls allow more names.
    #[must_use]
    pub fn name(mut self, name: impl Into<String>) -> Self {
        self.filter.names.push(name.into());
        self
    }

    /// Only events of this client; more calls allow more clients.
    #[must_use]
    pub fn client(mut self, client_id: &ClientId) -> Self {
        self.filter.client_ids.push(client_id.to_string());
        self
    }

    /// Only events of this session; more calls allow more sessions.
    #[must_use]
    pub fn session(mut self, session_id: &SessionId) -> Self {
        self.filter.session_ids.push(session_id.to_string());
        self
    }

    /// The next event that is in the log already; `None` at its present end.
    ///
    /// # Errors
    /// The log cannot be read, or the event does not decode; the next call goes on behind it. [`EventlogRestarted`] ends the
    /// stream.
    pub fn try_next(&mut self) -> Option<Result<StreamedEvent<E>>> {
        loop {
            if let Some(row) = self.page.pop_front() {
                self.after = row.place;
                match (self.decode)(&row) {
                    None => continue,
                    Some(Ok(event)) => return Some(Ok(streamed(row, event))),
                    Some(Err(error)) => return Some(Err(undecoded(&row, &error))),
                }
            }
            match self.read_page() {
                Ok(true) => {}
                Ok(false) => return None,
                Err(error) => {
                    // A leader that cannot be reached right now may be there again at the next call.
                    self.is_ended = !error.downcast_ref::<StorageError>().is_some_and(StorageError::is_busy);
                    return Some(Err(error));
                }
            }
        }
    }

    /// Reads on; false where the log has nothing more now.
    fn read_page(&mut self) -> Result<bool> {
        let Some(leader) = self.leader.upgrade().filter(|_| !self.is_ended) else {
            self.is_ended = true;
            return Ok(false);
        };
        // The head first: an event that comes between is seen at the next call.
        let head = leader.status();
        let rows = leader.read(self.after, self.filter.clone(), PAGE_EVENTS)?;
        let generation = *self.generation.get_or_insert(head.generation);
        if [head.generation, leader.status().generation] != [generation; 2] {
            return Err(Error::new(EventlogRestarted));
        }
        if rows.is_empty() {
            self.after = self.after.max(head.place);
            self.is_ended = self.filter.until.is_some_and(|until| head.head >= until);
        }
        self.page.extend(rows);
        Ok(!self.page.is_empty())
    }

    /// Whether the log has something new to say.
    fn is_behind(&self, status: &LeaderStatus) -> bool {
        status.place > self.after || self.generation.is_some_and(|generation| generation != status.generation)
    }

    /// The next event, waiting for it; `None` when the time is over or the stream has ended.
    ///
    /// # Errors
    /// As for [`try_next`](Self::try_next).
    pub fn next_timeout(&mut self, timeout: Duration) -> Option<Result<StreamedEvent<E>>> {
        let deadline = deadline(timeout);
        loop {
            if let Some(next) = self.try_next() {
                return Some(next);
            }
            let left = deadline.saturating_duration_since(Instant::now());
            if self.is_ended || left.is_zero() {
                return None;
            }
            // Short waits: the handle must not outlive the store by more than one of them.
            let leader = self.leader.upgrade()?;
            leader.wait_status(left.min(Duration::from_millis(200)), |status| self.is_behind(status));
            self.is_ended |= leader.stopped().is_some();
        }
    }
}

fn streamed<E>(row: LogRow, event: E) -> StreamedEvent<E> {
    StreamedEvent { number: row.number, id: row.id, client_id: row.client_id, session_id: row.session_id, event }
}

fn undecoded(row: &LogRow, error: &Error) -> Error {
    Error::new(format!("event `{}` at {}: {error}", row.event.name, row.number))
}

impl<E> Iterator for EventStream<E> {
    type Item = Result<StreamedEvent<E>>;

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            match self.next_timeout(Duration::from_secs(3_600)) {
                None if !self.is_ended => {}
                next => return next,
            }
        }
    }
}

impl<E> futures_core::Stream for EventStream<E> {
    type Item = Result<StreamedEvent<E>>;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        if let Some(next) = self.try_next() {
            return Poll::Ready(Some(next));
        }
        let leader: Option<Arc<LeaderHandle>> = self.leader.upgrade();
        match leader.filter(|leader| !self.is_ended && leader.stopped().is_none()) {
            None => Poll::Ready(None),
            Some(leader) => {
                leader.wake_status(|status| self.is_behind(status), context.waker());
                Poll::Pending
            }
        }
    }
}

impl<E> std::fmt::Debug for EventStream<E> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("EventStream").field("filter", &self.filter).field("after", &self.after).finish_non_exhaustive()
    }
}
