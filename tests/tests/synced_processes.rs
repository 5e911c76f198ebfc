//! Several processes on one directory, with a backend that each of them can reach: one leads and syncs, the others follow.

use livestore::*;
use livestore_tests::ledger::{App, Ledger, Stepped, Verdicts};
use livestore_tests::rng::Rng;
use livestore_tests::scratch::Scratch;
use livestore_tests::session::Session;
use livestore_tests::wire_backend::WireBackend;
use std::collections::BTreeMap;
use std::io::Read;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

const STORE: &str = "shared";
const PATIENCE: Duration = Duration::from_secs(60);

/// A directory, and the backend that its processes sync with.
struct Place {
    scratch: Scratch,
    wire: WireBackend,
}

impl Place {
    fn new(name: &str) -> Self {
        Self { scratch: Scratch::new(name), wire: WireBackend::serve(MemoryBackend::new()) }
    }

    fn backend(&self) -> &MemoryBackend {
        &self.wire.backend
    }

    fn open_with(&self, run: i64, settings: &[(&str, &str)]) -> Session {
        let program = env!("CARGO_BIN_EXE_session");
        let mut session = Session::start_with(program, self.scratch.path(), STORE, run, "app", settings);
        assert_eq!(session.hear(), "open");
        session
    }

    fn open(&self, run: i64) -> Session {
        self.open_with(run, &[("SESSION_BACKEND", &self.wire.port())])
    }

    /// Another client writes.
    fn other_writes(&self, seq: i64) {
        let args = serde_json::json!({"run": 9, "thread": 1, "seq": seq, "text": ""}).to_string();
        self.backend().append(STORE, "other", "v1.Stepped", Some(&args));
    }

    /// What the backend holds, as sessions tell it.
    fn log(&self) -> String {
        let steps = steps(self.backend());
        steps.iter().map(|step| format!("{}.{}", step.run, step.seq)).collect::<Vec<_>>().join(" ")
    }

    fn wait_for_head(&self, head: u64) {
        let deadline = Instant::now() + PATIENCE;
        while self.backend().head(STORE) < head {
            assert!(Instant::now() < deadline, "{:?}", self.backend());
            std::thread::sleep(Duration::from_millis(5)); // Between two looks at another process's work.
        }
    }

    /// Everybody has what the backend has, in its order: each step of each run once.
    fn check_synced(&self, sessions: &mut [&mut Session], expected: usize) {
        for session in sessions {
            assert_eq!(session.ask(&format!("synced {expected}")), "synced");
            assert_eq!(session.ask(&format!("await {expected}")), expected.to_string());
            assert_eq!(session.ask("log"), self.log());
        }
        let mut next = BTreeMap::new();
        for step in steps(self.backend()) {
            let next = next.entry(step.run).or_insert(1);
            assert_eq!(step.seq, *next, "run {}: {}", step.run, self.log());
            *next += 1;
        }
        assert_eq!(self.backend().head(STORE), expected as u64);
    }
}

fn steps(backend: &MemoryBackend) -> Vec<Stepped> {
    let events = backend.events(STORE).into_iter();
    events.map(|event| serde_json::from_str(&event.args.unwrap_or_default()).expect("it is a step")).collect()
}

#[test]
fn what_another_client_wrote_comes_before_what_a_follower_waits_with() {
    let place = Place::new("synced-rebase");
    let (mut leader, mut follower) = (place.open(1), place.open(2));
    assert_eq!(leader.ask("commit 2"), "committed 2");
    place.check_synced(&mut [&mut leader, &mut follower], 2);
    place.backend().set_online(false);
    assert_eq!(follower.ask("commit 3"), "committed 3");
    assert_eq!(leader.ask("commit 1"), "committed 3");
    (1..=3).for_each(|seq| place.other_writes(seq));
    place.backend().set_online(true);
    place.check_synced(&mut [&mut leader, &mut follower], 9);
    assert!(place.log().starts_with("1.1 1.2 9.1 9.2 9.3"), "{}", place.log());
    follower.close();
    leader.close();
}

#[test]
fn a_follower_hears_that_the_backend_rejects_what_it_committed() {
    let place = Place::new("synced-reject");
    let is_rejected = |event: &SyncEvent| event.args.as_ref().is_some_and(|args| args.contains("\"run\":2"));
    place.backend().on_push(move |event| if is_rejected(event) { Err("not this one".into()) } else { Ok(()) });
    let (mut leader, mut follower) = (place.open(1), place.open(2));
    assert_eq!(follower.ask("commit 1"), "committed 1");
    let outcome = follower.ask("outcome");
    assert!(outcome.contains("not this one"), "{outcome}");
    assert_eq!(leader.ask("commit 1"), "committed 1");
    place.check_synced(&mut [&mut leader, &mut follower], 1);
    follower.close();
    leader.close();
}

#[test]
fn a_backend_is_attached_by_the_process_that_takes_over() {
    let place = Place::new("synced-attach");
    place.other_writes(1);
    let mut leader = place.open_with(1, &[]);
    let mut follower = place.open(2);
    assert_eq!(leader.ask("commit 3"), "committed 3");
    assert_eq!(follower.ask("commit 2"), "committed 2");
    assert_eq!(leader.ask("await 5"), "5");
    assert_eq!(leader.ask("state"), "Off");
    assert_eq!(follower.ask("state"), "OffAtLeader", "it has a provider, and who leads has none");
    let mut third = place.open(3);
    assert_eq!(third.ask("state"), "OffAtLeader", "at once");
    leader.close();
    assert_eq!(third.ask("commit 1"), "committed 1");
    place.check_synced(&mut [&mut follower, &mut third], 7);
    follower.close();
    third.close();
}

/// A follower is away, stopped or closed, while the backend becomes another one.
fn away_while_the_backend_is_replaced(is_stopped: bool, is_aside: bool) {
    let place = Place::new("synced-replaced");
    let port = place.wire.port();
    let policy = ("SESSION_ASIDE", "1");
    let settings: Vec<_> = [("SESSION_BACKEND", &*port)].into_iter().chain(is_aside.then_some(policy)).collect();
    let (mut leader, mut follower) = (place.open_with(1, &settings), place.open_with(2, &settings));
    assert_eq!(leader.ask("commit 2"), "committed 2");
    assert_eq!(follower.ask("commit 2"), "committed 2");
    place.check_synced(&mut [&mut leader, &mut follower], 4);
    let mut follower = Some(follower);
    if is_stopped {
        follower.as_ref().expect("it runs").signal("-STOP");
    } else {
        follower.take().expect("it runs").close();
    }
    place.backend().replace();
    place.other_writes(1);
    let expected = if is_aside { 1 } else { 5 };
    place.check_synced(&mut [&mut leader], expected);
    let mut follower = follower.unwrap_or_else(|| place.open_with(3, &settings));
    if is_stopped {
        follower.signal("-CONT");
    }
    place.check_synced(&mut [&mut follower], expected);
    assert_eq!(leader.ask("kept"), if is_aside { "1" } else { "0" });
    if !is_aside {
        follower.ask("commit 1");
        place.check_synced(&mut [&mut leader, &mut follower], expected + 1);
    }
    follower.close();
    leader.close();
}

#[test]
fn a_stopped_follower_comes_back_to_another_backend() {
    away_while_the_backend_is_replaced(true, false);
}

#[test]
fn a_closed_follower_comes_back_to_another_backend() {
    away_while_the_backend_is_replaced(false, false);
}

#[test]
fn a_stopped_follower_comes_back_where_all_was_kept_aside() {
    away_while_the_backend_is_replaced(true, true);
}

#[test]
fn a_closed_follower_comes_back_where_all_was_kept_aside() {
    away_while_the_backend_is_replaced(false, true);
}

#[test]
fn commits_go_on_while_the_syncing_leader_is_stopped() {
    let place = Place::new("synced-stopped");
    let (mut leader, mut follower) = (place.open(1), place.open(2));
    assert_eq!(leader.ask("commit 1"), "committed 1");
    place.check_synced(&mut [&mut leader, &mut follower], 1);
    leader.signal("-STOP");
    assert_eq!(follower.ask("commit 20"), "committed 20");
    follower.wait_for_leader("Silent");
    (1..=5).for_each(|seq| place.other_writes(seq));
    leader.signal("-CONT");
    place.check_synced(&mut [&mut leader, &mut follower], 26);
    follower.wait_for_leader("Running");
    follower.close();
    leader.close();
}

#[test]
fn a_push_whose_answer_died_with_the_leader_is_not_repeated() {
    for is_lost in [false, true] {
        let place = Place::new("synced-in-flight");
        let (mut leader, mut follower) = (place.open(1), place.open(2));
        assert_eq!(leader.ask("commit 1"), "committed 1");
        place.check_synced(&mut [&mut leader, &mut follower], 1);
        if is_lost {
            place.backend().inject_times(2, &Fault::LosePush);
        } else {
            place.backend().hold(); // Pushes are taken, and nobody hears of it.
        }
        assert_eq!(leader.ask("commit 5"), "committed 6");
        assert_eq!(follower.ask("commit 5"), "committed 5");
        if !is_lost {
            place.wait_for_head(2);
        }
        leader.kill();
        place.other_writes(1);
        place.backend().release();
        place.check_synced(&mut [&mut follower], 12);
        follower.close();
    }
}

fn stepper(place: &Place, run: i64) -> Child {
    Command::new(env!("CARGO_BIN_EXE_stepper"))
        .arg(place.scratch.path())
        .args([STORE, &run.to_string(), "2", "0", "app"])
        .env("STEPPER_BACKEND", place.wire.port())
        .stdout(Stdio::piped())
        .spawn()
        .expect("it starts")
}

fn end(mut child: Child) -> String {
    child.kill().expect("it runs");
    let mut said = String::new();
    child.stdout.take().expect("it is piped").read_to_string(&mut said).expect("it reads");
    child.wait().expect("it ended");
    said
}

/// Pushes what is left, and compares the backend's log with what the processes said and with the client's log.
fn check_log(place: &Place, ledger: &mut Ledger, verdicts: &mut Verdicts) {
    let builder = Store::<App>::builder(native(place.scratch.path()), STORE).sync(place.backend().clone());
    let store = builder.open().expect("it opens");
    let is_synced = store.wait_sync(3 * PATIENCE, SyncStatus::is_synced);
    assert!(is_synced, "{:?} {:?}", store.sync_status(), store.status());
    store.shutdown().expect("everything is drained");
    let events = store_events(place);
    ledger.check::<App>(place.scratch.path(), STORE, verdicts);
    let held = place.backend().events(STORE);
    let mut ids: Vec<_> = held.iter().filter_map(|event| event.id).collect();
    let theirs: Vec<_> = held.iter().map(|event| (event.number, event.id)).collect();
    let ours: Vec<_> = events.into_iter().map(|event| (event.number.global, Some(event.id))).collect();
    assert!(ours == theirs, "{} and {} events", ours.len(), theirs.len());
    ids.sort_unstable();
    ids.dedup();
    assert_eq!(ids.len(), held.len(), "some event is there twice");
}

fn store_events(place: &Place) -> Vec<StreamedEvent<RawEvent>> {
    let store = Store::<App>::open(native(place.scratch.path()), STORE).expect("it opens");
    let mut events = store.raw_events();
    std::iter::from_fn(|| events.try_next()).map(|event| event.expect("it reads")).collect()
}

/// Two processes commit and sync as fast as they can, one of them is killed again and again, and the backend fails now and then.
#[test]
fn killed_processes_leave_each_event_once_at_the_backend() {
    let cycles = match (std::env::var("PROCESS_CYCLES"), std::env::var("CI")) {
        (Ok(cycles), _) => cycles.parse().expect("a number"),
        (_, Ok(_)) => 200,
        _ => 20,
    };
    let seed = Rng::seed();
    let mut rng = Rng::new(seed);
    let (mut done, mut verdicts, mut held) = (0, Verdicts::default(), 0);
    while done < cycles {
        let place = Place::new("synced-two");
        let mut ledger = Ledger::default();
        let mut runs = 2..;
        let mut start = || {
            let run = runs.next().expect("there is no end");
            (run, stepper(&place, run))
        };
        let mut running = vec![start(), start()];
        for _ in 0..20.min(cycles - done) {
            let longest = if rng.one_in(3) { 10_000 } else { 120_000 };
            std::thread::sleep(Duration::from_micros(500 + rng.below(longest))); // The moment of the kill is the test.
            match rng.below(6) {
                0 => place.backend().inject(Fault::LoseAnswer),
                1 => place.backend().inject(Fault::LosePush),
                2 => place.backend().disconnect_all(),
                _ => {}
            }
            let (run, child) = running.swap_remove(rng.below(running.len() as u64) as usize);
            ledger.hear(run, &end(child), &mut verdicts);
            let (run, mut child) = start();
            if !rng.one_in(4) {
                // Most kills land after the store was opened.
                let _ = child.stdout.as_mut().expect("it is piped").read_exact(&mut [0; 5]);
            }
            running.push((run, child));
            done += 1;
        }
        for (run, child) in running {
            ledger.hear(run, &end(child), &mut verdicts);
        }
        place.backend().clear_faults();
        check_log(&place, &mut ledger, &mut verdicts);
        held += place.backend().head(STORE);
        assert!(verdicts.are_clean(), "SEED={seed}: {verdicts:?}\n{}", ledger.complaints.join("\n"));
    }
    report(&format!("SEED={seed} {done} kills, {held} events at the backends: {verdicts:?}"));
    assert!(verdicts.acked > 0, "the processes committed");
}

/// The figures are part of the test's output.
#[allow(clippy::print_stdout)]
fn report(line: &str) {
    println!("{line}");
}
