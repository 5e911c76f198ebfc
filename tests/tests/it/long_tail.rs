//! Sessions that commit without a pause, while the leader confirms and another session comes between.

use livestore::*;
use std::time::Duration;

/// Heavy, so that a short history moves the base of the sessions many times.
#[event("v1.Folded")]
struct Folded {
    id: i64,
    content: String,
}

#[table("folds")]
struct Fold {
    #[column(primary_key)]
    id: i64,
    /// Of this row and all that were there before it: another order gives another sum.
    sum: i64,
}

#[schema(events(Folded), tables(Fold))]
struct App;

#[materializers]
impl App {
    fn folded(Folded { id, .. }: Folded, cx: &MaterializeCx<'_>) -> Result<impl IntoWrites> {
        let sum = cx.query(Fold::query().aggregate(|t| t.sum.sum()))?;
        Ok(Fold { id, sum: (sum.unwrap_or(0) * 31 + id) % 1_000_003 }.insert())
    }
}

fn rows(store: &Store<App>) -> Vec<(i64, i64)> {
    store.query(&Fold::query().select(|t| (t.id, t.sum)).order_by(|t| t.id.asc())).unwrap()
}

#[test]
fn a_tail_that_is_never_wholly_confirmed_is_folded_and_stays_right() {
    let folder = std::env::temp_dir().join(format!("livestore-long-tail-{}", std::process::id()));
    let first = Store::<App>::open(native(&folder), "folds").unwrap();
    let second = Store::<App>::open(native(&folder), "folds").unwrap();
    let folded = |id| Folded { id, content: "x".repeat(40_000) };
    for id in 0..600 {
        let store = if id % 97 == 0 { &second } else { &first };
        store.commit(folded(id)).unwrap();
        if id % 50 == 0 {
            store.commit(folded(id)).unwrap_err();
        }
    }
    let [expected, seen_by_second] = [&first, &second].map(|store| {
        let mut changes = store.changes(&Fold::query().count()).unwrap();
        while *changes.next_timeout(Duration::from_secs(60)).expect("all commits reach every session") < 600 {}
        rows(store)
    });
    assert_eq!(expected, seen_by_second);
    for store in [first, second] {
        store.shutdown().unwrap();
    }
    let reopened = Store::<App>::open(native(&folder), "folds").unwrap();
    assert_eq!(rows(&reopened), expected);
    reopened.shutdown().unwrap();
    std::fs::remove_dir_all(folder).unwrap();
}
