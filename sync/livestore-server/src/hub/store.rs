use super::pages::{Pages, SharedPage};
use crate::limits::Bucket;
use crate::log::{Push, Pusher, Recent, Verdict};
use crate::metrics::METRICS;
use crate::storage::{Entry, ReadMax, Storage, StorageError};
use livestore_sync_protocol::{BackendId, Groups, Limits, Read};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use tokio::sync::{mpsc, oneshot, watch};
use tokio::time::Instant;

/// A store that is open: the way to its owner, and the end of its log.
#[derive(Debug)]
pub struct OpenStore {
    pub(super) store_id: Box<str>,
    pub(super) storage: Arc<dyn Storage>,
    pub(super) recent: Arc<Mutex<Recent>>,
    pub(super) pages: Pages,
    pub(super) state: watch::Receiver<State>,
    pub(super) requests: mpsc::Sender<Request>,
    pub(super) pushers: AtomicU64,
    pub(super) opened_at: Instant,
    pub(super) pace: Mutex<Bucket>,
}

/// What the owner's task is asked for.
#[derive(Debug)]
pub(super) enum Request {
    Push(Option<Pusher>, Push, oneshot::Sender<Verdict>),
    /// Pushes no more.
    Gone(Pusher),
    Hint,
    /// Look at the log now, and say when it is done.
    Look(oneshot::Sender<Result<(), StorageError>>),
}

/// How far the log is, for everybody who follows it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum State {
    Loading,
    /// It could not be loaded; the owner tries again.
    Failed(StorageError),
    Open(Follow),
}

/// How far a log is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Follow {
    /// Whose log it is.
    pub backend_id: BackendId,
    /// The number of its last event.
    pub head: u64,
    /// How often it began again: was made anew, or lost events. Whoever sees another number than before has to disconnect.
    pub restarts: u64,
}

/// What [`OpenStore::read`] gives.
#[derive(Clone, Debug)]
pub struct Page {
    /// How far the log was at least when it was read.
    pub follow: Follow,
    /// The events.
    pub entries: Vec<Entry>,
}

/// The owner's task is gone; the connection has to be closed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the store is closed")]
pub struct PushError;

/// A push that the owner has: it goes on, whether somebody waits for its verdict or not.
#[derive(Debug)]
pub struct Handed(oneshot::Receiver<Verdict>);

impl Handed {
    /// The verdict.
    ///
    /// # Errors
    ///
    /// The owner's task is gone, and what became of the push is not known.
    pub async fn verdict(self) -> Result<Verdict, PushError> {
        self.0.await.map_err(|_| PushError)
    }
}

/// A connection's place among those that push to a store, until it is dropped: by it the owner knows who was refused how often,
/// and gives [turns](crate::log::Turns).
#[derive(Debug)]
pub struct Seat {
    pusher: Pusher,
    requests: mpsc::Sender<Request>,
}

impl Drop for Seat {
    fn drop(&mut self) {
        // In a full queue nobody waits for somebody's turn.
        let _ = self.requests.try_send(Request::Gone(self.pusher));
    }
}

/// Somebody who waits for a log's changes.
#[derive(Clone, Debug)]
pub struct Follower {
    state: watch::Receiver<State>,
}

impl Follower {
    /// Waits until the log is not as `seen` any more. May be dropped while it waits.
    ///
    /// # Errors
    ///
    /// The owner's task is gone.
    pub async fn moved(&mut self, seen: &Follow) -> Result<Follow, PushError> {
        let is_new = |state: &State| matches!(state, State::Open(follow) if follow != seen);
        match &*self.state.wait_for(is_new).await.map_err(|_| PushError)? {
            State::Open(follow) => Ok(follow.clone()),
            State::Loading | State::Failed(_) => Err(PushError),
        }
    }
}

impl OpenStore {
    /// Its id.
    #[must_use]
    pub fn store_id(&self) -> &str {
        &self.store_id
    }

    /// When it was opened in this process.
    #[must_use]
    pub const fn opened_at(&self) -> Instant {
        self.opened_at
    }

    /// Its share of events, for whoever takes a push; time counts from [`opened_at`](Self::opened_at).
    pub fn with_pace<T>(&self, take: impl FnOnce(&mut Bucket) -> T) -> T {
        take(&mut self.pace.lock().unwrap_or_else(PoisonError::into_inner))
    }

    pub(super) async fn loaded(&self) -> Result<Follow, StorageError> {
        let mut state = self.state.clone();
        loop {
            match &*state.borrow_and_update() {
                State::Open(follow) => return Ok(follow.clone()),
                State::Failed(error) => return Err(error.clone()),
                State::Loading => {}
            }
            state.changed().await.map_err(|_| StorageError::unavailable("the store is closed"))?;
        }
    }

    /// How far the log is, now.
    #[must_use]
    pub fn follow(&self) -> Option<Follow> {
        match &*self.state.borrow() {
            State::Open(follow) => Some(follow.clone()),
            State::Loading | State::Failed(_) => None,
        }
    }

    /// Tells of the log's changes.
    #[must_use]
    pub fn follower(&self) -> Follower {
        Follower { state: self.state.clone() }
    }

    /// Hands a push to the owner, waiting for its turn, and returns the verdict. Once handed over it goes on, whether somebody
    /// waits for it or not.
    ///
    /// # Errors
    ///
    /// The owner's task is gone.
    pub async fn push(&self, push: Push) -> Result<Verdict, PushError> {
        self.hand_over(None, push).await?.verdict().await
    }

    /// A place among those that push.
    #[must_use]
    pub fn seat(&self) -> Seat {
        let pusher = Pusher(self.pushers.fetch_add(1, Ordering::Relaxed));
        Seat { pusher, requests: self.requests.clone() }
    }

    /// Hands a push to the owner, waiting for its turn. Those that are handed over one after the other keep their order. Who has
    /// no seat gets no turn when others are ahead again and again.
    ///
    /// # Errors
    ///
    /// The owner's task is gone.
    pub async fn hand_over(&self, seat: Option<&Seat>, push: Push) -> Result<Handed, PushError> {
        let (sender, verdict) = oneshot::channel();
        self.requests.send(Request::Push(seat.map(|seat| seat.pusher), push, sender)).await.map_err(|_| PushError)?;
        METRICS.waiting_pushes.saw((self.requests.max_capacity() - self.requests.capacity()) as u64);
        Ok(Handed(verdict))
    }

    pub(super) fn is_closed(&self) -> bool {
        self.requests.is_closed()
    }

    /// How far the log is, looked up in the storage.
    async fn look(&self) -> Result<Follow, StorageError> {
        let gone = || StorageError::unavailable("the store is closed");
        let (sender, looked) = oneshot::channel();
        self.requests.send(Request::Look(sender)).await.map_err(|_| gone())?;
        looked.await.map_err(|_| gone())??;
        self.loaded().await
    }

    /// Somebody else may have appended.
    pub fn hint(&self) {
        // A full queue looks at the head anyway.
        let _ = self.requests.try_send(Request::Hint);
    }

    /// What a pull asks for, where it is in memory and more than nothing: one page for all who ask for the same.
    #[must_use]
    pub fn at_hand(&self, read: &Read) -> Option<Arc<SharedPage>> {
        let follow = self.follow()?;
        if read.after >= follow.head {
            return None;
        }
        self.pages.get(read, &follow, || {
            let max = ReadMax { events: read.events_max, bytes: read.bytes_max };
            let entries = self.recent.lock().unwrap_or_else(PoisonError::into_inner).after(read.after, max)?;
            let is_whole = read.groups == Groups::Cut || entries.iter().any(Entry::ends_group);
            // Events of one log must not go out as those of another.
            let is_same = self.follow().is_some_and(|now| now.restarts == follow.restarts);
            (is_whole && is_same && !entries.is_empty()).then_some(entries)
        })
    }

    /// Reads what a pull asks for: from memory, where it is there.
    ///
    /// # Errors
    ///
    /// The storage cannot be read.
    pub async fn read(&self, read: &Read) -> Result<Page, StorageError> {
        let mut follow = self.loaded().await?;
        if read.after > follow.head {
            // Another server may know more of the log, and its client come here. "The log is shorter" would be a lie.
            follow = self.look().await?;
        }
        let entries = self.page(read).await?;
        let now = self.loaded().await?;
        if now.restarts != follow.restarts {
            // Events of one log must not go out as those of another.
            return Ok(Page { follow: now, entries: Vec::new() });
        }
        Ok(Page { follow, entries })
    }

    async fn page(&self, read: &Read) -> Result<Vec<Entry>, StorageError> {
        let max = ReadMax { events: read.events_max, bytes: read.bytes_max };
        let entries = self.entries(read.after, max).await?;
        let is_whole = read.groups == Groups::Cut || entries.is_empty() || entries.iter().any(Entry::ends_group);
        if is_whole {
            return Ok(entries);
        }
        // The first group alone is more than a page: it makes a page of its own. Its JSON is longer than its payload.
        let max = ReadMax { events: Limits::GROUP_EVENTS, bytes: Limits::default().frame_bytes };
        self.entries(read.after, max).await
    }

    async fn entries(&self, after: u64, max: ReadMax) -> Result<Vec<Entry>, StorageError> {
        let at_hand = self.recent.lock().unwrap_or_else(PoisonError::into_inner).after(after, max);
        match at_hand {
            Some(entries) => Ok(entries),
            None => self.storage.read(&self.store_id, after, max).await,
        }
    }
}
