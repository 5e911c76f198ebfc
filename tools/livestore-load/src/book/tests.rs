use super::*;
use crate::frames::{Name, Stamp};

const ME: Name = Name { run: 1, client: 1 };
const OTHER: Name = Name { run: 1, client: 2 };

fn own(book: &mut Book, number: u64, index: u64) -> Result<(), Violation> {
    book.came(&ME.event(number, &Stamp::new(index, 0, 0)), Some(index))
}

fn other(book: &mut Book, number: u64) -> Result<(), Violation> {
    book.came(&OTHER.event(number, &Stamp::new(number, 0, 0)), None)
}

/// A client with events of these times to push.
fn book(times: &[u64]) -> Book {
    let mut book = Book::default();
    times.iter().for_each(|at| book.commit(*at));
    book
}

#[test]
fn a_push_that_is_taken_comes_back_before_or_after_its_answer() {
    let mut book = book(&[10, 20, 30]);
    assert_eq!(book.push(2), Some(Pushing { first: 0, count: 2, parent: 0 }));
    assert_eq!(book.push(2), None, "one at a time");
    own(&mut book, 1, 0).unwrap();
    assert_eq!(book.taken(), [10, 20]);
    assert_eq!(book.push(2), Some(Pushing { first: 2, count: 1, parent: 2 }), "on top of what did not come back yet");
    own(&mut book, 2, 1).unwrap();
    own(&mut book, 3, 2).unwrap();
    assert_eq!(book.taken(), [30]);
    assert!(book.is_settled());
    assert_eq!((book.acked, book.delivered, book.head), (3, 3, 3));
}

#[test]
fn a_client_that_is_behind_waits_for_what_it_lacks() {
    let mut book = book(&[10]);
    assert!(book.push(9).is_some());
    book.refused(Some(2));
    assert_eq!(book.push(9), None);
    other(&mut book, 1).unwrap();
    assert_eq!(book.push(9), None);
    other(&mut book, 2).unwrap();
    assert_eq!(book.push(9), Some(Pushing { first: 0, count: 1, parent: 2 }));
}

#[test]
fn what_was_taken_before_the_connection_broke_is_not_pushed_again() {
    let mut book = book(&[10, 20]);
    assert!(book.push(1).is_some());
    book.disconnected();
    own(&mut book, 1, 0).unwrap();
    assert_eq!(book.push(9), Some(Pushing { first: 1, count: 1, parent: 1 }));
    assert_eq!(book.taken(), [20]);
    own(&mut book, 2, 1).unwrap();
    assert!(book.is_settled());
}

#[test]
fn a_blind_client_goes_by_the_answers_alone() {
    let mut book = Book { is_blind: true, ..book(&[10, 20]) };
    assert!(book.push(1).is_some());
    book.refused(Some(7));
    assert_eq!(book.push(1).map(|push| push.parent), Some(7));
    assert_eq!(book.taken(), [10]);
    assert_eq!(book.push(1).map(|push| push.parent), Some(8));
}

#[test]
fn gaps_repeats_and_moves_are_seen() {
    let after_two = || {
        let mut book = book(&[10, 20, 30]);
        other(&mut book, 1).unwrap();
        book.push(3).unwrap();
        own(&mut book, 2, 0).unwrap();
        book
    };
    assert_eq!(other(&mut after_two(), 4), Err(Violation::Order { expected: 3, got: 4 }), "a gap");
    assert_eq!(other(&mut after_two(), 2), Err(Violation::Order { expected: 3, got: 2 }), "a repeat");
    assert_eq!(own(&mut after_two(), 3, 0), Err(Violation::Own { expected: 1, got: 0 }), "an own one, twice");
    assert_eq!(own(&mut after_two(), 3, 2), Err(Violation::Own { expected: 1, got: 2 }), "an own one is left out");
    let mut moved = after_two();
    moved.taken();
    other(&mut moved, 3).unwrap();
    assert_eq!(
        own(&mut moved, 4, 1),
        Err(Violation::Moved { index: 1, said: 3, got: 4 }),
        "somebody else is in between"
    );
}

#[test]
fn the_chain_tells_two_logs_apart() {
    let chain = |clients: [&Name; 2]| {
        let mut book = Book::default();
        for (number, name) in (1..).zip(clients) {
            book.came(&name.event(number, &Stamp::new(0, 0, 0)), None).unwrap();
        }
        book.chain
    };
    assert_eq!(chain([&ME, &OTHER]), chain([&ME, &OTHER]));
    assert_ne!(chain([&ME, &OTHER]), chain([&OTHER, &ME]));
}
