//! Two leaders on one folder, where the lock that should keep them apart is left out; and what a seal does not cover.

mod codes;
mod merge;
#[cfg(feature = "shuttle")]
mod shuttle;

use super::*;
use crate::error::StorageKind;
use crate::event::EncodedEvent;
use crate::ids::{ClientId, JournalNonce, SessionId};
use crate::*;
use std::sync::atomic::{AtomicU64, Ordering};

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

struct Folder(PathBuf);

impl Folder {
    fn new() -> Self {
        static COUNT: AtomicU64 = AtomicU64::new(0);
        let count = COUNT.fetch_add(1, Ordering::Relaxed);
        let path = std::env::temp_dir().join(format!("livestore-leader-{}-{count}", std::process::id()));
        let _ = std::fs::remove_dir_all(&path);
        std::fs::create_dir_all(&path).unwrap();
        Self(path)
    }

    fn lead(&self) -> Leader {
        let storage = Storage::Folder(self.0.clone());
        Leader::open(&storage, Materializers::of::<App>(), &mut |_, _| Ok(Vec::new()), &mut |_| {}).unwrap()
    }

    /// A leader that took three events and was closed in order; gives back the state file.
    fn sealed(&self) -> PathBuf {
        let mut leader = self.lead();
        leader.ingest(&[group(1), group(2), group(3)]).unwrap();
        leader.sync().unwrap();
        leader.seal();
        leader.state.path().unwrap().to_owned()
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

fn group(id: u64) -> Arc<CommitGroup> {
    let event = EncodedEvent::new(Added::DEF, Some(format!("{{\"id\":{id}}}").into()));
    let (client_id, session_id) = (ClientId::from_stored("client"), SessionId::from_stored("session-of-22-letters-"));
    Arc::new(CommitGroup::new((JournalNonce([7; 11]), id), client_id, session_id, vec![event]))
}

fn items(leader: &Leader) -> Vec<i64> {
    leader.state.db().rows("SELECT id FROM items ORDER BY id", [], |row| row.get(0)).unwrap()
}

fn check_fenced<T>(what: &str, done: Result<T, StorageError>) {
    let Err(error) = done else { panic!("{what} went through") };
    assert_eq!(error.kind, StorageKind::Busy, "{what}: {error}");
    assert!(error.message.contains("another process leads"), "{what}: {error}");
}

#[test]
fn a_leader_that_was_overtaken_writes_nothing_more() {
    let folder = Folder::new();
    let mut old = folder.lead();
    old.ingest(&[group(1)]).unwrap();
    let mut new = folder.lead();
    assert!(new.log.epoch() > old.log.epoch());

    check_fenced("append", old.log.append(&[group(2)]));
    check_fenced("set_state_file", old.log.set_state_file("state-other-1.db"));
    check_fenced("set_state_seal", old.log.set_state_seal("seal"));
    check_fenced("forget_state_file", old.log.forget_state_file());
    check_fenced("forget_journals", old.log.forget_journals(0, |_| true));
    check_fenced("sync", old.log.sync());
    check_fenced("apply", old.state.apply(&[group(2)]));
    check_fenced("note_synced", old.state.note_synced(9));
    check_fenced("complete", old.state.complete());
    check_fenced("ingest", old.ingest(&[group(2)]));

    new.ingest(&[group(2), group(3)]).unwrap();
    assert_eq!(items(&new), [1, 2, 3]);
    assert_eq!(new.log.taken(group(1).nonce).unwrap(), Some(3));
    assert_eq!(new.log.state_seal().unwrap(), None);
    drop((old, new));
    assert_eq!(items(&folder.lead()), [1, 2, 3]);
}

/// The log was taken, the state not yet: the window in which an older leader may still end its step.
#[test]
fn state_follows_what_the_older_leader_had_on_the_log() {
    let folder = Folder::new();
    let mut old = folder.lead();
    old.log.append(&[group(1)]).unwrap();
    let mut log = Eventlog::open(Storage::Folder(folder.0.clone()).log()).unwrap();
    log.claim().unwrap();
    old.catch_up_page().unwrap();
    check_fenced("append", old.log.append(&[group(2)]));
    let new = folder.lead();
    assert_eq!(items(&new), [1]);
    check_fenced("apply", old.state.apply(&[group(2)]));
}

#[test]
fn leaders_never_make_state_files_of_one_name() {
    let folder = Folder::new();
    let old = folder.lead();
    old.log.forget_state_file().unwrap();
    let new = folder.lead();
    assert_ne!(old.state.path(), new.state.path());
}

/// A log that was put back from a backup counts from an older epoch than the state beside it.
#[test]
fn state_of_a_later_epoch_than_the_log_is_rebuilt() {
    let folder = Folder::new();
    folder.sealed();
    let leader = folder.lead();
    leader.state.db().run("UPDATE livestore_position SET epoch = 99", []).unwrap();
    let before = leader.state.path().unwrap().to_owned();
    drop(leader);
    let leader = folder.lead();
    assert_ne!(leader.state.path(), Some(&*before));
    assert_eq!(items(&leader), [1, 2, 3]);
}

/// Turns a page in the middle of the file into noise, and keeps its length.
fn spoil(path: &Path) {
    let mut bytes = std::fs::read(path).unwrap();
    let db = rusqlite::Connection::open(path).unwrap();
    let root: isize =
        db.query_row("SELECT rootpage FROM sqlite_schema WHERE name = 'items'", [], |row| row.get(0)).unwrap();
    drop(db);
    let root = usize::try_from(root).unwrap();
    bytes[(root - 1) * 4_096..root * 4_096].fill(0xa5);
    std::fs::write(path, bytes).unwrap();
}

#[test]
fn an_untouched_state_file_is_opened_as_it_is() {
    let folder = Folder::new();
    let path = folder.sealed();
    let sealed = seal::of(&path);
    assert!(sealed.is_some());
    let leader = folder.lead();
    assert_eq!(leader.log.state_seal().unwrap(), sealed);
    assert_eq!(leader.state.path(), Some(&*path));
}

#[test]
fn a_state_file_written_after_its_seal_is_looked_at() {
    let folder = Folder::new();
    let path = folder.sealed();
    let (sealed, len) = (seal::of(&path), path.metadata().unwrap().len());
    let sealed_at = path.metadata().unwrap().modified().unwrap();
    spoil(&path);
    let file = std::fs::File::options().write(true).open(&path).unwrap();
    file.set_modified(sealed_at + std::time::Duration::from_nanos(1_000)).unwrap();
    drop(file);
    assert_eq!(path.metadata().unwrap().len(), len);
    assert_ne!(seal::of(&path), sealed, "the time tells");
    let leader = folder.lead();
    assert_ne!(leader.state.path(), Some(&*path), "it was rebuilt under another name");
    assert_eq!(items(&leader), [1, 2, 3]);
}

#[test]
fn the_seal_of_another_file_covers_nothing() {
    let folder = Folder::new();
    let path = folder.sealed();
    spoil(&path);
    // The right length and time under another name.
    let seal = seal::of(&path).unwrap().replace("state-", "state-other-");
    let mut log = Eventlog::open(Storage::Folder(folder.0.clone()).log()).unwrap();
    log.claim().unwrap();
    log.set_state_seal(&seal).unwrap();
    drop(log);
    let leader = folder.lead();
    assert_ne!(leader.state.path(), Some(&*path));
    assert_eq!(items(&leader), [1, 2, 3]);
}

#[test]
fn copies_that_are_kept_aside_are_all_named() {
    let folder = Folder::new();
    std::fs::create_dir_all(&folder.0).unwrap();
    let storage = super::Storage::Folder(folder.0.clone());
    // The first was of a try that failed, and is gone.
    for name in ["eventlog-kept-2.db", "eventlog-kept-10.db", "eventlog-kept-x.db", "eventlog.db"] {
        std::fs::write(folder.0.join(name), name).unwrap();
    }
    let kept = ["eventlog-kept-2.db", "eventlog-kept-10.db"].map(|name| folder.0.join(name));
    assert_eq!(storage.kept_logs(), kept);
    assert_eq!(storage.kept_log(), Some(folder.0.join("eventlog-kept-1.db")));
}

#[test]
fn a_log_that_lost_the_end_of_a_commit_group_is_damaged() {
    let folder = Folder::new();
    let mut leader = folder.lead();
    let mut two = (*group(2)).clone();
    two.push(two.events[0].clone(), 1);
    leader.ingest(&[group(1), Arc::new(two)]).unwrap();
    drop(leader);
    let log = Storage::Folder(folder.0.clone()).log();
    Db::open(log, Arc::default()).unwrap().batch("DELETE FROM events WHERE place = 3").unwrap();
    let storage = Storage::Folder(folder.0.clone());
    let opened = Leader::open(&storage, Materializers::of::<App>(), &mut |_, _| Ok(Vec::new()), &mut |_| {});
    assert!(matches!(opened, Err(OpenError::DamagedLog { .. })), "{:?}", opened.map(drop));
}

#[test]
fn a_reason_that_quotes_a_payload_is_cut() {
    let folder = Folder::new();
    let mut leader = folder.lead();
    let mut long = (*group(1)).clone();
    long.events[0].args = Some(format!("{{\"id\":\"{}\"}}", "ä".repeat(100_000)).into());
    leader.ingest(&[Arc::new(long)]).unwrap();
    let quarantined = leader.quarantined().unwrap();
    assert!(quarantined[0].reason.contains("invalid type"), "{}", quarantined[0].reason.len());
    assert!(quarantined[0].reason.len() < 2_100, "{}", quarantined[0].reason.len());
}
