//! Random histories: what every session sees, what is on disk, and what a replay from nothing gives are the same, and what
//! plain Rust comes to.

use livestore::*;
use livestore_tests::history::*;
use livestore_tests::rng::Rng;
use livestore_tests::scratch::Scratch;
use livestore_tests::{dump, history};
use std::time::Duration;

const STORE: &str = "history";

/// What happened in all histories together: a run that leaves one of these at 0 has tested nothing.
#[derive(Debug, Default)]
struct Marks {
    histories: u64,
    commits: u64,
    refused: u64,
    quarantined: usize,
    interleaved: u64,
    reopened: u64,
}

fn histories() -> u64 {
    let asked = std::env::var("HISTORIES").ok().and_then(|count| count.parse().ok());
    asked.unwrap_or(if std::env::var_os("CI").is_some() { 1_000 } else { 30 })
}

fn open(directory: &Scratch) -> Store<App> {
    Store::open(native(directory.path()), STORE).expect("the store opens")
}

fn commit(store: &Store<App>, rng: &mut Rng, marks: &mut Marks) -> Option<Receipt> {
    let before = rng.one_in(8).then(|| snapshot(store));
    let count = if rng.one_in(3) { 1 + rng.below(4) } else { 1 };
    let committed = store.commit(|batch: &mut Batch<App>| (0..count).for_each(|_| add_event(batch, rng)));
    match committed {
        Ok(receipt) => {
            marks.commits += 1;
            Some(receipt)
        }
        Err(CommitError::Materialize { .. }) => {
            marks.refused += 1;
            // Where nothing of the other session came between, nothing may have changed.
            if let Some((heads, rows)) = before {
                let (heads_after, rows_after) = snapshot(store);
                if heads == heads_after {
                    assert_eq!(rows, rows_after, "a refused commit changed state at {heads:?}");
                }
            }
            None
        }
        Err(error) => panic!("{error}"),
    }
}

/// What a session sees, and at which heads: its worker may move them between the two questions.
fn snapshot(store: &Store<App>) -> ([SequenceNumber; 2], Vec<String>) {
    let heads = || {
        let status = store.status();
        [status.upstream_head, status.local_head]
    };
    loop {
        let (before, rows) = (heads(), seen(store));
        if before == heads() {
            return (before, rows);
        }
    }
}

/// Two sessions commit at once; now and then all is closed and opened again. Gives back what both see in the end.
fn live_through(directory: &Scratch, rng: &mut Rng, marks: &mut Marks) -> Vec<String> {
    let mut sessions = [open(directory), open(directory)];
    let mut receipts = Vec::new();
    for _ in 0..20 + rng.below(60) {
        let which = rng.below(2) as usize;
        match rng.below(40) {
            0 => {
                sessions.iter().for_each(|session| session.shutdown().expect("it drains"));
                sessions = [open(directory), open(directory)];
                marks.reopened += 1;
            }
            1 => sessions[which] = open(directory),
            2..5 => settle(&mut receipts),
            _ => receipts.extend(commit(&sessions[which], rng, marks)),
        }
    }
    settle(&mut receipts);
    let [one, other] = sessions.each_ref().map(|session| {
        // Looking at the status takes what the other session committed.
        assert_eq!(session.status().pending, 0);
        seen(session)
    });
    assert_eq!(one, other, "two sessions see the same");
    sessions.iter().for_each(|session| session.shutdown().expect("it drains"));
    one
}

fn settle(receipts: &mut Vec<Receipt>) {
    for receipt in receipts.drain(..) {
        receipt.wait(Duration::from_secs(60)).expect("every commit gets its place");
    }
}

fn replayed(directory: &Scratch) -> String {
    let folder = directory.store(STORE);
    dump::delete_state(&folder);
    open(directory).shutdown().expect("it drains");
    dump::state(&folder)
}

fn model(directory: &Scratch, marks: &mut Marks) -> Model {
    let db = dump::open(&directory.store(STORE).join("eventlog.db"));
    let mut statement = db.prepare("SELECT name, args, rest, session_id FROM events ORDER BY place").expect("it reads");
    let read = |row: &rusqlite::Row<'_>| {
        Ok((Logged { name: row.get(0)?, args: row.get(1)? }, row.get::<_, i64>(2)?, row.get::<_, String>(3)?))
    };
    let rows: Vec<_> = statement.query_map([], read).expect("it reads").collect::<Result<_, _>>().expect("it reads");
    marks.interleaved += rows.windows(2).filter(|pair| pair[0].2 != pair[1].2).count() as u64;
    let (mut model, mut group) = (Model::default(), Vec::new());
    for (event, rest, _) in rows {
        group.push(event);
        if rest == 0 {
            model.apply(&group);
            group.clear();
        }
    }
    model
}

fn check(seed: u64, marks: &mut Marks) {
    let mut rng = Rng::new(seed);
    let directory = Scratch::new("history");
    let seen = live_through(&directory, &mut rng, marks);
    let model = model(&directory, marks);
    assert_eq!(seen, model.rows(), "the sessions and the model");
    let state = dump::state(&directory.store(STORE));
    assert_eq!(state, replayed(&directory), "state and its replay");
    let reversed = livestore::__testing::with_reversed_reads(|| replayed(&directory));
    assert_eq!(state, reversed, "state and its replay with rows in the reverse order");
    let store = open(&directory);
    assert_eq!(store.status().quarantined.len(), model.quarantined, "{:?}", store.status());
    assert_eq!(history::seen(&store), seen, "a new session and the old ones");
    marks.quarantined += model.quarantined;
    marks.histories += 1;
}

#[test]
fn sessions_disk_replay_and_model_agree() {
    let first = Rng::seed();
    let mut marks = Marks::default();
    for seed in (0..histories()).map(|nth| first.wrapping_add(nth)) {
        let checked = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| check(seed, &mut marks)));
        assert!(checked.is_ok(), "HISTORIES=1 SEED={seed}");
    }
    let Marks { commits, refused, quarantined, interleaved, reopened, .. } = marks;
    let least = commits.min(refused).min(quarantined as u64).min(interleaved).min(reopened);
    assert!(least > 0, "SEED={first} some case never came: {marks:?}");
    report(&format!("SEED={first} {marks:?}"));
}

/// The same in a process that sets marks in short tails already, and whose leader lags: so rebases go back to marks as well.
#[test]
fn sessions_with_marks_in_their_tails_agree_too() {
    let output = std::process::Command::new(std::env::current_exe().expect("this test has a path"))
        .args(["history_random::sessions_disk_replay_and_model_agree", "--exact", "--nocapture"])
        .env("LIVESTORE_TEST_MARK_WEIGHT", "5")
        .env("LIVESTORE_TEST_LINGER_MS", "8")
        .env("HISTORIES", (histories() / 4).max(10).to_string())
        .output()
        .expect("it starts");
    let (said, errors) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success() && said.contains("1 passed"), "{said}\n{errors}");
}

/// The figures are part of the test's output.
#[allow(clippy::print_stdout)]
fn report(line: &str) {
    println!("{line}");
}

/// A materializer that takes whatever row comes first.
mod careless {
    use livestore::*;

    #[event("v1.Added")]
    pub(super) struct Added {
        pub(super) id: i64,
    }

    #[event("v1.Taken")]
    pub(super) struct Taken;

    #[table("rows")]
    pub(super) struct Row {
        #[column(primary_key)]
        pub(super) id: i64,
    }

    #[schema(events(Added, Taken), tables(Row))]
    pub(super) struct Careless;

    #[materializers]
    impl Careless {
        fn added(Added { id }: Added) -> impl IntoWrites {
            Row { id }.insert()
        }

        fn taken(_: Taken) -> impl IntoWrites {
            sql_write("DELETE FROM rows WHERE id = (SELECT id FROM rows LIMIT 1)", ())
        }
    }
}

#[test]
fn a_replay_in_the_reverse_order_finds_a_careless_materializer() {
    use careless::{Added, Careless, Taken};
    let directory = Scratch::new("careless");
    let open = || Store::<Careless>::open(native(directory.path()), STORE).expect("the store opens");
    let store = open();
    store.commit((Added { id: 1 }, Added { id: 2 }, Taken)).expect("it is taken");
    store.shutdown().expect("it drains");
    let state = dump::state(&directory.store(STORE));
    dump::delete_state(&directory.store(STORE));
    livestore::__testing::with_reversed_reads(|| drop(open()));
    assert_ne!(state, dump::state(&directory.store(STORE)));
}
