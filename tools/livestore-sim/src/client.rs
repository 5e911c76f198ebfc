//! One client: its data, its sessions, its clock.

use crate::{Hear, SimNetwork, Workload};
use livestore::{MemoryAdapter, OnOtherBackend, OpenError, Store, Subscription, SyncState, memory, native};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

pub(crate) const STORE: &str = "simulated";

/// A directory that goes with the run.
pub(crate) struct Scratch(PathBuf);

impl Scratch {
    pub(crate) fn path(&self) -> &Path {
        &self.0
    }

    pub(crate) fn new() -> Self {
        static COUNT: AtomicU64 = AtomicU64::new(0);
        let count = COUNT.fetch_add(1, Ordering::Relaxed);
        let memory = Path::new("/dev/shm");
        let parent = if memory.is_dir() { memory.to_owned() } else { std::env::temp_dir() };
        let path = parent.join(format!("livestore-sim-{}-{count}", std::process::id()));
        let _ = std::fs::remove_dir_all(&path);
        // Where it cannot be made, whoever uses it says so.
        let _ = std::fs::create_dir_all(&path);
        Self(path.canonicalize().unwrap_or(path))
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

enum Home {
    Memory(MemoryAdapter),
    Native(PathBuf),
}

/// A client's own clock.
#[derive(Default)]
pub(crate) struct Clock {
    ahead: Duration,
    behind: Duration,
    /// Where it stands still.
    still: Option<Duration>,
    /// The latest that it ever showed.
    latest: Duration,
}

impl Clock {
    fn own(&mut self, now: Duration) -> Duration {
        let own = self.still.unwrap_or((now + self.ahead).saturating_sub(self.behind));
        self.latest = self.latest.max(own);
        own
    }

    /// When the world is there, if this clock gets there by itself.
    fn world(&self, own: Duration, now: Duration) -> Option<Duration> {
        match self.still {
            Some(still) => (own <= still).then_some(now),
            None => Some((own + self.behind).saturating_sub(self.ahead)),
        }
    }

    pub(crate) fn jump(&mut self, time: Duration) {
        self.ahead += time;
    }

    pub(crate) fn go_back(&mut self, time: Duration) {
        self.behind += time;
    }

    pub(crate) fn stand_still(&mut self, is_still: bool, now: Duration) {
        let own = self.own(now);
        self.still = is_still.then_some(own);
    }

    /// From here on it goes as it should, and never shows again what it showed.
    pub(crate) fn heal(&mut self, now: Duration) {
        self.still = None;
        if self.own(now) <= self.latest {
            (self.ahead, self.behind) = (self.latest.saturating_sub(now), Duration::ZERO);
        }
    }
}

pub(crate) struct Session<W: Workload> {
    /// Before the store, of which it has a handle.
    watch: Option<Subscription>,
    pub(crate) hear: Hear,
    pub(crate) store: Store<W::Schema>,
    /// Counts all sessions of a run.
    pub(crate) origin: u64,
    pub(crate) commits: u64,
}

impl<W: Workload> Session<W> {
    fn end_watch(&mut self) {
        drop(self.watch.take());
        self.hear.end();
    }
}

pub(crate) struct Client<W: Workload> {
    pub(crate) index: usize,
    home: Home,
    pub(crate) sessions: Vec<Session<W>>,
    pub(crate) clock: Clock,
    pub(crate) asleep_until: Duration,
    pub(crate) due: Option<Duration>,
    /// It had more to do than any client has in one moment.
    pub(crate) is_turning: bool,
    /// Every session since its data began.
    pub(crate) origins: Vec<u64>,
    /// How many events of its confirmed log were compared with the backend's.
    pub(crate) compared: usize,
    /// Whether what was compared is what the backend holds now, and not what it held before it was replaced.
    pub(crate) is_current: bool,
    /// How often the backend's log had begun again by then.
    pub(crate) compared_shakes: usize,
    /// And how long the backend's log was; no length where it has to be compared again.
    pub(crate) compared_head: usize,
    pub(crate) policy: OnOtherBackend,
}

impl<W: Workload> Client<W> {
    /// A client that keeps its data in a directory, or in memory.
    pub(crate) fn new(index: usize, directory: Option<PathBuf>, policy: OnOtherBackend) -> Self {
        let home = directory.map_or_else(|| Home::Memory(memory()), Home::Native);
        Self {
            index,
            home,
            sessions: Vec::new(),
            clock: Clock::default(),
            asleep_until: Duration::ZERO,
            due: None,
            is_turning: false,
            origins: Vec::new(),
            compared: 0,
            is_current: true,
            compared_shakes: 0,
            compared_head: usize::MAX,
            policy,
        }
    }

    pub(crate) fn is_native(&self) -> bool {
        matches!(self.home, Home::Native(_))
    }

    pub(crate) fn open(&mut self, network: &SimNetwork, origin: u64) -> Result<(), OpenError> {
        let provider = network.provider(self.index);
        let policy = self.policy;
        let opened = match &self.home {
            Home::Memory(adapter) => {
                Store::builder(adapter.clone(), STORE).sync(provider).on_other_backend(policy).pumped().open()
            }
            Home::Native(scratch) => {
                Store::builder(native(scratch), STORE).sync(provider).on_other_backend(policy).pumped().open()
            }
        };
        let store = opened?;
        self.origins.push(origin);
        let hear = Hear::default();
        // A query that fails is noticed when the state is looked at.
        let watch = W::default().watch(&store, hear.clone()).ok().flatten();
        self.sessions.push(Session { watch, hear, store, origin, commits: 0 });
        Ok(())
    }

    /// Closes a session in order, and says which it was. A client in memory keeps its last one, with which its data would go.
    pub(crate) fn close(&mut self, session: usize, is_disk_bad: bool) -> Result<Option<u64>, String> {
        let least = usize::from(!self.is_native());
        if self.sessions.len() <= least {
            return Ok(None);
        }
        let mut session = self.sessions.remove(session % self.sessions.len());
        session.end_watch();
        crate::sometimes!("the last session of a client closes", self.sessions.is_empty());
        if self.sessions.is_empty() {
            (self.compared, self.compared_head) = (0, usize::MAX);
        }
        match session.store.shutdown() {
            Err(error) if !is_disk_bad => Err(format!("D2: client {} does not close: {error}", self.index)),
            _ => Ok(Some(session.origin)),
        }
    }

    /// Ends the process. Gives back the sessions whose pending commits may be lost.
    pub(crate) fn crash(&mut self) -> Vec<u64> {
        self.sessions.iter_mut().for_each(Session::end_watch);
        let mut sessions = std::mem::take(&mut self.sessions).into_iter();
        if let Some(session) = sessions.next() {
            livestore::__testing::abandon(session.store);
        }
        drop(sessions);
        (self.compared, self.compared_head) = (0, usize::MAX);
        match &mut self.home {
            Home::Memory(adapter) => {
                *adapter = memory();
                std::mem::take(&mut self.origins)
            }
            Home::Native(_) => Vec::new(),
        }
    }

    /// Whether all its sessions are where the backend is, with nothing pending.
    pub(crate) fn is_synced_to(&self, head: u64) -> bool {
        self.sessions.iter().all(|session| {
            let status = session.store.sync_status();
            status.is_synced() && status.synced == head
        })
    }

    /// Whether it stopped, and had a reason to.
    pub(crate) fn may_have_stopped(&self, is_shaken: bool) -> bool {
        let stops = match self.policy {
            OnOtherBackend::Stop => true,
            // In memory there is no place to keep anything aside.
            OnOtherBackend::KeepAside => !self.is_native(),
            _ => false,
        };
        let is_stopped = |session: &Session<W>| matches!(session.store.sync_status().state, SyncState::Stopped { .. });
        is_shaken && stops && !self.sessions.is_empty() && self.sessions.iter().all(is_stopped)
    }

    pub(crate) fn pump(&mut self, now: Duration) {
        if now < self.asleep_until {
            self.due = Some(self.asleep_until);
            return;
        }
        let own = self.clock.own(now);
        let dues = self.sessions.iter().filter_map(|session| session.store.pump(own));
        let due = dues.min();
        self.is_turning |= due.is_some_and(|due| due <= own);
        self.due = due.and_then(|due| self.clock.world(due, now));
    }
}
