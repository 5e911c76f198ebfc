//! An event that should not be committed any more: generated code may name it, and only the user's own uses warn.
#![deny(warnings)]

use livestore::{
    ClientDocument, Event, IntoWrites, Result, Store, Table, client_document, event, materializers, memory, schema,
    table,
};

#[deprecated(note = "commit `TodoAdded`")]
#[event("v1.TodoAdded")]
pub struct TodoAddedV1 {
    pub id: String,
}

/// The attribute below ours.
#[event("v2.TodoAdded")]
#[deprecated]
pub struct TodoAddedV2 {
    pub id: String,
}

#[event("v3.TodoAdded")]
pub struct TodoAdded {
    pub id: String,
}

#[table("todos")]
pub struct Todo {
    #[column(primary_key)]
    pub id: String,
}

/// A table that is on its way out, and a column of one that stays.
#[deprecated]
#[table("archive")]
pub struct Archive {
    #[column(primary_key)]
    pub id: String,
    #[deprecated]
    #[column(default = "")]
    pub text: String,
}

#[client_document("view", id = "main")]
#[derive(Default)]
pub struct View {
    #[deprecated]
    pub is_old: bool,
    pub is_open: bool,
}

#[client_document("oldView", id = "main")]
#[deprecated]
#[derive(Default)]
pub struct OldView {
    pub is_open: bool,
}

#[schema(events(TodoAddedV1, TodoAddedV2, TodoAdded), tables(Todo, Archive), documents(View, OldView))]
pub struct App;

#[materializers]
impl App {
    #[expect(deprecated, reason = "the user's own use of the name warns")]
    fn todo_added_v1(event: TodoAddedV1) -> impl IntoWrites {
        Todo { id: event.id }.insert()
    }

    #[expect(deprecated)]
    fn todo_added_v2(event: TodoAddedV2) -> impl IntoWrites {
        Todo { id: event.id }.insert()
    }

    fn todo_added(event: TodoAdded) -> impl IntoWrites {
        Todo { id: event.id }.insert()
    }
}

#[test]
fn a_deprecated_event_is_still_materialized() -> Result<()> {
    let store = Store::<App>::open(memory(), "deprecated")?;
    #[expect(deprecated)]
    store.commit(TodoAddedV1 { id: "a".into() })?;
    store.commit((TodoAdded { id: "b".into() }, View::set().is_open(true)))?;
    assert!(store.query(&View::get())?.is_open);
    assert_eq!(store.query(&Todo::query().count())?, 2);
    #[expect(deprecated)]
    let marks = (TodoAddedV1::DEF.deprecated, TodoAddedV2::DEF.deprecated);
    assert_eq!(marks, (true, true));
    assert!(!TodoAdded::DEF.deprecated);
    Ok(())
}
