use super::*;
use crate::ui::app::App;
use livestore::{MemoryBackend, native};
use std::path::Path;
use std::time::Duration;

const LONG: Duration = Duration::from_secs(60);

fn synced(dir: &Path, backend: &MemoryBackend) -> Store<Todos> {
    Store::builder(native(dir), "todos").sync(backend.clone()).open().unwrap()
}

fn add(store: &Store<Todos>, text: &str) {
    store.commit(Todo::create(text).unwrap()).unwrap();
}

/// The pane of the eventlog, as the screen fills it.
struct Pane {
    app: App,
    messages: Receiver<Message>,
    restarts: usize,
}

impl Pane {
    fn of(store: &Store<Todos>) -> Self {
        let (sender, messages) = sync_channel(MESSAGES_MAX);
        watch_eventlog(store, sender);
        Self { app: App::default(), messages, restarts: 0 }
    }

    /// Reads on until it shows these todos after so many restarts.
    #[track_caller]
    fn shows(&mut self, restarts: usize, texts: &[&str]) {
        loop {
            let numbers: Vec<&str> = self.app.eventlog.iter().map(|line| line.number.as_str()).collect();
            let shown = |(line, text): (&LogLine, &&str)| line.args.ends_with(&format!("text=\"{text}\""));
            if (self.restarts, numbers.len()) == (restarts, texts.len()) {
                let expected: Vec<String> = (1..=texts.len()).map(|number| format!("e{number}")).collect();
                assert_eq!(numbers, expected);
                assert!(self.app.eventlog.iter().zip(texts).all(shown), "{:?}", self.app.eventlog);
                return;
            }
            match self.messages.recv_timeout(LONG).expect("the pane says no more") {
                Message::Logged(line) => self.app.log(line),
                Message::LogRestarted => {
                    self.app.eventlog.clear();
                    self.restarts += 1;
                }
                Message::Failed(error) => panic!("{error}"),
                _ => {}
            }
        }
    }
}

#[test]
fn a_list_that_meets_its_first_backend_goes_on_showing_its_events() {
    let dir = tempfile::tempdir().unwrap();
    let local = Store::<Todos>::open(native(dir.path()), "todos").unwrap();
    add(&local, "milk");
    add(&local, "bread");
    local.shutdown().unwrap();
    let backend = MemoryBackend::new();
    backend.set_online(false);
    let store = synced(dir.path(), &backend);
    let mut pane = Pane::of(&store);
    pane.shows(0, &["milk", "bread"]);
    backend.set_online(true);
    assert!(store.wait_synced(LONG), "{:?}", store.sync_status());
    add(&store, "tea");
    pane.shows(1, &["milk", "bread", "tea"]);
    store.shutdown().unwrap();
}

#[test]
fn a_backend_that_was_replaced_begins_the_pane_again() {
    let dir = tempfile::tempdir().unwrap();
    let backend = MemoryBackend::new();
    let store = synced(dir.path(), &backend);
    add(&store, "milk");
    assert!(store.wait_synced(LONG), "{:?}", store.sync_status());
    let mut pane = Pane::of(&store);
    pane.shows(0, &["milk"]);
    let id = backend.backend_id();
    backend.replace();
    assert!(store.wait_sync(LONG, |sync| sync.backend_id.as_ref().is_some_and(|found| *found != id)));
    add(&store, "bread");
    pane.shows(1, &["milk", "bread"]);
    store.shutdown().unwrap();
}
