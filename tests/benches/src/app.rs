//! The application that is measured: one table, an event that inserts and one that updates.

use livestore::{IntoWrites, NativeAdapter, Result, Store, Table, event, materializers, native, schema, table};
use std::path::Path;
use std::time::Duration;

/// A todo was added.
#[event("v1.TodoCreated")]
pub struct TodoCreated {
    /// Its key.
    pub id: String,
    /// What is to be done.
    pub text: String,
}

/// A todo's text was changed.
#[event("v1.TodoRenamed")]
pub struct TodoRenamed {
    /// Its key.
    pub id: String,
    /// The new text.
    pub text: String,
}

/// A row.
#[table("todos")]
pub struct Todo {
    /// The key.
    #[column(primary_key)]
    pub id: String,
    /// What is to be done.
    #[column(default = "")]
    pub text: String,
    /// Whether it is.
    #[column(default = false, index)]
    pub completed: bool,
    /// When it went away.
    pub deleted_at: Option<i64>,
}

/// The schema.
#[derive(Debug)]
#[schema(events(TodoCreated, TodoRenamed), tables(Todo))]
pub struct App;

#[materializers]
impl App {
    fn created(TodoCreated { id, text }: TodoCreated) -> impl IntoWrites {
        Todo { id, text, completed: false, deleted_at: None }.insert()
    }

    fn renamed(TodoRenamed { id, text }: TodoRenamed) -> impl IntoWrites {
        Todo::update().set(|t| t.text, text).filter(|t| t.id.eq(id))
    }
}

/// The text of every todo.
pub const TEXT: &str = "Buy milk and bread and a few other things";

/// How often a fill waits.
const WAIT_EVENTS: u64 = 100_000;

/// The key of the todo with this number.
#[must_use]
pub fn id(number: u64) -> String {
    format!("todo-{number:08}")
}

/// The event that adds the todo with this number.
#[must_use]
pub fn created(number: u64) -> TodoCreated {
    TodoCreated { id: id(number), text: TEXT.to_owned() }
}

/// Commits so many events, in groups. A session is faster than the leader behind it, so a long fill waits now and then, as
/// an application that imports data does, instead of running into the bound of the journal.
///
/// # Errors
/// A commit failed, or the disk did.
pub fn fill(store: &Store<App>, from: u64, events: u64, group: u64) -> Result<()> {
    let end = from + events;
    let mut next = from;
    while next < end {
        let last = end.min(next + group);
        let batch: Vec<TodoCreated> = (next..last).map(created).collect();
        let receipt = store.commit(batch)?;
        if last / WAIT_EVENTS > next / WAIT_EVENTS {
            receipt.wait_durable(Duration::from_secs(60))?;
        }
        next = last;
    }
    Ok(())
}

/// The adapter of a folder.
#[must_use]
pub fn on_disk(folder: &Path) -> NativeAdapter {
    native(folder.join("data"))
}
