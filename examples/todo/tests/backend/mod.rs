//! A server for the lists, and the program beside it.
#![allow(dead_code, reason = "each test takes what it needs")]

use livestore_server::auth::{Gate, TokenFile};
use livestore_server::limits::ServerLimits;
use livestore_server::serve::{Server, serve};
use livestore_server::storage::{SqliteStorage, Synchronous};
use serde_json::Value;
use std::net::SocketAddr;
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::net::TcpListener;
use tokio::runtime::Runtime;
use tokio::sync::oneshot;

pub(crate) const LONG: Duration = Duration::from_secs(30);

/// A server on a port; the same port when it is started again.
pub(crate) struct Backend {
    runtime: Runtime,
    pub(crate) address: SocketAddr,
    running: Option<(oneshot::Sender<()>, tokio::task::JoinHandle<()>)>,
}

impl Backend {
    pub(crate) fn start(dir: &Path) -> Self {
        let runtime = Runtime::new().unwrap();
        let address = ([127, 0, 0, 1], 0).into();
        let mut backend = Self { runtime, address, running: None };
        backend.go_on(dir);
        backend
    }

    pub(crate) fn go_on(&mut self, dir: &Path) {
        self.serve(dir, None);
    }

    pub(crate) fn serve(&mut self, dir: &Path, tokens: Option<&Path>) {
        let _inside = self.runtime.enter();
        let storage = Arc::new(open_storage(dir));
        let listener = self.runtime.block_on(TcpListener::bind(self.address)).unwrap();
        self.address = listener.local_addr().unwrap();
        let (stop, stopped) = oneshot::channel();
        let mut server = Server::builder(storage);
        if let Some(tokens) = tokens {
            server = server.gate(Gate::new(Arc::new(TokenFile::open(tokens).unwrap()), &ServerLimits::default()));
        }
        let server = server.build();
        let task = self.runtime.spawn(serve(listener, server, async { drop(stopped.await) }));
        self.running = Some((stop, task));
    }

    pub(crate) fn stop(&mut self) {
        let (stop, task) = self.running.take().unwrap();
        drop(stop);
        self.runtime.block_on(task).unwrap();
    }

    pub(crate) fn todo(&self, dir: &Path) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_todo"));
        command.arg("--dir").arg(dir).arg("--sync").arg(format!("ws://{}", self.address)).stdin(Stdio::null());
        command
    }

    pub(crate) fn printed(&self, dir: &Path, args: &[&str]) -> String {
        let output = self.todo(dir).args(args).output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).unwrap()
    }

    pub(crate) fn texts(&self, dir: &Path) -> Vec<String> {
        texts(&self.printed(dir, &["list", "--json"]))
    }

    /// Waits until a list has so many todos: a command waits for a second only, which may not be enough on a busy machine.
    pub(crate) fn wait_for(&self, dir: &Path, count: usize) -> Vec<String> {
        texts(&self.wait_until(dir, |json| texts(json).len() == count))
    }

    /// Waits until a list is so: its JSON.
    pub(crate) fn wait_until(&self, dir: &Path, is_so: impl Fn(&str) -> bool) -> String {
        let deadline = Instant::now() + LONG;
        loop {
            let json = self.printed(dir, &["list", "--json"]);
            if is_so(&json) || Instant::now() > deadline {
                return json;
            }
        }
    }
}

/// The last task of a server that was stopped may hold it for a moment longer.
fn open_storage(dir: &Path) -> SqliteStorage {
    let deadline = Instant::now() + LONG;
    loop {
        match SqliteStorage::open(dir, Synchronous::Normal) {
            Err(error) if Instant::now() > deadline => panic!("{error}"),
            Err(_) => std::thread::yield_now(),
            Ok(storage) => return storage,
        }
    }
}

pub(crate) fn texts(json: &str) -> Vec<String> {
    let todos: Vec<Value> = serde_json::from_str(json).unwrap();
    todos.iter().map(|todo| todo["text"].as_str().unwrap().to_owned()).collect()
}
