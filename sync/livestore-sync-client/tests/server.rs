//! The client against this project's server.

mod support;

use livestore::{StoreId, SyncConnection, SyncEvent, SyncMessage, SyncProvider as _, SyncRequest, SyncTarget};
use livestore_conformance::sync;
use livestore_server::auth::{Gate, TokenFile};
use livestore_server::limits::{Pace, ServerLimits};
use livestore_server::serve::{Server, serve};
use livestore_server::storage::{SqliteStorage, Synchronous};
use livestore_sync_client::Transport;
use std::cell::Cell;
use std::sync::{Arc, OnceLock};
use std::task::{Wake, Waker};
use std::time::Duration;
use support::proxy::Proxy;
use support::site::TOKEN;
use support::{Conformance, Site, scenarios};

/// A server that runs as long as the tests.
fn start() -> Site {
    start_with(&ServerLimits::default())
}

fn start_with(limits: &ServerLimits) -> Site {
    let limits = limits.clone();
    let dir = tempfile::tempdir().unwrap().keep();
    let tokens = dir.join("tokens");
    std::fs::write(&tokens, "good-token * write\n").unwrap();
    let (told, port) = std::sync::mpsc::channel();
    std::thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
        runtime.block_on(async {
            // The suite pushes as fast as it can.
            let pace = Pace { events_per_second: 1_000_000, burst: 1_000_000 };
            let limits = ServerLimits {
                connection_pace: pace,
                store_pace: pace,
                connections_per_principal_max: 1_000,
                connections_per_address_max: 1_000,
                ..limits
            };
            let gate = Gate::new(Arc::new(TokenFile::open(&tokens).unwrap()), &limits);
            let storage = SqliteStorage::open(dir.join("data"), Synchronous::Normal).unwrap();
            let server = Server::builder(Arc::new(storage)).limits(limits).gate(gate).build();
            let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
            told.send(listener.local_addr().unwrap().port()).unwrap();
            serve(listener, server, std::future::pending()).await;
        });
    });
    Site { port: port.recv().unwrap(), is_own: true }
}

fn site() -> Site {
    static SITE: OnceLock<Site> = OnceLock::new();
    *SITE.get_or_init(start)
}

#[test]
fn the_client_conforms_over_a_websocket() {
    let report = sync::run(&Conformance { site: site(), transport: Transport::WebSocket });
    assert_eq!(report.names_failed(), [""; 0], "{report}");
    assert_eq!(report.names_not_applicable(), [""; 0], "{report}");
}

#[test]
fn the_client_conforms_over_http() {
    let report = sync::run(&Conformance { site: site(), transport: Transport::Http });
    assert_eq!(report.names_failed(), [""; 0], "{report}");
    let without = ["a_cut_connection_says_so", "a_reconnect_resumes"];
    assert_eq!(report.names_not_applicable(), without, "{report}");
}

#[test]
fn stores_converge() {
    scenarios::stores_converge(site());
}

#[test]
fn a_store_resumes() {
    scenarios::a_store_resumes(site());
}

#[test]
fn a_lost_answer_is_made_good() {
    scenarios::a_lost_answer_is_made_good(site());
}

#[test]
fn a_pull_among_pushes_stays_in_order() {
    scenarios::a_pull_among_pushes_stays_in_order(site());
}

#[test]
fn a_token_is_renewed() {
    scenarios::a_token_is_renewed(site());
}

/// A fraction of a large frame's time on a slow line; everywhere else seconds stand for it.
const SHORT: Duration = Duration::from_millis(500);

fn a_large_event_gets_over_a_slow_line(transport: Transport) {
    let limits =
        ServerLimits { ping_after: SHORT / 2, stalled_max: SHORT, request_max: SHORT, ..ServerLimits::default() };
    let site = start_with(&limits);
    let proxy = Proxy::to(site.port);
    let store = StoreId::new("slow").unwrap();
    let large = |number: u64| SyncEvent {
        number,
        parent: number - 1,
        name: "v1.Noted".into(),
        args: Some(format!("\"{}\"", "x".repeat(600_000)).into()),
        client_id: "client".into(),
        session_id: "session".into(),
        id: None,
        rest: None,
    };
    let builder = site.builder(proxy.port, transport).keep_alive(SHORT / 2, SHORT).answer_timeout(SHORT);
    let client = builder.token(TOKEN).build().unwrap();
    let waker = Waker::from(Arc::new(Unpark(std::thread::current())));
    let mut connection = client.connect(&SyncTarget::new(store, "client"), waker);
    let moved = Cell::new(0);
    let next = |connection: &mut Box<dyn SyncConnection>| loop {
        match connection.receive() {
            Some(SyncMessage::Moving) => moved.set(moved.get() + 1),
            Some(message) => return message,
            None => std::thread::park(),
        }
    };
    assert_eq!(next(&mut connection), SyncMessage::Connected);
    proxy.set_slow(true);
    connection.send(SyncRequest::Push { backend_id: None, events: vec![large(1)] });
    assert_eq!(next(&mut connection), SyncMessage::Pushed);
    connection.send(SyncRequest::Pull { after: 0, backend_id: None, live: true });
    let page = next(&mut connection);
    assert!(matches!(&page, SyncMessage::Page(page) if page.events == [large(1)]), "{page:.200?}");
    // Both ways at once.
    connection.send(SyncRequest::Push { backend_id: None, events: vec![large(2)] });
    let mut has_page = false;
    loop {
        match next(&mut connection) {
            SyncMessage::Page(page) => has_page |= page.events == [large(2)],
            SyncMessage::Pushed if has_page => break,
            SyncMessage::Pushed => {}
            other => panic!("{other:.200?}"),
        }
        if has_page && transport == Transport::Http {
            break;
        }
    }
    assert!(moved.get() > 0, "the store is told");
    // A line on which nothing moves is another matter.
    proxy.set_deaf(true);
    connection.send(SyncRequest::Pull { after: 0, backend_id: None, live: true });
    connection.send(SyncRequest::Ping);
    loop {
        match next(&mut connection) {
            SyncMessage::Disconnected(_) => return,
            // What was on its way before.
            SyncMessage::Pushed | SyncMessage::Page(_) | SyncMessage::Pong => {}
            other => panic!("{other:.200?}"),
        }
    }
}

/// Wakes a thread that is parked.
struct Unpark(std::thread::Thread);

impl Wake for Unpark {
    fn wake(self: Arc<Self>) {
        self.0.unpark();
    }
}

#[test]
fn a_large_event_gets_over_a_slow_websocket() {
    a_large_event_gets_over_a_slow_line(Transport::WebSocket);
}

#[test]
fn a_large_event_gets_over_slow_http() {
    a_large_event_gets_over_a_slow_line(Transport::Http);
}

#[test]
fn a_replaced_backend_gets_everything() {
    scenarios::a_replaced_backend_gets_everything(site(), start());
}
