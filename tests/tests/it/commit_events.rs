//! Payloads: what an event says, and how its shape may change.

use livestore::*;
use serde_json::{Value, json};
use std::collections::BTreeMap;

#[event("v1.TaskMade")]
struct TaskMade {
    task_id: String,
    due_at: Option<i64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    short_note: Option<String>,
    #[serde(default)]
    priority: u8,
    extra: Value,
}

#[event("v1.Cleared")]
struct Cleared;

#[event("v1.Empty")]
struct Empty {}

#[event("v1.Numbers")]
struct Numbers {
    int: i64,
    unsigned: u64,
    real: f64,
    list: Vec<f32>,
    by_name: BTreeMap<String, i64>,
    value: Value,
}

#[event("LocalNumbers", client_only)]
struct LocalNumbers {
    int: i64,
    real: f64,
}

#[event("v1.Renamed")]
#[serde(rename_all = "snake_case")]
struct Renamed {
    first_name: String,
    #[serde(rename = "last")]
    last_name: String,
}

#[schema(events(TaskMade, Cleared, Empty, Numbers, LocalNumbers, Renamed))]
struct App;

#[materializers]
impl App {
    fn task_made(_: TaskMade) {}
    fn cleared(_: Cleared) {}
    fn empty(_: Empty) {}
    fn numbers(_: Numbers) {}
    fn local_numbers(_: LocalNumbers) {}
    fn renamed(_: Renamed) {}
}

fn open() -> Store<App> {
    Store::open(memory(), "commit-events").unwrap()
}

fn task() -> TaskMade {
    TaskMade { task_id: "a".into(), due_at: None, short_note: None, priority: 1, extra: Value::Null }
}

fn numbers() -> Numbers {
    Numbers { int: 0, unsigned: 0, real: 0.0, list: Vec::new(), by_name: BTreeMap::new(), value: Value::Null }
}

/// What the eventlog holds after one commit.
#[track_caller]
fn check(event: impl Commit<App>, name: &str, args: Option<&str>) {
    let store = open();
    store.commit(event).unwrap();
    let logged = store.raw_events().next_timeout(std::time::Duration::from_secs(20)).unwrap().unwrap();
    assert_eq!((logged.event.name.as_str(), logged.event.args.as_deref()), (name, args));
}

#[test]
fn payloads_are_camel_case_json() {
    check(task(), "v1.TaskMade", Some(r#"{"taskId":"a","dueAt":null,"priority":1,"extra":null}"#));
    let full = TaskMade { due_at: Some(5), short_note: Some("n".into()), extra: json!({"b_c": [1, "x"]}), ..task() };
    let args = r#"{"taskId":"a","dueAt":5,"shortNote":"n","priority":1,"extra":{"b_c":[1,"x"]}}"#;
    check(full, "v1.TaskMade", Some(args));
    check(Cleared, "v1.Cleared", None);
    check(Empty {}, "v1.Empty", Some("{}"));
    let renamed = Renamed { first_name: "A".into(), last_name: "B".into() };
    check(renamed, "v1.Renamed", Some(r#"{"first_name":"A","last":"B"}"#));
}

/// What JavaScript would read from the same text, to the last bit.
#[test]
fn numbers_are_read_as_they_were_written() {
    let reals =
        [9_007_199_254_740_991.0, 123_456_789_012_345_680_000.0, 5e-324, f64::MAX, f64::MIN_POSITIVE, 0.1, 1e23];
    let store = open();
    for real in reals {
        let event = Numbers { real, value: json!(real), ..numbers() };
        store.commit(event).unwrap();
    }
    let mut events = store.events::<Numbers>();
    for real in reals {
        let event = events.next_timeout(std::time::Duration::from_secs(20)).unwrap().unwrap().event;
        assert_eq!((event.real.to_bits(), event.value.as_f64()), (real.to_bits(), Some(real)), "{real:e}");
    }
}

/// What a payload of another version of the application reads as.
#[track_caller]
fn check_read<E: Event>(args: Option<&str>, expected: Result<E, &str>) {
    let name = E::DEF.name;
    let read = <App as Schema>::Event::decode(name, args).expect("the schema knows the event");
    match (read, expected) {
        (Ok(event), Ok(expected)) => {
            assert_eq!(format!("{event:?}"), format!("{}({expected:?})", name.replace("v1.", "")))
        }
        (Err(error), Err(expected)) => assert!(error.to_string().contains(expected), "{error}"),
        (read, expected) => panic!("{args:?}: {read:?}, expected {expected:?}"),
    }
}

#[test]
fn unit_events_are_read_from_anything_that_is_nothing() {
    for args in [None, Some("null"), Some("{}"), Some(r#"{"added":"later"}"#)] {
        check_read(args, Ok(Cleared));
        check_read(args, Ok(Empty {}));
    }
}

#[test]
fn older_and_newer_payloads_are_read() {
    let older = r#"{"taskId":"a","extra":1}"#;
    check_read(Some(older), Ok(TaskMade { priority: 0, extra: json!(1), ..task() }));
    let newer = r#"{"taskId":"a","dueAt":null,"priority":2,"extra":null,"assignee":{"id":"b"}}"#;
    check_read(Some(newer), Ok(TaskMade { priority: 2, ..task() }));
    check_read::<TaskMade>(Some(r#"{"extra":null}"#), Err("the args do not decode: missing field `taskId`"));
    check_read::<TaskMade>(Some(r#"{"taskId":5,"extra":null}"#), Err("invalid type: integer `5`, expected a string"));
    check_read::<TaskMade>(Some(r#"{"taskId":"a","extra":null,"priority":256}"#), Err("invalid value"));
    check_read::<TaskMade>(Some("{"), Err("the args do not decode"));
    check_read::<TaskMade>(None, Err("missing field `taskId`"));
    assert!(<App as Schema>::Event::decode("v2.TaskMade", None).is_none());
}

#[track_caller]
fn check_refused(event: impl Commit<App>, expected: &str) {
    let store = open();
    let error = store.commit(event).unwrap_err();
    assert!(matches!(error, CommitError::Encode(_)), "{error:?}");
    assert_eq!(error.to_string(), expected);
    assert_eq!(store.status().local_head, SequenceNumber::ROOT);
    store.commit(Cleared).unwrap();
}

#[test]
fn numbers_that_other_clients_would_misread_are_refused() {
    const SAFE: i64 = 1 << 53;
    let store = open();
    store.commit(Numbers { int: SAFE, unsigned: SAFE as u64, real: f64::MAX, ..numbers() }).unwrap();
    store.commit(Numbers { int: -SAFE, real: -0.0, value: json!(SAFE), ..numbers() }).unwrap();
    let beyond = |field: &str, n: &str| {
        format!(
            "event `v1.Numbers` cannot be encoded: {field}: integer {n} is beyond 2^53, which JavaScript clients round; encode it as text"
        )
    };
    check_refused(Numbers { int: SAFE + 1, ..numbers() }, &beyond("int", "9007199254740993"));
    check_refused(Numbers { int: i64::MIN, ..numbers() }, &beyond("int", "9223372036854775808"));
    check_refused(Numbers { unsigned: u64::MAX, ..numbers() }, &beyond("unsigned", "18446744073709551615"));
    check_refused(Numbers { value: json!({"a": [SAFE + 1]}), ..numbers() }, &beyond("value", "9007199254740993"));
    let by_name = [("x".to_owned(), SAFE + 1)].into();
    check_refused(Numbers { by_name, ..numbers() }, &beyond("byName", "9007199254740993"));
    let no_form = |field: &str, n: &str| {
        format!(
            "event `v1.Numbers` cannot be encoded: {field}: {n} has no JSON form; use an `Option`, or encode it as text"
        )
    };
    check_refused(Numbers { real: f64::NAN, ..numbers() }, &no_form("real", "NaN"));
    check_refused(Numbers { real: f64::NEG_INFINITY, ..numbers() }, &no_form("real", "-inf"));
    check_refused(Numbers { list: vec![0.5, f32::INFINITY], ..numbers() }, &no_form("list", "inf"));
}

#[test]
fn client_only_events_keep_whole_integers() {
    let local = LocalNumbers { int: i64::MIN, real: 0.1 };
    check(local, "LocalNumbers", Some(r#"{"int":-9223372036854775808,"real":0.1}"#));
    let error = open().commit(LocalNumbers { int: 0, real: f64::NAN }).unwrap_err();
    assert!(error.to_string().contains("real: NaN has no JSON form"), "{error}");
}

/// What is committed comes back as it was, through the eventlog.
#[test]
fn typed_events_come_back() {
    let store = open();
    let sent = Numbers {
        int: -5,
        unsigned: 7,
        real: 0.1 + 0.2,
        list: vec![1.5, f32::MIN_POSITIVE],
        by_name: [("ключ \"x\"\n".to_owned(), 1)].into(),
        value: json!({"nested": {"null": null, "list": [true, 1.5, "é\u{0}"]}}),
    };
    store.commit(sent.clone()).unwrap();
    let read = store.events::<Numbers>().next_timeout(std::time::Duration::from_secs(20)).unwrap().unwrap();
    assert_eq!(read.event, sent);
}

#[test]
fn a_stream_until_now_ends() {
    let store = open();
    let ids = |stream: EventStream<TaskMade>| stream.map(|event| event.unwrap().event.task_id).collect::<Vec<_>>();
    let commit = |id: &str| {
        let receipt = store.commit(TaskMade { task_id: id.into(), ..task() }).unwrap();
        receipt.wait(std::time::Duration::from_secs(20)).unwrap().number
    };
    let none = store.events::<TaskMade>().until_now();
    let first = commit("a");
    commit("b");
    let two = store.events::<TaskMade>().until_now();
    let last = commit("c");
    assert_eq!(ids(none), [""; 0]);
    assert_eq!(ids(two), ["a", "b"]);
    assert_eq!(ids(store.events().since(last).until_now()), [""; 0]);
    assert_eq!(ids(store.events().until(first).until_now()), ["a"]);
    // Other events than these are the last of the log.
    store.commit(Cleared).unwrap().wait(std::time::Duration::from_secs(20)).unwrap();
    assert_eq!(ids(store.events().until_now()), ["a", "b", "c"]);
    let closed = store.events::<TaskMade>();
    store.shutdown().unwrap();
    assert_eq!(ids(closed.until_now()), [""; 0]);
}

#[event("v1.TaskMade")]
struct TaskMadeLater {
    task_id: String,
    #[serde(default)]
    labels: Vec<String>,
}

#[schema(events(TaskMadeLater))]
struct Later;

#[materializers]
impl Later {
    fn made(_: TaskMadeLater) {}
}

#[test]
fn an_event_of_another_version_keeps_its_name() {
    let read = <Later as Schema>::Event::decode("v1.TaskMade", Some(r#"{"taskId":"a","priority":1,"extra":{}}"#));
    let Some(Ok(LaterEvent::TaskMadeLater(event))) = read else { panic!("{read:?}") };
    assert_eq!(event, TaskMadeLater { task_id: "a".into(), labels: Vec::new() });
}
