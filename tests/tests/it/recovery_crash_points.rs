//! The process aborts at each named point, many times; whoever opens the store next finds everything.

use livestore_tests::dump;
use livestore_tests::ledger::{App, Ledger, NextApp, Verdicts};
use livestore_tests::rng::Rng;
use livestore_tests::scratch::Scratch;
use std::os::unix::process::ExitStatusExt;
use std::process::{Command, Output};

const STORE: &str = "ledger";
const HITS: u32 = 20;
const SIGABRT: i32 = 6;

/// One process that commits, and what may be asked of it.
struct Run<'a> {
    directory: &'a Scratch,
    run: i64,
    commits: u64,
    schema: &'a str,
    settings: Vec<(&'a str, String)>,
}

impl Run<'_> {
    fn finish(&self) -> Output {
        Command::new(env!("CARGO_BIN_EXE_stepper"))
            .arg(self.directory.path())
            .args([STORE, &self.run.to_string(), "2", &self.commits.to_string(), self.schema])
            .envs(self.settings.iter().map(|(name, value)| (name, value)))
            .env("RUST_BACKTRACE", "0")
            .output()
            .expect("the process starts")
    }

    /// Runs it; the ledger hears. Whether it aborted at its point.
    fn heard_by(&self, ledger: &mut Ledger, verdicts: &mut Verdicts) -> bool {
        let output = self.finish();
        let aborted = output.status.signal() == Some(SIGABRT);
        let errors = String::from_utf8_lossy(&output.stderr);
        assert!(aborted || output.status.success(), "{:?}: {} {errors}", self.settings, output.status);
        // The abort says nothing, a panic would.
        assert!(errors.is_empty(), "{:?}: {errors}", self.settings);
        ledger.hear(self.run, &String::from_utf8_lossy(&output.stdout), verdicts);
        aborted
    }
}

/// How the directory comes into the state in which the point is passed.
#[derive(Clone, Copy, PartialEq)]
enum Before {
    /// Nothing is there.
    Nothing,
    /// Journals full of commits that no leader took.
    Backlog,
    /// An eventlog, and then another version of the application.
    OlderVersion,
    /// An eventlog that had no backend, and then one.
    NoBackend,
}

fn prepare(before: Before, directory: &Scratch, ledger: &mut Ledger, verdicts: &mut Verdicts, rng: &mut Rng) {
    let nth = 15 + rng.below(30);
    let settings = match before {
        Before::Nothing => return,
        Before::Backlog => vec![
            ("LIVESTORE_TEST_LINGER_MS", "60000".to_owned()),
            ("LIVESTORE_CRASH_POINT", format!("journal.after-append:{nth}")),
        ],
        Before::OlderVersion | Before::NoBackend => Vec::new(),
    };
    let run = Run { directory, run: 1, commits: nth, schema: "same", settings };
    let aborted = run.heard_by(ledger, verdicts);
    assert_eq!(aborted, before == Before::Backlog);
}

/// Hits the point until it was hit often enough, at the first to the `nth_max`th passage.
fn check(point: &str, before: Before, nth_max: u64) {
    let seed = Rng::seed();
    let mut rng = Rng::new(seed);
    let (mut hits, mut tries) = (0, 0);
    while hits < HITS {
        tries += 1;
        assert!(tries <= 3 * HITS, "SEED={seed} {point} was hit only {hits} times in {tries} tries");
        let directory = Scratch::new("point");
        let (mut ledger, mut verdicts) = (Ledger::default(), Verdicts::default());
        prepare(before, &directory, &mut ledger, &mut verdicts, &mut rng);
        let nth = 1 + rng.below(nth_max);
        let schema = if before == Before::OlderVersion { "next" } else { "same" };
        let mut settings = vec![
            ("LIVESTORE_CRASH_POINT", format!("{point}:{nth}")),
            ("LIVESTORE_TEST_SEGMENT_BYTES", "2000".to_owned()),
            ("LIVESTORE_TEST_RECOVERY_GROUPS", "4".to_owned()),
            ("LIVESTORE_TEST_CATCH_UP_EVENTS", "5".to_owned()),
        ];
        if before == Before::NoBackend {
            settings.push(("STEPPER_BACKEND", "1".to_owned()));
        }
        let run = Run { directory: &directory, run: 2, commits: 25, schema, settings };
        hits += u32::from(run.heard_by(&mut ledger, &mut verdicts));
        if before == Before::NoBackend {
            confirm_all(&directory, &format!("SEED={seed} {point}:{nth}"));
        }
        // The older and the newer version both find what is theirs.
        if rng.one_in(2) {
            ledger.check::<NextApp>(directory.path(), STORE, &mut verdicts);
        }
        ledger.check::<App>(directory.path(), STORE, &mut verdicts);
        assert!(verdicts.are_clean(), "SEED={seed} {point}:{nth} {verdicts:?}\n{}", ledger.complaints.join("\n"));
        check_replay(&directory, &format!("SEED={seed} {point}:{nth}"));
    }
}

/// Syncs the store with one more backend, so that everything is in the eventlog.
fn confirm_all(directory: &Scratch, what: &str) {
    let builder = livestore::Store::<App>::builder(livestore::native(directory.path()), STORE);
    let store = builder.sync(livestore::MemoryBackend::new()).open().expect("it opens");
    let is_synced = store.wait_sync(std::time::Duration::from_secs(60), livestore::SyncStatus::is_synced);
    assert!(is_synced, "{what}: {:?}", store.sync_status());
    store.shutdown().expect("everything is drained");
}

fn check_replay(directory: &Scratch, what: &str) {
    let folder = directory.store(STORE);
    let before = dump::state(&folder);
    dump::delete_state(&folder);
    drop(livestore::Store::<App>::open(livestore::native(directory.path()), STORE).expect("it opens"));
    assert_eq!(before, dump::state(&folder), "{what}");
    let left: Vec<_> = directory.files(STORE, "journal-", "");
    assert!(left.is_empty(), "{what}: no journal is left behind: {left:?}");
}

#[test]
fn at_the_birth_of_a_store() {
    check("eventlog.unborn", Before::Nothing, 1);
    check("journal.unborn", Before::Nothing, 2);
}

#[test]
fn around_an_append_to_the_journal() {
    check("journal.before-append", Before::Nothing, 40);
    check("journal.half-written", Before::Nothing, 40);
    check("journal.after-append", Before::Nothing, 40);
}

#[test]
fn while_a_journal_goes_on_in_another_segment() {
    check("journal.before-rotate", Before::Nothing, 3);
    check("journal.after-rotate", Before::Nothing, 3);
    check("journal.before-cut", Before::Nothing, 2);
    check("journal.before-remove", Before::Nothing, 2);
}

#[test]
fn around_the_two_transactions_of_the_leader() {
    check("leader.before-ingest", Before::Nothing, 3);
    check("leader.between-log-and-state", Before::Nothing, 3);
    check("leader.after-ingest", Before::Nothing, 3);
    check("leader.after-sync", Before::Nothing, 2);
}

#[test]
fn while_a_backend_confirms() {
    check("leader.between-settled-and-state", Before::NoBackend, 3);
}

#[test]
fn around_the_moment_at_which_a_backend_is_attached() {
    check("leader.before-attach", Before::NoBackend, 1);
    check("leader.after-attach", Before::NoBackend, 1);
}

#[test]
fn while_the_journals_of_a_crash_are_taken() {
    check("recovery.after-batch", Before::Backlog, 3);
    check("recovery.before-remove", Before::Backlog, 1);
    check("recovery.before-forget", Before::Backlog, 1);
}

#[test]
fn while_state_is_rebuilt() {
    check("rebuild.before", Before::OlderVersion, 1);
    check("rebuild.during", Before::OlderVersion, 6);
    check("rebuild.before-swap", Before::OlderVersion, 1);
    check("rebuild.after-swap", Before::OlderVersion, 1);
}
