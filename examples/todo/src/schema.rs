//! The model: what can happen (events), what is kept (tables), and how one becomes the other (materializers).

#[cfg(test)]
mod tests;

use livestore::{
    IntoWrites, MaterializeCx, Query, Result, Table, client_document, event, materializers, schema, table,
};
use serde::{Deserialize, Serialize};

/// A todo was added at the end of the list.
#[event("v1.TodoCreated")]
pub struct TodoCreated {
    pub id: String,
    pub text: String,
}

/// A todo was done.
#[event("v1.TodoCompleted")]
pub struct TodoCompleted {
    pub id: String,
}

/// A todo that was done is open again.
#[event("v1.TodoReopened")]
pub struct TodoReopened {
    pub id: String,
}

/// A todo has a new text.
#[event("v1.TodoTextChanged")]
pub struct TodoTextChanged {
    pub id: String,
    pub text: String,
}

/// A todo was deleted; it can be restored.
#[event("v1.TodoDeleted")]
pub struct TodoDeleted {
    pub id: String,
}

/// A todo that was deleted is back, at its old place.
#[event("v1.TodoRestored")]
pub struct TodoRestored {
    pub id: String,
}

/// The todos, deleted ones too.
#[table("todos")]
pub struct Todo {
    #[column(primary_key)]
    pub id: String,
    pub text: String,
    #[column(default = false)]
    pub completed: bool,
    #[column(default = false)]
    pub deleted: bool,
    /// Counts up in the order of creation, which is the order of the eventlog and so the same on every client.
    #[column(index)]
    pub position: i64,
}

/// What the terminal shows: stays with this client.
#[client_document("uiState", id = "main")]
#[derive(Copy, Default)]
pub struct UiState {
    pub filter: Filter,
    pub shows_eventlog: bool,
}

/// Which todos are listed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Filter {
    #[default]
    All,
    Open,
    Done,
}

/// The schema, and at once the table of contents.
#[schema(
    events(TodoCreated, TodoCompleted, TodoReopened, TodoTextChanged, TodoDeleted, TodoRestored),
    tables(Todo),
    documents(UiState)
)]
#[derive(Debug)]
pub struct Todos;

#[materializers]
impl Todos {
    fn created(TodoCreated { id, text }: TodoCreated, cx: &MaterializeCx<'_>) -> Result<impl IntoWrites> {
        let last = cx.query(Todo::query().aggregate(|t| t.position.max()))?;
        let position = last.unwrap_or(0) + 1;
        Ok(Todo { id, text, completed: false, deleted: false, position }.insert())
    }

    fn completed(TodoCompleted { id }: TodoCompleted) -> impl IntoWrites {
        Todo::update().set(|t| t.completed, true).filter(|t| t.id.eq(id))
    }

    fn reopened(TodoReopened { id }: TodoReopened) -> impl IntoWrites {
        Todo::update().set(|t| t.completed, false).filter(|t| t.id.eq(id))
    }

    fn text_changed(TodoTextChanged { id, text }: TodoTextChanged) -> impl IntoWrites {
        Todo::update().set(|t| t.text, text).filter(|t| t.id.eq(id))
    }

    fn deleted(TodoDeleted { id }: TodoDeleted) -> impl IntoWrites {
        Todo::update().set(|t| t.deleted, true).filter(|t| t.id.eq(id))
    }

    fn restored(TodoRestored { id }: TodoRestored) -> impl IntoWrites {
        Todo::update().set(|t| t.deleted, false).filter(|t| t.id.eq(id))
    }
}

impl Todo {
    /// The todos that are not deleted, in the order of their creation.
    pub fn listed() -> Query<Self, Vec<Self>> {
        Self::query().filter(|t| t.deleted.eq(false)).order_by(|t| t.position.asc())
    }

    /// Those of them that the filter lets through.
    pub fn filtered(filter: Filter) -> Query<Self, Vec<Self>> {
        match filter {
            Filter::All => Self::listed(),
            Filter::Open => Self::listed().filter(|t| t.completed.eq(false)),
            Filter::Done => Self::listed().filter(|t| t.completed.eq(true)),
        }
    }

    /// A new todo's first event; `None` where the text is blank. The random part of an event is made here, never in a materializer.
    pub fn create(text: impl Into<String>) -> Option<TodoCreated> {
        let text = text.into();
        let is_blank = text.trim().is_empty();
        (!is_blank).then(|| TodoCreated { id: new_id(), text })
    }
}

/// Ten letters and digits that are not easily mistaken for one another: 50 random bits.
fn new_id() -> String {
    const ALPHABET: [char; 32] = [
        '0', '1', '2', '3', '4', '5', '6', '7', '8', '9', 'a', 'b', 'c', 'd', 'e', 'f', 'g', 'h', 'j', 'k', 'm', 'n',
        'p', 'q', 'r', 's', 't', 'v', 'w', 'x', 'y', 'z',
    ];
    nanoid::nanoid!(10, &ALPHABET)
}
