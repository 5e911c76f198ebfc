//! Client documents between sessions, and over changes of their shape.

use livestore::*;
use serde_json::{Value, json};
use std::time::Duration;

const LONG: Duration = Duration::from_secs(30);

#[client_document("pane")]
struct Pane {
    width: u32,
    title: Option<String>,
    #[serde(rename = "a-b")]
    odd: Vec<String>,
}

impl Default for Pane {
    fn default() -> Self {
        Self { width: 80, title: None, odd: Vec::new() }
    }
}

#[client_document("shared", id = "main")]
#[derive(Default)]
struct Shared {
    text: String,
    free: Value,
}

#[schema(documents(Pane, Shared))]
struct App;

fn wait_for<T: Send + Sync + PartialEq + 'static>(changes: &mut Changes<T>, expected: &T) {
    while changes.next_timeout(LONG).expect("the change arrives").as_ref() != expected {}
}

#[test]
fn each_session_has_its_own_copy_without_an_id() {
    let adapter = memory();
    let first = Store::<App>::open(adapter.clone(), "documents").unwrap();
    let second = Store::<App>::open(adapter, "documents").unwrap();
    first.commit(Pane::set().width(10)).unwrap();
    first.commit(Shared::set().text("x".into())).unwrap();
    wait_for(&mut second.changes(&Shared::get()).unwrap(), &Shared { text: "x".into(), free: Value::Null });
    assert_eq!(first.query(&Pane::get()).unwrap().width, 10);
    assert_eq!(second.query(&Pane::get()).unwrap(), Pane::default());
    // By its id, the one can read the other's.
    assert_eq!(second.query(&Pane::get_by(first.session_id().to_string())).unwrap().width, 10);
}

#[test]
fn fields_of_two_sessions_do_not_undo_each_other() {
    let adapter = memory();
    let first = Store::<App>::open(adapter.clone(), "documents").unwrap();
    let second = Store::<App>::open(adapter, "documents").unwrap();
    first.commit(Shared::set().text("x".into())).unwrap();
    second.commit(Shared::set().free(json!({"y": 1}))).unwrap();
    let both = Shared { text: "x".into(), free: json!({"y": 1}) };
    wait_for(&mut first.changes(&Shared::get()).unwrap(), &both);
    wait_for(&mut second.changes(&Shared::get()).unwrap(), &both);
}

fn open() -> Store<App> {
    Store::open(memory(), "documents").unwrap()
}

#[test]
fn a_key_chooses_a_copy() {
    let store = open();
    store.commit((Pane::set_by("left").width(1), Pane::set_by("right").width(2).title(Some("r".into())))).unwrap();
    store.commit(Pane::set_by("right").odd(vec!["\"'\0".into()])).unwrap();
    assert_eq!(store.query(&Pane::get_by("left")).unwrap(), Pane { width: 1, ..Pane::default() });
    let right = Pane { width: 2, title: Some("r".into()), odd: vec!["\"'\0".into()] };
    assert_eq!(store.query(&Pane::get_by("right")).unwrap(), right);
    assert_eq!(store.query(&Pane::get_by("'; DROP TABLE pane; --")).unwrap(), Pane::default());
    assert_eq!(store.query(&Pane::get()).unwrap(), Pane::default());
    store.commit(Pane::set_by("right").title(None)).unwrap();
    assert_eq!(store.query(&Pane::get_by("right")).unwrap().title, None);
}

#[test]
fn setting_everything_replaces_it() {
    let store = open();
    store.commit(Pane::set().width(1).odd(vec!["x".into()])).unwrap();
    let whole = Pane { width: 2, title: Some("t".into()), odd: Vec::new() };
    store.commit(whole.clone().set_all()).unwrap();
    assert_eq!(store.query(&Pane::get()).unwrap(), whole);
}

#[test]
fn reading_writes_nothing() {
    let store = open();
    assert_eq!(store.query(&Pane::get()).unwrap(), Pane::default());
    let _subscription = store.subscribe(&Shared::get(), |_| {}).unwrap();
    assert_eq!(store.status().local_head, SequenceNumber::ROOT);
    assert_eq!(store.query(&sql_query::<(i64,)>("SELECT count(*) FROM pane", ()).one()).unwrap(), (0,));
}

#[test]
fn a_set_event_is_client_only_and_carries_what_was_set() {
    let store = open();
    store.commit(Pane::set_by("k").odd(vec!["x".into()])).unwrap();
    let event = store.raw_events().next_timeout(LONG).unwrap().unwrap().event;
    assert_eq!((event.name.as_str(), event.client_only), ("paneSet", true));
    assert_eq!(event.args.as_deref(), Some(r#"{"id":"k","value":{"a-b":["x"]}}"#));
}

#[test]
fn what_is_no_json_is_refused() {
    let store = open();
    #[derive(Default)]
    #[client_document("real", id = "main")]
    struct Real {
        n: f64,
    }
    #[schema(documents(Real))]
    struct Reals;
    let reals = Store::<Reals>::open(memory(), "reals").unwrap();
    let error = reals.commit(Real::set().n(f64::NAN)).unwrap_err();
    assert!(matches!(error, CommitError::Encode(_)), "{error:?}");
    assert!(error.to_string().contains("n: NaN has no JSON form"), "{error}");
    assert_eq!(reals.query(&Real::get()).unwrap(), Real::default());
    store.commit(Pane::set()).unwrap(); // Nothing set: a copy with the default.
    assert_eq!(store.query(&Pane::get()).unwrap(), Pane::default());
}

/// The same document, as an older version of the application declared it.
mod older {
    use livestore::*;

    #[client_document("pane", id = "k")]
    #[derive(Default)]
    pub(super) struct Pane {
        width: String,
        gone: i64,
        title: Option<String>,
    }

    #[schema(documents(Pane))]
    pub(super) struct App;

    pub(super) fn set() -> PaneSet {
        Pane::set().width("wide".into()).gone(5).title(Some("kept".into()))
    }
}

#[test]
fn a_copy_of_an_older_shape_keeps_what_still_fits() {
    let other = Store::<older::App>::open(memory(), "older").unwrap();
    other.commit(older::set()).unwrap();
    let encoded = other.raw_events().next_timeout(LONG).unwrap().unwrap().event.args.unwrap();
    let read = <App as Schema>::Event::decode("paneSet", Some(&encoded)).unwrap().unwrap();
    let store = open();
    store.commit(read).unwrap();
    let kept = Pane { title: Some("kept".into()), ..Pane::default() };
    assert_eq!(store.query(&Pane::get_by("k")).unwrap(), kept);
    store.commit(Pane::set_by("k").width(3)).unwrap();
    assert_eq!(store.query(&Pane::get_by("k")).unwrap(), Pane { width: 3, ..kept });
}
