//! Runs the program, and fills storages for it.

use livestore_server::storage::{Entry, SqliteStorage, Storage};
use livestore_sync_protocol::{Event, EventId, LogEvent, RawJson};
use serde_json::json;
use std::fmt::Write as _;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

/// The program, with nothing of the environment that it would read.
pub(crate) fn program() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_livestore-server"));
    for (name, _) in std::env::vars_os().filter(|(name, _)| name.to_string_lossy().starts_with("LIVESTORE_")) {
        command.env_remove(name);
    }
    command
}

/// Longer than anything should take.
pub(crate) const LONG: std::time::Duration = std::time::Duration::from_secs(120);

/// What a run came to.
#[derive(Debug)]
pub(crate) struct Ran {
    pub(crate) code: Option<i32>,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

impl Ran {
    pub(crate) fn of(output: Output) -> Self {
        let text = |bytes| String::from_utf8(bytes).expect("the program writes text");
        Self { code: output.status.code(), stdout: text(output.stdout), stderr: text(output.stderr) }
    }

    #[track_caller]
    pub(crate) fn succeeded(self) -> Self {
        assert_eq!(self.code, Some(0), "{self:?}");
        self
    }

    /// One line that says why, and nothing on stdout.
    #[track_caller]
    pub(crate) fn failed(self, why: &str) -> Self {
        assert_eq!(self.code, Some(1), "{self:?}");
        assert!(self.stderr.contains(why), "{self:?}");
        assert!(self.stderr.starts_with("livestore-server: ") && self.stderr.lines().count() == 1, "{self:?}");
        self
    }
}

pub(crate) fn run(dir: &Path, args: &[&str]) -> Ran {
    Ran::of(program().args(args).arg("--data").arg(dir).stdin(Stdio::null()).output().unwrap())
}

pub(crate) fn run_with_stdin(dir: &Path, args: &[&str], stdin: &[u8]) -> Ran {
    let mut command = program();
    command.args(args).arg("--data").arg(dir);
    let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    // It may end before it has read all.
    let _ = child.stdin.take().unwrap().write_all(stdin);
    Ran::of(child.wait_with_output().unwrap())
}

/// A directory with a storage in it, which goes away in the end.
pub(crate) struct Data {
    dir: tempfile::TempDir,
}

impl Data {
    pub(crate) fn new() -> Self {
        Self { dir: tempfile::tempdir().unwrap() }
    }

    /// With a log of this many events: groups, events of TypeScript clients without, and args with line breaks in them.
    pub(crate) fn with(store_id: &str, events: u64) -> Self {
        let data = Self::new();
        data.fill(store_id, events);
        data
    }

    pub(crate) fn path(&self) -> PathBuf {
        self.dir.path().join("data")
    }

    /// Imported: this process holds no storage open for writing, as the children that it forks meanwhile would hold its lock too.
    pub(crate) fn fill(&self, store_id: &str, events: u64) {
        let entries: Vec<Entry> = (1..=events).map(|number| entry(number, events)).collect();
        let file = file(store_id, &format!("backend-of-{store_id}"), &entries);
        run_with_stdin(&self.path(), &["import", store_id, "--keep-backend-id"], file.as_bytes()).succeeded();
        assert_eq!(self.entries(store_id), entries);
    }

    /// Every entry of a log.
    pub(crate) fn entries(&self, store_id: &str) -> Vec<Entry> {
        block_on(async {
            let storage = SqliteStorage::open_read_only(self.path()).unwrap();
            let max = livestore_server::storage::ReadMax { events: usize::MAX, bytes: usize::MAX };
            storage.read(store_id, 0, max).await.unwrap()
        })
    }

    pub(crate) fn backend_id(&self, store_id: &str) -> Option<String> {
        block_on(async {
            let storage = SqliteStorage::open_read_only(self.path()).unwrap();
            storage.load(store_id).await.unwrap().map(|log| log.backend_id.into())
        })
    }

    /// Changes the file behind the program's back.
    pub(crate) fn damage(&self, sql: &str) {
        let db = rusqlite::Connection::open(self.path().join("eventlog.db")).unwrap();
        assert_eq!(db.execute(sql, []).unwrap(), 1, "{sql}");
    }
}

pub(crate) fn block_on<T>(future: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(future)
}

/// The file of a log, written by hand.
fn file(store_id: &str, backend_id: &str, entries: &[Entry]) -> String {
    let head = entries.len();
    let mut file = format!(
        "{}\n",
        json!({"livestore": "eventlog", "version": 1, "storeId": store_id, "backendId": backend_id, "head": head})
    );
    for Entry { created_at_ms, principal, body, .. } in entries {
        let by = principal.as_ref().map(|principal| format!(r#""by":"{principal}","#)).unwrap_or_default();
        let event =
            if body.contains('\n') { format!(r#""text":{}"#, json!(&**body)) } else { format!(r#""event":{body}"#) };
        writeln!(file, r#"{{"at":{created_at_ms},{by}{event}}}"#).unwrap();
    }
    let digest = ring::digest::digest(&ring::digest::SHA256, file.as_bytes());
    let digest: String = digest.as_ref().iter().map(|byte| format!("{byte:02x}")).collect();
    writeln!(file, "{}", json!({"end": {"events": head, "sha256": digest}})).unwrap();
    file
}

fn entry(number: u64, last: u64) -> Entry {
    // Groups of three, where three are left.
    let (from_start, left) = ((number - 1) % 4, last - number);
    let rest = 2_u64.checked_sub(from_start).filter(|rest| left >= *rest && left + from_start >= 2);
    let args = ["{\"text\":\"a\\nb\"}", "{ \"n\":\n1.0 }", "null"][usize::try_from(number % 3).unwrap()];
    let event = Event {
        name: "v1.Thing".into(),
        args: (!number.is_multiple_of(5)).then(|| RawJson::new(args).unwrap()),
        number,
        parent: number - 1,
        client_id: "client".into(),
        session_id: "session".into(),
        id: (!number.is_multiple_of(2)).then(|| EventId(u128::from(number).to_be_bytes())),
        rest: rest.map(|rest| u32::try_from(rest).unwrap()),
    };
    let LogEvent { number, rest, created_at_ms, body } =
        LogEvent::new(&event, 1_764_000_000_000 + number.cast_signed());
    let principal = (!number.is_multiple_of(3)).then(|| "ada".into());
    Entry { number, rest, created_at_ms, principal, body }
}
