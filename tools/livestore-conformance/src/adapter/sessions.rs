//! Several sessions of one store in a process.

use super::Subject;
use super::app::{App, Pick, Picked, STORE, commit, open, settle, sorted, wait};
use crate::report::Miss;
use crate::suite::{demand, points};
use livestore::{Store, Table};

points! { Subject;

#[doc = "What one session commits, the others see, events that stay with the client too."]
fn sessions_see_each_other(subject) {
    let place = subject.place();
    let (one, two) = (open(subject, &place, STORE)?, open(subject, &place, STORE)?);
    commit(&one, 0..10)?;
    wait(&one.commit(Picked { id: 7 })?)?;
    settle(&two, 10)?;
    commit(&two, 10..20)?;
    demand!(settle(&one, 20)? == settle(&two, 20)?, "two orders");
    demand!(two.query(&Pick::query().count())? == 1, "the client-only event did not come");
    let late = open(subject, &place, STORE)?;
    settle(&late, 20)?;
    demand!(late.query(&Pick::query().count())? == 1, "a late session lacks the client-only event");
    Ok(())
}

#[doc = "Sessions that commit at once end with one order, which keeps the order of each, and with state made in that order."]
fn sessions_agree_on_one_order(subject) {
    let place = subject.place();
    let stores = (0..4).map(|_| open(subject, &place, STORE)).collect::<Result<Vec<_>, _>>()?;
    std::thread::scope(|scope| {
        let commits = |(index, store): (usize, _)| {
            let first = index as i64 * 1_000;
            scope.spawn(move || commit(store, first..first + 100))
        };
        let threads: Vec<_> = stores.iter().enumerate().map(commits).collect();
        threads.into_iter().try_for_each(|thread| thread.join().map_err(|_| Miss::Failed("a thread panicked".into()))?)
    })?;
    let order = settle(&stores[0], 400)?;
    for store in &stores {
        demand!(settle(store, 400)? == order, "two sessions have two orders");
    }
    for session in 0..4 {
        let own: Vec<_> = order.iter().copied().filter(|id| id / 1_000 == session).collect();
        demand!(own == sorted(own.clone()), "the order of session {session} was not kept: {own:?}");
    }
    Ok(())
}

#[doc = "A receipt tells the number that the event has in the eventlog of every session."]
fn receipts_tell_the_place(subject) {
    let place = subject.place();
    let (one, two): (Store<App>, _) = (open(subject, &place, STORE)?, open(subject, &place, STORE)?);
    commit(&two, 0..5)?;
    let receipt = one.commit(super::app::Stepped { id: 99 })?;
    let outcome = wait(&receipt)?;
    settle(&two, 6)?;
    let found = two.raw_events().until_now().flatten().find(|event| Some(event.id) == receipt.first_event());
    demand!(found.as_ref().is_some_and(|event| event.number == outcome.number), "{outcome:?}, and there is {found:?}");
    Ok(())
}

}
