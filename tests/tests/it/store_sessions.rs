//! Several sessions of one store, and reading at one head.

use livestore::*;
use std::time::Duration;

const LONG: Duration = Duration::from_secs(30);

#[event("v1.Moved")]
struct Moved {
    from: i64,
    to: i64,
    amount: i64,
}

#[event("Picked", client_only)]
struct Picked {
    id: i64,
}

#[table("accounts")]
struct Account {
    #[column(primary_key)]
    id: i64,
    amount: i64,
}

#[table("picks", client_only)]
struct Pick {
    #[column(primary_key)]
    id: i64,
}

#[schema(events(Moved, Picked), tables(Account, Pick))]
struct App;

#[materializers]
impl App {
    fn moved(Moved { from, to, amount }: Moved) -> impl IntoWrites {
        let add = |id, amount| {
            let account = Account { id, amount };
            account.insert().on_conflict(|t| t.id).update(|t, new| t.amount.to(t.amount.add(new.amount)))
        };
        (add(from, -amount), add(to, amount))
    }

    fn picked(Picked { id }: Picked) -> impl IntoWrites {
        Pick { id }.insert()
    }
}

fn sum() -> Query<Account, First<Option<i64>>> {
    Account::query().select(|t| t.amount.sum()).first()
}

#[test]
fn a_second_session_sees_both_kinds_of_event() {
    let adapter = memory();
    let first = Store::<App>::open(adapter.clone(), "bank").unwrap();
    first.commit((Moved { from: 1, to: 2, amount: 5 }, Picked { id: 1 })).unwrap();
    first.commit(Picked { id: 2 }).unwrap().wait(LONG).unwrap();
    let second = Store::<App>::open(adapter.clone(), "bank").unwrap();
    assert_eq!(second.query(&Account::query()).unwrap(), first.query(&Account::query()).unwrap());
    assert_eq!(second.query(&Pick::query().count()).unwrap(), 2);
    assert_eq!((first.client_id(), first.store_id()), (second.client_id(), second.store_id()));
    assert_ne!(first.session_id(), second.session_id());
    let mut picks = second.changes(&Pick::query().count()).unwrap();
    first.commit(Picked { id: 3 }).unwrap();
    while picks.next_timeout(LONG).as_deref() != Some(&3) {}
    let other_store = Store::<App>::open(adapter, "other").unwrap();
    let other_client = Store::<App>::open(memory(), "bank").unwrap();
    for empty in [&other_store, &other_client] {
        assert_eq!(empty.query(&Account::query()).unwrap(), []);
    }
    assert_ne!(other_client.client_id(), first.client_id());
}

/// Amounts move between accounts; whoever reads two queries at one head finds them in balance.
#[test]
fn a_read_stays_at_one_head() {
    let adapter = memory();
    let writer = Store::<App>::open(adapter.clone(), "bank").unwrap();
    let reader = Store::<App>::open(adapter, "bank").unwrap();
    std::thread::scope(|scope| {
        let committing = scope.spawn(move || {
            for n in 0..300 {
                writer.commit(Moved { from: n % 7, to: (n * 3 + 1) % 7, amount: n }).unwrap();
            }
            writer.shutdown().unwrap();
        });
        let mut reads = 0;
        while !committing.is_finished() || reads < 10 {
            let (total, rows) =
                reader.read(|cx| Ok::<_, QueryError>((cx.query(&sum())?, cx.query(&Account::query())?))).unwrap();
            assert_eq!(rows.iter().map(|account| account.amount).sum::<i64>(), 0);
            assert_eq!(total.flatten(), (!rows.is_empty()).then_some(0));
            reads += 1;
        }
    });
}

#[test]
fn a_read_does_not_commit() {
    let store = Store::<App>::open(memory(), "bank").unwrap();
    let commit = store.read(|_| Ok::<_, QueryError>(store.commit(Picked { id: 1 }).unwrap_err())).unwrap();
    assert!(matches!(commit, CommitError::Reentrant), "{commit:?}");
    let live = query_db(Pick::query().count());
    let counts = store.read(|cx| Ok::<_, Error>((cx.query(&live)?, cx.query(&Pick::query().count())?))).unwrap();
    assert_eq!((*counts.0, counts.1), (0, 0));
    store.commit(Picked { id: 1 }).unwrap();
}

mod later {
    use livestore::*;

    #[schema]
    pub(super) struct App;
}

#[test]
fn one_store_has_one_schema_at_a_time() {
    let adapter = memory();
    let store = Store::<App>::open(adapter.clone(), "bank").unwrap();
    let error = Store::<later::App>::open(adapter.clone(), "bank").unwrap_err();
    assert!(matches!(error, OpenError::OtherSchema { .. }), "{error:?}");
    let expected = "store `bank` is open with another version of schema `App` (its tables, events or materializers differ); \
                    close it there, or run the same build";
    assert_eq!(error.to_string(), expected);
    store.commit(Picked { id: 1 }).unwrap();
    drop(store);
    Store::<later::App>::open(adapter, "bank").unwrap();
}

#[test]
fn a_store_id_is_checked() {
    for id in ["", "no spaces", "../up", "a/b", "ü"] {
        let error = Store::<App>::open(memory(), id).unwrap_err();
        assert!(matches!(error, OpenError::StoreId(_)), "{error:?}");
    }
}
