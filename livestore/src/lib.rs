//! Event-sourced, reactive SQLite state for Rust applications.
//!
//! Start here: [`Store`] (open, commit, read), [`Table`] and [`Query`] (state and how to read it), [`query_db`] (live queries),
//! [`Receipt`] (what became of a commit), [`StoreStatus`] (how the store is doing).
//!
//! # The model
//!
//! An application declares these things, and this crate does the rest.
//!
//! | | is | written as |
//! |---|---|---|
//! | [`Event`] | a named, immutable fact: the only way to change anything | [`#[event]`](macro@event) above a struct |
//! | [`Table`] | state, as rows of a SQLite table | [`#[table]`](macro@table) above a struct |
//! | materializer | what one event writes into the tables | a function in a [`#[materializers]`](macro@materializers) block |
//! | [`ClientDocument`] | a value that stays with its client, such as what is selected | [`#[client_document]`](macro@client_document) above a struct |
//!
//! A [`#[schema]`](macro@schema) lists events, tables and documents. The compiler checks that they fit: an event without a
//! materializer, two events of one name, a value of the wrong type are errors at the place where they were written. A column of a type
//! of your own, such as an enum, needs [`#[derive(ColumnValue)]`](derive@ColumnValue).
//!
//! A [`Store`] of that schema keeps an append-only **eventlog**, which is the truth, and **state** derived from it, which can be
//! thrown away and rebuilt. [`Store::commit`] applies events to state at once, all or none. Reads are synchronous and local.
//!
//! ```
//! use livestore::*;
//!
//! #[event("v1.TodoCreated")]
//! pub struct TodoCreated { pub id: String, pub text: String }
//!
//! #[event("v1.TodoToggled")]
//! pub struct TodoToggled { pub id: String }
//!
//! #[table("todos")]
//! pub struct Todo {
//!     #[column(primary_key)]
//!     pub id: String,
//!     pub text: String,
//!     pub completed: bool,
//! }
//!
//! #[schema(events(TodoCreated, TodoToggled), tables(Todo))]
//! pub struct App;
//!
//! #[materializers]
//! impl App {
//!     fn created(TodoCreated { id, text }: TodoCreated) -> impl IntoWrites {
//!         Todo { id, text, completed: false }.insert()
//!     }
//!
//!     // A materializer may read the state that its event meets; it has no clock, no randomness and no I/O.
//!     fn toggled(TodoToggled { id }: TodoToggled, cx: &MaterializeCx<'_>) -> Result<impl IntoWrites> {
//!         let todo = cx.query(Todo::query().filter(|t| t.id.eq(&id)).first())?;
//!         Ok(todo.map(|todo| Todo::update().set(|t| t.completed, !todo.completed).filter(|t| t.id.eq(id))))
//!     }
//! }
//!
//! # fn main() -> Result<()> {
//! let store = Store::<App>::open(memory(), "todos")?;
//! store.commit(TodoCreated { id: "a".into(), text: "milk".into() })?;
//! store.commit((TodoToggled { id: "a".into() }, TodoCreated { id: "b".into(), text: "bread".into() }))?;
//! let open = store.query(&Todo::query().filter(|t| t.completed.eq(false)))?;
//! assert_eq!(open, [Todo { id: "b".into(), text: "bread".into(), completed: false }]);
//! # Ok(()) }
//! ```
//!
//! # Where the data lives
//!
//! An [`Adapter`] decides: [`memory()`] keeps everything in the process, [`native()`] in a directory. Each `open` is a client
//! **session**; clones of a [`Store`] share theirs. All sessions of one directory, in one process or several, see the same eventlog:
//! one of them **leads**, the others follow, and when the leader ends another takes over.
//!
//! # What a commit promises
//!
//! When [`Store::commit`] returns a [`Receipt`], queries see the change, subscribers were told, and it survives `kill -9`. The
//! receipt tells the later levels: *durable* (survives a power loss) and *confirmed* (has its final place in the eventlog). When it
//! returns an error, nothing changed, and the store goes on.
//!
//! A commit group that cannot be materialized at its final place, because another session came before it or because its events no
//! longer decode or materialize under this schema, is *quarantined*: it stays in the eventlog but not in state, and
//! [`StoreStatus::quarantined`] and its receipt say why. When materializers change, state is rebuilt
//! from the eventlog, and every group is judged again.
//!
//! # Live queries
//!
//! [`query_db`], [`query_db_with`], [`computed`] and [`signal`] define values that a store keeps up to date: they run again only when
//! a commit wrote tables and columns that they read, and an equal result goes no further. Watch them with [`Store::subscribe`]
//! or [`Store::changes`].
//!
//! # Sync
//!
//! [`StoreBuilder::sync`] gives a store a backend, which orders the events of all clients. Nothing waits for it: commits and reads stay
//! local, what it did not confirm is pending, and is applied again on top of what others did.
//!
//! ```
//! use livestore::*;
//! use std::time::Duration;
//! # #[event("v1.Added")] pub struct Added { pub id: String }
//! # #[table("items")] pub struct Item { #[column(primary_key)] pub id: String }
//! # #[schema(events(Added), tables(Item))] pub struct App;
//! # #[materializers] impl App { fn added(Added { id }: Added) -> impl IntoWrites { Item { id }.insert() } }
//!
//! # fn main() -> Result<()> {
//! let backend = MemoryBackend::new(); // in this process, for tests
//! let here = Store::<App>::builder(memory(), "items").sync(backend.clone()).open()?;
//! let there = Store::<App>::builder(memory(), "items").sync(backend).open()?;
//! here.commit(Added { id: "a".into() })?;
//! assert!(here.wait_synced(Duration::from_secs(10)));
//! assert!(there.wait_sync(Duration::from_secs(10), |sync| sync.synced == 1));
//! assert_eq!(there.query(&Item::query())?, [Item { id: "a".into() }]);
//! # Ok(()) }
//! ```
//!
//! - [`MemoryBackend`] is a backend for tests, which can be told to fail. The crate `livestore-sync-client` connects to one over WebSocket
//!   or HTTP, `livestore-server` is one; anything else is a [`SyncProvider`].
//! - [`InitialSync`] says whether opening waits for what the backend has; [`OnOtherBackend`] what to do where it is not the one that the
//!   store knows.
//! - [`Store::sync_status`] tells what the connection does, what is pending, and what the backend rejected; [`Store::wait_sync`] and
//!   [`Store::wait_synced`] wait for that.
//!
//! # How events evolve
//!
//! The eventlog is for ever, so an event's wire name and meaning are too. Add fields as `Option` or with `#[serde(default)]`; for
//! anything else, define a new event (`v2.…`) and keep the old one. Events that a schema does not know are kept, see
//! [`UnknownEvents`]. Tables and materializers may change freely: state is derived.
//!
//! A required field that older events lack does not stop [`Store::open`]: their groups are quarantined when state is rebuilt, and
//! what they wrote is missing from it. So after a change of the schema, look at `store.status().quarantined`.
//! Give the field `#[serde(default)]`, and the next start rebuilds state and heals them.
//!
//! # Features
//!
//! - `bundled` (default): builds SQLite from source. Without it the system's library is linked.
//! - `crash-points`: for this project's own tests.
#[cfg(test)]
extern crate self as livestore; // generated code says `::livestore`, in this crate's tests too

mod adapter;
mod callback;
mod crash;
mod document;
mod error;
mod event;
mod eventlog;
mod ids;
#[cfg_attr(target_arch = "wasm32", allow(dead_code, unused_imports))] // No adapter there has files yet.
mod journal;
mod leader;
mod live;
mod materialize;
mod mutant;
mod query;
mod reactivity;
mod schema;
mod session;
mod sqlite;
mod store;
#[doc(hidden)]
#[allow(missing_docs)]
mod support;
#[allow(dead_code)] // Some of it is driven by what comes next.
mod sync;
mod threads;
mod unknown;
mod value;

pub use adapter::{Adapter, Boot, Connected, MemoryAdapter, memory};
#[cfg(not(target_arch = "wasm32"))]
pub use adapter::{NativeAdapter, native};
pub use document::{ClientDocument, DocumentQuery};
pub use error::{
    CommitError, ConstraintKind, EncodeError, Error, OpenError, QueryError, Result, SchemaError, StorageError,
    StorageKind,
};
pub use event::{Event, EventDef, EventMeta, InvalidSequenceNumber, SequenceNumber};
pub use ids::{ClientId, EventId, InvalidEventId, InvalidStoreId, SessionId, StoreId};
pub use leader::{LeaderState, OpenProgress, Quarantined};
pub use live::{
    Changes, LiveCx, LiveQuery, LiveStats, Observable, Queryable, Signal, Subscription, computed, query_db,
    query_db_with, signal,
};
pub use livestore_macros::{ColumnValue, FromRow, client_document, event, materializers, schema, table};
pub use query::{
    Assign, AssignArg, Assigns, Column, ColumnArg, Conflict, Delete, Expression, First, FromRow, Insert, InsertWith,
    Join, LeftJoin, NewRow, Of, One, Order, Orders, Param, Params, Predicate, Query, RawQuery, RawWrite, Returning,
    Rows, Select, Selection, Source, Sql, Summable, Table, TextColumn, Update, Upsert, count, sql_query, sql_write,
};
pub use schema::{
    Batch, Commit, IntoWrites, Materialize, MaterializeCx, Schema, SchemaDef, SchemaEvent, StateAccess, TableDef,
    WriteQuery, WriteStatement, Writes,
};
pub use session::{Outcome, Receipt, WaitError};
pub use store::{
    EventStream, EventlogRestarted, KeptEvent, KeptStanding, RawEvent, ReadCx, ShutdownError, Store, StoreBuilder,
    StoreStatus, StreamedEvent, SyncChanges, kept_events,
};
pub use sync::{
    BackendId, Fault, InitialSync, MemoryBackend, OnOtherBackend, PageInfo, PushRefusal, Rejected, SyncConnection,
    SyncError, SyncEvent, SyncMessage, SyncPage, SyncProvider, SyncRequest, SyncState, SyncStatus, SyncTarget,
};
pub use unknown::{UnknownEvent, UnknownEvents};
pub use value::{ColumnType, ColumnValue, Json, Row, SqlType, SqlValue, Timestamp, ValueError, ValueRef};

/// What the tests of this library may ask of a build for tests.
#[cfg(feature = "crash-points")]
#[doc(hidden)]
pub mod __testing {
    pub use crate::crash::{
        FileAnswer, FileFaults, FileOp, seed_ids, tune, unwind_at, with_files, with_reversed_reads, with_vfs,
    };
    pub use crate::mutant::{Harness, Mutant, with as with_mutant};

    /// Ends a store that is pumped as the end of its process would, for all its sessions: nothing is handed over, synced or closed in
    /// order.
    pub fn abandon<S: crate::Schema>(store: crate::Store<S>) {
        store.abandon();
    }
}

/// What generated code may touch. Not part of the public interface: it changes without notice.
#[doc(hidden)]
#[allow(missing_docs)]
pub mod __private {
    pub use crate::document::{DOCUMENT_COLUMNS, DocumentEvent, DocumentId, DocumentSet};
    pub use crate::error::Result;
    pub use crate::event::EventDef;
    pub use crate::schema::{
        ColumnDef, ConstValue, DocumentDef, EventEntry, ForeignKeyAction, IndexDef, ReferenceDef, SchemaDef, TableDef,
    };
    pub use crate::support::*;
    pub use crate::value::TakesDefault;
    pub use serde;
    pub use std::borrow::ToOwned;
    pub use std::boxed::Box;
    pub use std::option::Option::{self, None, Some};
    pub use std::vec;
    pub use std::vec::Vec;
}
