//! The session's tail beside the merge of the leader's hop: two books of one order, kept in different ways, must agree on every page.

use super::Rng;
use crate::event::{CommitGroup, EncodedEvent, SequenceNumber};
use crate::ids::{ClientId, EventId, JournalNonce, SessionId};
use crate::session::tail::Tail;
use crate::sync::{Order, Pending, Replaced, Upstream};
use std::borrow::Cow;
use std::collections::VecDeque;
use std::sync::Arc;

/// A group as the merge sees it.
#[derive(Clone, Debug, PartialEq)]
struct Group(Arc<CommitGroup>);

impl Pending for Group {
    fn id(&self) -> EventId {
        self.0.event_id(0)
    }

    fn events(&self) -> usize {
        self.0.events.len()
    }

    fn is_synced(&self) -> bool {
        self.0.synced_events() > 0
    }

    fn rest(&self, settled: usize) -> Option<Self> {
        let len = self.0.events.len();
        (settled < len).then(|| Self(Arc::new(self.0.part(settled..len))))
    }
}

/// Both books, what the leader really holds, and what the session was not told yet.
struct Books {
    tail: Tail,
    order: Order<Group>,
    head: SequenceNumber,
    /// Every group that is confirmed and not cut from the tail.
    confirmed: Vec<Arc<CommitGroup>>,
    /// How many groups stand in state in the right order, as the merge's changes tell it.
    in_state: usize,
    /// The leader's pending part, and this session's groups that are on their way there.
    pending: VecDeque<Arc<CommitGroup>>,
    on_the_way: VecDeque<Arc<CommitGroup>>,
    ordinals: [u64; 3],
}

/// Which session a group is of.
const OWN: usize = 0;
const OTHER: usize = 1;
const FOREIGN: usize = 2;

impl Books {
    fn new() -> Self {
        Self {
            tail: Tail::default(),
            order: Order::new(0),
            head: SequenceNumber::ROOT,
            confirmed: Vec::new(),
            in_state: 0,
            pending: VecDeque::new(),
            on_the_way: VecDeque::new(),
            ordinals: [EventId::ORDINAL_MIN; 3],
        }
    }

    fn group(&mut self, of: usize, rng: &mut Rng) -> Arc<CommitGroup> {
        let count = if rng.below(3) == 0 { 1 + rng.below(4) } else { 1 };
        let ordinal = self.ordinals[of];
        self.ordinals[of] += count as u64;
        let event = |index: u64| EncodedEvent {
            name: Cow::Borrowed("v1.Done"),
            // Nothing of another client stays with it.
            client_only: of != FOREIGN && rng.below(4) == 0,
            args: Some(format!("{}", ordinal + index).into()),
        };
        let events = (0..count as u64).map(event).collect();
        let (client, session) = (ClientId::from_stored("c"), SessionId::from_stored(&format!("s{of}")));
        Arc::new(CommitGroup::new((JournalNonce([of as u8; 11]), ordinal), client, session, events))
    }

    fn commit(&mut self, rng: &mut Rng) {
        let group = self.group(OWN, rng);
        // The session commits on what it knows: all of it stands in state.
        self.redo();
        self.tail.push_own(Arc::clone(&group));
        self.order.push(Group(Arc::clone(&group))).unwrap();
        self.in_state += 1;
        self.on_the_way.push_back(group);
    }

    /// Takes the pieces one by one into the tail, and as one batch into the merge.
    fn hear(&mut self, batch: Vec<Upstream<Group>>) {
        let confirmed_before = self.confirmed.len();
        for piece in &batch {
            match piece {
                Upstream::Accepted(group) => self.tail.accept(&group.0),
                Upstream::Confirmed { group, replaces, .. } => {
                    self.tail.confirm(Arc::clone(&group.0), *replaces);
                    self.confirmed.push(Arc::clone(&group.0));
                    self.head = group.0.events.iter().fold(self.head, |head, event| head.next(event.client_only));
                }
                Upstream::Dropped(id) => self.tail.drop_group(*id),
            }
        }
        let change = self.order.upstream(batch).unwrap();
        let first = change.first.map_or(usize::MAX, |first| confirmed_before + first);
        self.in_state = self.in_state.min(first);
    }

    fn redo(&mut self) {
        self.tail.set_all_in_state();
        self.in_state = self.confirmed.len() + self.order.pending().len();
    }

    fn accepted(&mut self, of: usize, rng: &mut Rng) -> Option<Upstream<Group>> {
        let group = if of == OWN { self.on_the_way.pop_front()? } else { self.group(of, rng) };
        self.pending.push_back(Arc::clone(&group));
        Some(Upstream::Accepted(Group(group)))
    }

    /// The parent is filled in by [`settle_parents`].
    fn confirmed(&mut self, at: usize) -> Option<Upstream<Group>> {
        let group = self.pending.remove(at)?;
        Some(Upstream::Confirmed { parent: 0, group: Group(group), replaces: None })
    }

    fn replaced(&mut self, at: usize, rng: &mut Rng) -> Option<Upstream<Group>> {
        let group = self.pending.remove(at)?;
        let (len, events) = (group.events.len(), 1 + rng.below(group.events.len()));
        if events < len {
            self.pending.insert(at, Arc::new(group.part(events..len)));
        }
        let ordinal = self.ordinals[FOREIGN];
        self.ordinals[FOREIGN] += events as u64;
        let stands = group.part(0..events);
        let id = (JournalNonce([FOREIGN as u8; 11]), ordinal);
        let confirmed = CommitGroup::new(id, stands.client_id, stands.session_id, stands.events);
        let replaces = Some(Replaced { id: group.event_id(0), events });
        Some(Upstream::Confirmed { parent: 0, group: Group(Arc::new(confirmed)), replaces })
    }

    fn next(&mut self, rng: &mut Rng) -> Option<Upstream<Group>> {
        let any = rng.below(self.pending.len());
        match rng.below(16) {
            0..=4 => self.accepted(OWN, rng),
            5 | 6 => self.accepted(OTHER, rng),
            7..=9 => self.confirmed(0),
            10 => self.confirmed(any),
            11 => self.replaced(0, rng),
            12 => self.replaced(any, rng),
            13 => self.pending.remove(any).map(|group| Upstream::Dropped(group.event_id(0))),
            _ => {
                let foreign = self.group(FOREIGN, rng);
                Some(Upstream::Confirmed { parent: 0, group: Group(foreign), replaces: None })
            }
        }
    }

    /// The base moves to the end of what is confirmed, where state stands there.
    fn move_base(&mut self) {
        if self.in_state >= self.confirmed.len() {
            self.tail.cut_confirmed();
            self.in_state -= self.confirmed.len();
            self.confirmed.clear();
        }
    }

    fn check(&self, context: &str) {
        let held: Vec<_> =
            (0..self.tail.end().groups).map(|index| self.tail.group(index).unwrap().into_owned()).collect();
        let pending = self.order.pending().iter().map(|group| &group.0);
        let expected: Vec<_> = self.confirmed.iter().chain(pending).map(|group| (**group).clone()).collect();
        assert_eq!(held, expected, "{context}: the order");
        let accepted = self.order.accepted();
        assert_eq!(self.tail.own_start(), self.confirmed.len() + accepted, "{context}: where its own groups begin");
        let events = |groups: &mut dyn Iterator<Item = &Group>| groups.map(Pending::events).sum::<usize>();
        assert_eq!(self.tail.accepted_events(), events(&mut self.order.pending().range(..accepted)), "{context}");
        assert_eq!(self.tail.own_events(), events(&mut self.order.own()), "{context}");
        let all = self.order.pending().iter().flat_map(|group| &group.0.events);
        let last = all.fold(self.head, |head, event| head.next(event.client_only));
        assert_eq!(self.tail.number_after(self.head), last, "{context}: the number of the last");
        assert_eq!(self.tail.in_state(), self.in_state, "{context}: from where state has to be done again");
    }
}

fn settle_parents(batch: &mut [Upstream<Group>], mut head: u64) {
    for piece in batch {
        if let Upstream::Confirmed { parent, group, .. } = piece {
            *parent = head;
            head += group.events() as u64;
        }
    }
}

#[test]
fn the_tail_keeps_the_order_of_the_merge() {
    let steps = if std::env::var("CI").is_ok() { 2_000 } else { 400 };
    let (mut rebases, mut advances) = (0, 0);
    for seed in super::seeds() {
        let (mut rng, mut books) = (Rng(seed), Books::new());
        for step in 0..steps {
            let context = format!("seed {seed}, step {step}");
            match rng.below(10) {
                0..=3 => books.commit(&mut rng),
                4 => books.redo(),
                5 => books.move_base(),
                _ => {
                    let mut batch: Vec<_> = (0..1 + rng.below(4)).filter_map(|_| books.next(&mut rng)).collect();
                    settle_parents(&mut batch, books.order.head());
                    let epoch = books.order.epoch();
                    books.hear(batch);
                    *(if books.order.epoch() > epoch { &mut rebases } else { &mut advances }) += 1;
                }
            }
            books.check(&context);
        }
    }
    assert!(rebases > 100 && advances > 100, "{rebases} rebases, {advances} advances");
}
