//! What is committed together stands or falls together.

use livestore::*;

#[event("v1.Added")]
struct Added {
    id: i64,
}

#[event("v1.Noted")]
struct Noted {
    text: String,
}

#[table("items")]
struct Item {
    #[column(primary_key)]
    id: i64,
}

#[schema(events(Added, Noted), tables(Item))]
struct App;

#[materializers]
impl App {
    fn added(Added { id }: Added) -> impl IntoWrites {
        Item { id }.insert()
    }

    fn noted(_: Noted) {}
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

#[test]
fn everything_that_holds_events_can_be_committed() {
    let store = open();
    let add = |id| Added { id };
    store.commit(add(1)).unwrap();
    store.commit((add(2), add(3))).unwrap();
    store.commit([add(4), add(5)]).unwrap();
    store.commit(vec![add(6)]).unwrap();
    store.commit(Some(add(7))).unwrap();
    store.commit((vec![add(8)], [(add(9), Some(add(10)))], None::<Added>)).unwrap();
    store.commit(|batch: &mut Batch<App>| (11..14).for_each(|id| batch.push(add(id)))).unwrap();
    store.commit(AppEvent::Added(add(14))).unwrap();
    store.commit(vec![AppEvent::Added(add(15))]).unwrap();
    assert_eq!(ids(&store), (1..=15).collect::<Vec<_>>());
}

#[test]
fn an_empty_commit_is_nothing() {
    let store = open();
    store.commit(Added { id: 1 }).unwrap();
    let head = store.status().local_head;
    for receipt in [
        store.commit(Vec::<Added>::new()).unwrap(),
        store.commit(None::<Added>).unwrap(),
        store.commit(|_: &mut Batch<App>| {}).unwrap(),
    ] {
        assert_eq!((receipt.events(), receipt.first_event()), (0, None));
        assert!(receipt.is_durable() && receipt.poll().is_some());
    }
    assert_eq!(store.status().local_head, head);
}

#[test]
fn a_group_holds_at_most_1000_events() {
    let store = open();
    let group = |first: i64, len: i64| (first..first + len).map(|id| Added { id }).collect::<Vec<_>>();
    store.commit(group(0, 999)).unwrap();
    store.commit(group(1_000, 1_000)).unwrap();
    let error = store.commit(group(2_000, 1_001)).unwrap_err();
    let CommitError::GroupTooLarge { events: 1_001, events_max: 1_000, .. } = error else { panic!("{error:?}") };
    assert!(
        error.to_string().contains("at most 1000 events and 900000 bytes make one atomic group, split it"),
        "{error}"
    );
    assert_eq!(ids(&store).len(), 1_999);
    store.commit(group(2_000, 1)).unwrap();
}

/// An event's size is that of its wire name and its args.
#[test]
fn a_group_holds_at_most_900000_bytes() {
    let store = open();
    let shell = r#"v1.Noted{"text":""}"#.len();
    let noted = |bytes: usize| Noted { text: "x".repeat(bytes - shell) };
    store.commit(noted(899_999)).unwrap();
    store.commit(noted(900_000)).unwrap();
    store.commit([noted(450_000), noted(450_000)]).unwrap();
    for too_large in [vec![noted(900_001)], vec![noted(450_000), noted(450_001)]] {
        let error = store.commit(too_large).unwrap_err();
        let CommitError::GroupTooLarge { bytes: 900_001, bytes_max: 900_000, .. } = error else { panic!("{error:?}") };
    }
    store.commit(Added { id: 1 }).unwrap();
    assert_eq!(ids(&store), [1]);
}

#[test]
fn a_closed_store_says_so() {
    let store = open();
    let clone = store.clone();
    store.shutdown().unwrap();
    store.shutdown().unwrap();
    let error = clone.commit(Added { id: 1 }).unwrap_err();
    assert_eq!(error.to_string(), "the store is closed: the store was shut down");
    assert!(matches!(clone.query(&Item::query()).unwrap_err(), QueryError::Closed { .. }));
    assert!(clone.status().closed.is_some());
}
