//! How a connection ends.

use crate::client::{Client, check};
use crate::server::{Server, until_gone};
use livestore::SyncRequest;
use std::net::Shutdown;
use std::time::Duration;
use tungstenite::protocol::CloseFrame;

#[track_caller]
fn check_close(code: u16, kind: &str) {
    let server = Server::websocket(move |mut talk| {
        talk.hear_of("Ping");
        talk.0.close(Some(CloseFrame { code: code.into(), reason: "why".into() })).unwrap();
        while talk.hear().is_some() {}
    });
    check(&Client::connected(server.client()).end(), kind, "why");
    server.finish();
}

#[test]
fn close_codes_are_told_apart() {
    for code in [1000, 1001, 1008, 1011, 1012, 4000] {
        check_close(code, "offline");
    }
    check_close(4401, "unauthorized");
    for code in [1002, 1007, 1009] {
        check_close(code, "protocol");
    }
}

#[test]
fn a_cut_connection_is_offline() {
    let server = Server::websocket(|mut talk| {
        talk.hear_of("Ping");
        talk.0.get_mut().shutdown(Shutdown::Both).unwrap();
    });
    check(&Client::connected(server.client()).end(), "offline", "");
    server.finish();
}

/// Half-open: the server takes everything and says nothing.
#[test]
fn a_server_that_falls_silent_is_found_out() {
    let server = Server::websocket(|mut talk| while talk.hear().is_some() {});
    let short = Duration::from_millis(100);
    let mut client = Client::connected(server.client().keep_alive(short, short));
    check(&client.end(), "offline", "does not answer a ping");
    server.finish();
}

#[test]
fn a_pull_and_a_push_that_are_not_answered_are_given_up() {
    for what in ["pull", "push"] {
        let server = Server::websocket(|talk| talk.outlive());
        let mut client = Client::connected(server.client().answer_timeout(Duration::from_millis(100)));
        if what == "pull" {
            client.pull(0, true);
        } else {
            client.push(vec![crate::client::event(1)]);
        }
        check(&client.end(), "offline", &format!("does not answer a {what}"));
        server.finish();
    }
}

/// A store that goes says goodbye, and its server learns of it at once.
#[test]
fn a_dropped_connection_says_goodbye() {
    let server = Server::websocket(|mut talk| {
        loop {
            match talk.0.read() {
                Ok(tungstenite::Message::Close(frame)) => return frame.map(|frame| u16::from(frame.code)),
                Ok(_) => {}
                Err(error) => panic!("{error}"),
            }
        }
    });
    drop(Client::connected(server.client()));
    assert_eq!(server.finish(), Some(1000));
}

/// A server that does not read what is sent to it bounds what waits for it.
#[test]
fn a_server_that_reads_nothing_does_not_hold_the_store_up() {
    let server = Server::websocket(|mut talk| {
        talk.hear_of("Ping");
        until_gone_after_drop(&mut talk);
    });
    let mut client = Client::connected(server.client());
    for _ in 0..60 {
        client.send(SyncRequest::Ping);
    }
    drop(client);
    server.finish();
}

fn until_gone_after_drop(talk: &mut crate::server::Talk) {
    until_gone(talk.0.get_mut());
}

/// The threads of connections are gone with them, also of those that never stood.
#[test]
fn threads_end_with_their_connections() {
    let begin = |_| {
        let server = Server::raw(|mut stream| until_gone(&mut stream));
        let client = Client::dial(server.client().connect_timeout(Duration::from_secs(3600)));
        (server, client.count_wakers(), client)
    };
    for (server, weak, client) in (0..20).map(begin).collect::<Vec<_>>() {
        drop(client);
        server.finish();
        // The thread has the last waker, and lets go of it at its end.
        while weak.strong_count() > 0 {
            std::thread::yield_now();
        }
    }
}
