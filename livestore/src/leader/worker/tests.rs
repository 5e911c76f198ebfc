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
    Submission { group: Arc::new(group), slot: Arc::default() }
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
