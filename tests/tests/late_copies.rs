//! Groups that reach a leader twice, by another way than thought, or not at all from whom they should: each is taken once.

use livestore::*;
use livestore_tests::ledger::{App, Step, Stepped};
use livestore_tests::scratch::Scratch;
use livestore_tests::session::Session;
use serde_json::{Value, json};
use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::{Duration, Instant};

const STORE: &str = "shared";
const PATIENCE: Duration = Duration::from_secs(60);

fn open(scratch: &Scratch) -> Store<App> {
    Store::open(native(scratch.path()), STORE).expect("the store opens")
}

fn step(run: i64) -> Stepped {
    Stepped { run, thread: 1, seq: 1, text: "x".into() }
}

/// Waits until state shows so many steps.
fn wait_for_steps(store: &Store<App>, number: i64) {
    let mut counts = store.changes(&query_db(Step::query().count())).expect("it runs");
    let deadline = Instant::now() + PATIENCE;
    let mut seen = -1;
    while seen != number {
        assert!(Instant::now() < deadline, "there are {seen} steps and not {number}: {:?}", store.status());
        seen = counts.next_timeout(Duration::from_millis(200)).map_or(seen, |count| *count);
    }
}

/// How many events the log has; each has an id of its own.
fn logged(store: &Store<App>) -> usize {
    let mut events = store.raw_events();
    let ids: Vec<_> = std::iter::from_fn(|| events.try_next()).map(|event| event.expect("it reads").id).collect();
    let mut unique = ids.clone();
    unique.sort_unstable();
    unique.dedup();
    assert_eq!(unique.len(), ids.len(), "some event is there twice");
    ids.len()
}

/// A process that follows, spoken for by the test.
struct Peer(TcpStream);

impl Peer {
    fn greet(scratch: &Scratch) -> Self {
        let address = std::fs::read(scratch.store(STORE).join("leader.json")).expect("a leader listens");
        let address: Value = serde_json::from_slice(&address).expect("it is JSON");
        let state = scratch.files(STORE, "state-", ".db").pop().expect("there is state");
        let state = state.file_stem().expect("it has a name").to_string_lossy().into_owned();
        let (_, fingerprint) = state.rsplit_once('-').expect("a number").0.split_once('-').expect("a fingerprint");
        let port = address["port"].as_u64().expect("a port") as u16;
        let mut peer = Self(TcpStream::connect(("127.0.0.1", port)).expect("it answers"));
        let hello = json!({"type": "hello", "protocol": 3, "token": address["token"], "schema": "App",
            "fingerprint": fingerprint});
        peer.send(&hello);
        let welcome = peer.hear();
        assert_eq!((&welcome["type"], &welcome["answer"]), (&json!("welcome"), &address["answer"]));
        peer
    }

    fn send(&mut self, message: &Value) {
        let bytes = serde_json::to_vec(message).expect("it is JSON");
        let len = (bytes.len() as u32).to_le_bytes();
        self.0.write_all(&len).and_then(|()| self.0.write_all(&bytes)).expect("the leader reads");
    }

    fn hear(&mut self) -> Value {
        let mut len = [0; 4];
        self.0.read_exact(&mut len).expect("the leader writes");
        let mut bytes = vec![0; u32::from_le_bytes(len) as usize];
        self.0.read_exact(&mut bytes).expect("the leader writes");
        serde_json::from_slice(&bytes).expect("it is JSON")
    }
}

fn group(ordinal: u64, events: usize) -> Value {
    let args = json!({"run": 9, "thread": 1, "seq": ordinal, "text": ""}).to_string();
    let events = vec![json!(["v1.Stepped", false, args]); events];
    json!({"nonce": [1, 2, 3, 4, 5, 6, 7, 8, 9, 1, 1], "ordinal": ordinal, "clientId": "abcdef", "sessionId": "s",
        "events": events})
}

#[test]
fn two_copies_that_come_at_once_are_taken_once() {
    let scratch = Scratch::new("copies");
    let store = open(&scratch);
    let mut peer = Peer::greet(&scratch);
    let groups: Vec<_> = (1..=50).chain(1..=50).chain([51]).map(|ordinal| group(ordinal, 1)).collect();
    peer.send(&json!({"type": "submit", "groups": groups}));
    wait_for_steps(&store, 51);
    assert_eq!(logged(&store), 51);
}

#[test]
fn a_peer_that_sends_nonsense_is_sent_away_and_harms_nobody() {
    let scratch = Scratch::new("nonsense");
    let store = open(&scratch);
    for nonsense in [
        json!({"type": "submit", "groups": [group(u64::MAX, 2)]}),
        json!({"type": "submit", "groups": [group(1 << 40, 1)]}),
        json!({"type": "submit", "groups": [group(1, 0)]}),
        json!({"type": "hello", "protocol": 3, "token": "", "schema": "", "fingerprint": ""}),
        json!(["what"]),
    ] {
        let mut peer = Peer::greet(&scratch);
        peer.send(&nonsense);
        let mut rest = Vec::new();
        let _ = peer.0.read_to_end(&mut rest); // Closed, or cut off.
        assert!(rest.is_empty(), "{}", String::from_utf8_lossy(&rest));
    }
    store.commit(step(1)).expect("the store goes on").wait(PATIENCE).expect("the leader goes on");
    assert!(matches!(store.status().leader, LeaderState::Running), "{:?}", store.status());
    assert_eq!(logged(&store), 1);
}

#[test]
fn who_greets_too_slowly_is_sent_away() {
    let scratch = Scratch::new("slow");
    let _store = open(&scratch);
    let address = std::fs::read(scratch.store(STORE).join("leader.json")).expect("a leader listens");
    let address: Value = serde_json::from_slice(&address).expect("it is JSON");
    let port = address["port"].as_u64().expect("a port") as u16;
    let mut stream = TcpStream::connect(("127.0.0.1", port)).expect("it answers");
    let deadline = Instant::now() + PATIENCE;
    // A length, and then bytes that each come well within the time that a greeting may take.
    let mut bytes = 4_000_u32.to_le_bytes().into_iter().chain(std::iter::repeat(b' '));
    while stream.write_all(&[bytes.next().expect("there is no end")]).is_ok() {
        assert!(Instant::now() < deadline, "it is still listened to");
        std::thread::sleep(Duration::from_millis(300)); // The pause is what is tested.
    }
}

#[test]
fn a_stranger_at_the_door_learns_nothing() {
    let scratch = Scratch::new("stranger");
    let _store = open(&scratch);
    let address = std::fs::read(scratch.store(STORE).join("leader.json")).expect("a leader listens");
    let address: Value = serde_json::from_slice(&address).expect("it is JSON");
    let port = address["port"].as_u64().expect("a port") as u16;
    let mut peer = Peer(TcpStream::connect(("127.0.0.1", port)).expect("it answers"));
    peer.send(&json!({"type": "hello", "protocol": 3, "token": "guessed", "schema": "App", "fingerprint": ""}));
    let answer = peer.hear();
    assert_eq!(answer["type"], "refused");
    assert!(answer.get("answer").is_none(), "{answer}");
}

#[test]
fn strangers_at_the_door_keep_nobody_out() {
    let scratch = Scratch::new("strangers");
    let _store = open(&scratch);
    let address = std::fs::read(scratch.store(STORE).join("leader.json")).expect("a leader listens");
    let address: Value = serde_json::from_slice(&address).expect("it is JSON");
    let port = address["port"].as_u64().expect("a port") as u16;
    let connect = |_| TcpStream::connect(("127.0.0.1", port)).expect("it answers");
    let strangers: Vec<_> = (0..100).map(connect).collect();
    drop(Peer::greet(&scratch)); // Panics where it is not welcome.
    drop(strangers);
}

fn session(scratch: &Scratch, run: i64) -> Session {
    Session::open(env!("CARGO_BIN_EXE_session"), scratch.path(), STORE, run)
}

#[test]
fn a_journal_taken_at_the_take_over_is_not_taken_again_from_who_waited() {
    let scratch = Scratch::new("take-over");
    let leader = session(&scratch, 1);
    let (ended, waiting) = (open(&scratch), open(&scratch));
    leader.signal("-STOP");
    let waited = waiting.commit(step(2)).expect("it is safe");
    let of_ended = ended.commit(step(3)).expect("it is safe");
    drop(ended); // Its journal is free now, and the process still has its group to hand over.
    drop(leader);
    for receipt in [waited, of_ended] {
        let outcome = receipt.wait(PATIENCE).expect("the new leader takes it");
        assert_eq!(outcome.quarantined, None);
    }
    let after = waiting.commit(step(4)).expect("it is safe");
    after.wait(PATIENCE).expect("later receipts are told too");
    assert_eq!(logged(&waiting), 3);
}

#[test]
fn the_journal_of_a_process_that_never_met_this_leader_is_taken() {
    let scratch = Scratch::new("orphan");
    let leader = session(&scratch, 1);
    let mut orphan = session(&scratch, 2);
    let store = open(&scratch);
    leader.signal("-STOP");
    assert_eq!(orphan.ask("commit 5"), "committed 5");
    orphan.signal("-STOP");
    drop(leader);
    // Leads before the other one ends, which never greets it.
    store.commit(step(3)).expect("it is safe").wait(PATIENCE).expect("this process leads");
    drop(orphan);
    wait_for_steps(&store, 6);
    assert_eq!(logged(&store), 6);
}

#[test]
fn every_defect_is_found() {
    use livestore::__testing::{Harness, Mutant};
    let test = "two_copies_that_come_at_once_are_taken_once";
    livestore_tests::zoo::check(Harness::Processes, &[(Mutant::LateCopyTaken, test, &[])]);
}
