//! The same over HTTP.

use crate::client::{Client, check, event};
use crate::server::{NO_MORE, chunk, head};
use livestore::{PushRefusal, SyncMessage, SyncRequest};
use livestore_sync_client::{SyncClient, SyncClientBuilder};
use std::io::{Read, Write};
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::sync::mpsc::{Receiver, channel};
use std::time::Duration;

/// A server that answers each request on a connection of its own.
struct Http {
    port: u16,
    /// Head and body of each request.
    requests: Receiver<(String, String)>,
}

type Answer = Box<dyn Fn(&str) -> String + Send>;

fn serve(answer: Answer) -> Http {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let port = listener.local_addr().unwrap().port();
    let (send, requests) = channel();
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let mut stream = stream.unwrap();
            let (head, body) = request(&mut stream);
            let answer = answer(&body);
            // A client that is gone needs no answer, and a test that is over no requests.
            let _ = (stream.write_all(answer.as_bytes()), send.send((head, body)));
        }
    });
    Http { port, requests }
}

fn request(stream: &mut TcpStream) -> (String, String) {
    let head = head(stream).to_lowercase();
    let len = head.lines().find_map(|line| line.strip_prefix("content-length: ")).unwrap().parse().unwrap();
    let mut body = vec![0; len];
    stream.read_exact(&mut body).unwrap();
    (head, String::from_utf8(body).unwrap())
}

impl Http {
    fn client(&self) -> SyncClientBuilder {
        SyncClient::builder(&format!("http://127.0.0.1:{}", self.port)).poll_interval(Duration::from_millis(5))
    }
}

fn ok(body: &str) -> String {
    format!("HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: {}\r\n\r\n{body}", body.len())
}

/// In chunks of a few bytes, some of which cut a character.
fn ok_in_chunks(body: &str) -> String {
    let chunks: String = body
        .as_bytes()
        .chunks(7)
        .map(|chunk| format!("{:x}\r\n{}\r\n", chunk.len(), String::from_utf8_lossy(chunk)))
        .collect();
    format!("HTTP/1.1 200 OK\r\nConnection: close\r\nTransfer-Encoding: chunked\r\n\r\n{chunks}0\r\n\r\n")
}

fn exit(id: &str) -> String {
    format!(r#"{{"_tag":"Exit","requestId":"{id}","exit":{{"_tag":"Success"}}}}"#)
}

const PONG: &str = r#"[{"_tag":"Exit","requestId":"0","exit":{"_tag":"Success","value":{"_tag":"SyncMessage.Pong"}}}]"#;

/// Answers pings, and the rest so.
fn after_ping(answer: impl Fn(&str) -> String + Send + 'static) -> Http {
    serve(Box::new(move |body| if body.contains("SyncHttpRpc.Ping") { ok(PONG) } else { answer(body) }))
}

fn number_of(body: &str, name: &str) -> u64 {
    let rest = body.split(&format!("\"{name}\":")).nth(1).unwrap_or("0");
    rest.chars().take_while(char::is_ascii_digit).collect::<String>().parse().unwrap_or(0)
}

#[test]
fn news_come_by_asking_again() {
    let server = after_ping(|body| {
        let after = number_of(body, "eventSequenceNumber");
        assert!(!body.contains("\"live\""), "{body}");
        let more = format!(r#"{{"_tag":"MoreKnown","remaining":{}}}"#, 1);
        let pages = [chunk("0", after + 1..=after + 2, &more), chunk("0", after + 3..=after + 3, NO_MORE), exit("0")];
        ok_in_chunks(&format!("[{}]", pages.join(",")))
    });
    let mut client = Client::connected(server.client().token("s3cret"));
    client.pull(0, true);
    let mut numbers = Vec::new();
    while numbers.len() < 12 {
        numbers.extend(client.page().events.iter().map(|event| event.number));
    }
    assert_eq!(numbers, (1..=12).collect::<Vec<_>>());
    let (head, body) = server.requests.recv().unwrap();
    assert!(head.starts_with("post /?storeid=todos&transport=http http/1.1\r\n"), "{head}");
    assert!(head.contains("\r\nauthorization: bearer s3cret\r\n"), "{head}");
    assert!(head.contains("\r\nx-livestore-store-id: todos\r\n"), "{head}");
    assert!(body.contains("SyncHttpRpc.Ping"), "{body}");
}

#[test]
fn a_pull_that_is_not_live_is_asked_for_once() {
    let server = after_ping(|_| ok(&format!("[{},{}]", chunk("0", 1..=1, NO_MORE), exit("0"))));
    let mut client = Client::connected(server.client());
    client.pull(0, false);
    assert_eq!(client.page().events.len(), 1);
    client.send(SyncRequest::Ping);
    assert_eq!(client.next(), SyncMessage::Pong);
    drop(client);
    let pulls = server.requests.try_iter().filter(|(_, body)| body.contains("Pull")).count();
    assert!(pulls <= 1, "{pulls} pulls");
}

#[test]
fn pushes_are_answered_and_their_echo_is_fetched_at_once() {
    let server = after_ping(|body| {
        if body.contains("SyncHttpRpc.Push") {
            return ok(&format!("[{}]", exit("1")));
        }
        let is_first = number_of(body, "eventSequenceNumber") == 0 && body.contains("None");
        let page = if is_first { chunk("0", [], NO_MORE) } else { chunk("0", 1..=1, NO_MORE) };
        ok(&format!("[{page},{}]", exit("0")))
    });
    let mut client = Client::connected(server.client().poll_interval(Duration::from_secs(3600)));
    client.pull(0, true);
    assert!(client.page().events.is_empty());
    client.push(vec![event(1)]);
    assert_eq!(client.next(), SyncMessage::Pushed);
    assert_eq!(client.page().events.len(), 1);
}

#[test]
fn a_refused_push_is_told() {
    let error = r#"{"_tag":"Fail","error":{"minimumExpectedNum":9,"providedNum":0,"_tag":"ServerAheadError"}}"#;
    let server = after_ping(move |_| {
        ok(&format!(r#"[{{"_tag":"Exit","requestId":"0","exit":{{"_tag":"Failure","cause":{error}}}}}]"#))
    });
    let mut client = Client::connected(server.client());
    client.push(vec![event(1)]);
    assert_eq!(client.next(), SyncMessage::PushRefused(PushRefusal::ServerAhead { head: 9 }));
}

#[track_caller]
fn check_answer(answer: &str, kind: &str, words: &str) {
    let answer = answer.to_owned();
    let server = serve(Box::new(move |_| answer.clone()));
    check(&Client::dial(server.client().token("s3cret")).end(), kind, words);
}

#[test]
fn refusals_and_nonsense_are_told_apart() {
    let refusal = "HTTP/1.1 400 Bad Request\r\nContent-Length: 25\r\n\r\nInvalid auth token s3cret";
    check_answer(refusal, "unauthorized", "Invalid auth token <secret>");
    check_answer("HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\n\r\n", "unauthorized", "403");
    check_answer(
        "HTTP/1.1 307 X\r\nLocation: http://127.0.0.1:1/\r\nContent-Length: 0\r\n\r\n",
        "protocol",
        "redirects",
    );
    check_answer("HTTP/1.1 503 X\r\nContent-Length: 0\r\n\r\n", "offline", "503");
    check_answer("HTTP/1.1 404 X\r\nContent-Length: 0\r\n\r\n", "protocol", "is there a sync backend");
    check_answer(&ok("<html>"), "protocol", "no JSON array");
    check_answer("SSH-2.0-OpenSSH_9.2\r\n", "protocol", "no HTTP server");
    check_answer("HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n[{}", "offline", "");
    check_answer("", "offline", "");
}

#[test]
fn an_answer_that_breaks_off_is_offline_and_one_that_is_no_frame_is_not() {
    let broken = after_ping(|_| ok(&format!("[{}", chunk("0", 1..=1, NO_MORE))));
    let mut client = Client::connected(broken.client());
    client.pull(0, true);
    check(&client.end(), "offline", "breaks off");
    let nonsense = after_ping(|_| ok(r#"[{"_tag":"Surprise"}]"#));
    let mut client = Client::connected(nonsense.client());
    client.pull(0, true);
    check(&client.end(), "protocol", "Surprise");
}

#[test]
fn nobody_there_is_offline() {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let port = listener.local_addr().unwrap().port();
    drop(listener);
    check(&Client::dial(SyncClient::builder(&format!("http://127.0.0.1:{port}"))).end(), "offline", "");
    check(&Client::dial(SyncClient::builder("https://no-such-host.invalid")).end(), "offline", "");
}

#[test]
fn a_server_that_says_nothing_is_given_up() {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let client = SyncClient::builder(&url).answer_timeout(Duration::from_millis(50));
    check(&Client::dial(client).end(), "offline", "timeout");
}

/// A long answer costs the pages that wait, and not the whole of it.
#[test]
fn a_long_answer_waits_for_the_store() {
    const PAGES: u64 = 1_000;
    let server = after_ping(|body| {
        if number_of(body, "eventSequenceNumber") > 0 {
            return ok(&format!("[{},{}]", chunk("0", [], NO_MORE), exit("0")));
        }
        let more = |page: u64| format!(r#"{{"_tag":"MoreKnown","remaining":{}}}"#, (PAGES - page - 1) * 10);
        let pages = (0..PAGES).map(|page| {
            let info = if page + 1 == PAGES { NO_MORE.into() } else { more(page) };
            chunk("0", page * 10 + 1..=page * 10 + 10, &info) + ","
        });
        ok(&format!("[{}{}]", pages.collect::<String>(), exit("0")))
    });
    let mut client = Client::connected(server.client());
    client.pull(0, true);
    for page in 0..PAGES {
        assert_eq!(client.page().events[0].number, page * 10 + 1);
    }
}

#[test]
fn a_dropped_connection_asks_no_more() {
    let server = after_ping(|_| ok(&format!("[{},{}]", chunk("0", [], NO_MORE), exit("0"))));
    let mut client = Client::connected(server.client());
    client.pull(0, true);
    client.page();
    let weak = client.count_wakers();
    drop(client);
    // The thread has the last waker, and lets go of it at its end.
    while weak.strong_count() > 0 {
        std::thread::yield_now();
    }
}
