//! What became of groups that were handed over before the line to their leader was lost.

use super::*;
use crate::event::{EncodedEvent, SequenceNumber};
use crate::eventlog::{Backend, LogHead};
use crate::ids::{ClientId, SessionId};
use crate::leader::{LeaderOptions, Over};
use crate::sqlite::Place;
use crate::sync::BackendId;
use std::borrow::Cow;

fn group(nonce: u8, ordinal: u64, events: usize) -> CommitGroup {
    let event = EncodedEvent { name: Cow::Borrowed("v1.Added"), client_only: false, args: None };
    let (client_id, session_id) = (ClientId::from_stored("client"), SessionId::from_stored("session"));
    CommitGroup::new((JournalNonce([nonce; 11]), ordinal), client_id, session_id, vec![event; events])
}

fn judged(group: CommitGroup, place: u64) -> Judged {
    let number = SequenceNumber { global: place, client: 0, rebase_generation: 0 };
    Judged { group: Arc::new(group), head: LogHead { place, number }, verdict: Verdict::Applied }
}

/// As a backend that strips ids gives it its place.
fn alone(place: u64, was: (u8, u64)) -> Judged {
    let was = Some(EventId::new(JournalNonce([was.0; 11]), was.1));
    judged(CommitGroup { was, ..group(99, place, 1) }, place)
}

/// Sessions of the journals 1 and 2, and groups of theirs that were handed over.
struct Handed {
    desk: Arc<Desk>,
    attached: Attached,
    slots: Vec<Arc<ReceiptSlot>>,
}

impl Handed {
    fn new(groups: &[(u8, u64, usize)]) -> Self {
        let (desk, mut attached) = (Desk::new(LeaderOptions::default()), Attached::default());
        for nonce in [1, 2] {
            attached.add(JournalNonce([nonce; 11]), Arc::default(), StatePosition::default());
        }
        let submit = |(nonce, ordinal, events): &(u8, u64, usize)| {
            let slot = Arc::new(ReceiptSlot::default());
            let group = Arc::new(group(*nonce, *ordinal, *events));
            desk.submit(Submission { group, slot: Arc::clone(&slot), is_foreign: false });
            slot
        };
        let slots = groups.iter().map(submit).collect();
        attached.waiting = desk.work_within(Default::default()).submissions;
        Self { desk, attached, slots }
    }

    fn publish(&mut self, judged: &[Judged]) {
        self.attached.publish(judged, &self.desk);
    }

    /// Of each: where it was confirmed.
    fn confirmed(&self) -> Vec<Option<u64>> {
        let place = |slot: &Arc<ReceiptSlot>| slot.state().confirmed.as_ref().map(|(number, _)| number.global);
        self.slots.iter().map(place).collect()
    }

    fn check_nothing_waits(&self) {
        assert!(self.attached.waiting.is_empty() && self.attached.receipts.is_empty());
        assert_eq!(self.desk.backlog().0, 0);
    }
}

/// The leader took it, and the backend confirmed it, before this process heard of either.
#[test]
fn a_group_that_was_confirmed_under_other_ids_before_it_was_told_waits_no_more() {
    let mut handed = Handed::new(&[(1, 1, 2), (1, 3, 1), (1, 4, 1)]);
    handed.publish(&[alone(1, (1, 1))]);
    assert_eq!(handed.confirmed(), [None, None, None], "only its first event has a place");
    handed.publish(&[alone(2, (1, 2)), alone(3, (8, 8)), alone(4, (1, 3))]);
    assert_eq!(handed.confirmed(), [Some(2), Some(4), None]);
    handed.publish(&[judged(group(1, 4, 1), 5)]);
    assert_eq!(handed.confirmed(), [Some(2), Some(4), Some(5)]);
    handed.check_nothing_waits();
}

/// A session that is ending lets go of its journal before this thread hears that it ends.
#[test]
fn a_group_that_was_taken_out_of_turn_holds_up_nobody() {
    let mut handed = Handed::new(&[(1, 1, 1), (2, 1, 1), (1, 2, 1)]);
    handed.publish(&[judged(group(2, 1, 1), 1), judged(group(1, 1, 1), 2), judged(group(1, 2, 1), 3)]);
    assert_eq!(handed.confirmed(), [Some(2), Some(1), Some(3)]);
    handed.check_nothing_waits();
}

/// The leader took it into a log that was then kept aside.
#[test]
fn a_group_that_went_aside_with_the_log_that_took_it_waits_no_more() {
    let mut handed = Handed::new(&[(1, 1, 1), (2, 1, 1), (1, 2, 1), (1, 3, 1)]);
    let mut log = Eventlog::open(Place::Memory).unwrap();
    log.claim().unwrap();
    let backend = |id: &str| Backend { id: BackendId::new(id), keeps_identity: true };
    log.attach(&backend("first"), "state-1").unwrap();
    log.accept(&[Arc::new(group(1, 1, 1)), Arc::new(group(2, 1, 1))]).unwrap();
    log.begin_again(&backend("second"), "state-2").unwrap();
    log.accept(&[Arc::new(group(1, 2, 1))]).unwrap();
    handed.attached.end_lost_receipts(&log, &[], || log.pending_groups(), &handed.desk).unwrap();
    let is_aside = |slot: &Arc<ReceiptSlot>| matches!(slot.state().over, Some(Over::KeptAside(_)));
    let aside: Vec<_> = handed.slots.iter().map(is_aside).collect();
    assert_eq!(aside, [true, true, false, false]);
    let waiting: Vec<_> = handed.attached.waiting.iter().map(|waiting| waiting.group.ordinal).collect();
    assert_eq!(waiting, [3], "it was not taken");
    handed.publish(&[judged(group(1, 2, 1), 1), judged(group(1, 3, 1), 2)]);
    handed.check_nothing_waits();
}
