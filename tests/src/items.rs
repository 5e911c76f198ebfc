//! The smallest application: items, and one event that adds one.

use livestore::*;

/// An item comes to be.
#[event("v1.Added")]
pub struct Added {
    /// Its key.
    pub id: i64,
}

/// What was added.
#[table("items")]
pub struct Item {
    /// Its key.
    #[column(primary_key)]
    pub id: i64,
}

/// The application.
#[schema(events(Added), tables(Item))]
#[derive(Debug)]
pub struct App;

#[materializers]
impl App {
    fn added(Added { id }: Added) -> impl IntoWrites {
        Item { id }.insert()
    }
}

/// A store of its own, in memory.
///
/// # Panics
/// It does not open.
#[must_use]
pub fn open(store_id: &str) -> Store<App> {
    Store::open(memory(), store_id).expect("a store in memory opens")
}

/// Commits one item.
///
/// # Panics
/// The commit is refused.
pub fn add(store: &Store<App>, id: i64) {
    store.commit(Added { id }).expect("the item is taken");
}
