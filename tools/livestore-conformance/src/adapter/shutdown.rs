//! How a session ends.

use super::Subject;
use super::app::{STORE, Step, Stepped, commit, open, settle};
use crate::suite::{PATIENCE, demand, points};
use livestore::{CommitError, ShutdownError, Table, WaitError};
use std::time::Instant;

points! { Subject;

#[doc = "A shutdown ends within its bound, with everything in the eventlog or with a typed error that says how much is not."]
fn shutdown_drains(subject) {
    let place = subject.place();
    let store = open(subject, &place, STORE)?;
    let receipts = (0..300).map(|id| store.commit(Stepped { id })).collect::<Result<Vec<_>, _>>()?;
    let began = Instant::now();
    match store.shutdown() {
        Ok(()) => demand!(receipts.iter().all(|receipt| receipt.poll().is_some()), "a commit has no place after a shutdown that says so"),
        Err(ShutdownError::Pending { pending, .. }) => demand!(pending > 0, "nothing is pending, and the shutdown failed"),
        Err(ShutdownError::NotSynced(_)) => {}
        Err(other) => demand!(false, "{other}"),
    }
    demand!(began.elapsed() < ShutdownError::WAIT_MAX + PATIENCE, "it took {:?}", began.elapsed());
    Ok(())
}

#[doc = "A second shutdown does nothing and succeeds, for every clone."]
fn shutdown_is_idempotent(subject) {
    let place = subject.place();
    let store = open(subject, &place, STORE)?;
    let clone = store.clone();
    commit(&store, [1])?;
    store.shutdown()?;
    store.shutdown()?;
    clone.shutdown()?;
    Ok(())
}

#[doc = "After a shutdown a commit is a typed error, a query fails, and the status says why."]
fn a_closed_session_says_so(subject) {
    let place = subject.place();
    let (store, other) = (open(subject, &place, STORE)?, open(subject, &place, STORE)?);
    let clone = store.clone();
    store.shutdown()?;
    let refused = clone.commit(Stepped { id: 1 });
    demand!(matches!(refused, Err(CommitError::Closed { .. })), "{refused:?}");
    demand!(clone.query(&Step::query().count()).is_err(), "a closed store answers");
    demand!(clone.status().closed.is_some(), "the status does not say that it is closed");
    commit(&other, [2])?; // Another session goes on.
    settle(&other, 1)?;
    Ok(())
}

#[doc = "Every receipt of a session that ended is told: its place, or that the store was closed."]
fn no_receipt_waits_for_ever(subject) {
    let place = subject.place();
    let store = open(subject, &place, STORE)?;
    let receipts = (0..100).map(|id| store.commit(Stepped { id })).collect::<Result<Vec<_>, _>>()?;
    drop(store);
    for receipt in receipts {
        let told = receipt.wait(PATIENCE);
        demand!(matches!(told, Ok(_) | Err(WaitError::Closed { .. })), "{told:?}");
    }
    Ok(())
}

}
