//! What is committed together stands or falls together.

use livestore::*;

#[event("v1.Added")]
struct Added {
    id: i64,
}

#[table("items")]
struct Item {
    #[column(primary_key)]
    id: i64,
}

#[schema(events(Added), tables(Item))]
struct App;

#[materializers]
impl App {
    fn added(Added { id }: Added) -> impl IntoWrites {
        Item { id }.insert()
    }
}

fn open() -> Store<App> {
    Store::open(memory(), "commit-groups").unwrap()
}

fn ids(store: &Store<App>) -> Vec<i64> {
    store.query(&Item::query().select(|t| t.id)).unwrap()
}

#[test]
fn a_failing_event_takes_its_group_with_it() {
    let store = open();
    store.commit(Added { id: 1 }).unwrap();
    let error = store.commit([Added { id: 2 }, Added { id: 1 }]).unwrap_err();
    assert!(error.to_string().contains("v1.Added"), "{error}");
    assert_eq!(ids(&store), [1]);
    store.commit((Added { id: 2 }, Added { id: 3 })).unwrap();
    assert_eq!(ids(&store), [1, 2, 3]);
}
