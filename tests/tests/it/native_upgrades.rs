//! Another version of the application opens the store: state is rebuilt aside, and unknown events are kept.

use livestore::*;
use livestore_tests::scratch::Scratch;
use std::sync::{Arc, Mutex};

const STORE: &str = "main";

#[event("v1.Added")]
struct Added {
    id: i64,
}

#[event("v1.Renamed")]
struct Renamed {
    id: i64,
    name: String,
}

/// The first version: one event, one table.
mod first {
    use super::*;

    #[table("items")]
    pub(super) struct Item {
        #[column(primary_key)]
        pub(super) id: i64,
    }

    #[schema(events(Added), tables(Item))]
    pub(super) struct App;

    #[materializers]
    impl App {
        fn added(Added { id }: Added) -> impl IntoWrites {
            Item { id }.insert()
        }
    }
}

/// The same tables, and a materializer that writes something else.
mod doubled {
    use super::*;

    #[schema(events(Added), tables(first::Item))]
    pub(super) struct App;

    #[materializers]
    impl App {
        fn added(Added { id }: Added) -> impl IntoWrites {
            first::Item { id: id * 2 }.insert()
        }
    }
}

/// Another event, and a column for it.
mod second {
    use super::*;

    #[table("items")]
    pub(super) struct Item {
        #[column(primary_key)]
        pub(super) id: i64,
        #[column(default = "none")]
        pub(super) name: String,
    }

    #[schema(events(Added, Renamed), tables(Item))]
    pub(super) struct App;

    #[materializers]
    impl App {
        fn added(Added { id }: Added) -> impl IntoWrites {
            Item { id, name: "new".into() }.insert()
        }

        fn renamed(Renamed { id, name }: Renamed) -> impl IntoWrites {
            Item::update().set(|t| t.name, name).filter(|t| t.id.eq(id))
        }
    }
}

fn builder<S: Schema>(directory: &Scratch) -> StoreBuilder<S, impl Adapter> {
    Store::<S>::builder(native(directory.path()), STORE)
}

/// Opens, and gives back what opening reported.
fn open<S: Schema>(directory: &Scratch) -> (Store<S>, Vec<OpenProgress>) {
    let reports = Arc::new(Mutex::new(Vec::new()));
    let to = Arc::clone(&reports);
    let opened = builder::<S>(directory).on_progress(move |report| to.lock().expect("no panic").push(report)).open();
    let store = opened.expect("the store opens");
    let reports = reports.lock().expect("no panic").clone();
    (store, reports)
}

fn rows<S: Schema>(store: &Store<S>, sql: &str) -> Vec<String> {
    let rows = store.query(&sql_query::<(String,)>(sql, ())).expect("state reads");
    rows.into_iter().map(|(row,)| row).collect()
}

const IDS: &str = "SELECT CAST(id AS TEXT) FROM items ORDER BY id";
const NAMES: &str = "SELECT id || ' ' || name FROM items ORDER BY id";

fn first_version(directory: &Scratch) {
    let (store, reports) = open::<first::App>(directory);
    assert_eq!(reports, [OpenProgress::Ready]);
    store.commit([Added { id: 1 }, Added { id: 2 }]).expect("it is taken");
    store.shutdown().expect("it drains");
}

#[test]
fn a_changed_table_rebuilds_state_once_and_says_so() {
    let directory = Scratch::new("table");
    first_version(&directory);
    let old = directory.files(STORE, "state-", ".db");
    let (store, reports) = open::<second::App>(&directory);
    assert_eq!(rows(&store, NAMES), ["1 new", "2 new"]);
    let rebuilding = |done| OpenProgress::Rebuilding { done, total: 2 };
    assert_eq!(reports, [rebuilding(0), rebuilding(2), OpenProgress::Ready]);
    let new = directory.files(STORE, "state-", ".db");
    assert!(new.len() == 1 && new != old, "the old state is gone: {new:?}");
    store.shutdown().expect("it drains");
    assert_eq!(open::<second::App>(&directory).1, [OpenProgress::Ready], "the second time nothing is rebuilt");
}

#[test]
fn a_changed_materializer_rebuilds_state() {
    let directory = Scratch::new("materializer");
    first_version(&directory);
    assert_eq!(rows(&open::<doubled::App>(&directory).0, IDS), ["2", "4"]);
    assert_eq!(rows(&open::<first::App>(&directory).0, IDS), ["1", "2"], "and back");
}

/// The eventlog of the second version, with an event that the first does not know.
fn second_version(directory: &Scratch) {
    let (store, _) = open::<second::App>(directory);
    let rename = Renamed { id: 1, name: "milk".into() };
    store.commit((Added { id: 1 }, rename, Added { id: 2 })).expect("it is taken");
    store.shutdown().expect("it drains");
}

#[test]
fn unknown_events_are_kept_and_applied_after_the_upgrade() {
    let directory = Scratch::new("unknown");
    second_version(&directory);
    for policy in [UnknownEvents::Warn, UnknownEvents::Ignore] {
        let store = builder::<first::App>(&directory).unknown_events(policy).open().expect("it opens");
        assert_eq!(rows(&store, IDS), ["1", "2"]);
        let raw: Vec<String> = std::iter::from_fn({
            let mut events = store.raw_events();
            move || events.try_next().map(|event| event.expect("it reads").event.name)
        })
        .collect();
        assert_eq!(raw, ["v1.Added", "v1.Renamed", "v1.Added"]);
        assert!(store.status().quarantined.is_empty());
        store.shutdown().expect("it drains");
    }
    assert_eq!(rows(&open::<second::App>(&directory).0, NAMES), ["1 milk", "2 new"]);
}

#[test]
fn unknown_events_are_refused_where_the_application_says_so() {
    let directory = Scratch::new("refused");
    second_version(&directory);
    let state = directory.files(STORE, "state-", ".db");
    let error =
        builder::<first::App>(&directory).unknown_events(UnknownEvents::Fail).open().expect_err("it is unknown");
    assert!(matches!(&error, OpenError::UnknownEvent { event, schema } if event == "v1.Renamed" && schema == "App"));
    assert_eq!(directory.files(STORE, "state-", ".db"), state, "nothing was rebuilt for a store that does not open");
    assert_eq!(rows(&open::<second::App>(&directory).0, NAMES), ["1 milk", "2 new"]);
}

#[test]
fn the_application_is_told_of_each_unknown_event() {
    let directory = Scratch::new("told");
    second_version(&directory);
    let told = Arc::new(Mutex::new(Vec::new()));
    let to = Arc::clone(&told);
    let store = builder::<first::App>(&directory)
        .on_unknown_event(move |event| {
            to.lock().expect("no panic").push(format!("{} {} {:?}", event.number, event.name, event.args));
        })
        .open()
        .expect("it opens");
    let args = r#"Some("{\"id\":1,\"name\":\"milk\"}")"#;
    assert_eq!(*told.lock().expect("no panic"), [format!("e2 v1.Renamed {args}")]);
    drop(store);
}

/// Written whatever it is: the older version of a materializer was too strict, or has a bug.
mod strict {
    use super::*;

    #[schema(events(Added), tables(first::Item))]
    pub(super) struct App;

    #[materializers]
    impl App {
        fn added(Added { id }: Added) -> Result<impl IntoWrites> {
            match id {
                2 => Err(Error::new("two is not allowed")),
                3 => panic!("three is a bug"),
                _ => Ok(first::Item { id }.insert()),
            }
        }
    }
}

#[test]
fn a_group_that_cannot_be_replayed_is_quarantined_whole_and_heals() {
    let directory = Scratch::new("quarantine");
    let (store, _) = open::<first::App>(&directory);
    store.commit([Added { id: 1 }, Added { id: 2 }]).expect("it is taken");
    store.commit(Added { id: 3 }).expect("it is taken");
    store.commit(Added { id: 4 }).expect("it is taken");
    store.shutdown().expect("it drains");
    let (store, _) = open::<strict::App>(&directory);
    assert_eq!(rows(&store, IDS), ["4"]);
    let quarantined = store.status().quarantined;
    let shown: Vec<_> =
        quarantined.iter().map(|it| format!("{} {} {} {}", it.number, it.events, it.event, it.reason)).collect();
    assert_eq!(quarantined.len(), 2, "{shown:?}");
    assert!(shown[0].starts_with("e2 2 v1.Added") && shown[0].contains("two is not allowed"), "{shown:?}");
    assert!(shown[1].starts_with("e3 1 v1.Added") && shown[1].contains("three is a bug"), "{shown:?}");
    // The store goes on, and a refused commit is not quarantined.
    store.commit(Added { id: 2 }).expect_err("it is refused");
    store.commit(Added { id: 5 }).expect("it is taken");
    store.shutdown().expect("it drains");
    let (store, _) = open::<first::App>(&directory);
    assert_eq!(rows(&store, IDS), ["1", "2", "3", "4", "5"]);
    assert!(store.status().quarantined.is_empty());
}

/// The same wire name with other args.
mod reshaped {
    use super::*;

    #[event("v1.Added")]
    pub(super) struct Added {
        pub(super) label: String,
    }

    #[schema(events(Added), tables(first::Item))]
    pub(super) struct App;

    #[materializers]
    impl App {
        fn added(Added { label }: Added) -> impl IntoWrites {
            first::Item { id: label.len() as i64 }.insert()
        }
    }
}

#[test]
fn a_payload_that_does_not_decode_is_quarantined() {
    let directory = Scratch::new("payload");
    first_version(&directory);
    let (store, _) = open::<reshaped::App>(&directory);
    let quarantined = store.status().quarantined;
    assert!(quarantined.len() == 1 && quarantined[0].reason.contains("do not decode"), "{quarantined:?}");
    let told = "event `v1.Added` at e1: the args do not decode: ";
    let typed = store.events::<reshaped::Added>().try_next().expect("it is in the log").expect_err("another shape");
    assert!(typed.to_string().starts_with(told), "{typed}");
    let any = store.all_events().try_next().expect("it is in the log").expect_err("another shape");
    assert!(any.to_string().starts_with(told), "{any}");
    store.commit(reshaped::Added { label: "seven".into() }).expect("it is taken");
    assert_eq!(rows(&store, IDS), ["5"]);
}

#[test]
fn the_receipt_of_a_group_that_lost_its_place_says_so() {
    let directory = Scratch::new("verdict");
    let (one, two) = (open::<first::App>(&directory).0, open::<first::App>(&directory).0);
    // Both take the same key before either knows of the other; the eventlog has one order, and the second one fails in it.
    let mut id = 0;
    let (kept, lost) = loop {
        id += 1;
        assert!(id < 10_000, "two sessions never met");
        let (a, b) = std::thread::scope(|scope| {
            let a = scope.spawn(|| one.commit(Added { id }));
            let b = two.commit(Added { id });
            (a.join().expect("no panic"), b)
        });
        let (Ok(a), Ok(b)) = (a, b) else { continue };
        let outcome = |receipt: Receipt| receipt.wait(std::time::Duration::from_secs(60)).expect("it gets its place");
        let (a, b) = (outcome(a), outcome(b));
        break if a.quarantined.is_none() { (a, b) } else { (b, a) };
    };
    assert!(kept.quarantined.is_none() && kept.number < lost.number);
    let reason = lost.quarantined.expect("the receipt tells");
    assert!(reason.contains("UNIQUE"), "{reason}");
    assert_eq!(one.status().quarantined.last().map(|it| it.number), Some(lost.number));
    assert_eq!(rows(&one, IDS), rows(&two, IDS));
}
