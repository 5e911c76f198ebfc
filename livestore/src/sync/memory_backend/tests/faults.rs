//! Each fault does what it says, once.

use super::*;

/// A client of a backend with three events, whose first page the fault meets.
fn meets_page(fault: Fault) -> (MemoryBackend, Client) {
    let backend = with_log(3);
    let mut client = Client::new(&backend);
    backend.inject(fault);
    client.pull(0, true);
    (backend, client)
}

/// A client whose push of event 4 the fault meets, and the first answer.
fn meets_push(fault: Fault) -> (MemoryBackend, Client, Option<SyncMessage>) {
    let backend = with_log(3);
    let mut client = Client::new(&backend);
    backend.inject(fault);
    let answer = client.push(&events(4..=5));
    assert_eq!(backend.faults(), 0);
    (backend, client, answer)
}

fn is_offline(answer: Option<&SyncMessage>) -> bool {
    matches!(answer, Some(SyncMessage::Disconnected(SyncError::Offline { .. })))
}

/// The next page is as it should be: the fault met one.
fn check_healed(backend: &MemoryBackend, client: &mut Client, number: u64) {
    assert_eq!(backend.faults(), 0);
    backend.append(STORE, "bob", "v1.Counted", None);
    let page = client.page();
    let expected = SyncEvent { number, parent: number - 1, id: None, rest: None, ..page.events[0].clone() };
    assert_eq!((page.events, page.backend_id), (vec![expected], backend.backend_id()));
}

#[test]
fn the_log_outlives_its_connections() {
    let backend = with_log(1);
    let mut client = Client::new(&backend);
    client.pull(0, true);
    assert_eq!(client.numbers(), [1]);
    client.woken();
    backend.set_online(false);
    assert_eq!((client.woken(), backend.connections()), (1, 0));
    assert!(matches!(client.ended(), SyncError::Offline { .. }));
    assert!(matches!(Client::new(&backend).ended(), SyncError::Offline { .. }));
    backend.set_online(true);
    let mut client = Client::new(&backend);
    client.pull(0, false);
    assert_eq!(client.numbers(), [1]);
}

#[test]
fn cutting_ends_what_stands_and_loses_what_was_not_taken() {
    let backend = with_log(1);
    let mut client = Client::new(&backend);
    client.connection.send(SyncRequest::Ping);
    backend.disconnect_all();
    assert!(matches!(client.ended(), SyncError::Offline { .. }));
    assert_eq!(client.push(&events([2])), None, "what is sent after the end is lost");
    assert_eq!(backend.head(STORE), 1);
    assert_eq!(Client::new(&backend).push(&events([2])), Some(SyncMessage::Pushed));
}

#[test]
fn refused_auth_is_not_offline() {
    let backend = with_log(1);
    let mut client = Client::new(&backend);
    backend.refuse_auth(Some("expired"));
    let refused = SyncError::Unauthorized { reason: "expired".into() };
    assert_eq!(client.ended(), refused);
    assert_eq!(Client::new(&backend).ended(), refused);
    backend.refuse_auth(None);
    assert_eq!(Client::new(&backend).push(&events([2])), Some(SyncMessage::Pushed));
}

#[test]
fn a_replaced_backend_has_another_id_and_log() {
    let backend = with_log(3);
    let (before, mut client) = (backend.backend_id(), Client::new(&backend));
    backend.replace();
    assert!(matches!(client.ended(), SyncError::Offline { .. }));
    assert_eq!(backend.events(STORE), []);
    let second = backend.backend_id();
    backend.replace_with_log(STORE, events(1..=2)).unwrap();
    assert_eq!(backend.events(STORE), events(1..=2));
    assert_eq!(Client::new(&backend).push(&events(1..=3)), Some(SyncMessage::Pushed), "the ids are known");
    let third = backend.backend_id();
    assert!(before != second && second != third && third != before);
    assert_eq!(backend.replace_with_log(STORE, events([1, 3])), Err("e3 of a push follows e1".into()));
    assert!(backend.replace_with_log(STORE, events([2])).is_err());
    assert_eq!((backend.backend_id(), backend.head(STORE)), (third, 3));
    assert_ne!(MemoryBackend::new().backend_id(), MemoryBackend::new().backend_id());
    let named = MemoryBackend::new().with_id("a");
    named.replace();
    assert_eq!(named.backend_id().as_str(), "a-2");
}

#[test]
fn a_rewound_backend_lost_its_last_events() {
    let backend = with_log(5);
    let (id, mut client) = (backend.backend_id(), Client::new(&backend));
    backend.rewind(STORE, 2);
    assert!(matches!(client.ended(), SyncError::Offline { .. }));
    assert_eq!((backend.events(STORE), backend.backend_id()), (events(1..=3), id));
    let mut others = events([4]);
    others[0].id = Some(id_of_others());
    assert_eq!(Client::new(&backend).push(&others), Some(SyncMessage::Pushed));
    assert_eq!(Client::new(&backend).push(&events([5])), Some(SyncMessage::Pushed));
    assert_eq!(backend.head(STORE), 5, "an id went with its event: its push is no repeat");
    backend.rewind(STORE, 99);
    assert_eq!(backend.head(STORE), 0);
}

fn id_of_others() -> EventId {
    super::id(1_000)
}

#[test]
fn messages_are_held_until_they_are_released() {
    let backend = with_log(1);
    let mut client = Client::new(&backend);
    backend.hold();
    client.pull(0, true);
    assert_eq!(client.push(&events([2])), None);
    assert_eq!(backend.head(STORE), 2, "the push was applied");
    let mut late = Client::new(&backend);
    assert_eq!(late.receive(), None);
    client.woken();
    backend.release();
    assert_eq!(client.woken(), 1);
    assert_eq!(client.receive(), Some(SyncMessage::Pushed));
    assert_eq!(client.numbers(), [1, 2]);
    assert_eq!(late.receive(), Some(SyncMessage::Connected));
}

#[test]
fn an_answer_is_lost() {
    let (backend, _, answer) = meets_push(Fault::LoseAnswer);
    assert!(is_offline(answer.as_ref()), "{answer:?}");
    assert_eq!(backend.head(STORE), 5);
    assert_eq!(Client::new(&backend).push(&events(4..=6)), Some(SyncMessage::Pushed));
    assert_eq!(backend.events(STORE), events(1..=6));
}

#[test]
fn a_lost_answer_to_a_refused_push_changes_nothing() {
    let backend = with_log(3);
    backend.inject(Fault::LoseAnswer);
    let answer = Client::new(&backend).push(&events([9]));
    assert!(is_offline(answer.as_ref()), "{answer:?}");
    assert_eq!(backend.head(STORE), 3);
}

#[test]
fn a_push_is_lost() {
    let (backend, _, answer) = meets_push(Fault::LosePush);
    assert!(is_offline(answer.as_ref()), "{answer:?}");
    assert_eq!(backend.head(STORE), 3);
    assert!(backend.contains("{\"by\":5}"), "it reached the backend");
}

#[test]
fn a_backend_is_busy_so_many_times() {
    let backend = with_log(0);
    backend.inject_times(2, &Fault::Busy);
    let mut client = Client::new(&backend);
    for _ in 0..2 {
        let answer = client.push(&events([1]));
        assert!(matches!(answer, Some(SyncMessage::PushRefused(PushRefusal::Busy { .. }))), "{answer:?}");
    }
    assert_eq!(client.push(&events([1])), Some(SyncMessage::Pushed));
}

#[test]
fn an_event_is_rejected() {
    for (index, number) in [(0, 4), (1, 5), (9, 5)] {
        let reason = "no".to_owned();
        let (backend, _, answer) = meets_push(Fault::Reject { index, reason: reason.clone() });
        assert_eq!(answer, Some(SyncMessage::PushRefused(PushRefusal::Rejected { number, reason })));
        assert_eq!(backend.head(STORE), 3);
    }
}

#[test]
fn a_page_is_lost() {
    let (backend, mut client) = meets_page(Fault::LosePage);
    assert_eq!(client.receive(), None);
    check_healed(&backend, &mut client, 4);
}

#[test]
fn a_page_comes_twice() {
    let (backend, mut client) = meets_page(Fault::DuplicatePage);
    assert_eq!((client.numbers(), client.numbers()), (vec![1, 2, 3], vec![1, 2, 3]));
    check_healed(&backend, &mut client, 4);
}

#[test]
fn a_page_overlaps_those_before() {
    let backend = with_log(3);
    let mut client = Client::new(&backend);
    backend.inject(Fault::OverlapPage { events: 2 });
    backend.inject(Fault::OverlapPage { events: 9 });
    client.pull(2, true);
    assert_eq!(client.numbers(), [1, 2, 3]);
    backend.append(STORE, "bob", "v1.Counted", None);
    assert_eq!(client.numbers(), [1, 2, 3, 4]);
    check_healed(&backend, &mut client, 5);
}

#[test]
fn a_page_has_a_gap() {
    let (backend, mut client) = meets_page(Fault::GapInPage);
    assert_eq!(client.numbers(), [1, 3]);
    check_healed(&backend, &mut client, 4);
}

#[test]
fn a_page_is_cut_off_and_the_connection_too() {
    for (len, expected) in [(1, vec![1]), (2, vec![1, 2]), (9, vec![1, 2, 3])] {
        let (_, mut client) = meets_page(Fault::CutAfter { events: len });
        assert_eq!(client.numbers(), expected);
        assert!(matches!(client.ended(), SyncError::Offline { .. }));
    }
    let (_, mut client) = meets_page(Fault::CutAfter { events: 0 });
    assert!(matches!(client.ended(), SyncError::Offline { .. }));
}

#[test]
fn a_page_that_is_cut_off_holds_whole_groups() {
    let backend = with_log(1);
    assert_eq!(Client::new(&backend).push(&grouped(events(2..=4))), Some(SyncMessage::Pushed));
    backend.inject_times(2, &Fault::CutAfter { events: 2 });
    for (after, expected) in [(0, vec![1]), (1, vec![2, 3, 4])] {
        let mut client = Client::new(&backend);
        client.pull(after, false);
        assert_eq!(client.numbers(), expected);
    }
}

#[test]
fn a_page_comes_from_another_backend() {
    let (backend, mut client) = meets_page(Fault::OtherBackendId);
    assert_ne!(client.page().backend_id, backend.backend_id());
    check_healed(&backend, &mut client, 4);
}

#[test]
fn a_page_is_hostile() {
    let places = |client: &mut Client| -> Vec<_> {
        client.page().events.iter().map(|event| (event.number, event.parent)).collect()
    };
    let (backend, mut client) = meets_page(Fault::GiantNumbers);
    let max = u64::MAX;
    assert_eq!(places(&mut client), [(max - 2, max - 3), (max - 1, max - 2), (max, max - 1)]);
    check_healed(&backend, &mut client, 4);
    let (backend, mut client) = meets_page(Fault::WrongParent);
    assert_eq!(places(&mut client), [(1, 1), (2, 1), (3, 2)]);
    check_healed(&backend, &mut client, 4);
    let (backend, mut client) = meets_page(Fault::ReversedPage);
    assert_eq!(places(&mut client), [(3, 2), (2, 1), (1, 0)]);
    check_healed(&backend, &mut client, 4);
}

#[test]
fn faults_meet_what_they_are_of_and_whom_they_are_for() {
    let backend = with_log(3);
    backend.inject_for("bob", Fault::LosePage);
    backend.inject(Fault::Busy);
    let (mut alice, mut bob) = (Client::new(&backend), Client::named(&backend, "bob", STORE));
    alice.pull(3, false);
    assert_eq!(alice.numbers(), [] as [u64; 0], "an empty page is met by none");
    alice.pull(0, false);
    assert_eq!(alice.numbers(), [1, 2, 3]);
    assert_eq!(backend.faults(), 2);
    bob.pull(0, false);
    assert_eq!(bob.receive(), None);
    assert_eq!((backend.clear_faults(), backend.faults()), (1, 0));
    assert_eq!(bob.push(&events([4])), Some(SyncMessage::Pushed));
}

#[test]
fn whatever_reached_the_backend_is_found() {
    let backend = with_log(1);
    let mut client = Client::new(&backend);
    let canary = |number, text: &str| {
        let mut events = events([number]);
        events[0].args = Some(format!("{{\"text\":\"{text}\"}}").into());
        events
    };
    client.push(&canary(2, "kept"));
    client.push(&canary(7, "ahead"));
    client.push(&canary(2, "repeated"));
    backend.rewind(STORE, 1);
    backend.append("notes", "bob", "v1.Noted", Some("\"replaced\""));
    backend.replace();
    assert_eq!(backend.events(STORE), []);
    for text in ["kept", "ahead", "repeated", "replaced", "v1.Counted", "bob"] {
        assert!(backend.contains(text), "{text}");
    }
    assert!(!backend.contains("canary"));
}
