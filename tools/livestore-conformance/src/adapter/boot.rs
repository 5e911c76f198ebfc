//! How a store begins.

use super::app::{App, STORE, commit, logged, next, open, settle, stated};
use super::{Subject, needs_persistence};
use crate::suite::{demand, points};
use livestore::{OpenError, OpenProgress, Store};
use std::sync::{Arc, Mutex};

points! { Subject;

#[doc = "A new store opens empty, at the root, running and with nothing pending."]
fn boot_empty(subject) {
    let place = subject.place();
    let store = open(subject, &place, STORE)?;
    let status = store.status();
    demand!(logged(&store)?.is_empty() && stated(&store)?.is_empty(), "a new store has events");
    demand!(status.pending == 0 && status.upstream_head.to_string() == "e0" && status.closed.is_none(), "{status:?}");
    Ok(())
}

#[doc = "A store that was closed opens again, and takes commits."]
fn boot_again_after_a_close(subject) {
    needs_persistence(subject)?;
    let place = subject.place();
    for round in 0..3 {
        let store = open(subject, &place, STORE)?;
        demand!(logged(&store)? == (0..round).collect::<Vec<_>>(), "round {round}: {:?}", logged(&store)?);
        commit(&store, [round])?;
        store.shutdown()?;
    }
    Ok(())
}

#[doc = "Opening tells its progress, and ends it with ready, once."]
fn boot_tells_progress(subject) {
    let place = subject.place();
    let told = Arc::new(Mutex::new(Vec::new()));
    let hear = Arc::clone(&told);
    let tell = move |progress| hear.lock().map(|mut told| told.push(progress)).unwrap_or_default();
    let _store = Store::<App>::builder(subject.adapter(&place), STORE).on_progress(tell).open()?;
    let told = told.lock().map(|told| told.clone()).unwrap_or_default();
    let ready = told.iter().filter(|progress| matches!(progress, OpenProgress::Ready)).count();
    demand!(ready == 1 && matches!(told.last(), Some(OpenProgress::Ready)), "{told:?}");
    Ok(())
}

#[doc = "A store that is open refuses another schema by a typed error, and goes on."]
fn boot_refuses_another_schema(subject) {
    let place = subject.place();
    let store = open(subject, &place, STORE)?;
    let refused = Store::<next::App>::open(subject.adapter(&place), STORE);
    demand!(matches!(refused, Err(OpenError::OtherSchema { .. })), "{refused:?}");
    commit(&store, [1])?;
    settle(&store, 1)?;
    Ok(())
}

#[doc = "A store id that breaks the rules is a typed error."]
fn boot_refuses_a_bad_store_id(subject) {
    let place = subject.place();
    for id in ["", "no spaces", "../up", "a/b"] {
        let refused = open(subject, &place, id);
        demand!(matches!(refused, Err(OpenError::StoreId(_))), "{id:?}: {refused:?}");
    }
    Ok(())
}

}
