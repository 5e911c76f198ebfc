//! What the primitives below a server cost alone: SQLite taking events in transactions of 100, and bare WebSockets passing them on.
//!
//! `cargo bench -p livestore-load` prints events per CPU second. A server that does more than these is slower; by how much is its figure.

use futures_util::{SinkExt as _, StreamExt as _};
use std::error::Error;
use std::process::{Child, Command};
use std::time::{Duration, Instant};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::broadcast;
use tokio_tungstenite::tungstenite::{Message, Utf8Bytes};
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream, accept_async, connect_async_with_config};

type Outcome<T> = Result<T, Box<dyn Error + Send + Sync>>;

/// The events of a push, and the bytes of one in a push and in a page.
const BATCH: usize = 100;
const PUSHED_BYTES: usize = 270;
const PAGED_BYTES: usize = 390;
const LASTS: Duration = Duration::from_secs(3);

fn main() -> Outcome<()> {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    let args: Vec<String> = std::env::args().collect();
    if let [_, role, address, readers, ..] = &args[..]
        && role == "clients"
    {
        return runtime.block_on(clients(address, readers.parse()?));
    }
    // As a test, it only has to run.
    let lasts = if args.iter().any(|arg| arg == "--bench") { LASTS } else { Duration::from_millis(50) };
    print("SQLite, WAL, NORMAL, 100 events in a transaction", sqlite(lasts)?);
    for readers in [0, 10, 100] {
        print(&format!("WebSocket alone, to {readers}"), runtime.block_on(sockets(readers, lasts))?);
    }
    Ok(())
}

#[expect(clippy::print_stdout, reason = "the result of a bench")]
fn print(what: &str, events_per_cpu_second: f64) {
    println!("{what:<50} {events_per_cpu_second:>10.0} events per CPU second");
}

/// CPU time of this process, in seconds.
fn cpu() -> Outcome<f64> {
    let stat = std::fs::read_to_string("/proc/self/stat")?;
    let fields = stat.rsplit_once(')').map(|(_, rest)| rest).unwrap_or_default().split_whitespace();
    let ticks: Vec<f64> = fields.skip(11).take(2).map(str::parse).collect::<Result<_, _>>()?;
    Ok(ticks.iter().sum::<f64>() / 100.0)
}

fn sqlite(lasts: Duration) -> Outcome<f64> {
    let dir = tempfile::tempdir()?;
    let db = rusqlite::Connection::open(dir.path().join("ceiling.db"))?;
    db.pragma_update(None, "journal_mode", "WAL")?;
    db.pragma_update(None, "synchronous", "NORMAL")?;
    db.execute_batch(
        "CREATE TABLE event (place INTEGER PRIMARY KEY, created_at INTEGER NOT NULL, body TEXT NOT NULL) STRICT",
    )?;
    let body = "x".repeat(PUSHED_BYTES);
    let (before, begin, mut place) = (cpu()?, Instant::now(), 0);
    while begin.elapsed() < lasts {
        db.execute_batch("BEGIN IMMEDIATE")?;
        let mut insert = db.prepare_cached("INSERT INTO event (place, created_at, body) VALUES (?, ?, ?)")?;
        for _ in 0..BATCH {
            place += 1;
            insert.execute((place, 1_795_322_072_831_i64, &body))?;
        }
        drop(insert);
        db.execute_batch("COMMIT")?;
    }
    Ok(f64::from(place) / (cpu()? - before).max(0.01))
}

/// Ends the clients' process with its server.
struct Clients(Child);

impl Drop for Clients {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

async fn sockets(readers: usize, lasts: Duration) -> Outcome<f64> {
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let address = format!("ws://{}/", listener.local_addr()?);
    let clients = Command::new(std::env::current_exe()?).args(["clients", &address, &readers.to_string()]).spawn()?;
    let clients = Clients(clients);
    let (pages, _) = broadcast::channel(16);
    for _ in 0..readers {
        let socket = accept_async(accept(&listener).await?).await?;
        tokio::spawn(send(socket, pages.subscribe()));
    }
    let mut pusher = accept_async(accept(&listener).await?).await?;
    let page = Utf8Bytes::from("x".repeat(BATCH * PAGED_BYTES));
    let (before, begin, mut events) = (cpu()?, Instant::now(), 0.0);
    while begin.elapsed() < lasts {
        let Some(Ok(_)) = pusher.next().await else { break };
        let _ = pages.send(page.clone());
        events += BATCH as f64;
        pusher.send(Message::text("taken")).await?;
    }
    drop(clients);
    Ok(events / (cpu()? - before).max(0.01))
}

async fn accept(listener: &TcpListener) -> Outcome<TcpStream> {
    let (stream, _) = listener.accept().await?;
    stream.set_nodelay(true)?;
    Ok(stream)
}

/// A page at a time, the next one when it is acknowledged.
async fn send(mut socket: WebSocketStream<TcpStream>, mut pages: broadcast::Receiver<Utf8Bytes>) -> Option<()> {
    loop {
        let page = match pages.recv().await {
            Ok(page) => page,
            Err(broadcast::error::RecvError::Lagged(_)) => continue,
            Err(broadcast::error::RecvError::Closed) => return None,
        };
        socket.send(Message::Text(page)).await.ok()?;
        socket.next().await?.ok()?;
    }
}

async fn clients(address: &str, readers: usize) -> Outcome<()> {
    for _ in 0..readers {
        let mut socket = connect(address).await?;
        tokio::spawn(async move {
            while let Some(Ok(_)) = socket.next().await {
                if socket.send(Message::text(r#"{"_tag":"Ack","requestId":"0"}"#)).await.is_err() {
                    return;
                }
            }
        });
    }
    let mut socket = connect(address).await?;
    let push = Utf8Bytes::from("x".repeat(BATCH * PUSHED_BYTES));
    loop {
        if socket.send(Message::Text(push.clone())).await.is_err() || !matches!(socket.next().await, Some(Ok(_))) {
            return Ok(());
        }
    }
}

async fn connect(address: &str) -> Outcome<WebSocketStream<MaybeTlsStream<TcpStream>>> {
    Ok(connect_async_with_config(address, None, true).await?.0)
}
