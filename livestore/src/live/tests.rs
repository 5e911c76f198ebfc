use crate::*;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, OnceLock};

#[event("v1.Noted")]
struct Noted {
    id: i64,
}

#[table("notes")]
struct Note {
    #[column(primary_key)]
    id: i64,
}

#[schema(events(Noted), tables(Note))]
struct App;

#[materializers]
impl App {
    fn noted(Noted { id }: Noted) -> impl IntoWrites {
        Note { id }.insert()
    }
}

fn store() -> Store<App> {
    Store::open(memory(), "notes").unwrap()
}

#[test]
fn a_circle_is_an_error_and_ends_with_the_reading_that_made_it() {
    let store = store();
    let is_circle = signal(true);
    let second: Arc<OnceLock<LiveQuery<i64>>> = Arc::default();
    let first = computed({
        let (is_circle, second) = (is_circle.clone(), Arc::clone(&second));
        move |cx| Ok(if *cx.get(&is_circle)? { *cx.get(second.get().unwrap())? } else { 1 })
    });
    second
        .set(computed({
            let first = first.clone();
            move |cx| Ok(*cx.get(&first)? + 1)
        }))
        .unwrap();
    let second = second.get().unwrap();

    let error = store.query(&first).unwrap_err().to_string();
    assert!(error.contains("reads itself"), "{error}");
    assert!(store.query(second).is_err());
    store.set_signal(&is_circle, false).unwrap();
    assert_eq!((*store.query(second).unwrap(), *store.query(&first).unwrap()), (2, 1));
    store.set_signal(&is_circle, true).unwrap();
    assert!(store.query(&first).is_err() && store.query(second).is_err());
}

#[test]
fn many_watched_queries_are_all_kept() {
    let store = store();
    let calls = Arc::new(AtomicUsize::new(0));
    let watching: Vec<_> = (0..2_000)
        .map(|id| {
            let calls = Arc::clone(&calls);
            let query = query_db(Note::query().filter(|t| t.id.eq(id)).count());
            store
                .subscribe(&query, move |_| {
                    let _ = calls.fetch_add(1, Ordering::Relaxed);
                })
                .unwrap()
        })
        .collect();
    store.commit(Noted { id: 1_999 }).unwrap();
    assert_eq!(calls.load(Ordering::Relaxed), watching.len() + 1);
}
