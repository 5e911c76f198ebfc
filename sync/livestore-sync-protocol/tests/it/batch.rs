//! What both sides ask of a push, and how it is cut.

use livestore_sync_protocol::{BatchError, Event, Groups, Limits, PageBuilder, RawJson, check_push, split_push};

/// Events in a row, with the `rest` of each.
fn batch(first: u64, rests: &[Option<u32>]) -> Vec<Event> {
    let event = |(number, rest): (u64, &Option<u32>)| Event {
        name: "v1.X".into(),
        args: None,
        number,
        parent: number.wrapping_sub(1),
        client_id: "c".into(),
        session_id: "s".into(),
        id: None,
        rest: *rest,
    };
    (first..).zip(rests).map(event).collect()
}

fn group(len: u32) -> Vec<Option<u32>> {
    (0..len).rev().map(Some).collect()
}

#[allow(clippy::needless_pass_by_value)] // A case is one line.
fn check(batch: &[Event], expected: Result<(), BatchError>) {
    assert_eq!(check_push(batch, &Limits::default()), expected);
}

#[test]
fn events_follow_each_other() {
    check(&[], Ok(()));
    check(&batch(1, &[None; 3]), Ok(()));
    check(&batch(Limits::NUMBER, &[None]), Ok(()));
    check(&batch(Limits::NUMBER, &[None; 2]), Err(BatchError::NumberTooLarge { number: Limits::NUMBER + 1 }));
    check(&batch(0, &[None]), gap(0, u64::MAX, 0));
    let mut twice = batch(4, &[None; 2]);
    twice[1] = twice[0].clone();
    check(&twice, gap(4, 3, 4));
    let mut back = batch(4, &[None; 2]);
    back[1].parent = 2;
    check(&back, gap(5, 2, 4));
    let mut skips = batch(4, &[None; 2]);
    skips[1].number = 7;
    check(&skips, gap(7, 4, 6));
}

fn gap(number: u64, parent: u64, expected: u64) -> Result<(), BatchError> {
    Err(BatchError::Gap { number, parent, expected })
}

#[test]
fn groups_are_there_to_their_end() {
    check(&batch(1, &[Some(1), Some(0), None, Some(0)]), Ok(()));
    let broken = |number, missing| Err(BatchError::BrokenGroup { number, missing });
    check(&batch(1, &[Some(2), Some(1)]), broken(2, 1));
    check(&batch(1, &[Some(2), Some(0), Some(0)]), broken(1, 2));
    check(&batch(1, &[Some(1), None]), broken(1, 1));
    check(&batch(1, &[None, Some(u32::MAX)]), broken(2, u32::MAX));
}

#[test]
fn a_push_has_100_events_or_one_group() {
    check(&batch(1, &[None; 99]), Ok(()));
    check(&batch(1, &[None; 100]), Ok(()));
    check(&batch(1, &[None; 101]), Err(BatchError::TooManyEvents { count: 101, max: 100 }));
    check(&batch(1, &group(999)), Ok(()));
    check(&batch(1, &group(1_000)), Ok(()));
    check(&batch(1, &group(1_001)), Err(BatchError::TooManyEvents { count: 1_001, max: 1_000 }));
    let two: Vec<_> = group(60).into_iter().chain(group(60)).collect();
    check(&batch(1, &two), Err(BatchError::TooManyEvents { count: 120, max: 100 }));
}

/// An event of so many bytes as JSON.
fn sized(number: u64, bytes: usize) -> Event {
    let mut event = batch(number, &[None]).remove(0);
    let others = event.json_bytes() + r#""args":"","#.len();
    event.args = Some(RawJson::new(format!("\"{}\"", "x".repeat(bytes - others))).unwrap());
    event
}

#[test]
fn bytes_have_their_limits() {
    let max = 900_000;
    check(&[sized(1, max - 1)], Ok(()));
    check(&[sized(1, max)], Ok(()));
    check(&[sized(1, max + 1)], Err(BatchError::EventTooLarge { number: 1, bytes: max + 1, max }));
    // Of a push the payloads count, name and args.
    let halves = |extra: usize| {
        let mut halves = batch(1, &[None; 2]);
        let args = |bytes: usize| RawJson::new(format!("\"{}\"", "x".repeat(bytes - 2))).unwrap();
        halves[0].args = Some(args(450_000 - 4));
        halves[1].args = Some(args(450_000 - 4 + extra));
        halves
    };
    check(&halves(0), Ok(()));
    check(&halves(1), Err(BatchError::TooManyBytes { bytes: max + 1, max }));
}

fn lens(batch: Vec<Event>, groups: Groups) -> Vec<usize> {
    let limits = Limits { event_bytes: 2_000_000, ..Limits::default() };
    let messages = split_push(batch, groups, 100, &limits).unwrap();
    assert!(messages.windows(2).all(|pair| pair[0].last().unwrap().number + 1 == pair[1][0].number));
    messages.iter().map(Vec::len).collect()
}

#[test]
fn pushes_are_cut_where_they_may() {
    assert_eq!(lens(Vec::new(), Groups::Cut), [0; 0]);
    assert_eq!(lens(batch(1, &[None; 250]), Groups::Cut), [100, 100, 50]);
    let groups: Vec<_> = [60, 60, 150, 3].into_iter().flat_map(group).collect();
    assert_eq!(lens(batch(1, &groups), Groups::Cut), [100, 100, 73]);
    assert_eq!(lens(batch(1, &groups), Groups::Whole), [60, 60, 150, 3]);
    let large = |count: u64, bytes| (1..=count).map(|number| sized(number, bytes)).collect();
    // As the recorded client did: six events of 300 kB make three pushes of two.
    assert_eq!(lens(large(6, 300_120), Groups::Cut), [2, 2, 2]);
    // 100 bytes around the events, and a comma after each.
    assert_eq!(lens(large(2, 449_949), Groups::Cut), [2]);
    assert_eq!(lens(large(2, 449_950), Groups::Cut), [1, 1]);
    let error = split_push(large(1, 900_001), Groups::Cut, 0, &Limits::default()).unwrap_err();
    assert_eq!(error, BatchError::EventTooLarge { number: 1, bytes: 900_001, max: 900_000 });
}

fn page(groups: Groups, items: &[(usize, bool)]) -> (usize, usize) {
    let mut page = PageBuilder::new(groups, 0);
    let offered = items.iter().take_while(|(bytes, ends)| page.offer((), *bytes, *ends)).count();
    (offered, page.finish().len())
}

#[test]
fn pages_are_cut_where_they_may() {
    assert_eq!(page(Groups::Cut, &[(10, false); 150]), (100, 100));
    assert_eq!(page(Groups::Cut, &[(1_000_000, false); 3]), (1, 1), "the first goes, however large");
    assert_eq!(page(Groups::Cut, &[(449_999, true); 3]), (2, 2));
    assert_eq!(page(Groups::Cut, &[(450_000, true); 3]), (1, 1));
    let mut long = [(10, false); 150];
    long[149].1 = true;
    assert_eq!(page(Groups::Whole, &long), (150, 150), "the first group goes, however long");
    long[39].1 = true;
    assert_eq!(page(Groups::Whole, &long), (100, 40), "and the second not in parts");
    assert_eq!(page(Groups::Cut, &long), (100, 40), "nor where it could be, as long as there is a whole one");
    assert_eq!(page(Groups::Cut, &long[..100]), (100, 40), "also where it is not known yet what follows");
    assert_eq!(page(Groups::Whole, &[(10, false); 2_000]), (1_000, 1_000), "one without end is damage");
    assert_eq!(page(Groups::Whole, &[(10, false); 5]), (5, 5));
}
