//! The rules of admission and of pulls, through the seam that a store uses.

mod faults;

use super::*;
use crate::ids::{EventId, StoreId};
use crate::sync::{PageInfo, PushRefusal, SyncMessage, SyncPage, SyncRequest};
use std::sync::atomic::AtomicUsize;
use std::task::Wake;

pub(super) const STORE: &str = "todos";

#[derive(Default)]
pub(super) struct Woken(AtomicUsize);

impl Wake for Woken {
    fn wake(self: Arc<Self>) {
        self.0.fetch_add(1, Ordering::Relaxed);
    }
}

/// A client of a backend, and how often it was woken.
pub(super) struct Client {
    connection: Box<dyn SyncConnection>,
    woken: Arc<Woken>,
}

impl Client {
    pub(super) fn new(backend: &MemoryBackend) -> Self {
        Self::named(backend, "alice", STORE)
    }

    pub(super) fn named(backend: &MemoryBackend, client: &str, store: &str) -> Self {
        let woken = Arc::new(Woken::default());
        let target = SyncTarget::new(StoreId::new(store).unwrap(), client);
        let mut connection = backend.connect(&target, Arc::clone(&woken).into());
        if backend.change(|shared| shared.is_online && shared.refusal.is_none() && !shared.is_held) {
            assert_eq!(connection.receive(), Some(SyncMessage::Connected));
        }
        let client = Self { connection, woken };
        assert_eq!(client.woken(), 1, "there is something to hear, be it the end");
        client
    }

    pub(super) fn woken(&self) -> usize {
        self.woken.0.swap(0, Ordering::Relaxed)
    }

    pub(super) fn receive(&mut self) -> Option<SyncMessage> {
        self.connection.receive()
    }

    pub(super) fn push(&mut self, events: &[SyncEvent]) -> Option<SyncMessage> {
        self.connection.send(SyncRequest::Push { backend_id: None, events: events.to_vec() });
        self.receive()
    }

    pub(super) fn pull(&mut self, after: u64, live: bool) {
        self.connection.send(SyncRequest::Pull { after, backend_id: None, live });
    }

    pub(super) fn page(&mut self) -> SyncPage {
        match self.receive() {
            Some(SyncMessage::Page(page)) => page,
            other => panic!("a page was expected, not {other:?}"),
        }
    }

    pub(super) fn numbers(&mut self) -> Vec<u64> {
        self.page().events.iter().map(|event| event.number).collect()
    }

    pub(super) fn ended(&mut self) -> SyncError {
        let error = match self.receive() {
            Some(SyncMessage::Disconnected(error)) => error,
            other => panic!("an end was expected, not {other:?}"),
        };
        assert_eq!(self.receive(), None, "an end comes last");
        error
    }
}

pub(super) fn id(of: u64) -> EventId {
    EventId::from_bytes(u128::from(of).to_be_bytes())
}

/// Events of these numbers, each a group, with ids that follow from the number.
pub(super) fn events(numbers: impl IntoIterator<Item = u64>) -> Vec<SyncEvent> {
    let event = |number| SyncEvent {
        number,
        parent: number - 1,
        name: "v1.Counted".into(),
        args: Some(format!("{{\"by\":{number}}}").into()),
        client_id: "alice".into(),
        session_id: "session".into(),
        id: Some(id(number)),
        rest: Some(0),
    };
    numbers.into_iter().map(event).collect()
}

/// Makes them one group.
pub(super) fn grouped(mut events: Vec<SyncEvent>) -> Vec<SyncEvent> {
    for (event, rest) in events.iter_mut().rev().zip(0..) {
        event.rest = Some(rest);
    }
    events
}

fn ahead(head: u64) -> Option<SyncMessage> {
    Some(SyncMessage::PushRefused(PushRefusal::ServerAhead { head }))
}

/// What a push of these events is answered to by a backend that holds events 1 to 3; nothing may be appended.
fn check_refused(events: &[SyncEvent]) -> Option<SyncMessage> {
    let backend = with_log(3);
    let answer = Client::new(&backend).push(events);
    assert_eq!(backend.head(STORE), 3);
    answer
}

fn check_protocol(events: &[SyncEvent], words: &str) {
    match check_refused(events) {
        Some(SyncMessage::Disconnected(SyncError::Protocol { reason })) => assert!(reason.contains(words), "{reason}"),
        other => panic!("{words}: {other:?}"),
    }
}

pub(super) fn with_log(head: u64) -> MemoryBackend {
    let backend = MemoryBackend::new();
    for number in 1..=head {
        assert_eq!(Client::new(&backend).push(&events([number])), Some(SyncMessage::Pushed));
    }
    backend
}

#[test]
fn a_push_is_appended_as_it_came() {
    let backend = with_log(2);
    assert_eq!(Client::new(&backend).push(&grouped(events(3..=5))), Some(SyncMessage::Pushed));
    let expected = [events(1..=2), grouped(events(3..=5))].concat();
    assert_eq!(backend.events(STORE), expected);
    assert_eq!((backend.head(STORE), backend.pushes()), (5, 3));
    assert_eq!(backend.events("other"), []);
    assert_eq!(Client::new(&backend).push(&[]), Some(SyncMessage::Pushed), "nothing is appended at once");
}

#[test]
fn a_push_that_does_not_follow_the_head_is_refused_in_both_directions() {
    let others = |numbers| {
        let mut events = events(numbers);
        events.iter_mut().for_each(|event| event.id = Some(id(event.number + 100)));
        events
    };
    assert_eq!(check_refused(&others(3..=4)), ahead(3));
    assert_eq!(check_refused(&others(5..=6)), ahead(3));
    assert_eq!(check_refused(&events([9])), ahead(3));
}

#[test]
fn a_push_that_is_no_chain_ends_the_connection() {
    check_protocol(&events([4, 6]), "e6 of a push follows e4");
    check_protocol(&events([4, 4]), "e4 of a push follows e4");
    let mut orphan = events([4]);
    orphan[0].parent = 2;
    check_protocol(&orphan, "has the parent e2");
    orphan[0].parent = u64::MAX;
    check_protocol(&orphan, "has the parent");
}

#[test]
fn a_commit_group_comes_whole() {
    let group = grouped(events(4..=6));
    check_protocol(&group[..2], "ends at e5, 1 events before");
    let mut broken = group;
    broken[1].rest = None;
    check_protocol(&broken, "leaves its commit group open");
    broken[1].rest = Some(2);
    check_protocol(&broken, "leaves its commit group open");
}

#[test]
fn an_id_is_in_the_log_once() {
    let mut moved = events([4]);
    moved[0].id = Some(id(2));
    check_protocol(&moved, "of e2");
    let mut twice = events(4..=5);
    twice[1].id = Some(id(4));
    check_protocol(&twice, "of e4");
}

#[test]
fn sizes_are_bounded() {
    let mut large = events([4]);
    large[0].args = Some("x".repeat(900_000 - large[0].name.len()).into());
    assert_eq!(Client::new(&with_log(3)).push(&large), Some(SyncMessage::Pushed));
    large[0].args = Some("x".repeat(900_001 - large[0].name.len()).into());
    match check_refused(&large) {
        Some(SyncMessage::PushRefused(PushRefusal::Rejected { number: 4, reason })) => {
            assert_eq!(reason, "900001 bytes, at most 900000");
        }
        other => panic!("{other:?}"),
    }
    check_protocol(&events(4..=1_004), "a push of 1001 events");
}

#[test]
fn a_repeated_push_counts_as_accepted_as_far_as_it_is_here() {
    let backend = with_log(3);
    let mut client = Client::new(&backend);
    assert_eq!(client.push(&events(2..=3)), Some(SyncMessage::Pushed));
    assert_eq!(client.push(&events(2..=5)), Some(SyncMessage::Pushed));
    assert_eq!(backend.events(STORE), events(1..=5));
    assert_eq!(client.push(&events(1..=2)), Some(SyncMessage::Pushed));
    let mut changed = events(4..=6);
    changed[1].id = Some(id(77));
    assert_eq!(client.push(&changed), ahead(5));
    let mut nameless = events([5]);
    nameless[0].id = None;
    assert_eq!(client.push(&nameless), ahead(5), "an event without an id is never a repeat");
    assert_eq!(backend.events(STORE), events(1..=5));
}

#[test]
fn the_original_strips_identity_and_knows_no_repeat() {
    let backend = MemoryBackend::like_the_original();
    let mut client = Client::new(&backend);
    assert_eq!(client.push(&grouped(events(1..=2))), Some(SyncMessage::Pushed));
    assert!(backend.events(STORE).iter().all(|event| event.id.is_none() && event.rest.is_none()));
    assert_eq!(client.push(&grouped(events(1..=2))), ahead(2));
    client.pull(0, false);
    assert!(!client.page().keeps_identity);
}

#[test]
fn a_push_for_another_backend_is_refused() {
    let backend = with_log(1);
    let mut client = Client::new(&backend);
    let push = |id| SyncRequest::Push { backend_id: Some(id), events: events([2]) };
    client.connection.send(push(BackendId::new("other")));
    let found = backend.backend_id();
    assert_eq!(client.receive(), Some(SyncMessage::PushRefused(PushRefusal::OtherBackend { found: found.clone() })));
    client.connection.send(push(found));
    assert_eq!(client.receive(), Some(SyncMessage::Pushed));
}

#[test]
fn a_validator_refuses_a_push_whole_and_is_not_asked_about_repeats() {
    let backend = with_log(2);
    let asked = Arc::new(Woken::default());
    let (inside, count) = (backend.clone(), Arc::clone(&asked));
    backend.on_push(move |event| {
        count.wake_by_ref();
        // The backend answers inside: no lock is held.
        if event.number > inside.head(STORE) + 1 { Err("too many".into()) } else { Ok(()) }
    });
    let mut client = Client::new(&backend);
    let refused = PushRefusal::Rejected { number: 4, reason: "too many".into() };
    assert_eq!(client.push(&events(3..=5)), Some(SyncMessage::PushRefused(refused)));
    assert_eq!((backend.head(STORE), asked.0.load(Ordering::Relaxed)), (2, 2));
    assert_eq!(client.push(&events(2..=3)), Some(SyncMessage::Pushed));
    assert_eq!(asked.0.load(Ordering::Relaxed), 3);
}

#[test]
fn an_empty_log_gives_one_empty_page() {
    let backend = MemoryBackend::new();
    let mut client = Client::new(&backend);
    client.pull(0, false);
    let (backend_id, info) = (backend.backend_id(), PageInfo::Last);
    assert_eq!(client.page(), SyncPage { backend_id, keeps_identity: true, events: vec![], info, head: Some(0) });
    assert_eq!(client.receive(), None);
}

#[test]
fn a_pull_begins_after_its_cursor_and_ends_unless_it_is_live() {
    let backend = with_log(3);
    let mut client = Client::new(&backend);
    client.pull(1, false);
    assert_eq!(client.numbers(), [2, 3]);
    client.pull(3, false);
    assert_eq!(client.numbers(), [] as [u64; 0]);
    backend.append(STORE, "bob", "v1.Counted", None);
    assert_eq!(client.receive(), None);
    client.pull(3, true);
    assert_eq!(client.numbers(), [4]);
    backend.append(STORE, "bob", "v1.Counted", None);
    assert_eq!(client.numbers(), [5]);
    assert_eq!(client.receive(), None);
    assert_eq!(backend.pulls(), 3);
}

#[test]
fn pages_are_cut_at_a_hundred_events_and_say_what_follows() {
    let backend = MemoryBackend::new();
    (0..250).for_each(|_| backend.append(STORE, "bob", "v1.Counted", None));
    let mut client = Client::new(&backend);
    client.pull(0, true);
    let pages: Vec<_> = (0..3).map(|_| client.page()).map(|page| (page.events.len(), page.info, page.head)).collect();
    let head = Some(250);
    assert_eq!(pages, [(100, PageInfo::More(150), head), (100, PageInfo::More(50), head), (50, PageInfo::Last, head)]);
    assert_eq!(client.receive(), None);
}

#[test]
fn pages_are_cut_at_their_bytes() {
    let backend = MemoryBackend::new();
    let args = "x".repeat(400_000);
    (0..3).for_each(|_| backend.append(STORE, "bob", "v1.Counted", Some(&args)));
    let mut client = Client::new(&backend);
    client.pull(0, false);
    assert_eq!(client.numbers(), [1, 2]);
    assert_eq!(client.numbers(), [3]);
}

/// The lengths of pages over a group of 60 events, one of 60, and one of 200.
fn page_lens(backend: &MemoryBackend) -> Vec<usize> {
    let mut client = Client::new(backend);
    for (first, last) in [(1, 60), (61, 120), (121, 320)] {
        assert_eq!(client.push(&grouped(events(first..=last))), Some(SyncMessage::Pushed));
    }
    client.pull(0, false);
    std::iter::from_fn(|| client.receive())
        .map(|message| match message {
            SyncMessage::Page(page) => page.events.len(),
            other => panic!("{other:?}"),
        })
        .collect()
}

#[test]
fn pages_hold_whole_groups_where_they_are_kept() {
    assert_eq!(page_lens(&MemoryBackend::new()), [60, 60, 200]);
    assert_eq!(page_lens(&MemoryBackend::like_the_original()), [100, 100, 100, 20]);
}

#[test]
fn an_append_wakes_the_live_pulls_of_its_store_alone() {
    let backend = MemoryBackend::new();
    let mut live = Client::new(&backend);
    let mut other = Client::named(&backend, "alice", "notes");
    let mut done = Client::new(&backend);
    for (client, is_live) in [(&mut live, true), (&mut other, true), (&mut done, false)] {
        client.pull(0, is_live);
        assert!(client.woken() > 0);
        client.page();
    }
    backend.append(STORE, "bob", "v1.Counted", None);
    assert_eq!([live.woken(), other.woken(), done.woken()], [1, 0, 0]);
    assert_eq!(live.numbers(), [1]);
    assert_eq!(other.receive(), None);
}

#[test]
fn a_waker_may_use_the_backend() {
    struct Uses(MemoryBackend);
    impl Wake for Uses {
        fn wake(self: Arc<Self>) {
            assert!(self.0.connections() > 0);
        }
    }
    let backend = MemoryBackend::new();
    let target = SyncTarget::new(StoreId::new(STORE).unwrap(), "alice");
    let mut connection = backend.connect(&target, Arc::new(Uses(backend.clone())).into());
    connection.send(SyncRequest::Ping);
    assert_eq!(connection.receive(), Some(SyncMessage::Connected));
    assert_eq!(connection.receive(), Some(SyncMessage::Pong));
    drop(connection);
    assert_eq!(backend.connections(), 0);
}

#[test]
fn a_new_pull_ends_the_one_before() {
    let backend = with_log(3);
    let mut client = Client::new(&backend);
    client.pull(0, true);
    client.pull(2, false);
    assert_eq!(client.numbers(), [3]);
    backend.append(STORE, "bob", "v1.Counted", None);
    assert_eq!(client.receive(), None);
}

#[test]
fn a_pull_after_the_end_or_of_another_log_gets_one_empty_page() {
    let backend = with_log(3);
    let mut client = Client::new(&backend);
    for (after, known) in [(5, None), (0, Some(BackendId::new("other")))] {
        client.connection.send(SyncRequest::Pull { after, backend_id: known, live: true });
        let page = client.page();
        assert_eq!((page.events.len(), page.info), (0, PageInfo::Last));
        assert_eq!((page.head, page.backend_id), (Some(backend.head(STORE)), backend.backend_id()));
        (0..3).for_each(|_| backend.append(STORE, "bob", "v1.Counted", None));
        assert_eq!(client.receive(), None, "what came later does not follow");
    }
}
