//! This project's server, in the test's process.

use livestore_server::auth::Gate;
use livestore_server::limits::ServerLimits;
use livestore_server::serve::{self, serve};
use livestore_server::storage::{ReadMax, Storage};
use std::io;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use tokio::net::TcpListener;
use tokio::runtime::Runtime;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;
use tracing::Dispatch;
use tracing_subscriber::fmt::MakeWriter;

/// A server that runs.
#[derive(Debug)]
pub struct Server {
    address: SocketAddr,
    storage: Arc<dyn Storage>,
    stop: oneshot::Sender<()>,
    task: JoinHandle<()>,
    runtime: Runtime,
}

impl Server {
    /// Starts one on any port; without a gate everybody is let in.
    pub(crate) fn start(storage: impl Future<Output = Arc<dyn Storage>>, gate: Option<Gate>, lines: &Lines) -> Self {
        let writer = lines.clone();
        let filter = tracing_subscriber::EnvFilter::new("livestore_server=trace,livestore_sync_protocol=trace");
        let subscriber =
            tracing_subscriber::fmt().with_env_filter(filter).with_ansi(false).with_writer(writer).finish();
        let dispatch = Dispatch::new(subscriber);
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(2)
            .enable_all()
            // For as long as the thread lives.
            .on_thread_start(move || std::mem::forget(tracing::dispatcher::set_default(&dispatch)))
            .build()
            .expect("a runtime starts");
        let storage = runtime.block_on(storage);
        let (stop, stopped) = oneshot::channel();
        let (address, task) = runtime.block_on(async {
            let mut builder = serve::Server::builder(Arc::clone(&storage)).limits(ServerLimits::default());
            if let Some(gate) = gate {
                builder = builder.gate(gate);
            }
            let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port is free");
            let address = listener.local_addr().expect("it is bound");
            (address, tokio::spawn(serve(listener, builder.build(), async { drop(stopped.await) })))
        });
        Self { address, storage, stop, task, runtime }
    }

    /// Where it listens.
    #[must_use]
    pub const fn address(&self) -> SocketAddr {
        self.address
    }

    /// The events of a store as they are in the log: JSON text, byte for byte.
    #[must_use]
    pub fn log(&self, store_id: &str) -> Vec<String> {
        let max = ReadMax { events: usize::MAX >> 1, bytes: usize::MAX >> 1 };
        let entries = self.runtime.block_on(self.storage.read(store_id, 0, max)).expect("the log reads");
        entries.into_iter().map(|entry| entry.body.as_ref().to_owned()).collect()
    }

    /// The name of a store's log; `None` where there is none.
    #[must_use]
    pub fn backend_id(&self, store_id: &str) -> Option<String> {
        let log = self.runtime.block_on(self.storage.load(store_id)).expect("the log's state reads");
        log.map(|log| log.backend_id.into())
    }

    /// Shuts it down in order.
    pub fn stop(self) {
        drop(self.stop);
        self.runtime.block_on(self.task).expect("the server ends");
    }
}

/// What a server has logged.
#[derive(Clone, Debug, Default)]
pub(crate) struct Lines(Arc<Mutex<Vec<u8>>>);

impl Lines {
    pub(crate) fn text(&self) -> String {
        String::from_utf8_lossy(&self.0.lock().expect("nobody panics with it")).into_owned()
    }
}

impl io::Write for Lines {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().expect("nobody panics with it").extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl<'a> MakeWriter<'a> for Lines {
    type Writer = Self;

    fn make_writer(&'a self) -> Self {
        self.clone()
    }
}
