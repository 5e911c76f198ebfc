//! How a connection comes about, or does not.

use crate::client::{Client, check};
use crate::server::{Server, answer_with, head, until_gone};
use livestore::SyncError;
use livestore_sync_client::{SyncClient, connect};
use std::io::Write;
use std::net::{Ipv4Addr, TcpListener};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

#[track_caller]
fn check_refusal(answer: &str, kind: &str, words: &str) {
    let server = answer_with(answer);
    let error = Client::dial(server.client()).end();
    check(&error, kind, words);
}

#[test]
fn refusals_are_told_apart_from_being_offline() {
    let unauthorized = "HTTP/1.1 401 Unauthorized\r\nContent-Length: 8\r\n\r\nno token";
    check_refusal(unauthorized, "unauthorized", "status 401: no token");
    check_refusal("HTTP/1.1 403 Forbidden\r\n\r\nnot this store", "unauthorized", "status 403: not this store");
    let original =
        "HTTP/1.1 400 Bad Request\r\nTransfer-Encoding: chunked\r\n\r\n12\r\nInvalid auth token\r\n0\r\n\r\n";
    check_refusal(original, "unauthorized", "status 400: Invalid auth token");
    check_refusal("HTTP/1.1 503 Busy\r\nContent-Length: 0\r\n\r\n", "offline", "status 503");
    check_refusal("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi", "protocol", "is there a sync backend at this URL?");
}

#[test]
fn a_redirect_is_not_followed() {
    let server = answer_with("HTTP/1.1 307 Elsewhere\r\nLocation: ws://127.0.0.1:1/\r\nContent-Length: 0\r\n\r\n");
    let error = Client::dial(server.client().token("s3cret")).end();
    check(&error, "protocol", "redirects, which is not followed");
}

#[test]
fn what_is_no_websocket_is_told() {
    check_refusal("SSH-2.0-OpenSSH_9.2\r\n", "protocol", "no HTTP server");
    let words = "does not speak WebSocket";
    check_refusal("HTTP/1.1 101 Switching Protocols\r\n\r\n", "protocol", words);
    let upgrade = "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n";
    check_refusal(&format!("{upgrade}Sec-WebSocket-Accept: AAAAAAAAAAAAAAAAAAAAAAAAAAA=\r\n\r\n"), "protocol", words);
    check_refusal(&format!("HTTP/1.1 101 X\r\nA: {}\r\n", "x".repeat(20_000)), "protocol", "longer than");
}

#[test]
fn a_connection_that_closes_in_the_handshake_is_offline() {
    check_refusal("", "offline", "closed in the handshake");
    check_refusal("HTTP/1.1 101 Swi", "offline", "closed in the handshake");
}

#[test]
fn compression_that_was_not_offered_is_refused() {
    let server = Server::raw(|mut stream| {
        let head = head(&mut stream);
        assert!(!head.to_lowercase().contains("sec-websocket-extensions"), "{head}");
        let key = head.lines().find_map(|line| line.strip_prefix("Sec-WebSocket-Key: ")).unwrap();
        let accept = tungstenite::handshake::derive_accept_key(key.as_bytes());
        let answer = format!(
            "HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: WebSocket\r\nSec-WebSocket-Accept: {accept}\r\n\
             Sec-WebSocket-Extensions: permessage-deflate\r\n\r\n"
        );
        stream.write_all(answer.as_bytes()).unwrap();
    });
    check(&Client::dial(server.client()).end(), "protocol", "which was not asked for");
}

#[test]
fn nobody_there_is_offline() {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let port = listener.local_addr().unwrap().port();
    drop(listener);
    check(&Client::dial(SyncClient::builder(&format!("ws://127.0.0.1:{port}"))).end(), "offline", "refused");
    check(&Client::dial(SyncClient::builder("wss://no-such-host.invalid")).end(), "offline", "cannot be resolved");
}

#[test]
fn a_server_that_says_nothing_is_given_up() {
    let server = Server::raw(|mut stream| until_gone(&mut stream));
    let error = Client::dial(server.client().connect_timeout(Duration::from_millis(50))).end();
    check(&error, "offline", "took too long");
    server.finish();
}

#[test]
fn a_connection_that_is_dropped_while_it_is_made_ends_at_once() {
    let server = Server::raw(|mut stream| until_gone(&mut stream));
    let client = Client::dial(server.client().connect_timeout(Duration::from_secs(3600)));
    drop(client);
    server.finish();
}

#[test]
fn the_token_goes_into_the_header_and_the_payload_into_the_url() {
    let server = answer_with("HTTP/1.1 401 X\r\nContent-Length: 23\r\n\r\nbad token s3cret, sorry");
    let payload = serde_json::json!({ "tenant": "blue" });
    let error = Client::dial(server.client().token("s3cret").payload(payload)).end();
    check(&error, "unauthorized", "bad token <secret>, sorry");
    let head = server.finish();
    let target = "GET /?storeId=todos&payload=%257B%2522tenant%2522%253A%2522blue%2522%257D&transport=ws HTTP/1.1\r\n";
    assert!(head.starts_with(target), "{head}");
    assert!(head.contains("\r\nAuthorization: Bearer s3cret\r\n"), "{head}");
}

#[test]
fn the_token_goes_into_the_payload_where_that_is_asked_for() {
    let server = answer_with("HTTP/1.1 400 X\r\n\r\nno");
    Client::dial(server.client().token("s3cret").token_in_payload()).end();
    let head = server.finish();
    let payload = "payload=%257B%2522authToken%2522%253A%2522s3cret%2522%257D&";
    assert!(head.contains(payload) && !head.contains("Authorization"), "{head}");
}

#[test]
fn the_token_is_asked_for_on_each_connect() {
    let asked = Arc::new(AtomicUsize::new(0));
    let counter = Arc::clone(&asked);
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let url = format!("ws://{}", listener.local_addr().unwrap());
    let provider = SyncClient::builder(&url)
        .token_with(move || match counter.fetch_add(1, Ordering::Relaxed) {
            0 => Err(SyncError::Offline { reason: "the login page does not answer".into() }),
            1 => Err(SyncError::Unauthorized { reason: "log in again".into() }),
            count => Ok(format!("token-{count}")),
        })
        .build()
        .unwrap();
    check(&Client::of(&provider).end(), "offline", "the login page does not answer");
    check(&Client::of(&provider).end(), "unauthorized", "log in again");
    for count in 2..4 {
        let mut client = Client::of(&provider);
        let (mut stream, _) = listener.accept().unwrap();
        assert!(head(&mut stream).contains(&format!("Authorization: Bearer token-{count}\r\n")));
        stream.write_all(b"HTTP/1.1 401 X\r\nContent-Length: 0\r\n\r\n").unwrap();
        client.end();
    }
    assert_eq!(asked.load(Ordering::Relaxed), 4);
}

#[test]
fn other_machines_need_tls_or_a_word() {
    assert!(connect("ws://192.0.2.1").is_err());
    assert!(connect("http://sync.example.com").is_err());
    assert!(connect("wss://sync.example.com").is_ok());
    assert!(SyncClient::builder("ws://192.0.2.1").allow_plaintext().build().is_ok());
}

#[test]
fn debug_shows_no_secret() {
    let builder = SyncClient::builder("wss://sync.example.com/path").token("s3cret");
    let builder = builder.payload(serde_json::json!({ "authToken": "s3cret" }));
    let shown = format!("{builder:?} {:?}", builder.clone().build().unwrap());
    assert!(shown.contains("wss://sync.example.com/path") && !shown.contains("s3cret"), "{shown}");
}
