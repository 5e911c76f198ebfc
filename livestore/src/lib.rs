//! LiveStore
extern crate self as livestore; // generated code says `::livestore`, in this crate too

mod document;
mod error;
mod event;
mod ids;
mod query;
mod schema;
mod sqlite;
mod value;

pub use error::{
    CommitError, EncodeError, Error, OpenError, QueryError, Result, SchemaError, StorageError, StorageKind,
};
pub use event::{Event, EventDef, EventMeta, InvalidSequenceNumber, SequenceNumber};
pub use ids::{ClientId, EventId, InvalidStoreId, SessionId, StoreId};
pub use query::{Column, Select, Sql, Table};
pub use schema::{
    Batch, Commit, IntoWrites, Materialize, MaterializeCx, Schema, SchemaDef, SchemaEvent, StateAccess, TableDef,
    WriteQuery, WriteStatement, Writes,
};
pub use value::{ColumnType, ColumnValue, Json, Row, SqlType, SqlValue, Timestamp, ValueError, ValueRef};

/// What generated code may touch. Not part of the public interface: it changes without notice.
#[doc(hidden)]
pub mod __private {
    pub use crate::event::EventDef;
    pub use crate::schema::{
        ColumnDef, ConstValue, DocumentDef, EventEntry, ForeignKeyAction, IndexDef, ReferenceDef, SchemaDef, TableDef,
    };
    pub use serde;
    pub use serde_json;
}
