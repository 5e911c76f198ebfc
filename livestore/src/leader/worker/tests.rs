use super::*;
use crate::event::EncodedEvent;
use crate::eventlog::Backend;
use crate::ids::{ClientId, SessionId};
use crate::leader::step::Step;
use crate::leader::{LeaderOptions, News, Storage};
use crate::materialize::Materializers;
use crate::sqlite::Db;
use crate::sync::BackendId;
use crate::threads::mpsc::sync_channel;
use crate::*;
use std::path::{Path, PathBuf};

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

fn group(nonce: u8, ordinal: u64) -> Arc<CommitGroup> {
    let event = EncodedEvent::new(Added::DEF, Some(r#"{"id":1}"#.into()));
    let (client_id, session_id) = (ClientId::from_stored("client"), SessionId::from_stored("session"));
    Arc::new(CommitGroup::new((JournalNonce([nonce; 11]), ordinal), client_id, session_id, vec![event]))
}

fn submission(ordinal: u64) -> Submission {
    Submission { group: group(7, ordinal), slot: Arc::default(), is_foreign: false }
}

/// A worker over a backend in a folder of its own, with one session, and a second way into its log.
struct Synced {
    worker: Worker,
    port: Arc<Port>,
    side: Db,
    folder: PathBuf,
}

impl Synced {
    fn new(name: &str, take: impl FnOnce(&Path) -> Option<TakeJournals>) -> Self {
        let folder = std::env::temp_dir().join(format!("livestore-worker-{}-{name}", std::process::id()));
        let _ = std::fs::remove_dir_all(&folder);
        std::fs::create_dir_all(&folder).unwrap();
        let storage = Storage::Folder(folder.clone());
        let recover: crate::leader::Recover<'_> = &mut |_, _| Ok(Vec::new());
        let mut leader = Leader::open(&storage, Materializers::of::<App>(), recover, &mut |_| {}).unwrap();
        leader.attach(Backend { id: BackendId::new("backend"), keeps_identity: true }).unwrap();
        let (desk, port) = (Desk::new(LeaderOptions::default()), Arc::new(Port::default()));
        let mut worker = Worker::new(&desk, leader, take(&folder)).unwrap();
        worker.attached.add(JournalNonce([7; 11]), Arc::clone(&port), Default::default());
        let side = side(&folder);
        Self { worker, port, side, folder }
    }

    /// The groups that the session was told of, by journal and ordinal; 0 for a new beginning.
    fn told(&self) -> Vec<(u8, u64)> {
        let news = self.port.drain().into_iter();
        news.map(|news| match news {
            News::Accepted(Accepted { group, .. }) => (group.nonce.0[0], group.ordinal),
            News::Restart(_) => (0, 0),
            other => panic!("{other:?}"),
        })
        .collect()
    }
}

impl Drop for Synced {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.folder);
    }
}

fn side(folder: &Path) -> Db {
    Db::open(Storage::Folder(folder.to_owned()).log(), Arc::default()).unwrap()
}

/// What cannot be read is not told, and must be before anything that comes later.
#[test]
fn what_an_ended_journal_gave_is_told_once_it_can_be_read() {
    let mut synced = Synced::new("untold-journal", |folder| {
        let side = side(folder);
        Some(Box::new(move |log| {
            if log.taken(JournalNonce([9; 11]))?.is_none() {
                log.take(&[group(9, 1), group(9, 2)])?;
                side.batch("ALTER TABLE pending RENAME TO hidden")?;
            }
            Ok(vec![JournalNonce([9; 11])])
        }))
    });
    synced.worker.take_ended_journals().unwrap_err();
    synced.side.batch("ALTER TABLE hidden RENAME TO pending").unwrap();
    synced.worker.in_flight = [submission(1)].into();
    synced.worker.ingest().unwrap();
    assert_eq!(synced.told(), [(9, 1), (9, 2), (7, 1)]);
}

#[test]
fn a_new_beginning_is_told_with_all_that_is_pending_once_that_can_be_read() {
    let mut synced = Synced::new("untold-restart", |_| None);
    synced.worker.in_flight = (1..=2).map(submission).collect();
    synced.worker.ingest().unwrap();
    synced.port.drain();
    synced.side.batch("ALTER TABLE pending RENAME TO hidden").unwrap();
    synced.worker.tell(vec![Told::Restarted(None)]).unwrap_err();
    synced.side.batch("ALTER TABLE hidden RENAME TO pending").unwrap();
    synced.worker.in_flight = [submission(3)].into();
    synced.worker.ingest().unwrap();
    assert_eq!(synced.told(), [(0, 0), (7, 1), (7, 2), (7, 3)]);
}

/// Its feed would be filled, and never emptied.
#[test]
fn a_session_that_was_not_opened_after_all_is_told_nothing() {
    let mut synced = Synced::new("nobody", |_| None);
    let attach = |worker: &mut Worker, nonce, is_there| {
        let (reply, answer) = sync_channel(1);
        let answer = Some(answer).filter(|_| is_there);
        let port = Arc::new(Port::default());
        worker.serve(Request::Attach { nonce: JournalNonce([nonce; 11]), port, reply });
        answer.map(|answer| answer.recv().unwrap())
    };
    assert!(attach(&mut synced.worker, 1, false).is_none(), "who asked is gone");
    synced.worker.in_flight = [submission(1)].into();
    synced.worker.ingest().unwrap();
    synced.side.batch("ALTER TABLE pending RENAME TO hidden").unwrap();
    attach(&mut synced.worker, 2, true).unwrap().unwrap_err();
    let known: Vec<_> = synced.worker.attached.sessions().map(|(nonce, _)| nonce.0[0]).collect();
    assert_eq!(known, [7]);
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

#[test]
fn a_session_that_stopped_is_told_nothing_more() {
    let mut synced = Synced::new("stopped", |_| None);
    synced.port.close("it stopped");
    synced.worker.in_flight = (1..=3).map(submission).collect();
    synced.worker.ingest().unwrap();
    let groups: Vec<_> = (1..=3).map(|ordinal| group(7, ordinal)).collect();
    let judged = groups.iter().zip(1..).map(|(group, place)| Judged {
        group: Arc::clone(group),
        head: crate::eventlog::LogHead { place, ..Default::default() },
        verdict: Verdict::Applied,
    });
    synced.worker.publish(&judged.collect::<Vec<_>>());
    assert_eq!((synced.port.drain().len(), synced.port.waiting_bytes()), (0, 0));
}

/// What a leader does when nobody commits tells it that it was overtaken, too.
#[test]
fn a_leader_that_was_overtaken_ends_when_it_rests() {
    let mut synced = Synced::new("overtaken", |_| None);
    synced.worker.in_flight = [submission(1)].into();
    synced.worker.ingest().unwrap();
    let mut log = crate::eventlog::Eventlog::open(Storage::Folder(synced.folder.clone()).log()).unwrap();
    log.claim().unwrap();
    let steps = (0..20).map(|second| synced.worker.step(Duration::from_secs(second)));
    assert!(steps.collect::<Vec<_>>().contains(&Step::Ended));
    assert!(synced.worker.desk.stopped().is_some_and(|reason| reason.contains("another process leads")));
}

#[test]
fn what_an_ended_journal_gave_is_pending_at_once() {
    let mut synced = Synced::new("journal", |_| {
        Some(Box::new(|log| {
            if log.taken(JournalNonce([9; 11]))?.is_none() {
                log.take(&[group(9, 1), group(9, 2)])?;
            }
            Ok(Vec::new())
        }))
    });
    let mut now = Duration::ZERO;
    while synced.told().is_empty() {
        assert!(now < Duration::from_secs(60), "it does not look around");
        if synced.worker.step(now) != Step::Worked {
            now += Duration::from_millis(100);
        }
    }
    assert_eq!(synced.worker.leader.pending_synced(), 2);
    assert!(lock(&synced.worker.desk.inbox).is_urgent, "it is pushed now");
}
