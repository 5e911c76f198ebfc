//! Names of the user's own that generated code must not take for those it means.
#![allow(dead_code, unused_imports, unused_macros, non_camel_case_types, clippy::upper_case_acronyms)]

pub struct Option;
pub struct Vec;
pub struct Box;
pub struct String;
pub struct Result;
pub enum Some {}
pub enum None {}
pub enum Ok {}
pub enum Err {}
pub trait Clone {}
pub trait Debug {}
pub trait PartialEq {}
pub trait Default {}
pub trait Serialize {}
pub trait Deserialize {}
pub trait Event {}
pub trait Table {}
pub trait Schema {}
pub mod std {}
pub mod core {}
pub mod serde {}
pub mod livestore {}

macro_rules! vec {
    () => {
        compile_error!("the user's own")
    };
}
macro_rules! assert {
    () => {
        compile_error!("the user's own")
    };
}
pub(crate) use {assert, vec};

type Text = ::std::string::String;

#[::livestore::event("v1.ItemAdded")]
pub struct ItemAdded {
    pub id: Text,
    pub note: ::std::option::Option<Text>,
}

#[::livestore::event("v1.Cleared", client_only)]
pub struct Cleared;

/// Fields with the names of methods and of locals in generated code.
#[::livestore::table("items")]
pub struct Item {
    #[column(primary_key)]
    pub id: Text,
    pub query: ::std::option::Option<Text>,
    pub insert: ::std::option::Option<Text>,
    pub from: ::std::option::Option<Text>,
    pub row: ::std::option::Option<Text>,
    pub value: ::std::option::Option<Text>,
    pub name: ::std::option::Option<Text>,
}

#[::livestore::table("drafts", client_only)]
pub struct Draft {
    #[column(primary_key)]
    pub id: i64,
}

#[::livestore::client_document("view")]
#[derive(::std::default::Default)]
pub struct View {
    pub text: Text,
}

#[derive(::std::clone::Clone, ::std::fmt::Debug, ::std::cmp::PartialEq, ::livestore::ColumnValue)]
pub enum Color {
    Red,
}

#[derive(::livestore::FromRow)]
pub struct Pair {
    pub id: Text,
    pub color: Color,
}

#[::livestore::schema(events(ItemAdded, Cleared), tables(Item, Draft), documents(View))]
pub struct App;

#[::livestore::materializers]
impl App {
    fn item_added(event: ItemAdded) -> impl ::livestore::IntoWrites {
        ::livestore::Table::insert(Item {
            id: event.id,
            query: event.note.clone(),
            insert: event.note.clone(),
            from: event.note.clone(),
            row: event.note.clone(),
            value: event.note.clone(),
            name: event.note,
        })
    }

    fn cleared(_: Cleared) -> impl ::livestore::IntoWrites {
        <Draft as ::livestore::Table>::delete()
    }
}

#[test]
fn columns_may_be_named_like_methods() -> ::livestore::Result<()> {
    let store = ::livestore::Store::<App>::open(::livestore::memory(), "hygiene")?;
    store.commit(ItemAdded { id: "a".into(), note: ::std::option::Option::Some("b".into()) })?;
    store.commit(Cleared)?;
    let found = store.query(
        &<Item as ::livestore::Table>::query().filter(|t| t.query.eq("b").and(t.insert.eq("b")).and(t.from.eq("b"))),
    )?;
    ::std::assert_eq!(found.len(), 1);
    ::std::assert_eq!(found[0].row.as_deref(), found[0].value.as_deref());
    let pairs = store.query(&::livestore::sql_query::<Pair>("SELECT id, 'red' AS color FROM items", ()))?;
    ::std::assert_eq!(pairs[0].color, Color::Red);
    ::std::result::Result::Ok(())
}
