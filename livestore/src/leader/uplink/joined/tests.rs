use super::{EVENTS_MAX, Inbox};
use crate::sync::{BackendId, PageInfo, SyncConnection, SyncEvent, SyncMessage, SyncPage, SyncRequest};
use std::collections::VecDeque;

struct Scripted(VecDeque<SyncMessage>);

impl SyncConnection for Scripted {
    fn send(&mut self, _: SyncRequest) {}

    fn receive(&mut self) -> Option<SyncMessage> {
        self.0.pop_front()
    }
}

fn event(number: u64, rest: u32) -> SyncEvent {
    let (client_id, session_id) = (String::new(), String::new());
    let (name, rest) = ("v1.Noted".into(), Some(rest));
    SyncEvent { number, parent: number - 1, name, args: None, client_id, session_id, id: None, rest }
}

fn page(numbers: std::ops::RangeInclusive<u64>, info: PageInfo) -> SyncPage {
    let events: Vec<_> = numbers.map(|number| event(number, 0)).collect();
    let head = events.last().map(|event| event.number);
    SyncPage { backend_id: BackendId::new("b"), keeps_identity: true, events, info, head }
}

/// The messages as they are taken: a page by its numbers.
fn taken(pages: Vec<SyncPage>, is_joining: bool) -> Vec<(Vec<u64>, PageInfo)> {
    let mut connection = Scripted(pages.into_iter().map(SyncMessage::Page).collect());
    let mut inbox = Inbox::default();
    let taken = std::iter::from_fn(|| inbox.receive(&mut connection, is_joining));
    let read = taken.map(|message| match message {
        SyncMessage::Page(page) => (page.events.iter().map(|event| event.number).collect(), page.info),
        other => panic!("{other:?}"),
    });
    read.collect()
}

#[test]
fn pages_that_lie_ready_are_one() {
    let pages = vec![page(1..=2, PageInfo::More(1)), page(3..=3, PageInfo::Last), page(4..=5, PageInfo::Last)];
    assert_eq!(taken(pages.clone(), true), [(vec![1, 2, 3, 4, 5], PageInfo::Last)]);
    let alone = [(vec![1, 2], PageInfo::More(1)), (vec![3], PageInfo::Last), (vec![4, 5], PageInfo::Last)];
    assert_eq!(taken(pages, false), alone);
}

#[test]
fn what_does_not_follow_stays_apart() {
    let info = PageInfo::MoreUnknown;
    let numbers = |pages| taken(pages, true).into_iter().map(|(numbers, _)| numbers).collect::<Vec<_>>();
    assert_eq!(numbers(vec![page(1..=2, info), page(4..=5, info)]), [vec![1, 2], vec![4, 5]], "a gap");
    assert_eq!(numbers(vec![page(1..=2, info), page(2..=3, info)]), [vec![1, 2], vec![2, 3]], "an overlap");
    let empty = SyncPage { events: Vec::new(), ..page(1..=1, info) };
    assert_eq!(numbers(vec![page(1..=2, info), empty.clone()]), [vec![1, 2], vec![]], "an empty page");
    assert_eq!(numbers(vec![empty, page(1..=2, info)]), [vec![], vec![1, 2]], "after an empty page");
    let other = SyncPage { backend_id: BackendId::new("c"), ..page(3..=3, info) };
    assert_eq!(numbers(vec![page(1..=2, info), other]), [vec![1, 2], vec![3]], "another backend");
    let stripped = SyncPage { keeps_identity: false, ..page(3..=3, info) };
    assert_eq!(numbers(vec![page(1..=2, info), stripped]), [vec![1, 2], vec![3]], "another way to tell events");
    let mut split = page(1..=2, info);
    split.events[1].rest = Some(1);
    assert_eq!(numbers(vec![split, page(3..=3, info)]), [vec![1, 2], vec![3]], "the middle of a group");
}

#[test]
fn a_page_grows_to_a_bound() {
    let pages = (0..30).map(|nth| page(nth * 100 + 1..=nth * 100 + 100, PageInfo::MoreUnknown)).collect();
    let lengths: Vec<_> = taken(pages, true).iter().map(|(numbers, _)| numbers.len()).collect();
    assert_eq!(lengths, [EVENTS_MAX; 3]);
}

#[test]
fn other_messages_keep_their_place() {
    let messages = [
        SyncMessage::Page(page(1..=1, PageInfo::Last)),
        SyncMessage::Pushed,
        SyncMessage::Page(page(2..=2, PageInfo::Last)),
    ];
    let mut connection = Scripted(messages.clone().into());
    let mut inbox = Inbox::default();
    let taken: Vec<_> = std::iter::from_fn(|| inbox.receive(&mut connection, true)).collect();
    assert_eq!(taken, messages);
}
