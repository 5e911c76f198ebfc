//! What the merge does, in the notation that people see. The cases of the original are those that its documentation gives; where
//! ours differ, it is said why.

mod split;

use super::{How, Order, OrderError, Pending, Upstream};
use crate::event::SequenceNumber;
use crate::ids::{EventId, JournalNonce};
use std::collections::BTreeMap;

/// A group, written `A` (synced), `ui` (client-only) or `A+ui+B`. What starts with a letter from N on is of another client.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct Group {
    id: EventId,
    names: Vec<String>,
}

fn is_client_only(name: &str) -> bool {
    name.starts_with(|first: char| first.is_lowercase())
}

impl Pending for Group {
    fn id(&self) -> EventId {
        self.id
    }

    fn events(&self) -> usize {
        self.names.len()
    }

    fn is_synced(&self) -> bool {
        self.names.iter().any(|name| !is_client_only(name))
    }

    fn rest(&self, settled: usize) -> Option<Self> {
        let names = self.names.get(settled..).filter(|names| !names.is_empty())?.to_vec();
        let (nonce, ordinal) = self.id.parts();
        Some(Self { id: EventId::new(nonce, ordinal + settled as u64), names })
    }
}

/// One node, with the numbers that its pending events show.
struct Node {
    order: Order<Group>,
    head: SequenceNumber,
    known: BTreeMap<String, EventId>,
    ordinal: u64,
}

impl Node {
    /// `confirmed` is the number of the last confirmed event; `pending` is `accepted | own`, or own groups alone.
    fn new(confirmed: &str, pending: &str) -> Self {
        let head: SequenceNumber = confirmed.parse().unwrap();
        let order = Order::new(head.global + head.client);
        let mut node = Self { order, head, known: BTreeMap::new(), ordinal: 1 };
        let (accepted, own) = pending.split_once('|').unwrap_or(("", pending));
        for name in accepted.split_whitespace() {
            let group = node.group(name);
            node.order.upstream(vec![Upstream::Accepted(group)]).unwrap();
        }
        for name in own.split_whitespace() {
            node.push(name).unwrap();
        }
        node
    }

    fn group(&mut self, name: &str) -> Group {
        let names: Vec<_> = name.split('+').map(str::to_owned).collect();
        let nonce = JournalNonce([if name < "N" || is_client_only(name) { 1 } else { 2 }; 11]);
        let next = EventId::new(nonce, self.ordinal);
        let id = *self.known.entry(name.to_owned()).or_insert(next);
        self.ordinal += names.len() as u64;
        Group { id, names }
    }

    fn push(&mut self, name: &str) -> Result<(), OrderError> {
        let group = self.group(name);
        self.order.push(group)
    }

    /// `A` is confirmed, `~A` accepted, `!A` dropped.
    fn hear(&mut self, upstream: &str) -> String {
        let mut parent = self.order.head();
        let mut batch = Vec::new();
        for item in upstream.split_whitespace() {
            let group = self.group(item.trim_start_matches(['~', '!']));
            batch.push(match item.chars().next().unwrap() {
                '~' => Upstream::Accepted(group),
                '!' => Upstream::Dropped(group.id),
                _ => {
                    parent += group.names.len() as u64;
                    Upstream::Confirmed { parent: parent - group.names.len() as u64, group, replaces: None }
                }
            });
        }
        let change = self.order.upstream(batch).unwrap();
        for settled in &change.settled {
            for name in &settled.group.names {
                self.head = self.head.next(is_client_only(name));
            }
        }
        let kind = if change.is_rebase() { "rebase" } else { "advance" };
        let redo = match change.first {
            Some(first) => format!(" undo {} do {}", change.undone(), self.rest_from(&change, first)),
            None => String::new(),
        };
        format!("{kind}{redo}; {}", self.show())
    }

    /// What has to be applied, from that group on.
    fn rest_from(&self, change: &super::Change<Group>, first: usize) -> String {
        let settled = change.settled.iter().map(|settled| &settled.group);
        let names = settled.chain(self.order.pending()).skip(first).map(|group| group.names.join("+"));
        names.collect::<Vec<_>>().join(" ")
    }

    /// The head, then what is pending: `e2; e3:A | e4r1:B`.
    fn show(&self) -> String {
        let mut number = self.head;
        let mut shown = vec![format!("{};", self.head)];
        for (index, group) in self.order.pending().iter().enumerate() {
            if index == self.order.accepted() && index > 0 {
                shown.push("|".into());
            }
            for name in &group.names {
                (number, _) = number.next_pair(is_client_only(name), self.order.epoch());
                shown.push(format!("{number}:{name}"));
            }
        }
        shown.join(" ")
    }
}

#[track_caller]
fn check(head: &str, pending: &str, upstream: &str, expected: &str) {
    assert_eq!(Node::new(head, pending).hear(upstream), expected);
}

#[test]
fn the_original_s_decision_table() {
    // An upstream that says nothing.
    check("e1", "A", "", "advance; e1; e2:A");
    // Nothing pending.
    check("e1", "", "X Y", "advance undo 0 do X Y; e3;");
    // What is incoming are the first that are pending.
    check("e1", "A B C", "A B", "advance; e3; e4:C");
    // What is pending are the first that are incoming.
    check("e1", "A B", "A B X", "advance undo 0 do X; e4;");
    // They differ.
    check("e1", "A B C", "A X", "rebase undo 2 do X B C; e3; e4r1:B e5r1:C");
}

#[test]
fn the_original_s_worked_examples() {
    check("e1", "A B", "A", "advance; e2; e3:B");
    check("e0", "A", "A X", "advance undo 0 do X; e2;");
    check("e1", "B", "X", "rebase undo 1 do X B; e2; e3r1:B");
    check("e0", "A B", "A X", "rebase undo 1 do X B; e2; e3r1:B");
    check("e1", "ui", "X", "rebase undo 1 do X ui; e2; e2.1r1:ui");
    check("e1", "ui B", "X", "rebase undo 2 do X ui B; e2; e2.1r1:ui e3r1:B");
    // A session over its leader. One epoch a node: where the original adds a generation per hop, S shows r2.
    check("e2", "A | C", "X", "rebase undo 2 do X A C; e3; e4r1:A | e5r1:C");
    // The original counts a rebase of nothing.
    check("e3", "C", "", "advance; e3; e4:C");
    // The case in which the original has A twice.
    check("e0.1", "A B", "A X", "rebase undo 1 do X B; e2; e3r1:B");
    check("e0", "ui A B", "ui A X", "rebase undo 1 do X B; e2; e3r1:B");
}

#[test]
fn the_epoch_never_goes_back() {
    let mut node = Node::new("e3", "A");
    assert_eq!(node.hear("X"), "rebase undo 1 do X A; e4; e5r1:A");
    // The original counts from the backend's events, which have no generation, and stays at r1.
    assert_eq!(node.hear("Y"), "rebase undo 1 do Y A; e5; e6r2:A");
    // It also forgets the generation here, and takes stale events for new ones after that.
    assert_eq!(node.hear("A"), "advance; e6;");
    node.push("B").unwrap();
    assert_eq!(node.show(), "e6; e7r2:B");
}

#[test]
fn a_leader_takes_client_only_groups_with_nothing_synced_before_them() {
    let mut node = Node::new("e1", "ui A io B");
    let names = |taken: Vec<Group>| taken.into_iter().map(|group| group.names.join("+")).collect::<Vec<_>>();
    assert_eq!(names(node.order.take_confirmable()), ["ui"]);
    assert_eq!(node.order.head(), 2);
    assert!(node.order.take_confirmable().is_empty());
    node.hear("A");
    assert_eq!(names(node.order.take_confirmable()), ["io"]);
    assert_eq!(node.order.pending().len(), 1);
}

#[test]
fn a_session_follows_the_order_of_its_leader() {
    // The leader took mine.
    check("e1", "A B", "~A", "advance; e1; e2:A | e3:B");
    // It took another session's before mine.
    check("e1", "A B", "~X ~A", "rebase undo 2 do X A B; e1; e2r1:X e3r1:A | e4r1:B");
    // With nothing of mine, that is no rebase.
    check("e1", "A |", "~X", "advance undo 0 do X; e1; e2:A e3:X");
    // Said twice.
    check("e1", "A X | B", "~A ~X", "advance; e1; e2:A e3:X | e4:B");
    // The leader's pending part is confirmed, mine goes on.
    check("e1", "A X | B", "A X", "advance; e3; e4:B");
    // Another client was first.
    check("e1", "A X | B", "A Y", "rebase undo 2 do Y X B; e3; e4r1:X | e5r1:B");
    // It is confirmed without having been accepted: no backend, or the news of it came late.
    check("e1", "A B", "A", "advance; e2; e3:B");
}

#[test]
fn what_is_dropped_leaves_and_the_rest_goes_on() {
    check("e1", "A B C", "!B", "rebase undo 2 do C; e1; e2r1:A e3r1:C");
    check("e1", "A B", "!B", "rebase undo 1 do ; e1; e2r1:A");
    check("e1", "A B | C", "!A B", "rebase undo 3 do B C; e2; e3r1:C");
    check("e1", "A", "!X", "advance; e1; e2:A");
}

#[test]
fn a_group_out_of_turn_is_there_once() {
    check("e1", "A B", "B", "rebase undo 2 do B A; e2; e3r1:A");
    check("e1", "A B C", "~B", "rebase undo 3 do B A C; e1; e2r1:B | e3r1:A e4r1:C");
    check("e1", "A B | C", "B", "rebase undo 3 do B A C; e2; e3r1:A | e4r1:C");
}

#[test]
fn groups_stay_whole() {
    check("e1", "A+B C", "A+B", "advance; e3; e4:C");
    check("e1", "A+ui+B C", "X", "rebase undo 2 do X A+ui+B C; e2; e3r1:A e3.1r1:ui e4r1:B e5r1:C");
}

#[test]
fn a_gap_changes_nothing() {
    let mut node = Node::new("e3", "A B");
    let before = node.order.clone();
    let (a, x) = (node.group("A"), node.group("X"));
    for (first, second, expected, found) in [(4, 5, 3, 4), (2, 3, 3, 2), (3, 5, 4, 5), (3, 3, 4, 3)] {
        let batch = vec![
            Upstream::Confirmed { parent: first, group: a.clone(), replaces: None },
            Upstream::Dropped(node.group("B").id),
            Upstream::Confirmed { parent: second, group: x.clone(), replaces: None },
        ];
        assert_eq!(node.order.upstream(batch), Err(OrderError::Gap { expected, found }));
        assert_eq!(node.order, before);
    }
}

#[test]
fn a_group_is_pushed_once_and_in_the_order_of_its_journal() {
    let mut node = Node::new("e3", "A B");
    let before = node.order.clone();
    for name in ["A", "B"] {
        let id = node.group(name).id;
        assert_eq!(node.push(name), Err(OrderError::Repeated { id }));
    }
    assert_eq!(node.order, before);
}

#[test]
fn a_restart_keeps_what_is_ours() {
    let mut node = Node::new("e3", "A X | B");
    node.order.restart(0, |group| group.names[0].as_str() < "N");
    node.head = SequenceNumber::ROOT;
    assert_eq!(node.show(), "e0; e1r1:A e2r1:B");
    assert_eq!(node.hear("Y ~A"), "rebase undo 2 do Y A B; e1; e2r2:A | e3r2:B");
}

#[test]
fn a_change_tells_how_each_group_came() {
    let mut node = Node::new("e0", "A B C");
    let batch = ["A", "X", "C"].map(|name| node.group(name)).into_iter().enumerate();
    let batch = batch.map(|(at, group)| Upstream::Confirmed { parent: at as u64, group, replaces: None });
    let change = node.order.upstream(batch.collect()).unwrap();
    assert_eq!(
        change.settled.iter().map(|settled| settled.how).collect::<Vec<_>>(),
        [How::InPlace, How::New, How::Moved]
    );
    assert_eq!((change.first, change.undone()), (Some(1), 2));
}

#[test]
fn confirming_in_place_does_not_search() {
    // Quadratic, this would take hours.
    let mut node = Node::new("e0", "");
    let nonce = |kind: u8| JournalNonce([kind; 11]);
    let group = |kind: u8, ordinal: u64| Group { id: EventId::new(nonce(kind), ordinal), names: vec!["A".into()] };
    let count = 100_000;
    for ordinal in 1..=count {
        node.order.push(group(1, ordinal)).unwrap();
    }
    for ordinal in 1..=count {
        let own = Upstream::Confirmed { parent: 2 * ordinal - 2, group: group(1, ordinal), replaces: None };
        let foreign = Upstream::Confirmed { parent: 2 * ordinal - 1, group: group(2, ordinal), replaces: None };
        node.order.upstream(vec![own, foreign]).unwrap();
    }
    assert_eq!((node.order.head(), node.order.pending().len()), (2 * count, 0));
}

#[test]
fn a_long_pending_part_takes_little_more_than_its_groups_and_gives_back() {
    let mut order = Order::new(0);
    let room = |order: &Order<Group>| (order.pending().len(), order.pending().capacity());
    for ordinal in 1..=10_000 {
        let id = EventId::new(JournalNonce([1; 11]), ordinal);
        order.push(Group { id, names: vec!["A".into()] }).unwrap();
        let (len, capacity) = room(&order);
        assert!(capacity <= len + len / 4 + 16, "{len} groups in {capacity}");
    }
    for parent in 0..10_000 {
        let group = order.pending()[0].clone();
        order.upstream(vec![Upstream::Confirmed { parent, group, replaces: None }]).unwrap();
        let (len, capacity) = room(&order);
        assert!(capacity <= 4 * len + 64, "{len} groups in {capacity}");
    }
}
