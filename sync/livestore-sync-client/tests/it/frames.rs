//! What a server may say, and what it may not.

use crate::client::{Client, check, event};
use crate::server::{NO_MORE, PONG, Server, chunk};
use livestore::{PageInfo, PushRefusal, SyncMessage, SyncRequest};
use std::io::Write;
use std::time::Duration;

/// What becomes of a connection whose server answers the first pull with this.
#[track_caller]
fn check_frame(frame: impl Into<tungstenite::Message>, kind: &str, words: &str) {
    let frame = frame.into();
    let server = Server::websocket(move |mut talk| {
        talk.hear_of("SyncWsRpc.Pull");
        let _ = talk.0.send(frame); // The client may have had enough before all of it is sent.
        while talk.hear().is_some() {}
    });
    let mut client = Client::connected(server.client());
    client.pull(0, true);
    check(&client.end(), kind, words);
    server.finish();
}

#[test]
fn frames_that_are_none_end_the_connection() {
    check_frame("{", "protocol", "no JSON");
    check_frame("[1]", "protocol", "malformed");
    check_frame(r#"{"_tag":"Surprise"}"#, "protocol", "Surprise");
    check_frame(vec![0xff, 0xfe], "protocol", "UTF-8");
    check_frame(r#"{"_tag":"Defect","defect":{"message":"it broke"}}"#, "protocol", "it broke");
    let gone = r#"{"_tag":"Exit","requestId":"0","exit":{"_tag":"Success"}}"#;
    check_frame(gone, "offline", "ended the live pull");
}

#[test]
fn a_frame_that_is_too_large_is_not_taken_in() {
    check_frame("x".repeat((4 << 20) + 1), "protocol", "too");
}

#[test]
fn binary_frames_are_read_as_text() {
    let server = Server::websocket(|mut talk| {
        talk.hear_of("SyncWsRpc.Pull");
        talk.0.send(chunk("0", 1..=2, NO_MORE).into_bytes().into()).unwrap();
        talk.outlive();
    });
    let mut client = Client::connected(server.client());
    client.pull(0, true);
    assert_eq!(client.page().events.len(), 2);
    drop(client);
    server.finish();
}

#[test]
fn a_frame_may_come_byte_by_byte() {
    let server = Server::websocket(|mut talk| {
        talk.hear_of("SyncWsRpc.Pull");
        let text = chunk("0", 1..=1, NO_MORE);
        let len = u16::try_from(text.len()).unwrap();
        let mut frame = vec![0x81, 126];
        frame.extend(len.to_be_bytes());
        frame.extend(text.as_bytes());
        for byte in frame {
            talk.0.get_mut().write_all(&[byte]).unwrap();
        }
        talk.outlive();
    });
    let mut client = Client::connected(server.client());
    client.pull(0, true);
    assert_eq!(client.page().events.len(), 1);
    drop(client);
    server.finish();
}

#[test]
fn a_broken_websocket_frame_ends_the_connection() {
    let server = Server::websocket(|mut talk| {
        talk.hear_of("Ping");
        talk.0.get_mut().write_all(&[0xff; 16]).unwrap();
        while talk.hear().is_some() {}
    });
    check(&Client::connected(server.client()).end(), "protocol", "protocol");
    server.finish();
}

#[test]
fn overlaps_and_repeats_are_left_out_and_gaps_are_pulled_again() {
    let server = Server::websocket(|mut talk| {
        talk.hear_of("SyncWsRpc.Pull");
        talk.say(&chunk("0", 1..=3, NO_MORE));
        talk.say(&chunk("0", 2..=4, NO_MORE));
        talk.say(&chunk("0", 1..=4, NO_MORE));
        talk.say(&chunk("9", 5..=5, NO_MORE));
        talk.say(&chunk("0", 7..=7, NO_MORE));
        let again = talk.hear_of("SyncWsRpc.Pull");
        assert!(again.contains(r#""id":"1""#) && again.contains(r#""eventSequenceNumber":4"#), "{again}");
        talk.say(&chunk("1", 5..=7, NO_MORE));
        talk.outlive();
    });
    let mut client = Client::connected(server.client());
    client.pull(0, true);
    let mut numbers = Vec::new();
    while numbers.last() != Some(&7) {
        numbers.extend(client.page().events.iter().map(|event| event.number));
    }
    assert_eq!(numbers, [1, 2, 3, 4, 5, 6, 7]);
    drop(client);
    server.finish();
}

#[test]
fn a_push_is_answered_by_what_the_backend_says() {
    let exits = [
        (r#"{"_tag":"Success","value":{}}"#, SyncMessage::Pushed),
        (
            r#"{"_tag":"Failure","cause":{"_tag":"Fail","error":{"minimumExpectedNum":4,"providedNum":0,"_tag":"ServerAheadError"}}}"#,
            SyncMessage::PushRefused(PushRefusal::ServerAhead { head: 4 }),
        ),
        (
            r#"{"_tag":"Failure","cause":{"_tag":"Fail","error":{"expected":"b2","received":"b1","_tag":"BackendIdMismatchError"}}}"#,
            SyncMessage::PushRefused(PushRefusal::OtherBackend { found: livestore::BackendId::new("b2") }),
        ),
        (
            r#"{"_tag":"Failure","cause":{"_tag":"Fail","error":{"cause":{"name":"Error","message":"full"},"_tag":"UnknownError"}}}"#,
            SyncMessage::PushRefused(PushRefusal::Busy { reason: "full".into() }),
        ),
        (
            r#"{"_tag":"Failure","cause":{"_tag":"Fail","error":{"cause":{"name":"Error","message":"no"},"_tag":"UnknownError","rejected":{"seqNum":1,"reason":"no"}}}}"#,
            SyncMessage::PushRefused(PushRefusal::Rejected { number: 1, reason: "no".into() }),
        ),
    ];
    let (answers, expected): (Vec<_>, Vec<_>) = exits.into_iter().unzip();
    let server = Server::websocket(move |mut talk| {
        for (id, exit) in answers.iter().enumerate() {
            let push = talk.hear_of("SyncWsRpc.Push");
            assert!(push.contains(&format!(r#""id":"{id}""#)), "{push}");
            talk.say(&format!(r#"{{"_tag":"Exit","requestId":"{id}","exit":{exit}}}"#));
        }
        talk.outlive();
    });
    let mut client = Client::connected(server.client());
    for message in expected {
        client.push(vec![event(1)]);
        assert_eq!(client.next(), message);
    }
    drop(client);
    server.finish();
}

#[test]
fn what_can_never_be_sent_is_rejected_and_the_connection_goes_on() {
    let server = Server::websocket(|talk| talk.outlive());
    let mut client = Client::connected(server.client());
    let mut large = event(2);
    large.args = Some(format!("\"{}\"", "x".repeat(900_001)).into());
    let mut deep = event(2);
    deep.args = Some(format!("{}{}", "[".repeat(65), "]".repeat(65)).into());
    for bad in [large, deep] {
        client.push(vec![event(1), bad, event(3)]);
        match client.next() {
            SyncMessage::PushRefused(PushRefusal::Rejected { number: 2, .. }) => {}
            other => panic!("{other:?}"),
        }
    }
    client.send(SyncRequest::Ping);
    assert_eq!(client.next(), SyncMessage::Pong);
    drop(client);
    server.finish();
}

/// A store that takes no pages stops the backend, and is neither flooded nor taken for one whose backend is dead.
#[test]
fn pages_wait_in_the_network_until_they_are_taken() {
    const PAGES: u64 = 2_000;
    let server = Server::websocket(|mut talk| {
        talk.hear_of("SyncWsRpc.Pull");
        // Without waiting for acks, as sync-cf 0.4.0 does with news.
        for page in 0..PAGES {
            talk.say(&chunk("0", page * 10 + 1..=page * 10 + 10, NO_MORE));
        }
        talk.outlive();
    });
    let times = Duration::from_millis(20);
    let mut client = Client::connected(server.client().keep_alive(times, Duration::from_secs(20)));
    client.pull(0, true);
    for page in 0..PAGES {
        let found = client.page();
        assert_eq!((found.events[0].number, found.info), (page * 10 + 1, PageInfo::Last));
    }
    drop(client);
    server.finish();
}

#[test]
fn pongs_that_nobody_asked_for_do_no_harm() {
    let server = Server::websocket(|mut talk| {
        (0..1_000).for_each(|_| talk.say(PONG));
        talk.hear_of("SyncWsRpc.Push");
        talk.say(r#"{"_tag":"Exit","requestId":"0","exit":{"_tag":"Success","value":{}}}"#);
        talk.outlive();
    });
    let mut client = Client::connected(server.client());
    client.push(vec![event(1)]);
    assert_eq!(client.next(), SyncMessage::Pushed);
    drop(client);
    server.finish();
}

/// A store that is busy for longer than a backend may be silent does not take its backend for dead; one that is dead afterwards is
/// found out all the same.
#[test]
fn time_stands_still_while_nothing_is_read() {
    const PAGES: u64 = 10;
    let server = Server::websocket(|mut talk| {
        talk.hear_of("SyncWsRpc.Push");
        for page in 0..PAGES {
            talk.say(&chunk("0", page + 1..=page + 1, NO_MORE));
        }
        talk.say(r#"{"_tag":"Exit","requestId":"1","exit":{"_tag":"Success","value":{}}}"#);
        while talk.hear().is_some() {}
    });
    let timeout = Duration::from_millis(250);
    let times = server.client().keep_alive(Duration::from_millis(10), timeout).answer_timeout(timeout);
    let mut client = Client::connected(times);
    client.pull(0, true);
    client.push(vec![event(1)]);
    let first = client.page();
    std::thread::sleep(3 * timeout); // The pause is what is tested.
    let rest = (1..PAGES).map(|_| client.page().events[0].number);
    assert_eq!([first.events[0].number].into_iter().chain(rest).collect::<Vec<_>>(), (1..=PAGES).collect::<Vec<_>>());
    assert_eq!(client.next(), SyncMessage::Pushed);
    check(&client.end(), "offline", "does not answer a ping");
    server.finish();
}
