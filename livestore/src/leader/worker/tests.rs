use super::*;
use crate::event::EncodedEvent;
use crate::eventlog::Backend;
use crate::ids::{ClientId, SessionId};
use crate::leader::{LeaderOptions, Storage};
use crate::materialize::Materializers;
use crate::sync::BackendId;
use crate::*;

#[event("v1.Added")]
struct Added {
    id: i64,
}

#[schema(events(Added))]
struct App;

#[materializers]
impl App {
    fn added(_: Added) {}
}

fn submission(ordinal: u64) -> Submission {
    let event = EncodedEvent::new(Added::DEF, Some(r#"{"id":1}"#.into()));
    let (client_id, session_id) = (ClientId::from_stored("client"), SessionId::from_stored("session"));
    let group = CommitGroup::new((JournalNonce([7; 11]), ordinal), client_id, session_id, vec![event]);
    Submission { group: Arc::new(group), slot: Arc::default(), is_foreign: false }
}

/// A session whose groups are all taken asks the status whether they are synced.
#[test]
fn what_was_taken_counts_as_pending_when_its_session_hears_of_it() {
    let (desk, port) = (Desk::new(LeaderOptions::default()), Arc::new(Port::default()));
    let recover: crate::leader::Recover<'_> = &mut |_, _| Ok(Vec::new());
    let mut leader = Leader::open(&Storage::Memory, Materializers::of::<App>(), recover, &mut |_| {}).unwrap();
    leader.attach(Backend { id: BackendId::new("backend"), keeps_identity: true }).unwrap();
    let mut worker = Worker::new(&desk, leader, None).unwrap();
    worker.attached.add(JournalNonce([7; 11]), Arc::clone(&port), Default::default());

    worker.in_flight = (1..=3).map(submission).collect();
    worker.ingest().unwrap();
    assert_eq!(port.drain().len(), 3);
    assert_eq!(desk.status().sync.pending, 3);
}

/// More pages than one step takes: a page that is dropped between two steps has to be asked for again.
#[test]
fn a_long_catch_up_is_pulled_once() {
    let pulls = |events: u64| {
        let backend = MemoryBackend::new();
        (0..events).for_each(|_| backend.append("store", "another", "v1.Added", Some(r#"{"id":1}"#)));
        let store = Store::<App>::builder(memory(), "store").sync(backend.clone()).open().unwrap();
        assert!(store.wait_synced(Duration::from_secs(60)), "{:?}", store.sync_status());
        assert_eq!(store.status().upstream_head.global, events);
        backend.pulls()
    };
    assert_eq!(pulls(7_000), pulls(1));
}
