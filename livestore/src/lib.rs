//! LiveStore
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
#[cfg(not(target_arch = "wasm32"))]
mod journal;
mod leader;
mod live;
mod materialize;
mod query;
mod reactivity;
mod schema;
mod session;
mod sqlite;
mod store;
#[doc(hidden)]
#[allow(missing_docs)]
mod support;
mod unknown;
mod value;

pub use adapter::{Adapter, MemoryAdapter, memory};
#[cfg(not(target_arch = "wasm32"))]
pub use adapter::{NativeAdapter, native};
pub use document::{ClientDocument, DocumentQuery};
pub use error::{
    CommitError, EncodeError, Error, OpenError, QueryError, Result, SchemaError, StorageError, StorageKind,
};
pub use event::{Event, EventDef, EventMeta, InvalidSequenceNumber, SequenceNumber};
pub use ids::{ClientId, EventId, InvalidStoreId, SessionId, StoreId};
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
pub use store::{EventStream, RawEvent, ReadCx, ShutdownError, Store, StoreBuilder, StoreStatus, StreamedEvent};
pub use unknown::{UnknownEvent, UnknownEvents};
pub use value::{ColumnType, ColumnValue, Json, Row, SqlType, SqlValue, Timestamp, ValueError, ValueRef};

/// What the tests of this library may ask of a build for tests.
#[cfg(feature = "crash-points")]
#[doc(hidden)]
pub mod __testing {
    pub use crate::crash::with_reversed_reads;
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
