//! A client whose backend comes and goes.

use crate::app::{App, Todo, created, fill, on_disk};
use crate::{Folder, Paged};
use livestore::{NativeAdapter, Result, Store, Table};
use std::time::Duration;

/// The store's id.
pub const STORE: &str = "bench";
/// So many events are confirmed before anything is measured.
pub const CONFIRMED: u64 = 200;
/// Long enough for everything here.
pub const WAIT_MAX: Duration = Duration::from_secs(120);
const POLL: Duration = Duration::from_micros(500);

/// One session of a client on disk, and its backend.
#[derive(Debug)]
pub struct Client {
    /// Opens more sessions.
    pub adapter: NativeAdapter,
    /// The first session.
    pub store: Store<App>,
    /// The backend.
    pub backend: Paged,
    /// Where its files are.
    pub folder: Folder,
}

impl Client {
    /// Everything is confirmed, and the backend is there.
    ///
    /// # Errors
    /// The store or the disk failed.
    pub fn new(page: usize) -> Result<Self> {
        let (folder, backend) = (Folder::new(), Paged::new(page));
        let adapter = on_disk(folder.path());
        let store = Store::<App>::builder(adapter.clone(), STORE).sync(backend.clone()).open()?;
        fill(&store, 0, CONFIRMED, 1)?;
        assert!(store.wait_synced(WAIT_MAX), "{:?}", store.sync_status());
        Ok(Self { adapter, store, backend, folder })
    }

    /// The backend is not there, and so many events wait for it, each in a group of its own.
    ///
    /// # Errors
    /// The store or the disk failed.
    pub fn offline(page: usize, pending: u64) -> Result<Self> {
        let client = Self::new(page)?;
        client.backend.backend.set_online(false);
        fill(&client.store, CONFIRMED, pending, 1)?;
        client.settle();
        Ok(client)
    }

    /// Another session.
    ///
    /// # Errors
    /// The store could not be opened.
    pub fn session(&self) -> Result<Store<App>> {
        Ok(Store::<App>::builder(self.adapter.clone(), STORE).sync(self.backend.clone()).open()?)
    }

    /// Waits until the leader has taken all that the session committed.
    pub fn settle(&self) {
        poll(|| self.store.status().pending == 0);
    }

    /// Another client appends so many events, while this one is away.
    pub fn others_append(&self, from: u64, events: u64) {
        for number in from..from + events {
            let args = serde_json::to_string(&created(number)).unwrap_or_default();
            self.backend.backend.append(STORE, "another-client", "v1.TodoCreated", Some(&args));
        }
    }

    /// Lets the leader connect at once.
    pub fn go_online(&self) {
        self.backend.backend.set_online(true);
        let _ = self.store.wait_synced(Duration::ZERO); // Only to hurry.
    }
}

/// Waits without spending much.
///
/// # Panics
/// It takes too long.
pub fn poll(mut is_done: impl FnMut() -> bool) {
    for _ in 0..WAIT_MAX.as_micros() / POLL.as_micros() {
        if is_done() {
            return;
        }
        std::thread::sleep(POLL);
    }
    panic!("what was waited for did not come");
}

/// Waits until a session has applied so many events, pending ones included.
pub fn poll_head(store: &Store<App>, global: u64) {
    poll(|| store.status().local_head.global >= global);
}

/// How many todos a session sees.
///
/// # Errors
/// The store is closed.
pub fn count(store: &Store<App>) -> Result<u64> {
    Ok(store.query(&Todo::query().count())? as u64)
}
