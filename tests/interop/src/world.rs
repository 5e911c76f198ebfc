//! All sides of a test, and what they said.

use crate::bell::Bell;
use crate::client::steps;
use crate::server::Lines;
use crate::typescript::Heard;
use crate::{Client, Network, Note, Rust, Server, Setup, TypeScript, node};
use livestore_server::auth::{Gate, JwtAuth, JwtKeys, TokenFile};
use livestore_server::limits::ServerLimits;
use livestore_server::storage::{PostgresStorage, SqliteStorage, Storage, Synchronous};
use livestore_sync_client::{SyncClient, SyncClientBuilder};
use std::fmt::Write as _;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

/// How long anything may take that has to come; a bound, not a measure: whoever waits goes on as soon as it came.
pub const PATIENCE: Duration = Duration::from_secs(180);
/// How much of what one side said is shown.
const SHOWN_BYTES: usize = 16 << 10;

/// A server with one store, and its clients.
#[derive(Debug)]
pub struct World {
    project: &'static Path,
    store_id: String,
    dir: tempfile::TempDir,
    lines: Lines,
    heard: Mutex<Vec<(String, Heard)>>,
    bell: Bell,
}

impl World {
    /// The place for a server and its clients. `None` where there is no Node.
    #[must_use]
    pub fn start(store_id: &str) -> Option<Self> {
        Some(Self {
            project: node::project()?,
            store_id: store_id.to_owned(),
            dir: tempfile::tempdir().expect("there is room for a directory"),
            lines: Lines::default(),
            heard: Mutex::default(),
            bell: Bell::default(),
        })
    }

    /// The same in CI, or where `INTEROP` is set: all of this takes minutes.
    #[must_use]
    pub fn start_in_ci(store_id: &str) -> Option<Self> {
        if ["CI", "INTEROP"].into_iter().all(|name| std::env::var_os(name).is_none()) {
            let _ = writeln!(std::io::stderr().lock(), "SKIPPED: runs in CI, or where INTEROP is set");
            return None;
        }
        Self::start(store_id)
    }

    /// A directory of that name, made where it is missing.
    #[must_use]
    pub fn dir(&self, name: &str) -> PathBuf {
        let dir = self.dir.path().join(name);
        std::fs::create_dir_all(&dir).expect("there is room for a directory");
        dir
    }

    /// The world's one store.
    #[must_use]
    pub fn store_id(&self) -> &str {
        &self.store_id
    }

    /// Starts the server on a directory of that name.
    #[must_use]
    pub fn server(&self, data: &str) -> Server {
        Server::start(self.storage(data), None, &self.lines)
    }

    /// Starts the server with this token file.
    #[must_use]
    pub fn server_with_tokens(&self, data: &str, tokens: &Path) -> Server {
        let tokens = TokenFile::open(tokens).expect("the tokens read");
        Server::start(self.storage(data), Some(Gate::new(Arc::new(tokens), &ServerLimits::default())), &self.lines)
    }

    /// Starts the server with these keys of signed tokens.
    #[must_use]
    pub fn server_with_jwks(&self, data: &str, jwks: &Path) -> Server {
        let signed = JwtAuth::open(JwtKeys::Jwks(jwks.to_owned())).expect("the keys read");
        Server::start(self.storage(data), Some(Gate::new(Arc::new(signed), &ServerLimits::default())), &self.lines)
    }

    /// Starts the server on a database.
    #[must_use]
    pub fn server_on_postgres(&self, url: &str) -> Server {
        let storage = async { Arc::new(PostgresStorage::connect(url).await.expect("the database answers")) as _ };
        Server::start(storage, None, &self.lines)
    }

    fn storage(&self, data: &str) -> impl Future<Output = Arc<dyn Storage>> {
        let dir = self.dir(data);
        async { Arc::new(SqliteStorage::open(dir, Synchronous::Normal).expect("the server's directory opens")) as _ }
    }

    /// Starts a TypeScript client that connects through a network.
    #[must_use]
    pub fn typescript(&self, network: &Network, setup: &Setup) -> TypeScript {
        let client = self.typescript_begun(network, setup);
        client.wait_ready();
        client
    }

    /// Starts TypeScript clients, all at once.
    #[must_use]
    pub fn typescripts<const N: usize>(&self, clients: [(&Network, Setup); N]) -> [TypeScript; N] {
        let begun = clients.map(|(network, setup)| self.typescript_begun(network, &setup));
        begun.iter().for_each(TypeScript::wait_ready);
        begun
    }

    fn typescript_begun(&self, network: &Network, setup: &Setup) -> TypeScript {
        let heard = Heard::default();
        let scheme = if setup.transport == "http" { "http" } else { "ws" };
        let url = format!("{scheme}://{}", network.address());
        self.heard.lock().expect("nobody panics with it").push((setup.name.clone(), heard.clone()));
        TypeScript::spawn(self.project, &url, &self.store_id, setup, &heard, &self.bell)
    }

    /// Opens a store in Rust that connects through a network, over a WebSocket. It keeps its files in a directory of its name.
    #[must_use]
    pub fn rust(&self, network: &Network, name: &str) -> Rust {
        self.rust_with(network, name, |client| client)
    }

    /// The same, with more to say about how it connects.
    #[must_use]
    pub fn rust_with(
        &self,
        network: &Network,
        name: &str,
        set_up: impl FnOnce(SyncClientBuilder) -> SyncClientBuilder,
    ) -> Rust {
        let client = set_up(SyncClient::builder(&format!("ws://{}", network.address())));
        Rust::open(name, &self.dir(name), &self.store_id, client, &self.bell)
    }

    /// Waits until this is so, looking again whenever a client changed.
    pub fn until(&self, what: &str, is_so: impl Fn() -> bool) {
        let found = self.bell.until(Instant::now() + PATIENCE, || is_so().then_some(()));
        assert!(found.is_some(), "not so after {PATIENCE:?}: {what}");
    }

    /// Waits until all clients have seen so many events, and checks that they saw the same. Gives the events in their order, and the
    /// notes.
    #[must_use]
    pub fn converged(&self, clients: &[&dyn Client], events: usize) -> (Vec<String>, Vec<Note>) {
        let agreed = self.bell.until(Instant::now() + PATIENCE, || {
            let (first, others) = clients.split_first()?;
            let trail = steps(&first.trail());
            let agree = trail.len() == events && others.iter().all(|client| steps(&client.trail()) == trail);
            agree.then_some(trail)
        });
        let Some(trail) = agreed else {
            let seen: String = clients.iter().map(|client| told(*client)).collect();
            panic!("not the same {events} events after {PATIENCE:?}:{seen}");
        };
        let notes: Vec<_> = clients.iter().map(|client| client.notes()).collect();
        for (client, found) in clients.iter().zip(&notes) {
            assert_eq!(Some(found), notes.first(), "the notes of {}", client.name());
        }
        (trail, notes.into_iter().next().unwrap_or_default())
    }

    /// What all sides said, the last of it.
    fn report(&self) -> String {
        let mut report = String::new();
        let mut side = |name: &str, text: &str| {
            let mut from = text.len().saturating_sub(SHOWN_BYTES);
            while !text.is_char_boundary(from) {
                from += 1;
            }
            let _ = writeln!(report, "---- {name}\n{}", text.get(from..).unwrap_or_default());
        };
        side("the server", &self.lines.text());
        for (name, heard) in self.heard.lock().unwrap_or_else(std::sync::PoisonError::into_inner).iter() {
            side(&format!("the TypeScript client {name}"), &heard.text());
        }
        report
    }
}

fn told(client: &dyn Client) -> String {
    format!("\n  {}:{} ({})", client.name(), client.trail(), client.state())
}

impl Drop for World {
    fn drop(&mut self) {
        if std::thread::panicking() {
            let _ = write!(std::io::stderr().lock(), "{}", self.report());
        }
    }
}
