//! The owner over a log in memory, against what a push may do to it.

use super::{Input, Output, Owner, Push, Recent, Verdict};
use crate::storage::{Appended, Entry, LogState, Origin, ReadMax, StorageError};
use livestore_sync_protocol::{BackendId, Event, EventId, PushVerdict, RawJson};
use std::sync::Arc;

fn event(number: u64, id: Option<u128>, text: &str) -> Event {
    Event {
        name: "v1.Noted".into(),
        args: Some(RawJson::new(format!("\"{text}\"")).unwrap()),
        number,
        parent: number - 1,
        client_id: "client".into(),
        session_id: "session".into(),
        id: id.map(|id| EventId(id.to_be_bytes())),
        rest: None,
    }
}

fn push(batch: Vec<Event>) -> Push {
    Push { batch, backend_id: Some("b".into()), principal: None, at_ms: 7 }
}

/// A storage without input and output, which another process can write to.
#[derive(Default)]
struct Log {
    entries: Vec<Entry>,
    fails: Option<StorageError>,
    /// The failing append is stored all the same.
    stores_it: bool,
    published: Vec<u64>,
    restarts: usize,
    reads: usize,
    asked: usize,
}

impl Log {
    fn state(&self) -> LogState {
        LogState { backend_id: "b".into(), head: self.entries.len() as u64 }
    }

    fn append(&mut self, log: &LogState, entries: &[Entry]) -> Result<Appended, StorageError> {
        let error = self.fails.take();
        if let Some(error) = error.clone().filter(|_| !self.stores_it) {
            return Err(error);
        }
        if *log != self.state() {
            return Ok(Appended::Moved(Some(self.state())));
        }
        self.entries.extend_from_slice(entries);
        error.map_or(Ok(Appended::Stored), Err)
    }

    /// Drives the owner until it is idle; the verdict, if there was one.
    fn drive(&mut self, owner: &mut Owner, input: Input) -> Option<Verdict> {
        let mut verdict = None;
        let mut outputs = owner.step(input);
        while !outputs.is_empty() {
            let mut next = Vec::new();
            for output in outputs {
                next.extend(match output {
                    Output::Load => owner.step(Input::Loaded(Ok(self.state()))),
                    Output::Append(log, entries) => owner.step(Input::Appended(self.append(&log, &entries))),
                    Output::Read { after, max } => {
                        self.reads += 1;
                        let read = self.entries.iter().skip(after as usize).take(max.events).cloned().collect();
                        owner.step(Input::Read(Ok(read)))
                    }
                    Output::Origins(nonces) => {
                        self.asked += 1;
                        let highest = |nonce: &_| {
                            let origins = self.entries.iter().filter_map(Entry::id).map(Origin::of);
                            origins.filter(|origin| origin.nonce == *nonce).map(|origin| origin.ordinal).max()
                        };
                        owner.step(Input::Origins(Ok(nonces.iter().map(highest).collect())))
                    }
                    Output::Answer(answer) => {
                        assert_eq!(verdict.replace(answer), None, "one push, one verdict");
                        Vec::new()
                    }
                    Output::Published(entries) => {
                        assert!(verdict.is_none(), "published before it is answered");
                        self.published.extend(entries.iter().map(|entry| entry.number));
                        Vec::new()
                    }
                    Output::Moved(_) => Vec::new(),
                    Output::Restarted(_) => {
                        self.restarts += 1;
                        Vec::new()
                    }
                });
            }
            outputs = next;
        }
        assert!(owner.is_idle());
        verdict
    }

    fn push(&mut self, owner: &mut Owner, batch: Vec<Event>) -> Verdict {
        self.drive(owner, Input::Push(push(batch))).expect("a push has a verdict")
    }
}

const fn ahead(head: u64) -> Verdict {
    Verdict::Judged(PushVerdict::ServerAhead { head })
}

const fn accepted(head: u64) -> Verdict {
    Verdict::Judged(PushVerdict::Accepted { head })
}

#[test]
fn events_follow_each_other() {
    let (mut owner, mut log) = (Owner::default(), Log::default());
    assert_eq!(log.push(&mut owner, vec![event(1, None, "a"), event(2, None, "b")]), accepted(2));
    assert_eq!(log.push(&mut owner, vec![event(3, None, "c")]), accepted(3));
    assert_eq!(log.push(&mut owner, Vec::new()), accepted(3));
    assert_eq!(log.published, [1, 2, 3]);
    assert_eq!(log.push(&mut owner, vec![event(3, None, "c")]), ahead(3), "no id, no repeat");
    assert_eq!(log.push(&mut owner, vec![event(6, None, "f")]), ahead(3), "beyond the end");
    assert_eq!(log.entries.len(), 3);
}

#[test]
fn a_repeat_is_accepted_and_stored_once() {
    let (mut owner, mut log) = (Owner::default(), Log::default());
    let batch = vec![event(1, Some(1), "a"), event(2, Some(2), "b")];
    assert_eq!(log.push(&mut owner, batch.clone()), accepted(2));
    assert_eq!(log.push(&mut owner, batch.clone()), accepted(2));
    let longer = [batch.clone(), vec![event(3, Some(3), "c")]].concat();
    assert_eq!(log.push(&mut owner, longer), accepted(3));
    assert_eq!(log.push(&mut owner, batch), accepted(3), "also later");
    assert_eq!(log.entries.len(), 3);
    let other = vec![event(2, Some(2), "b"), event(3, Some(9), "x")];
    assert_eq!(log.push(&mut owner, other), ahead(3), "the rest is judged as new");
    let elsewhere = vec![event(3, Some(2), "b")];
    assert_eq!(log.push(&mut owner, elsewhere), ahead(3), "the same id at another number is no repeat");
}

/// The id of an ordinal of a journal.
const fn id(journal: u8, ordinal: u64) -> Option<u128> {
    Some(u128::from_be_bytes([journal; 16]) >> 40 << 40 | ordinal as u128)
}

fn rejected(verdict: Verdict) -> (u64, String) {
    match verdict {
        Verdict::Judged(PushVerdict::Rejected { number, reason }) => (number, reason),
        other => panic!("{other:?}"),
    }
}

#[test]
fn an_id_is_in_the_log_once() {
    let (mut owner, mut log) = (Owner::default(), Log::default());
    log.push(&mut owner, vec![event(1, id(1, 5), "a"), event(2, id(2, 1), "b"), event(3, id(1, 9), "c")]);
    for mut owner in [owner, Owner::default()] {
        let batch = vec![event(4, id(1, 10), "d"), event(5, id(1, 5), "a"), event(6, id(1, 11), "e")];
        let (number, reason) = rejected(log.push(&mut owner, batch));
        let expected = format!("its id {} is in the log already, at e1", EventId(id(1, 5).unwrap().to_be_bytes()));
        assert_eq!((number, reason), (5, expected));
        // Again, with what the search has learned.
        assert_eq!(rejected(log.push(&mut owner, vec![event(4, id(1, 5), "a")])).0, 4);
        assert_eq!(rejected(log.push(&mut owner, vec![event(4, id(2, 1), "a")])).0, 4);
        assert_eq!(log.entries.len(), 3);
    }
    // Lower than the highest, and not there: a client that comes back to a backend that others came back to before it.
    let mut owner = Owner::default();
    assert_eq!(log.push(&mut owner, vec![event(4, id(1, 7), "x"), event(5, id(1, 6), "y")]), accepted(5));
    assert_eq!(rejected(log.push(&mut owner, vec![event(6, id(1, 6), "y")])).0, 6);
    assert_eq!(log.push(&mut owner, vec![event(6, id(1, 10), "z"), event(7, id(1, 8), "w")]), accepted(7));
    // Ids of another shape.
    for odd in [0, u128::MAX, 1, u128::MAX - 1] {
        let number = log.entries.len() as u64 + 1;
        assert_eq!(log.push(&mut owner, vec![event(number, Some(odd), "o")]), accepted(number));
        assert_eq!(rejected(log.push(&mut owner, vec![event(number + 1, Some(odd), "o")])).0, number + 1);
    }
}

#[test]
fn an_id_twice_in_a_push_is_rejected() {
    let (mut owner, mut log) = (Owner::default(), Log::default());
    let batch = vec![event(1, id(1, 5), "a"), event(2, None, "b"), event(3, id(1, 4), "c"), event(4, id(1, 5), "d")];
    let (number, reason) = rejected(log.push(&mut owner, batch));
    assert!(number == 4 && reason.ends_with("is that of e1 before it"), "{reason}");
    assert!(log.entries.is_empty());
}

#[test]
fn ids_that_rise_are_looked_up_once() {
    let (mut owner, mut log) = (Owner::default(), Log::default());
    for number in 1..=50 {
        let batch = vec![event(number, id(number as u8 % 2, number), "a")];
        assert_eq!(log.push(&mut owner, batch), accepted(number));
    }
    assert_eq!((log.asked, log.reads), (2, 0));
    // Somebody else's events change what is known.
    let mut other = Owner::default();
    assert_eq!(log.push(&mut other, vec![event(51, id(0, 80), "b")]), accepted(51));
    assert_eq!(log.push(&mut owner, vec![event(51, id(0, 80), "b")]), accepted(51), "a repeat");
    assert_eq!(rejected(log.push(&mut owner, vec![event(52, id(0, 80), "b")])).0, 52);
    assert_eq!(log.push(&mut owner, vec![event(52, id(0, 79), "b")]), accepted(52));
    assert_eq!(log.push(&mut owner, vec![event(53, id(0, 78), "b")]), accepted(53));
    let reads = log.reads;
    assert_eq!(log.push(&mut owner, vec![event(54, id(0, 77), "b")]), accepted(54));
    assert_eq!(log.reads, reads, "what was searched is remembered");
}

#[test]
fn a_log_that_began_again_takes_its_ids_again() {
    let (mut owner, mut log) = (Owner::default(), Log::default());
    let batch: Vec<_> = (1..=3).map(|number| event(number, id(1, number), "a")).collect();
    log.push(&mut owner, batch.clone());
    assert_eq!(rejected(log.push(&mut owner, vec![event(4, id(1, 3), "a")])).0, 4);
    log.entries.truncate(1);
    log.drive(&mut owner, Input::Hint);
    assert_eq!(log.push(&mut owner, batch), accepted(3));
    assert_eq!((log.entries.len(), log.restarts), (3, 1));
}

#[test]
fn a_gap_inside_a_push_is_an_error_and_never_server_ahead() {
    let (mut owner, mut log) = (Owner::default(), Log::default());
    let gap = vec![event(1, None, "a"), event(3, None, "b")];
    assert!(matches!(log.push(&mut owner, gap), Verdict::Judged(PushVerdict::Failed { .. })));
    let odd = vec![Event { parent: 0, ..event(2, None, "a") }];
    assert!(matches!(log.push(&mut owner, odd), Verdict::Judged(PushVerdict::Failed { .. })));
    assert_eq!(log.push(&mut owner, vec![event(1 << 41, None, "a")]), ahead(0));
    assert!(log.entries.is_empty());
}

#[test]
fn a_group_comes_whole_or_not_at_all() {
    let (mut owner, mut log) = (Owner::default(), Log::default());
    let group = |rests: &[Option<u32>]| {
        let events =
            (1..).zip(rests).map(|(number, rest)| Event { rest: *rest, ..event(number, Some(number.into()), "a") });
        events.collect::<Vec<_>>()
    };
    for torn in [&[Some(1)][..], &[Some(2), Some(0)], &[Some(1), Some(1), Some(0)], &[Some(1), None], &[Some(2_000)]] {
        let verdict = log.push(&mut owner, group(torn));
        assert!(matches!(verdict, Verdict::Judged(PushVerdict::Failed { .. })), "{torn:?}: {verdict:?}");
    }
    assert!(log.entries.is_empty());
    assert_eq!(log.push(&mut owner, group(&[Some(1), Some(0), None, Some(0)])), accepted(4));
}

#[test]
fn an_event_that_fits_no_page_is_rejected_for_good() {
    let (mut owner, mut log) = (Owner::default(), Log::default());
    let verdict = log.push(&mut owner, vec![event(1, None, "a"), event(2, None, &"x".repeat(900_000))]);
    assert!(matches!(verdict, Verdict::Judged(PushVerdict::Rejected { number: 2, .. })), "{verdict:?}");
}

#[test]
fn another_backend_is_refused() {
    let (mut owner, mut log) = (Owner::default(), Log::default());
    let stale = Push { backend_id: Some("older".into()), ..push(vec![event(1, None, "a")]) };
    let verdict = log.drive(&mut owner, Input::Push(stale)).unwrap();
    let backend_id = BackendId::new("b").unwrap();
    assert_eq!(verdict, Verdict::Judged(PushVerdict::OtherBackend { backend_id }));
    let unaware = Push { backend_id: None, ..push(vec![event(1, None, "a")]) };
    assert_eq!(log.drive(&mut owner, Input::Push(unaware)).unwrap(), accepted(1));
}

#[test]
fn another_process_is_noticed() {
    let (mut owner, mut log) = (Owner::default(), Log::default());
    let mut other = Owner::default();
    assert_eq!(log.push(&mut owner, vec![event(1, Some(1), "a")]), accepted(1));
    assert_eq!(log.push(&mut other, vec![event(2, Some(2), "b")]), accepted(2));
    assert_eq!(log.push(&mut owner, vec![event(2, Some(3), "c")]), ahead(2));
    assert_eq!(log.push(&mut owner, vec![event(3, Some(3), "c")]), accepted(3));
    // A repeat of what the other process took.
    assert_eq!(log.push(&mut other, vec![event(3, Some(3), "c")]), accepted(3));
    assert_eq!(log.entries.len(), 3);
}

#[test]
fn an_unknown_outcome_is_found_out() {
    for stores_it in [false, true] {
        let (mut owner, mut log) = (Owner::default(), Log { stores_it, ..Log::default() });
        log.fails = Some(StorageError::Unknown { reason: "gone".into() });
        let batch = vec![event(1, Some(1), "a")];
        assert_eq!(log.push(&mut owner, batch.clone()), Verdict::Unknown);
        assert_eq!(owner.log().unwrap().head, u64::from(stores_it));
        assert_eq!(log.push(&mut owner, batch), accepted(1));
        assert_eq!(log.entries.len(), 1);
    }
    let (mut owner, mut log) = (Owner::default(), Log::default());
    log.fails = Some(StorageError::unavailable("full"));
    let verdict = log.push(&mut owner, vec![event(1, None, "a")]);
    assert!(
        matches!(&verdict, Verdict::Judged(PushVerdict::Failed { reason }) if !reason.contains("full")),
        "{verdict:?}"
    );
    assert_eq!(log.push(&mut owner, vec![event(1, None, "a")]), accepted(1));
}

#[test]
fn a_log_that_lost_events_begins_again() {
    let (mut owner, mut log) = (Owner::default(), Log::default());
    log.push(&mut owner, vec![event(1, None, "a"), event(2, None, "b")]);
    log.entries.pop();
    assert_eq!(log.drive(&mut owner, Input::Hint), None);
    assert_eq!(log.restarts, 1);
    assert_eq!(log.push(&mut owner, vec![event(2, None, "c")]), accepted(2));
}

#[test]
fn what_is_recent_is_bounded_and_without_gaps() {
    let entry = |number| Entry { number, rest: None, created_at_ms: 0, principal: None, body: Arc::from("0123456789") };
    let max = ReadMax { events: 3, bytes: 25 };
    let mut recent = Recent::new(4, 50);
    assert_eq!(recent.after(4, max).unwrap().len(), 0);
    assert_eq!(recent.after(3, max), None);
    recent.push((5..=12).map(entry));
    let numbers =
        |after| recent.after(after, max).map(|found| found.iter().map(|entry| entry.number).collect::<Vec<_>>());
    assert_eq!(numbers(6), None);
    assert_eq!(numbers(7), Some(vec![8, 9]), "25 bytes are two");
    assert_eq!(numbers(11), Some(vec![12]));
    assert_eq!(numbers(12), Some(vec![]));
    recent.skip_to(20);
    assert_eq!((recent.head(), recent.after(12, max)), (20, None));
}

#[test]
fn a_repeat_reads_no_more_than_it_could_repeat() {
    let mut log = Log::default();
    let mut owner = Owner::default();
    let text = "x".repeat(10_000);
    let large: Vec<_> = (1..=20).map(|number| event(number, Some(u128::from(number)), &text)).collect();
    log.drive(&mut owner, Input::Push(push(large.clone())));
    let small = (1..=20).map(|number| event(number, Some(99), "x")).collect::<Vec<_>>();
    let outputs = owner.step(Input::Push(push(small.clone())));
    let [Output::Read { max, .. }] = &outputs[..] else { panic!("{outputs:?}") };
    let bytes: usize = small.iter().map(Event::json_bytes).sum();
    assert!(max.bytes <= bytes, "{} bytes for a push of {bytes}", max.bytes);
    // What is a repeat fits.
    owner.step(Input::Read(Ok(log.entries.iter().take(1).cloned().collect())));
    let outputs = owner.step(Input::Push(push(large)));
    let [Output::Read { max, .. }] = &outputs[..] else { panic!("{outputs:?}") };
    let stored: usize = log.entries.iter().map(|entry| entry.body.len()).sum();
    assert_eq!(max.bytes, stored);
}

#[test]
fn a_push_from_beyond_the_head_has_the_log_looked_at_once() {
    let mut owner = Owner::default();
    let mut log = Log::default();
    log.drive(&mut owner, Input::Hint);
    let outputs = owner.step(Input::Push(push(vec![event(3, None, "x")])));
    assert!(matches!(outputs[..], [Output::Load]), "{outputs:?}");
    let outputs = owner.step(Input::Loaded(Ok(log.state())));
    let ahead = Output::Answer(Verdict::Judged(PushVerdict::ServerAhead { head: 0 }));
    assert_eq!(format!("{outputs:?}"), format!("{:?}", [ahead]));
}
