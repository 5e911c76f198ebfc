//! What a log comes to, as one number: `oracle build <directory> <seed>` lives through a history of two sessions, and
//! `oracle hash <directory>` rebuilds its state and prints the hash of all rows.

use livestore::*;
use livestore_tests::dump;
use livestore_tests::history::{App, add_event};
use livestore_tests::rng::Rng;
use livestore_tests::scratch::files;
use std::io::Write;
use std::path::{Path, PathBuf};

const STORE: &str = "oracle";
const COMMITS: u64 = 400;

fn main() {
    let args: Vec<String> = std::env::args().collect();
    let directory = Path::new(&args[2]);
    match args[1].as_str() {
        "build" => build(directory, args[3].parse().expect("a number")),
        _ => {
            let line = format!("{:016x} {}\n", hash(directory), kinds(directory));
            std::io::stdout().write_all(line.as_bytes()).expect("the parent reads");
        }
    }
}

fn open(directory: &Path) -> Store<App> {
    Store::open(native(directory), STORE).expect("the store opens")
}

fn folder(directory: &Path) -> PathBuf {
    directory.join(format!("store-{STORE}"))
}

fn build(directory: &Path, seed: u64) {
    let mut rng = Rng::new(seed);
    let sessions = [open(directory), open(directory)];
    for _ in 0..COMMITS {
        let count = 1 + rng.below(4);
        let add = |batch: &mut Batch<App>| (0..count).for_each(|_| add_event(batch, &mut rng));
        match sessions[(count % 2) as usize].commit(add) {
            Ok(_) | Err(CommitError::Materialize { .. }) => {}
            Err(error) => panic!("{error}"),
        }
    }
    sessions.iter().for_each(|session| session.shutdown().expect("it drains"));
}

/// FNV-1a over the dump of the rebuilt state.
fn hash(directory: &Path) -> u64 {
    if !files(&folder(directory), "state-", "").is_empty() {
        dump::delete_state(&folder(directory));
    }
    open(directory).shutdown().expect("it drains");
    let fold = |hash: u64, byte: u8| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3);
    dump::state(&folder(directory)).bytes().fold(0xcbf2_9ce4_8422_2325, fold)
}

/// How many kinds of events the log holds.
fn kinds(directory: &Path) -> i64 {
    let log = dump::open(&folder(directory).join("eventlog.db"));
    log.query_row("SELECT count(DISTINCT name) FROM events", [], |row| row.get(0)).expect("it reads")
}
