//! Stores that know nothing of each other.

use super::Subject;
use super::app::{STORE, Ui, commit, open, settle};
use crate::suite::{demand, points};
use livestore::ClientDocument;

points! { Subject;

#[doc = "Two stores of one adapter are isolated: neither events nor documents of one are seen in the other."]
fn stores_are_isolated(subject) {
    let place = subject.place();
    let (one, other) = (open(subject, &place, STORE)?, open(subject, &place, "other")?);
    one.commit(Ui::set().text("canary".into()))?;
    commit(&one, 0..20)?;
    commit(&other, 100..105)?;
    demand!(settle(&other, 5)? == [100, 101, 102, 103, 104], "events of the other store");
    settle(&one, 20)?;
    let seen = other.raw_events().until_now().flatten().any(|event| event.event.args.is_some_and(|args| args.contains("canary")));
    demand!(!seen && other.query(&Ui::get())?.text.is_empty(), "the canary was seen in the other store");
    Ok(())
}

#[doc = "Store ids that differ in case only are different stores."]
fn ids_that_differ_in_case_are_two_stores(subject) {
    let place = subject.place();
    let stores = ["main", "Main", "MAIN"].map(|id| open(subject, &place, id));
    for (index, store) in stores.into_iter().enumerate() {
        let store = store?;
        commit(&store, [index as i64])?;
        demand!(settle(&store, 1)? == [index as i64], "store {index} shares its events");
    }
    Ok(())
}

#[doc = "Two places are two clients, which share nothing."]
fn places_are_clients(subject) {
    let (here, there) = (subject.place(), subject.place());
    let (one, two) = (open(subject, &here, STORE)?, open(subject, &there, STORE)?);
    commit(&one, 0..3)?;
    settle(&one, 3)?;
    settle(&two, 0)?;
    demand!(one.client_id() != two.client_id(), "both are client {}", one.client_id());
    Ok(())
}

}
