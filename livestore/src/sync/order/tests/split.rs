//! A backend that keeps neither ids nor groups confirms events one by one, under identities of its own.

use super::{How, Node, Order, Upstream};
use crate::ids::{EventId, JournalNonce};
use crate::sync::Replaced;

/// Confirms the first events of the first pending group under another identity.
fn confirm_first(node: &mut Node, names: &[&str]) -> super::super::Change<super::Group> {
    let head = node.order.head();
    let id = node.order.pending()[0].id;
    let names: Vec<_> = names.iter().map(|name| (*name).to_owned()).collect();
    let replaces = Some(Replaced { id, events: names.len() });
    let group = super::Group { id: EventId::new(JournalNonce([9; 11]), head + 1), names };
    node.order.upstream(vec![Upstream::Confirmed { parent: head, group, replaces }]).unwrap()
}

#[test]
fn events_confirmed_alone_leave_the_rest_of_their_group_pending() {
    let mut node = Node::new("e0", "A+ui+B C");
    let change = confirm_first(&mut node, &["A", "ui"]);
    assert_eq!((change.settled[0].how, change.first), (How::Moved, Some(0)));
    assert_eq!(node.order.head(), 2);
    let names =
        |order: &Order<super::Group>| order.pending().iter().map(|group| group.names.join("+")).collect::<Vec<_>>();
    assert_eq!(names(&node.order), ["B", "C"]);
    confirm_first(&mut node, &["B"]);
    assert_eq!(names(&node.order), ["C"]);
}

#[test]
fn the_rest_of_an_accepted_group_stays_accepted() {
    let mut node = Node::new("e0", "A+B C | D");
    confirm_first(&mut node, &["A"]);
    assert_eq!((node.order.accepted(), node.order.pending().len()), (2, 3));
    confirm_first(&mut node, &["B"]);
    assert_eq!((node.order.accepted(), node.order.pending().len()), (1, 2));
}

#[test]
fn what_replaces_nothing_pending_is_new() {
    let mut node = Node::new("e0", "A");
    let id = EventId::new(JournalNonce([7; 11]), 1);
    let group = node.group("X");
    let batch = vec![Upstream::Confirmed { parent: 0, group, replaces: Some(Replaced { id, events: 1 }) }];
    assert_eq!(node.order.upstream(batch).unwrap().settled[0].how, How::New);
    assert_eq!(node.order.pending().len(), 1);
}
