//! The server as a process of its own, to be killed: its logs are in the directory that it is given. It prints its address, and ends
//! with its input, so that a test that was killed leaves nothing behind.

use livestore_server::serve::{Server, serve};
use livestore_server::storage::{SqliteStorage, Synchronous};
use std::io::{Error, Read as _, Result, Write as _};
use std::sync::Arc;

fn main() -> Result<()> {
    let dir = std::env::args_os().nth(1).ok_or_else(|| Error::other("which directory?"))?;
    tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build()?.block_on(async {
        let storage = SqliteStorage::open(dir, Synchronous::Full).map_err(Error::other)?;
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await?;
        writeln!(std::io::stdout(), "{}", listener.local_addr()?)?;
        let (stop, stopped) = tokio::sync::oneshot::channel::<()>();
        std::thread::spawn(move || {
            let _ = std::io::stdin().read_to_end(&mut Vec::new());
            drop(stop);
        });
        serve(listener, Server::builder(Arc::new(storage)).build(), async { drop(stopped.await) }).await;
        Ok(())
    })
}
