//! Client documents: a keyed JSON value with a default, client-only, last write wins per field.

mod event;
mod query;

pub use event::{DocumentEvent, DocumentId, DocumentSet};
pub(crate) use event::{encode_document, materialize_document};
pub use query::DocumentQuery;

use crate::event::Event;
use crate::schema::{ColumnDef, DocumentDef};
use crate::value::{ColumnType, SqlType};
use serde::Serialize;
use serde::de::DeserializeOwned;
use std::fmt::Debug;

/// A keyed value that stays with its client, such as the state of a user interface.
///
/// Written with [`#[client_document]`](macro@crate::client_document). It reads as its `Default` until it is set, and reading
/// never writes. Setting is an event, client-only and derived, that carries some fields.
///
/// With `id = "…"` there is one for the whole client, kept across restarts. Without it each session, that is each
/// [`open`](crate::Store::open), has its own, which begins with the default.
///
/// ```
/// # use livestore::*;
/// #[client_document("uiState", id = "main")]
/// #[derive(Default)]
/// pub struct UiState {
///     pub new_todo_text: String,
///     pub show_completed: bool,
/// }
///
/// #[schema(documents(UiState))]
/// pub struct App;
///
/// # fn main() -> Result<()> {
/// let store = Store::<App>::open(memory(), "todos")?;
/// store.commit(UiState::set().show_completed(true))?;
/// assert!(store.query(&UiState::get())?.show_completed);
/// # Ok(()) }
/// ```
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not a client document",
    note = "write #[client_document(\"name\")] above the struct"
)]
pub trait ClientDocument:
    Default + Clone + Debug + PartialEq + Serialize + DeserializeOwned + Send + Sync + 'static
{
    /// The event that sets it.
    type Set: Event + DocumentEvent;
    /// The default id; `None` for an id of each session's own.
    const ID: Option<&'static str>;
    /// The document as data.
    const DEF: &'static DocumentDef;

    /// Reads the document under its default id.
    #[must_use]
    fn get() -> DocumentQuery<Self> {
        DocumentQuery::new(default_id::<Self>())
    }

    /// Reads the document under this id.
    #[must_use]
    fn get_by(id: impl Into<String>) -> DocumentQuery<Self> {
        DocumentQuery::new(DocumentId::Key(id.into()))
    }

    /// An event that sets fields of the document under its default id; choose them by chaining.
    #[must_use]
    fn set() -> Self::Set {
        Self::Set::__new(DocumentSet::new(default_id::<Self>()))
    }

    /// An event that sets fields of the document under this id.
    #[must_use]
    fn set_by(id: impl Into<String>) -> Self::Set {
        Self::Set::__new(DocumentSet::new(DocumentId::Key(id.into())))
    }

    /// An event that sets all fields of the document under its default id to this value's.
    #[must_use]
    fn set_all(self) -> Self::Set {
        let mut set = DocumentSet::new(default_id::<Self>());
        set.put_all(&self);
        Self::Set::__new(set)
    }
}

fn default_id<D: ClientDocument>() -> DocumentId {
    D::ID.map_or(DocumentId::Session, |id| DocumentId::Key(id.to_owned()))
}

/// The columns of every document's table.
#[doc(hidden)]
pub const DOCUMENT_COLUMNS: [ColumnDef; 2] = [column("id"), column("value")];

const fn column(name: &'static str) -> ColumnDef {
    ColumnDef::new(name, ColumnType::required(SqlType::Text))
}

#[cfg(test)]
mod tests;
