//! A store in Rust, beside the TypeScript clients.

#[allow(missing_docs, reason = "what the macros make")]
pub mod schema;

pub use schema::App;

use crate::bell::Bell;
use crate::{Client, Note};
use livestore::{Commit, Receipt, Store, Subscription, Table as _, native, query_db};
use livestore_sync_client::SyncClientBuilder;
use schema::{NoteAdded, NoteRow, Trail};
use std::path::Path;

/// A store that is open.
#[derive(Debug)]
pub struct Rust {
    name: String,
    store: Store<App>,
    _changes: Subscription,
}

impl Rust {
    pub(crate) fn open(name: &str, dir: &Path, store_id: &str, client: SyncClientBuilder, bell: &Bell) -> Self {
        let backend = client.build().expect("the client is set up");
        let store = Store::<App>::builder(native(dir), store_id).sync(backend).open().expect("the store opens");
        let bell = bell.clone();
        let changes = store.subscribe(&query_db(Trail::query()), move |_| bell.ring());
        Self { name: name.to_owned(), store, _changes: changes.expect("the query is one") }
    }

    /// The store.
    #[must_use]
    pub const fn store(&self) -> &Store<App> {
        &self.store
    }

    /// Commits events together.
    pub fn commit(&self, events: impl Commit<App>) -> Receipt {
        self.store.commit(events).expect("the events are taken")
    }

    /// Adds a note.
    pub fn add(&self, id: &str) {
        self.commit(NoteAdded { id: id.into(), text: format!("{id} of {}", self.name) });
    }
}

impl Client for Rust {
    fn name(&self) -> &str {
        &self.name
    }

    fn trail(&self) -> String {
        let trail = self.store.query(&Trail::query()).expect("the query is one");
        trail.into_iter().map(|trail| trail.steps).collect()
    }

    fn state(&self) -> String {
        format!("{:?}", self.store.sync_status())
    }

    fn notes(&self) -> Vec<Note> {
        let notes = self.store.query(&NoteRow::query().order_by(|note| note.id.asc())).expect("the query is one");
        notes.into_iter().map(|NoteRow { id, text, value }| Note { id, text, value }).collect()
    }
}
