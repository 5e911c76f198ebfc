//! The attribute macros of the [`livestore`](https://docs.rs/livestore) crate. Use them through that crate, which documents
//! the model that they belong to.
//!
//! Every macro is sugar over a public trait of `livestore` that can be written by hand. Set
//! `LIVESTORE_MACROS_DEBUG=Name` while compiling to print what one item expands to.

mod attr;
mod column_value;
mod debug;
mod document;
mod errors;
mod event;
mod from_row;
mod materializers;
mod names;
mod schema;
mod table;
#[cfg(test)]
mod tests;
mod tokens;

use proc_macro::TokenStream;

/// Makes a struct an event: `#[event("v1.TodoCreated")]`.
///
/// The text is the *wire name*: what the eventlog, other clients and the backend see. It does not follow the Rust name, so
/// that renaming the struct changes nothing.
///
/// | Option | Meaning |
/// |---|---|
/// | `client_only` | reaches all sessions of its client and never the backend |
/// | `crate = path` | where `livestore` is, for crates that re-export it |
///
/// Implied derives: `Clone`, `Debug`, `PartialEq`, and serde's `Serialize` and `Deserialize` with camelCase fields (unless you
/// write a `rename_all` of your own). Mark an event with Rust's `#[deprecated]` when it should not be committed any more.
///
/// Payloads evolve by fields that are `Option` or have `#[serde(default)]`: older events lack them. Without, the older events no
/// longer decode, and their commit groups are quarantined when state is rebuilt.
///
/// ```
/// use livestore::{Event, event};
///
/// #[event("v1.TodoCreated")]
/// pub struct TodoCreated {
///     pub id: String,
///     pub text: String,
/// }
///
/// assert_eq!(TodoCreated::DEF.name, "v1.TodoCreated");
/// ```
#[proc_macro_attribute]
pub fn event(args: TokenStream, item: TokenStream) -> TokenStream {
    event::expand(args.into(), &item.into()).into()
}

/// Makes a struct a state table: `#[table("todos")]`.
///
/// | Option | Meaning |
/// |---|---|
/// | `client_only` | written by client-only events alone |
/// | `primary_key(a, b)` | a key of several columns |
/// | `index(a, b)`, `unique(a, b)` | an index over several columns |
/// | `check = "sql"` | a condition that every row must meet |
/// | `crate = path` | where `livestore` is |
///
/// At a field, `#[column(...)]`:
///
/// | Option | Meaning |
/// |---|---|
/// | `primary_key` | the key |
/// | `index`, `unique` | an index over this column |
/// | `default = …` | a constant for inserts that leave the column out: a literal, or a variant of an enum column (`Status::Open`) |
/// | `references = Other.column` | a foreign key; `on_delete = cascade`, `restrict` (the default) or `set_null` |
/// | `check = "sql"` | a condition on the column |
/// | `name = "sqlName"` | the SQL name, where it is not the field's |
/// | `iso8601` | a `Timestamp` stored as text |
///
/// Implied derives: `Clone`, `Debug`, `PartialEq`. Generates `TodoColumns`, with a typed column for each field.
///
/// ```
/// use livestore::{Select, Table, Timestamp, table};
///
/// #[table("todos", index(list, text))]
/// pub struct Todo {
///     #[column(primary_key)]
///     pub id: String,
///     #[column(references = List.id, on_delete = cascade)]
///     pub list: String,
///     #[column(default = "", check = "length(text) < 1000")]
///     pub text: String,
///     #[column(name = "deletedAt")]
///     pub deleted_at: Option<Timestamp>,
/// }
///
/// #[table("lists")]
/// pub struct List {
///     #[column(primary_key)]
///     pub id: String,
/// }
///
/// let todos = Todo::query().filter(|t| t.deleted_at.is_null()).order_by(|t| t.text.asc());
/// assert!(todos.to_sql()?.text.contains(r#"WHERE "deletedAt" IS NULL"#));
/// # Ok::<(), livestore::QueryError>(())
/// ```
#[proc_macro_attribute]
pub fn table(args: TokenStream, item: TokenStream) -> TokenStream {
    table::expand(args.into(), &item.into()).into()
}

/// Makes a struct a client document: `#[client_document("uiState")]`.
///
/// A document is a keyed value that stays with its client: what is selected, what is typed. It needs a `Default`, which is what
/// reading gives until it is set. `UiState::get()` reads it, `UiState::set().field(value)` makes an event that sets some fields.
///
/// | Option | Meaning |
/// |---|---|
/// | `id = "main"` | one for the whole client, kept across restarts; without it each session (each `open`) has its own, which begins with the default |
/// | `crate = path` | where `livestore` is |
///
/// Implied derives: `Clone`, `Debug`, `PartialEq`, and serde's with camelCase fields. Generates `UiStateSet`.
///
/// ```
/// use livestore::{ClientDocument, Store, client_document, memory, schema};
///
/// #[client_document("uiState")]
/// #[derive(Default)]
/// pub struct UiState {
///     pub new_todo_text: String,
/// }
///
/// #[schema(documents(UiState))]
/// pub struct App;
///
/// # fn main() -> livestore::Result<()> {
/// let store = Store::<App>::open(memory(), "todos")?;
/// store.commit(UiState::set().new_todo_text("milk".into()))?;
/// assert_eq!(store.query(&UiState::get())?.new_todo_text, "milk");
/// # Ok(()) }
/// ```
#[proc_macro_attribute]
pub fn client_document(args: TokenStream, item: TokenStream) -> TokenStream {
    document::expand(args.into(), &item.into()).into()
}

/// Makes a unit struct a schema: `#[schema(events(...), tables(...), documents(...))]`.
///
/// The lists are the application's table of contents. Generates the enum `AppEvent`, and checks that every event has a
/// materializer, that no two share a wire name, that no two tables share an SQL name, and that foreign keys refer to listed
/// tables.
///
/// | Option | Meaning |
/// |---|---|
/// | `events(…)` | the events; two of one Rust name: `events(a::Created, b::Created as BCreated)` |
/// | `tables(…)` | the tables |
/// | `documents(…)` | the client documents |
/// | `crate = path` | where `livestore` is |
///
/// ```
/// use livestore::{IntoWrites, Table, client_document, event, materializers, schema, table};
///
/// #[event("v1.TodoCreated")]
/// pub struct TodoCreated {
///     pub id: String,
/// }
///
/// #[table("todos")]
/// pub struct Todo {
///     #[column(primary_key)]
///     pub id: String,
/// }
///
/// #[client_document("uiState")]
/// #[derive(Default)]
/// pub struct UiState {
///     pub new_todo_text: String,
/// }
///
/// #[schema(events(TodoCreated), tables(Todo), documents(UiState))]
/// pub struct App;
///
/// #[materializers]
/// impl App {
///     fn todo_created(TodoCreated { id }: TodoCreated) -> impl IntoWrites {
///         Todo { id }.insert()
///     }
/// }
///
/// let event = AppEvent::TodoCreated(TodoCreated { id: "a".into() });
/// # let _ = event;
/// ```
#[proc_macro_attribute]
pub fn schema(args: TokenStream, item: TokenStream) -> TokenStream {
    schema::expand(args.into(), &item.into()).into()
}

/// Makes the functions of an `impl` block the materializers of a schema.
///
/// Each takes one event by value, and if it wants a `&MaterializeCx<'_>`; it returns nothing, one write, several, or a
/// `Result`. The functions stay what they are, so tests can call them. A schema may have several such blocks.
///
/// The function's tokens are part of the state's fingerprint: state is rebuilt when they change. When only code that it calls
/// changed, or the way in which a type within an event is read, say so with `#[materializer(version = 2)]`. For a library under another path: `#[materializers(crate = path)]`.
///
/// An error refuses the commit: one of the library's, one of your own with `Error::new`, or a text with `.into()`. A panic becomes
/// an error too, though Rust's default hook still prints it.
///
/// ```
/// use livestore::{IntoWrites, MaterializeCx, Result, Table, event, materializers, schema, table};
///
/// #[event("v1.TodoCreated")]
/// pub struct TodoCreated {
///     pub id: String,
/// }
///
/// #[event("v1.TodoToggled")]
/// pub struct TodoToggled {
///     pub id: String,
/// }
///
/// #[table("todos")]
/// pub struct Todo {
///     #[column(primary_key)]
///     pub id: String,
///     pub completed: bool,
/// }
///
/// #[schema(events(TodoCreated, TodoToggled), tables(Todo))]
/// pub struct App;
///
/// #[materializers]
/// impl App {
///     fn todo_created(TodoCreated { id }: TodoCreated) -> impl IntoWrites {
///         Todo { id, completed: false }.insert()
///     }
///
///     #[materializer(version = 2)]
///     fn todo_toggled(TodoToggled { id }: TodoToggled, cx: &MaterializeCx<'_>) -> Result<impl IntoWrites> {
///         let todo = cx.query(Todo::query().filter(|t| t.id.eq(&id)).first())?;
///         Ok(todo.map(|todo| Todo::update().set(|t| t.completed, !todo.completed).filter(|t| t.id.eq(id))))
///     }
/// }
/// ```
///
/// Where branches write different things, collect them in `Writes`:
///
/// ```
/// use livestore::{Error, MaterializeCx, Result, Store, Table, Writes, event, materializers, memory, schema, table};
///
/// #[event("v1.Counted")]
/// pub struct Counted {
///     pub name: String,
///     pub by: i64,
/// }
///
/// #[table("counters")]
/// pub struct Counter {
///     #[column(primary_key)]
///     pub name: String,
///     pub count: i64,
/// }
///
/// #[schema(events(Counted), tables(Counter))]
/// pub struct App;
///
/// #[materializers]
/// impl App {
///     fn counted(Counted { name, by }: Counted, cx: &MaterializeCx<'_>) -> Result<Writes> {
///         let counter = cx.query(Counter::query().filter(|t| t.name.eq(&name)).first())?;
///         let count = counter.map_or(0, |counter| counter.count) + by;
///         if count < 0 {
///             return Err(Error::new(format!("counter `{name}` would fall below zero")));
///         }
///         let mut writes = Writes::default();
///         if count == 0 {
///             writes.push(Counter::delete().filter(|t| t.name.eq(name)))?;
///         } else {
///             writes.push(Counter { name, count }.insert().on_conflict(|t| t.name).replace())?;
///         }
///         Ok(writes)
///     }
/// }
///
/// # fn main() -> Result<()> {
/// let store = Store::<App>::open(memory(), "counters")?;
/// store.commit(Counted { name: "a".into(), by: 2 })?;
/// assert!(store.commit(Counted { name: "a".into(), by: -3 }).is_err());
/// store.commit(Counted { name: "a".into(), by: -2 })?;
/// assert_eq!(store.query(&Counter::query().count())?, 0);
/// # Ok(()) }
/// ```
#[proc_macro_attribute]
pub fn materializers(args: TokenStream, item: TokenStream) -> TokenStream {
    materializers::expand(args.into(), &item.into()).into()
}

/// Lets a table column hold this type: an enum without fields as text, or a struct of one field as that field.
///
/// An enum's variants are stored in camelCase; `#[column(name = "text")]` at a variant says otherwise. For a library under
/// another path: `#[livestore(crate = path)]` at the type.
///
/// The type needs `Clone`, `Debug` and `PartialEq` beside this derive, because tables derive them. To be a field of an event or a
/// document too it needs serde's `Serialize` and `Deserialize`: add `serde` with its feature `derive` to your `Cargo.toml`.
///
/// In SQL a variant is spelled as this derive says, in an event (on the wire) as serde says. Without more they differ:
/// `inProgress` in SQL, `InProgress` on the wire. `#[serde(rename_all = "camelCase")]` makes them equal; where a variant has a
/// `#[column(name = "text")]`, give it `#[serde(rename = "text")]` as well.
///
/// ```
/// use livestore::{ColumnValue, SqlValue};
/// use serde::{Deserialize, Serialize};
///
/// #[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ColumnValue)]
/// #[serde(rename_all = "camelCase")]
/// pub enum Status {
///     InProgress,
///     #[column(name = "finished")]
///     #[serde(rename = "finished")]
///     Done,
/// }
///
/// #[derive(Clone, Debug, PartialEq, ColumnValue)]
/// pub struct UserId(pub String);
///
/// assert_eq!(Status::InProgress.into_value()?, SqlValue::Text("inProgress".into()));
/// assert_eq!(Status::Done.into_value()?, SqlValue::Text("finished".into()));
/// assert_eq!(UserId("a".into()).into_value()?, SqlValue::Text("a".into()));
/// # Ok::<(), livestore::ValueError>(())
/// ```
#[proc_macro_derive(ColumnValue, attributes(column, livestore))]
pub fn derive_column_value(item: TokenStream) -> TokenStream {
    column_value::expand(item.into()).into()
}

/// Reads a row of raw SQL into this struct, by column name; `#[column(name = "text")]` at a field says another one. For a
/// library under another path: `#[livestore(crate = path)]` at the struct.
///
/// ```
/// use livestore::{FromRow, Store, memory, schema, sql_query};
///
/// #[derive(FromRow)]
/// pub struct Total {
///     pub name: String,
///     #[column(name = "sum")]
///     pub amount: i64,
/// }
///
/// #[schema()]
/// pub struct App;
///
/// # fn main() -> livestore::Result<()> {
/// let store = Store::<App>::open(memory(), "totals")?;
/// let total = store.query(&sql_query::<Total>("SELECT 'all' AS name, 1 + 2 AS sum", ()).one())?;
/// assert_eq!(total.amount, 3);
/// # Ok(()) }
/// ```
#[proc_macro_derive(FromRow, attributes(column, livestore))]
pub fn derive_from_row(item: TokenStream) -> TokenStream {
    from_row::expand(item.into()).into()
}
