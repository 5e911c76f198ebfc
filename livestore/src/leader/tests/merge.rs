//! What a backend sends, merged with what is pending.

use super::Folder;
use crate::event::{CommitGroup, EncodedEvent};
use crate::eventlog::Backend;
use crate::ids::{ClientId, EventId, JournalNonce, SessionId};
use crate::leader::{Leader, LeaderHandle, LeaderOptions, Storage};
use crate::materialize::Materializers;
use crate::sqlite::{Db, StateRules};
use crate::sync::{BackendId, SyncEvent};
use crate::*;
use std::sync::Arc;
use std::time::Duration;

#[event("v1.Noted")]
struct Noted {
    id: i64,
}

#[event("Seen", client_only)]
struct Seen {
    id: i64,
}

#[table("notes")]
struct Note {
    #[column(primary_key)]
    id: i64,
}

#[table("seen", client_only)]
struct SeenRow {
    #[column(primary_key)]
    id: i64,
}

#[schema(events(Noted, Seen), tables(Note, SeenRow))]
struct App;

#[materializers]
impl App {
    fn noted(Noted { id }: Noted) -> impl IntoWrites {
        Note { id }.insert()
    }

    fn seen(Seen { id }: Seen) -> impl IntoWrites {
        SeenRow { id }.insert()
    }
}

fn open(storage: &Storage) -> Leader {
    Leader::open(storage, Materializers::of::<App>(), &mut |_, _| Ok(Vec::new()), &mut |_| {}).unwrap()
}

fn args(id: i64) -> Option<Box<str>> {
    Some(format!("{{\"id\":{id}}}").into())
}

fn noted(id: i64) -> EncodedEvent {
    EncodedEvent::new(Noted::DEF, args(id))
}

fn seen(id: i64) -> EncodedEvent {
    EncodedEvent::new(Seen::DEF, args(id))
}

/// Of this client's own session; each event's ordinal is one more than that before.
fn own(ordinal: u64, events: Vec<EncodedEvent>) -> Arc<CommitGroup> {
    let (client_id, session_id) = (ClientId::from_stored("me"), SessionId::from_stored("mine"));
    Arc::new(CommitGroup::new((JournalNonce([7; 11]), ordinal), client_id, session_id, events))
}

fn backend(id: &str, keeps_identity: bool) -> Backend {
    Backend { id: BackendId::new(id), keeps_identity }
}

/// As it comes from a backend; `id` is an ordinal of another client's journal, and what follows in its group.
fn incoming(number: u64, client: &str, note: i64, id: Option<(u64, u32)>) -> SyncEvent {
    SyncEvent {
        number,
        parent: number - 1,
        name: "v1.Noted".into(),
        args: args(note),
        client_id: client.into(),
        session_id: if client == "me" { "mine".into() } else { "theirs".into() },
        id: id.map(|(ordinal, _)| EventId::new(JournalNonce([9; 11]), ordinal)),
        rest: id.map(|(_, rest)| rest),
    }
}

/// What would be pushed next: numbers and notes.
fn pushed(leader: &mut Leader) -> Vec<(u64, String)> {
    let events = leader.push_batch().unwrap().into_iter();
    events.map(|event| (event.number, event.args.unwrap_or_default().into_string())).collect()
}

fn text(id: i64) -> String {
    args(id).unwrap().into_string()
}

fn notes(leader: &Leader) -> Vec<i64> {
    leader.state.db().rows("SELECT id FROM notes ORDER BY id", [], |row| row.get(0)).unwrap()
}

/// The pending part on disk is the one in memory.
fn check_order(leader: &mut Leader) {
    let (known, synced) = (leader.order.clone(), leader.pending_synced());
    leader.reload_order().unwrap();
    assert_eq!((leader.order.pending(), leader.pending_synced()), (known.pending(), synced));
}

#[test]
fn a_group_with_gaps_is_confirmed_in_parts_by_a_backend_without_ids() {
    let mut leader = open(&Storage::Memory);
    leader.attach(backend("first", true)).unwrap();
    // A client-only event stood between the two, at the client that committed them.
    leader.apply_page(vec![incoming(1, "other", 1, Some((1, 1))), incoming(2, "other", 2, Some((3, 0)))]).unwrap();
    leader.rejoin(backend("second", false)).unwrap();
    assert_eq!(pushed(&mut leader), [(1, text(1)), (2, text(2))]);
    leader.apply_page(vec![incoming(1, "other", 1, None)]).unwrap();
    check_order(&mut leader);
    assert_eq!((pushed(&mut leader), notes(&leader)), (vec![(2, text(2))], vec![1]));
    leader.apply_page(vec![incoming(2, "other", 2, None)]).unwrap();
    check_order(&mut leader);
    assert_eq!((pushed(&mut leader), leader.pending_synced()), (vec![], 0));
    assert_eq!(notes(&leader), [1, 2]);
}

#[test]
fn a_mixed_group_is_confirmed_event_by_event_in_one_page_or_in_many() {
    for in_one_page in [true, false] {
        let mut leader = open(&Storage::Memory);
        leader.attach(backend("only", false)).unwrap();
        leader.accept(&[own(1, vec![seen(1), noted(1), seen(2), noted(2), seen(3)]), own(6, vec![noted(3)])]).unwrap();
        let page = [incoming(1, "me", 1, None), incoming(2, "me", 2, None), incoming(3, "other", 9, None)];
        let last = incoming(4, "me", 3, None);
        if in_one_page {
            leader.apply_page(page.into_iter().chain([last]).collect()).unwrap();
        } else {
            for event in page.into_iter().chain([last]) {
                leader.apply_page(vec![event]).unwrap();
                check_order(&mut leader);
            }
        }
        check_order(&mut leader);
        assert_eq!((pushed(&mut leader), leader.pending_synced()), (vec![], 0));
        assert_eq!((notes(&leader), leader.log().head().place), (vec![1, 2, 3, 9], 7));
    }
}

/// Such a backend names an event by its number: a rewound one gives the same name to another event.
#[test]
fn what_a_rewound_backend_lost_stays_pending_behind_what_took_its_number() {
    for keeps_identity in [false, true] {
        let mut leader = open(&Storage::Memory);
        let only = backend("only", keeps_identity);
        leader.attach(only.clone()).unwrap();
        leader.apply_page(vec![incoming(1, "other", 1, None)]).unwrap();
        for turn in 0..3 {
            leader.rejoin(only.clone()).unwrap();
            check_order(&mut leader);
            leader.apply_page(vec![incoming(1, "other", 100 + turn, None)]).unwrap();
            check_order(&mut leader);
            // What came before is pushed behind it, the last first here.
            let lost: Vec<_> = (100..100 + turn).rev().chain([1]).collect();
            let expected: Vec<_> = (2..).zip(&lost).map(|(number, note)| (number, text(*note))).collect();
            assert_eq!(pushed(&mut leader), expected, "{keeps_identity}");
            leader
                .apply_page((2..).zip(lost).map(|(number, note)| incoming(number, "other", note, None)).collect())
                .unwrap();
            assert_eq!(leader.pending_synced(), 0);
        }
        check_order(&mut leader);
        assert_eq!(notes(&leader), [1, 100, 101, 102], "{keeps_identity}");
    }
}

/// The group is taken in one transaction, and gets its place in another.
#[test]
fn a_client_only_group_that_a_crash_left_without_a_place_gets_it() {
    let folder = Folder::new();
    let storage = Storage::Folder(folder.0.clone());
    let mut leader = open(&storage);
    leader.attach(backend("only", true)).unwrap();
    leader.accept(&[own(1, vec![seen(1)]), own(2, vec![noted(1)])]).unwrap();
    drop(leader);
    // No backend is there, and nobody commits.
    let handle = LeaderHandle::lead(open(&storage), LeaderOptions::default(), None, Box::new(())).unwrap();
    assert!(handle.wait_past(0, Duration::from_secs(30)));
    assert_eq!(handle.status().head.to_string(), "e0.1");
}

#[test]
fn a_pending_part_that_cannot_be_read_is_read_again() {
    let folder = Folder::new();
    let storage = Storage::Folder(folder.0.clone());
    let mut leader = open(&storage);
    leader.attach(backend("only", true)).unwrap();
    leader.accept(&[own(1, vec![noted(1)]), own(2, vec![noted(2)])]).unwrap();
    let other = Db::open(storage.log(), Arc::new(StateRules::default())).unwrap();
    other.batch("ALTER TABLE pending RENAME TO hidden").unwrap();
    let page = || {
        let mut event = incoming(1, "me", 1, Some((1, 0)));
        event.id = Some(EventId::new(JournalNonce([7; 11]), 1));
        vec![event]
    };
    leader.apply_page(page()).unwrap_err();
    assert!(!leader.is_in_step());
    leader.accept(&[own(3, vec![noted(3)])]).unwrap_err();
    other.batch("ALTER TABLE hidden RENAME TO pending").unwrap();
    assert_eq!(leader.catch_up_page().unwrap().len(), 0);
    assert!(leader.is_in_step());
    assert_eq!(pushed(&mut leader), [(1, text(1)), (2, text(2))]);
    leader.apply_page(page()).unwrap();
    check_order(&mut leader);
    assert_eq!((pushed(&mut leader), notes(&leader)), (vec![(2, text(2))], vec![1]));
}

#[test]
fn a_log_to_which_a_backend_gave_one_id_twice_opens_again_after_a_rejoin() {
    let folder = Folder::new();
    let storage = Storage::Folder(folder.0.clone());
    let mut leader = open(&storage);
    leader.attach(backend("first", true)).unwrap();
    let twice = |number, note| incoming(number, "other", note, Some((1, 0)));
    for (number, note) in [(1, 1), (2, 2), (3, 3)] {
        leader.apply_page(vec![twice(number, note)]).unwrap();
    }
    leader.rejoin(backend("second", true)).unwrap();
    check_order(&mut leader);
    drop(leader);
    let mut leader = open(&storage);
    assert_eq!(pushed(&mut leader), [(1, text(1)), (2, text(2)), (3, text(3))]);
    let mut ids: Vec<_> = leader.push_batch().unwrap().into_iter().map(|event| event.id).collect();
    ids.dedup();
    assert_eq!(ids.len(), 3);
}

/// Clients that lived in other ways, one of them without a backend at first, bring back what the backend lost, once.
#[test]
fn an_event_without_an_id_that_the_backend_lost_comes_back_from_all_clients_alike() {
    let only = backend("only", true);
    let brought_back = |leader: &mut Leader| {
        leader.attach(only.clone()).unwrap();
        leader.apply_page(vec![incoming(1, "other", 1, None), incoming(2, "other", 2, None)]).unwrap();
        leader.rejoin(only.clone()).unwrap();
        let events = leader.push_batch().unwrap();
        events.into_iter().filter(|event| event.client_id == "other").map(|event| event.id).collect::<Vec<_>>()
    };
    let (mut one, mut other) = (open(&Storage::Memory), open(&Storage::Memory));
    other.ingest(&[own(1, vec![noted(7)])]).unwrap();
    let (from_one, from_other) = (brought_back(&mut one), brought_back(&mut other));
    assert_eq!(from_one, from_other);
    assert!(from_one.len() == 2 && from_one[0] != from_one[1], "{from_one:?}");
    // The backend gives the numbers to others: these are new.
    one.apply_page(vec![incoming(1, "other", 3, None)]).unwrap();
    assert_eq!(pushed(&mut one), [(2, text(1)), (3, text(2))]);
    check_order(&mut one);
}

#[test]
fn a_reason_for_a_rejection_is_kept_at_a_bounded_length() {
    let mut leader = open(&Storage::Memory);
    leader.attach(backend("only", true)).unwrap();
    leader.accept(&[own(1, vec![noted(1)])]).unwrap();
    let (dropped, shown) = leader.reject(1, &"x".repeat(1 << 20)).unwrap().unwrap();
    assert!(dropped.reason.len() < 2_100 && shown.reason.len() < 2_100);
    assert!(leader.log().rejected().unwrap()[0].reason.len() < 2_100);
}

/// What was confirmed becomes pending again as it was, or not at all.
#[test]
fn a_log_with_a_hole_is_not_taken_to_another_backend() {
    let lost = [
        "DELETE FROM events WHERE place = 2",
        "DELETE FROM events WHERE place = 3",
        "DELETE FROM pending WHERE place = 7",
    ];
    for lost in lost {
        let folder = Folder::new();
        let storage = Storage::Folder(folder.0.clone());
        let mut leader = open(&storage);
        leader.attach(backend("first", true)).unwrap();
        let mut events: Vec<_> =
            (1..=4).map(|number| incoming(number, "other", number as i64, Some((number, 0)))).collect();
        (events[0].rest, events[1].rest) = (Some(2), Some(1));
        leader.apply_page(events).unwrap();
        let own_groups = [own(1, vec![noted(10), noted(11)]), own(3, vec![noted(12), noted(13)])];
        leader.accept(&own_groups).unwrap();
        let seq = leader.log().pending_seq();
        let lost = lost.replace('7', &(seq - 2).to_string());
        Db::open(storage.log(), Arc::new(StateRules::default())).unwrap().batch(&lost).unwrap();
        let error = leader.rejoin(backend("second", true)).unwrap_err();
        assert!(error.message.contains("is missing"), "{lost}: {error}");
        assert_eq!(leader.backend().unwrap().id.as_str(), "first");
    }
}
