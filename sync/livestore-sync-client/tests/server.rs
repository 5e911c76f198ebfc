//! The client against this project's server.

mod support;

use livestore_conformance::sync;
use livestore_server::auth::{Gate, TokenFile};
use livestore_server::limits::{Pace, ServerLimits};
use livestore_server::serve::{Server, serve};
use livestore_server::storage::{SqliteStorage, Synchronous};
use livestore_sync_client::Transport;
use std::sync::{Arc, OnceLock};
use support::{Conformance, Site, scenarios};

/// A server that runs as long as the tests.
fn start() -> Site {
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
                ..ServerLimits::default()
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

#[test]
fn a_replaced_backend_gets_everything() {
    scenarios::a_replaced_backend_gets_everything(site(), start());
}
