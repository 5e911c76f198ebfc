//! An application for tests of sync: its state tells the order of events, and whether one came twice or not at all.

use livestore::*;
use std::time::Duration;

/// Longer than anything should take.
pub const LONG: Duration = Duration::from_secs(30);

/// The store that all clients share.
pub const STORE: &str = "notes";

/// Writes a line below all others.
#[event("v1.Written")]
pub struct Written {
    /// The line.
    pub text: String,
}

/// Writes a line that is always the same: an event without args.
#[event("v1.Ruled")]
pub struct Ruled;

/// Takes a name that nobody has.
#[event("v1.Claimed")]
pub struct Claimed {
    /// The name.
    pub name: String,
}

/// Picks something, for this client alone.
#[event("Picked", client_only)]
pub struct Picked {
    /// What.
    pub what: String,
}

/// A line, where it stands.
#[table("lines")]
pub struct Line {
    /// Counted from 1.
    #[column(primary_key)]
    pub place: i64,
    /// The line.
    pub text: String,
}

/// A name that is taken.
#[table("names")]
pub struct Name {
    /// The name.
    #[column(primary_key)]
    pub name: String,
}

/// What the user has in front of them.
#[client_document("view", id = "main")]
#[derive(Default)]
pub struct View {
    /// A search.
    pub search: String,
}

/// The application.
#[schema(events(Written, Ruled, Claimed, Picked), tables(Line, Name), documents(View))]
#[derive(Debug)]
pub struct App;

#[materializers]
impl App {
    fn on_written(Written { text }: Written, cx: &MaterializeCx<'_>) -> Result<impl IntoWrites> {
        Ok(Line { place: cx.query(Line::query().count())? + 1, text }.insert())
    }

    fn on_ruled(_: Ruled, cx: &MaterializeCx<'_>) -> Result<impl IntoWrites> {
        Ok(Line { place: cx.query(Line::query().count())? + 1, text: "---".into() }.insert())
    }

    fn on_claimed(Claimed { name }: Claimed) -> impl IntoWrites {
        Name { name }.insert()
    }

    fn on_picked(_: Picked) {}
}

/// A new client of the backend.
///
/// # Panics
/// It does not open.
#[must_use]
pub fn client(backend: &MemoryBackend) -> Store<App> {
    open(memory(), backend)
}

/// A session of the client that the adapter keeps.
///
/// # Panics
/// It does not open.
#[must_use]
pub fn open(adapter: impl Adapter, backend: &MemoryBackend) -> Store<App> {
    Store::builder(adapter, STORE).sync(backend.clone()).open().expect("the store opens")
}

/// Commits a line.
///
/// # Panics
/// The commit is refused.
pub fn write(store: &Store<App>, text: &str) -> Receipt {
    store.commit(Written { text: text.into() }).expect("the line is taken")
}

/// The lines of a store, in order.
///
/// # Panics
/// State does not read.
#[must_use]
pub fn lines(store: &Store<App>) -> Vec<String> {
    let lines = store.query(&Line::query().order_by(|t| t.place.asc())).expect("state reads");
    lines.into_iter().map(|line| line.text).collect()
}

/// What was picked, in order: as far as the eventlog of this client has it.
///
/// # Panics
/// The eventlog does not read.
#[must_use]
pub fn picks(store: &Store<App>) -> Vec<String> {
    let mut events = store.events::<Picked>().until_now();
    std::iter::from_fn(|| events.try_next()).map(|event| event.expect("the event decodes").event.what).collect()
}

/// The lines that a backend holds, in order: what every client must come to.
///
/// # Panics
/// One of them is no line.
#[must_use]
pub fn logged(backend: &MemoryBackend) -> Vec<String> {
    let line = |event: SyncEvent| match event.name.as_str() {
        "v1.Written" => Some(text_of(&event.args.unwrap_or_default())),
        "v1.Ruled" => Some("---".to_owned()),
        _ => None,
    };
    backend.events(STORE).into_iter().filter_map(line).collect()
}

fn text_of(args: &str) -> String {
    let written: serde_json::Value = serde_json::from_str(args).expect("args are JSON");
    written["text"].as_str().expect("a line has a text").to_owned()
}

/// Waits until a live query's value is as wanted.
///
/// # Panics
/// It does not come to that.
pub fn wait_until<T: PartialEq + Send + Sync + std::fmt::Debug + 'static>(
    store: &Store<App>,
    query: &LiveQuery<T>,
    is_wanted: impl Fn(&T) -> bool,
) {
    let mut changes = store.changes(query).expect("the query runs");
    let mut last = None;
    while let Some(value) = changes.next_timeout(LONG) {
        if is_wanted(&value) {
            return;
        }
        last = Some(value);
    }
    panic!("the last value was {last:?}; sync: {:?}; store: {:?}", store.sync_status(), store.status());
}

/// Waits until a store has so many lines, or more.
///
/// # Panics
/// It does not come to that.
pub fn wait_for_lines(store: &Store<App>, count: usize) {
    wait_until(store, &query_db(Line::query().count()), |found| *found >= count as i64);
}

/// Waits until every line of `texts` is confirmed once, in the same order at the backend and at every client.
///
/// # Panics
/// It does not come to that.
pub fn check_converged(backend: &MemoryBackend, stores: &[&Store<App>], texts: &[&str]) {
    for store in stores {
        assert!(store.wait_synced(LONG), "sync: {:?}; store: {:?}", store.sync_status(), store.status());
    }
    let mut found = logged(backend);
    for store in stores {
        wait_for_lines(store, found.len());
        assert!(store.wait_synced(LONG), "sync: {:?}", store.sync_status());
        assert_eq!(lines(store), found);
        let is_told = store.wait_sync(LONG, |status| status.synced == backend.head(STORE));
        assert!(is_told, "{:?} {backend:?}", store.sync_status());
        assert_eq!(store.status().closed, None);
    }
    let mut expected: Vec<&str> = texts.to_vec();
    expected.sort_unstable();
    found.sort_unstable();
    assert_eq!(found, expected, "each line once");
}
