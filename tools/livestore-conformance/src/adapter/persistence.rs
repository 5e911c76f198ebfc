//! What is there after a close.

use super::app::{Pick, Picked, STORE, Stepped, Ui, commit, failed, logged, next, open, settle};
use super::{Subject, needs_persistence};
use crate::suite::{demand, points};
use livestore::{ClientDocument, Result, Store, Table};

points! { Subject;

#[doc = "Everything committed is there after a close, in the order in which it was committed."]
fn keeps_everything_in_order(subject) {
    needs_persistence(subject)?;
    let place = subject.place();
    let store = open(subject, &place, STORE)?;
    commit(&store, 0..500)?;
    store.shutdown()?;
    let found = settle(&open(subject, &place, STORE)?, 500)?;
    demand!(found == (0..500).collect::<Vec<_>>(), "{found:?}");
    Ok(())
}

#[doc = "A store that is dropped without a shutdown has lost nothing."]
fn keeps_what_a_drop_leaves(subject) {
    needs_persistence(subject)?;
    let place = subject.place();
    commit(&open(subject, &place, STORE)?, 0..100)?;
    let found = settle(&open(subject, &place, STORE)?, 100)?;
    demand!(found == (0..100).collect::<Vec<_>>(), "{found:?}");
    Ok(())
}

#[doc = "Commit groups are whole after a close, and a refused group has left nothing."]
fn keeps_groups_whole(subject) {
    needs_persistence(subject)?;
    let place = subject.place();
    let store = open(subject, &place, STORE)?;
    let steps = |ids: std::ops::Range<i64>| ids.map(|id| Stepped { id }).collect::<Vec<_>>();
    store.commit(steps(0..20))?;
    demand!(store.commit(steps(15..30)).is_err(), "a group was taken whose first event violates a key");
    demand!(store.commit([Stepped { id: 90 }, Stepped { id: 0 }]).is_err(), "a group was taken whose last event violates a key");
    store.commit(steps(20..40))?;
    store.shutdown()?;
    let found = settle(&open(subject, &place, STORE)?, 40)?;
    demand!(found == (0..40).collect::<Vec<_>>(), "{found:?}");
    Ok(())
}

#[doc = "Client documents and client-only events are there after a close."]
fn keeps_what_is_client_only(subject) {
    needs_persistence(subject)?;
    let place = subject.place();
    let store = open(subject, &place, STORE)?;
    store.commit((Stepped { id: 1 }, Picked { id: 7 }))?;
    store.commit(Ui::set().text("kept".into()))?;
    store.shutdown()?;
    let store = open(subject, &place, STORE)?;
    let (picks, ui) = (store.query(&Pick::query())?, store.query(&Ui::get())?);
    demand!(picks.len() == 1 && picks[0].id == 7, "{} client-only rows", picks.len());
    demand!(ui.text == "kept", "the document is {:?}", ui.text);
    let events = store.raw_events().until_now().collect::<Result<Vec<_>>>().map_err(failed)?;
    let client_only = events.iter().filter(|event| event.event.client_only).count();
    demand!(events.len() == 3 && client_only == 2, "{events:?}");
    Ok(())
}

#[doc = "The client's id, of 6 characters, is kept; session ids, of 22, are minted for each handle and never come again."]
fn keeps_the_client_and_mints_sessions(subject) {
    let place = subject.place();
    let (one, two, other) = (open(subject, &place, STORE)?, open(subject, &place, STORE)?, open(subject, &place, "other")?);
    let client = one.client_id().clone();
    demand!(*two.client_id() == client && *other.client_id() == client, "one place has several clients");
    demand!(one.clone().session_id() == one.session_id(), "a clone is another session");
    let mut sessions: Vec<_> = [&one, &two, &other].map(|store| store.session_id().to_string()).into();
    drop((one, two, other));
    for _ in 0..5 {
        let store = open(subject, &place, STORE)?;
        demand!(*store.client_id() == client, "the client was {client} and is {}", store.client_id());
        sessions.push(store.session_id().to_string());
    }
    demand!(client.as_str().len() == 6 && sessions.iter().all(|id| id.len() == 22), "{client} {sessions:?}");
    sessions.sort();
    sessions.dedup();
    demand!(sessions.len() == 8, "a session id came again: {sessions:?}");
    Ok(())
}

#[doc = "Another version of the application rebuilds its state from the eventlog, and loses no event."]
fn rebuilds_state_from_the_log(subject) {
    needs_persistence(subject)?;
    let place = subject.place();
    let store = open(subject, &place, STORE)?;
    commit(&store, 0..200)?;
    store.commit(Picked { id: 7 })?;
    store.shutdown()?;
    let newer = Store::<next::App>::open(subject.adapter(&place), STORE)?;
    demand!(settle(&newer, 200)? == (0..200).collect::<Vec<_>>(), "{:?}", logged(&newer)?);
    demand!(newer.query(&next::Extra::query().count())? == 0, "the new table has rows");
    demand!(newer.query(&Pick::query().count())? == 1, "client-only state was not rebuilt");
    newer.shutdown()?;
    settle(&open(subject, &place, STORE)?, 200)?;
    Ok(())
}

}
