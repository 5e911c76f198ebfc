//! Whoever watches a live query learns that its store has closed.

use livestore::*;
use std::sync::{Arc, Weak};

#[client_document("ui", id = "main")]
#[derive(Default)]
struct Ui {
    text: String,
}

#[schema(documents(Ui))]
struct App;

#[test]
fn changes_end_when_the_store_is_closed() {
    let store = Store::<App>::open(memory(), "watching").unwrap();
    let mut changes = store.changes(&Ui::get()).unwrap();
    assert_eq!(changes.try_next().as_deref(), Some(&Ui::default()));
    assert!(!changes.is_closed());
    store.shutdown().unwrap();
    assert!(changes.is_closed());
}

#[test]
fn a_callback_is_dropped_when_the_store_is_closed() {
    let store = Store::<App>::open(memory(), "watching").unwrap();
    let held = Arc::new(());
    let seen: Weak<()> = Arc::downgrade(&held);
    let _subscription = store.subscribe(&Ui::get(), move |_| drop(Arc::clone(&held))).unwrap();
    assert_eq!(seen.strong_count(), 1);
    store.shutdown().unwrap();
    assert_eq!(seen.strong_count(), 0);
}

#[test]
fn a_callback_that_closes_the_store_is_dropped_when_it_returns() {
    let store = Store::<App>::open(memory(), "watching").unwrap();
    let held = Arc::new(());
    let seen = Arc::downgrade(&held);
    let inner = store.clone();
    let _subscription = store
        .subscribe(&Ui::get(), move |ui: &Ui| {
            let _held = &held;
            if !ui.text.is_empty() {
                inner.shutdown().unwrap();
            }
        })
        .unwrap();
    store.commit(Ui::set().text("now".into())).unwrap();
    assert_eq!(seen.strong_count(), 0);
    store.commit(Ui::set().text("later".into())).unwrap_err();
}
