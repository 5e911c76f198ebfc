//! A sync backend in the process's memory, for tests: of an application, of a transport, of this library.

mod connection;
mod fault;
mod log;
#[cfg(test)]
mod tests;

pub use fault::Fault;

use super::{BackendId, SyncConnection, SyncError, SyncEvent, SyncProvider, SyncTarget};
use crate::threads::Mutex;
use connection::{Link, MemoryConnection};
use log::{Log, Refused};
use std::collections::{BTreeMap, VecDeque};
use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, PoisonError};
use std::task::Waker;

const PAGE_EVENTS_MAX: usize = 100;
const PAGE_BYTES_MAX: usize = 900_000;

/// Tells backends of one process apart.
static BACKENDS: AtomicU64 = AtomicU64::new(1);

type Validator = Arc<dyn Fn(&SyncEvent) -> Result<(), String> + Send + Sync>;

/// A sync backend that lives in memory, and fails as a test asks.
///
/// Use it to test how an application behaves with others, offline, or when its events are refused. Clones share one backend, with
/// one log for each store id; give a clone to each store. It is driven by its stores alone, without a thread or a clock.
///
/// It behaves like this project's own server: pushes are checked whole and appended whole, ids and commit groups are kept, and a
/// push that was sent again is recognised. [`like_the_original`](Self::like_the_original) behaves like the server of TypeScript LiveStore.
///
/// ```
/// use livestore::{Fault, MemoryBackend, StoreId, SyncMessage, SyncProvider, SyncRequest, SyncTarget};
/// use std::task::Waker;
///
/// let backend = MemoryBackend::new();
/// backend.append("todos", "another-client", "v1.TodoCreated", Some(r#"{"id":"a"}"#));
/// backend.inject(Fault::DuplicatePage);
///
/// let target = SyncTarget::new(StoreId::new("todos")?, "client");
/// let mut connection = backend.connect(&target, Waker::noop().clone());
/// connection.send(SyncRequest::Pull { after: 0, backend_id: None, live: true });
/// assert_eq!(connection.receive(), Some(SyncMessage::Connected));
/// let page = connection.receive();
/// assert!(matches!(&page, Some(SyncMessage::Page(page)) if page.events.len() == 1));
/// assert_eq!(connection.receive(), page);
/// assert_eq!(connection.receive(), None);
///
/// backend.set_online(false);
/// assert!(matches!(connection.receive(), Some(SyncMessage::Disconnected(_))));
/// # Ok::<(), livestore::InvalidStoreId>(())
/// ```
#[derive(Clone)]
pub struct MemoryBackend(Arc<Mutex<Shared>>);

#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    KeepsIdentity,
    LikeTheOriginal,
}

struct Shared {
    kind: Kind,
    /// What ids are made of, with a count of the replacements.
    name: String,
    replacements: u64,
    id: BackendId,
    logs: BTreeMap<String, Log>,
    links: BTreeMap<u64, Link>,
    link_next: u64,
    is_online: bool,
    is_held: bool,
    refusal: Option<String>,
    validator: Option<Validator>,
    faults: VecDeque<(Option<String>, Fault)>,
    /// What reached the backend and is in no log.
    aside: String,
    pushes: u64,
    pulls: u64,
    /// Who is to be woken when the lock is free.
    woken: Vec<Waker>,
}

impl MemoryBackend {
    /// An empty backend that keeps ids and commit groups.
    #[must_use]
    pub fn new() -> Self {
        Self::of_kind(Kind::KeepsIdentity)
    }

    /// An empty backend that behaves like the original's: it strips ids and commit groups, cuts pages at 100 events wherever that
    /// is, answers a push that was sent again like one of somebody else, and gives what it stored without args back with `null`.
    #[must_use]
    pub fn like_the_original() -> Self {
        Self::of_kind(Kind::LikeTheOriginal)
    }

    fn of_kind(kind: Kind) -> Self {
        let name = format!("memory-{}", BACKENDS.fetch_add(1, Ordering::Relaxed));
        Self(Arc::new(Mutex::new(Shared {
            kind,
            id: BackendId::new(&name),
            name,
            replacements: 0,
            logs: BTreeMap::new(),
            links: BTreeMap::new(),
            link_next: 0,
            is_online: true,
            is_held: false,
            refusal: None,
            validator: None,
            faults: VecDeque::new(),
            aside: String::new(),
            pushes: 0,
            pulls: 0,
            woken: Vec::new(),
        })))
    }

    /// Gives it an id, for a test whose output has to be the same each time; otherwise each backend of a process has another.
    #[must_use]
    pub fn with_id(self, id: &str) -> Self {
        self.change(|shared| {
            shared.name = id.to_owned();
            shared.id = BackendId::new(id);
        });
        self
    }

    /// Changes the backend, then wakes whom that concerns.
    fn change<T>(&self, change: impl FnOnce(&mut Shared) -> T) -> T {
        let (result, woken) = {
            let mut shared = self.0.lock().unwrap_or_else(PoisonError::into_inner);
            let result = change(&mut shared);
            (result, std::mem::take(&mut shared.woken))
        };
        woken.into_iter().for_each(crate::callback::wake);
        result
    }
}

/// What a test does to it, from any thread.
impl MemoryBackend {
    /// Asks about each pushed event that is new. One `Err` refuses its whole push with
    /// [`PushRefusal::Rejected`](crate::PushRefusal::Rejected).
    ///
    /// The hook runs with no lock held, in [`SyncConnection::send`].
    pub fn on_push(&self, accepts: impl Fn(&SyncEvent) -> Result<(), String> + Send + Sync + 'static) {
        let before = self.change(|shared| shared.validator.replace(Arc::new(accepts)));
        drop(before);
    }

    /// Appends one event, as if another client without ids had pushed it. `args` is JSON text.
    pub fn append(&self, store_id: &str, client_id: &str, name: &str, args: Option<&str>) {
        self.change(|shared| {
            let parent = shared.logs.get(store_id).map_or(0, Log::head);
            let event = SyncEvent {
                number: parent + 1,
                parent,
                name: name.into(),
                args: args.map(Into::into),
                client_id: client_id.into(),
                session_id: format!("{client_id}-session"),
                id: None,
                rest: None,
            };
            shared.take(store_id, 0, vec![event]);
        });
    }

    /// Lets clients reach it, as at first, or not: then connections end as offline and new ones do not come about.
    pub fn set_online(&self, is_online: bool) {
        self.change(|shared| {
            shared.is_online = is_online;
            if !is_online {
                shared.cut_all(&offline("the backend was set offline"));
            }
        });
    }

    /// Cuts every connection; the next ones stand.
    pub fn disconnect_all(&self) {
        self.change(|shared| shared.cut_all(&offline("the connection was cut")));
    }

    /// Lets nobody in, with this reason, or everybody again. Connections that stand end too.
    pub fn refuse_auth(&self, reason: Option<&str>) {
        self.change(|shared| {
            shared.refusal = reason.map(str::to_owned);
            if let Some(reason) = reason {
                shared.cut_all(&SyncError::Unauthorized { reason: reason.into() });
            }
        });
    }

    /// Holds every message until [`release`](Self::release). Pushes go on being applied.
    pub fn hold(&self) {
        self.change(|shared| shared.is_held = true);
    }

    /// Lets the messages go that [`hold`](Self::hold) held.
    pub fn release(&self) {
        self.change(|shared| {
            shared.is_held = false;
            shared.woken = shared.links.values().map(|link| link.waker.clone()).collect();
        });
    }

    /// Becomes another backend: a new id and empty logs. Connections are cut.
    pub fn replace(&self) {
        self.change(|shared| shared.replace(BTreeMap::new()));
    }

    /// Becomes another backend that holds these events of one store, numbered from 1.
    ///
    /// # Errors
    /// The events are no log: the numbers do not begin at 1, have gaps, or a commit group is not whole.
    pub fn replace_with_log(&self, store_id: &str, events: Vec<SyncEvent>) -> Result<(), String> {
        self.change(|shared| {
            let mut log = Log::default();
            match log.admit(shared.kind, &events) {
                Ok(_) => log.append(shared.kind, events),
                Err(Refused::Push(refusal)) => return Err(refusal.to_string()),
                Err(Refused::Protocol(reason)) => return Err(reason),
            }
            shared.replace(BTreeMap::from([(store_id.to_owned(), log)]));
            Ok(())
        })
    }

    /// Loses the last events of a store and keeps its id, like a server that was restored from an older copy. Connections are cut.
    /// A commit group that would be left in part goes whole.
    pub fn rewind(&self, store_id: &str, events: u64) {
        self.change(|shared| {
            let lost = shared.logs.get_mut(store_id).map(|log| log.rewind(events));
            shared.set_aside(&lost.unwrap_or_default());
            shared.cut_all(&offline("the backend was restored"));
        });
    }

    /// Has something go wrong once, at whoever is next.
    ///
    /// ```
    /// use livestore::{Fault, MemoryBackend, PushRefusal, StoreId, SyncMessage, SyncProvider, SyncRequest, SyncTarget};
    ///
    /// let backend = MemoryBackend::new();
    /// backend.inject(Fault::Busy);
    /// let target = SyncTarget::new(StoreId::new("todos")?, "client");
    /// let mut connection = backend.connect(&target, std::task::Waker::noop().clone());
    /// let push = SyncRequest::Push { backend_id: None, events: Vec::new() };
    /// connection.send(push.clone());
    /// connection.send(push);
    /// assert_eq!(connection.receive(), Some(SyncMessage::Connected));
    /// assert!(matches!(connection.receive(), Some(SyncMessage::PushRefused(PushRefusal::Busy { .. }))));
    /// assert_eq!(connection.receive(), Some(SyncMessage::Pushed));
    /// assert_eq!(backend.faults(), 0);
    /// # Ok::<(), livestore::InvalidStoreId>(())
    /// ```
    pub fn inject(&self, fault: Fault) {
        self.change(|shared| shared.faults.push_back((None, fault)));
    }

    /// The same, at one client.
    pub fn inject_for(&self, client_id: &str, fault: Fault) {
        self.change(|shared| shared.faults.push_back((Some(client_id.into()), fault)));
    }

    /// The same, so many times.
    pub fn inject_times(&self, times: usize, fault: &Fault) {
        self.change(|shared| shared.faults.extend(std::iter::repeat_n((None, fault.clone()), times)));
    }

    /// Takes back the faults that did not happen yet, and says how many those were.
    pub fn clear_faults(&self) -> usize {
        self.change(|shared| std::mem::take(&mut shared.faults).len())
    }
}

/// What a test may look at.
impl MemoryBackend {
    /// Its id.
    #[must_use]
    pub fn backend_id(&self) -> BackendId {
        self.change(|shared| shared.id.clone())
    }

    /// The log of a store.
    #[must_use]
    pub fn events(&self, store_id: &str) -> Vec<SyncEvent> {
        self.change(|shared| shared.logs.get(store_id).map_or_else(Vec::new, |log| log.events().to_vec()))
    }

    /// The number of a store's last event; 0 for an empty log.
    #[must_use]
    pub fn head(&self, store_id: &str) -> u64 {
        self.change(|shared| shared.logs.get(store_id).map_or(0, Log::head))
    }

    /// How many connections stand now.
    #[must_use]
    pub fn connections(&self) -> usize {
        self.change(|shared| shared.links.values().filter(|link| link.is_open()).count())
    }

    /// How many pushes came so far, whatever became of them.
    #[must_use]
    pub fn pushes(&self) -> u64 {
        self.change(|shared| shared.pushes)
    }

    /// How many pulls came so far.
    #[must_use]
    pub fn pulls(&self) -> u64 {
        self.change(|shared| shared.pulls)
    }

    /// How many injected faults did not happen yet.
    #[must_use]
    pub fn faults(&self) -> usize {
        self.change(|shared| shared.faults.len())
    }

    /// Whether a text is in anything that ever reached it: names, args and ids of events, also of those that it refused or lost.
    ///
    /// For a test that something stays with its client. Args are searched as JSON text.
    #[must_use]
    pub fn contains(&self, text: &str) -> bool {
        self.change(|shared| {
            let mut all = shared.aside.clone();
            shared.logs.values().flat_map(Log::events).for_each(|event| write_out(event, &mut all));
            shared.logs.keys().for_each(|store| push_line(&mut all, store));
            all.contains(text)
        })
    }
}

impl Shared {
    fn cut_all(&mut self, error: &SyncError) {
        let open: Vec<u64> = self.links.iter().filter(|(_, link)| link.is_open()).map(|(key, _)| *key).collect();
        open.into_iter().for_each(|key| self.cut(key, error.clone()));
    }

    fn replace(&mut self, logs: BTreeMap<String, Log>) {
        for log in std::mem::replace(&mut self.logs, logs).into_values() {
            self.set_aside(log.events());
        }
        self.replacements += 1;
        self.id = BackendId::new(format!("{}-{}", self.name, self.replacements + 1));
        self.cut_all(&offline("the backend was replaced"));
    }

    /// Keeps the text of events that no log holds.
    fn set_aside(&mut self, events: &[SyncEvent]) {
        events.iter().for_each(|event| write_out(event, &mut self.aside));
    }

    /// Takes the first fault of a kind that is meant for the client.
    fn next_fault(&mut self, client: &str, is_of_kind: impl Fn(&Fault) -> bool) -> Option<Fault> {
        let is_meant = |(meant, fault): &(Option<String>, Fault)| {
            meant.as_deref().is_none_or(|meant| meant == client) && is_of_kind(fault)
        };
        let index = self.faults.iter().position(is_meant)?;
        self.faults.remove(index).map(|(_, fault)| fault)
    }

    fn connect(&mut self, target: &SyncTarget, waker: Waker) -> u64 {
        let key = self.link_next;
        self.link_next += 1;
        let refused = match (&self.refusal, self.is_online) {
            (_, false) => Some(offline("the backend was set offline")),
            (Some(reason), true) => Some(SyncError::Unauthorized { reason: reason.clone() }),
            (None, true) => None,
        };
        self.woken.push(waker.clone());
        self.links.insert(key, Link::new(target, waker, refused));
        key
    }
}

fn offline(reason: &str) -> SyncError {
    SyncError::Offline { reason: reason.into() }
}

fn write_out(event: &SyncEvent, out: &mut String) {
    let args = event.args.as_deref().unwrap_or_default();
    for text in [&*event.name, args, &event.client_id, &event.session_id] {
        push_line(out, text);
    }
}

fn push_line(out: &mut String, text: &str) {
    out.push_str(text);
    out.push('\n');
}

impl SyncProvider for MemoryBackend {
    fn connect(&self, target: &SyncTarget, wake: Waker) -> Box<dyn SyncConnection> {
        let key = self.change(|shared| shared.connect(target, wake));
        Box::new(MemoryConnection::new(self.clone(), key))
    }
}

impl Default for MemoryBackend {
    fn default() -> Self {
        Self::new()
    }
}

impl fmt::Debug for MemoryBackend {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.change(|shared| {
            let heads: BTreeMap<_, _> = shared.logs.iter().map(|(store, log)| (store, log.head())).collect();
            f.debug_struct("MemoryBackend").field("id", &shared.id).field("heads", &heads).finish_non_exhaustive()
        })
    }
}
