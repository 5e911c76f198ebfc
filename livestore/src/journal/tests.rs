use super::*;
use std::borrow::Cow;

struct Folder(PathBuf);

impl Folder {
    fn new(name: &str) -> Self {
        let path = std::env::temp_dir().join(format!("livestore-journal-{name}-{}", std::process::id()));
        let _ = std::fs::remove_dir_all(&path);
        std::fs::create_dir_all(&path).unwrap();
        Self(path)
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

fn identity() -> Identity {
    Identity {
        nonce: JournalNonce([9; 11]),
        client_id: ClientId::from_stored("client"),
        session_id: SessionId::from_stored("session-of-22-letters-"),
    }
}

fn events(count: usize, text: &str) -> Vec<EncodedEvent> {
    let event = |index| EncodedEvent {
        name: Cow::Owned(format!("v1.E{index}")),
        client_only: index % 2 == 1,
        args: (index % 3 != 2).then(|| format!("{{\"t\":\"{text}\"}}").into()),
    };
    (0..count).map(event).collect()
}

fn recovered(folder: &Folder) -> Vec<Vec<EncodedEvent>> {
    let journals = scan(&folder.0).unwrap();
    journals.into_iter().flat_map(|journal| journal.groups.clone()).map(|group| group.events).collect()
}

#[test]
fn a_dead_journal_gives_back_what_was_appended() {
    let folder = Folder::new("roundtrip");
    let mut journal = Journal::create(&folder.0, identity()).unwrap();
    journal.append(&events(3, "a")).unwrap();
    journal.append(&events(1, "b")).unwrap();
    assert_eq!(journal.next_ordinal(), 5);
    assert!(scan(&folder.0).unwrap().is_empty(), "a living journal is locked");
    drop(journal);
    let journals = scan(&folder.0).unwrap();
    assert_eq!(journals[0].identity, identity());
    assert_eq!(journals[0].groups.iter().map(|group| group.ordinal).collect::<Vec<_>>(), [1, 4]);
    drop(journals);
    assert_eq!(recovered(&folder), [events(3, "a"), events(1, "b")]);
    scan(&folder.0).unwrap().into_iter().for_each(|dead| dead.remove());
    assert!(recovered(&folder).is_empty());
}

#[test]
fn a_file_cut_anywhere_gives_exactly_its_whole_records() {
    let folder = Folder::new("cut");
    let mut journal = Journal::create(&folder.0, identity()).unwrap();
    let mut ends = vec![journal.current.record_bytes()];
    for text in ["a", "bb", "ccc"] {
        journal.append(&events(4, text)).unwrap();
        ends.push(journal.current.record_bytes());
    }
    drop(journal);
    let path = std::fs::read_dir(&folder.0).unwrap().next().unwrap().unwrap().path();
    let whole = std::fs::read(&path).unwrap();
    for len in (header::LEN..=whole.len()).rev() {
        std::fs::write(&path, &whole[..len]).unwrap();
        let expected = ends.iter().filter(|end| header::LEN as u64 + **end <= len as u64).count() - 1;
        let journals = scan(&folder.0).unwrap();
        assert_eq!((journals[0].groups.len(), journals[0].is_damaged), (expected, false), "cut at {len}");
    }
}

#[test]
fn a_flipped_byte_never_gives_wrong_records_and_damage_is_kept() {
    let folder = Folder::new("flip");
    let mut journal = Journal::create(&folder.0, identity()).unwrap();
    for text in ["a", "b", "c"] {
        journal.append(&events(2, text)).unwrap();
    }
    drop(journal);
    let path = std::fs::read_dir(&folder.0).unwrap().next().unwrap().unwrap().path();
    let whole = std::fs::read(&path).unwrap();
    let written = [events(2, "a"), events(2, "b"), events(2, "c")];
    for place in header::LEN..whole.len() {
        let mut bytes = whole.clone();
        bytes[place] ^= 0x40;
        std::fs::write(&path, &bytes).unwrap();
        let journals = scan(&folder.0).unwrap();
        let groups: Vec<_> = journals[0].groups.iter().map(|group| group.events.clone()).collect();
        assert!(written.starts_with(&groups) && groups.len() < 3, "flip at {place}");
        // A flip before the last record leaves whole records behind it: that is never taken for an unfinished append.
        let is_before_last = groups.len() < 2;
        assert!(journals[0].is_damaged || !is_before_last, "flip at {place}");
    }
}

#[test]
fn segments_follow_each_other_and_go_once_synced() {
    let folder = Folder::new("segments");
    let mut journal = Journal::create_with(&folder.0, identity(), 4_000, 500).unwrap();
    let mut written = Vec::new();
    for index in 0..30 {
        let group = events(2, &format!("{index:03}"));
        journal.append(&group).unwrap();
        written.push(group);
    }
    let files = || std::fs::read_dir(&folder.0).unwrap().count();
    assert!(files() > 2 && journal.wants_cut());
    let before = files();
    journal.cut(20);
    assert!(files() < before);
    journal.cut(journal.next_ordinal() - 1);
    assert_eq!(files(), 1);
    let refused = loop {
        match journal.append(&events(2, "full")) {
            Ok(()) => {}
            Err(error) => break error,
        }
    };
    assert!(matches!(refused, CommitError::Backlogged { .. }), "{refused}");
    journal.cut(journal.next_ordinal() - 1);
    journal.append(&events(2, "again")).unwrap();
    drop(journal);
    assert_eq!(recovered(&folder).last(), Some(&events(2, "again")));
}
