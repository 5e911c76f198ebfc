//! Many hostile frames against a server process, with well-behaved clients beside them.

use crate::support::process::ServerProcess;
use crate::support::rng::{Rng, amount};
use crate::support::server::{Client, event, numbers};
use serde_json::json;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use tokio_tungstenite::tungstenite::Message;

/// What the server may grow by, beyond what it had after the first frames: buffers of the allocator, and pages of the database.
const GROWTH_KIB_MAX: u64 = 48 << 10;
const ATTACKERS: u64 = 4;

fn request(rng: &mut Rng, tag: &str, payload: &str) -> String {
    let id = rng.below(4);
    format!(r#"{{"_tag":"Request","id":"{id}","tag":"{tag}","headers":[],"payload":{payload}}}"#)
}

fn push(rng: &mut Rng, store_id: &str, events: &str) -> String {
    let payload = format!(r#"{{"storeId":"{store_id}","batch":[{events}],"backendId":{{"_tag":"None"}}}}"#);
    request(rng, "SyncWsRpc.Push", &payload)
}

fn forged(number: u64, parent: u64, args: &str) -> String {
    format!(
        r#"{{"name":"v1.Noted","args":{args},"seqNum":{number},"parentSeqNum":{parent},"clientId":"somebody","sessionId":"else"}}"#
    )
}

fn hostile(rng: &mut Rng) -> Message {
    let text = match rng.below(21) {
        0 => {
            let mut whole = push(rng, "attacked", &forged(1, 0, "1"));
            whole.truncate(rng.below(whole.len() as u64) as usize);
            whole
        }
        1 => return Message::binary((0..rng.below(2_000)).map(|_| rng.next() as u8).collect::<Vec<_>>()),
        2 => "[".repeat(rng.below(100_000) as usize),
        3 => {
            let depth = 60 + rng.below(2_000) as usize;
            let args = format!("{}{}", "[".repeat(depth), "]".repeat(depth));
            push(rng, "attacked", &forged(1, 0, &args))
        }
        4 => r#"{"_tag":"Surprise"}"#.into(),
        5 => request(rng, "SyncWsRpc.Drop", "{}"),
        6 => r#"{"_tag":"Request","tag":"SyncWsRpc.Push"}"#.into(),
        7 => request(rng, "SyncWsRpc.Pull", r#"{"storeId":7,"live":"yes"}"#),
        8 => push(rng, "another-store", &forged(1, 0, "1")),
        9 => format!(r#"{{"_tag":"Ack","requestId":"{}"}}"#, rng.next()),
        10 => format!(r#"{{"_tag":"Interrupt","requestId":"{}"}}"#, rng.below(5)),
        11 => push(rng, "attacked", &format!("{},{}", forged(1, 0, "1"), forged(9, 8, "1"))),
        12 => {
            let number = (1 << 53) - 1 - rng.below(2);
            push(rng, "attacked", &forged(number, number - 1, "1"))
        }
        13 if rng.one_in(20) => push(rng, "attacked", &forged(1, 0, &format!("\"{}\"", "x".repeat(1 << 20)))),
        14 if rng.one_in(50) => " ".repeat((4 << 20) + 1),
        15 => format!("[{}]", vec![r#"{"_tag":"Ping"}"#; rng.below(400) as usize].join(",")),
        16 => r#"{"_tag":"Eof"}"#.into(),
        17 => {
            let cursor =
                r#"{"_tag":"Some","value":{"backendId":"'; DROP TABLE store","eventSequenceNumber":9007199254740991}}"#;
            request(rng, "SyncWsRpc.Pull", &format!(r#"{{"storeId":"attacked","live":true,"cursor":{cursor}}}"#))
        }
        18 => request(rng, "SyncWsRpc.Pull", r#"{"storeId":"attacked","live":true,"cursor":{"_tag":"None"}}"#),
        19 => push(rng, "attacked", r#"{"name":"x","seqNum":-1,"parentSeqNum":1e400}"#),
        // What is in order but for who it says it is from.
        _ => {
            let number = 1 + rng.below(3);
            push(rng, "attacked", &forged(number, number - 1, "{}"))
        }
    };
    Message::text(text)
}

/// Frames of the WebSocket itself that are none: half of one, one without a mask, a ping that is too long, a strange kind.
const BROKEN: [&[u8]; 4] = [
    &[0x81, 0xfe, 0x10, 0x00, 1, 2, 3, 4, b'x'],
    &[0x81, 0x02, b'h', b'i'],
    &[0x89, 0xfe, 0x10, 0x00, 1, 2, 3, 4],
    &[0x8f, 0x80, 1, 2, 3, 4],
];

async fn attack(address: SocketAddr, seed: u64, left: Arc<AtomicU64>) {
    let mut rng = Rng::new(seed);
    while left.load(Ordering::Relaxed) > 0 {
        if rng.one_in(20) {
            let broken = format!("Bearer {}", "wrong".repeat(1 + rng.below(3_000) as usize));
            let refused = Client::try_connect(address, "attacked", &[("authorization", &broken)]).await;
            assert!(refused.is_err(), "a broken token lets nobody in");
        }
        let mut client = Client::connect(address, "attacked").await;
        for _ in 0..1 + rng.below(60) {
            left.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |left| Some(left.saturating_sub(1))).unwrap();
            if rng.one_in(60) {
                // What comes after it would be a part of it.
                let _ = client.send_raw(BROKEN[rng.below(4) as usize]).await;
                break;
            }
            // Each is dealt with before the next, or ends the connection; now and then one goes without a word.
            let is_sent = client.send_message(hostile(&mut rng)).await.is_ok();
            if !is_sent || rng.one_in(50) || !client.is_answered().await {
                break;
            }
        }
    }
}

/// Pushes one event after the other and follows the log, until the attack is over.
async fn behave(address: SocketAddr, store_id: &str, is_over: Arc<AtomicBool>) -> u64 {
    let mut client = Client::connect(address, store_id).await;
    client.pull(None).await;
    assert_eq!(numbers(&client.page().await), Vec::<u64>::new());
    let mut number = 0;
    while !is_over.load(Ordering::Relaxed) {
        number += 1;
        let push = client.push(&[event(number, "in order")]).await;
        let (mut has_exit, mut has_page) = (false, false);
        while !(has_exit && has_page) {
            let frame = client.receive().await.expect("nobody else's frames end this connection");
            match frame["_tag"].as_str() {
                Some("Exit") => {
                    assert_eq!((&frame["requestId"], &frame["exit"]["_tag"]), (&json!(push), &json!("Success")));
                    has_exit = true;
                }
                Some("Chunk") => {
                    assert_eq!(numbers(&frame["values"][0]), [number], "each once, in order");
                    client.send(&json!({"_tag": "Ack", "requestId": frame["requestId"]})).await;
                    has_page = true;
                }
                _ => panic!("{frame}"),
            }
        }
    }
    number
}

/// Follows the attacked store: whatever is taken there, the log is one.
async fn follow(address: SocketAddr, is_over: Arc<AtomicBool>) -> u64 {
    let mut client = Client::connect(address, "attacked").await;
    client.pull(None).await;
    let mut head = 0;
    while !is_over.load(Ordering::Relaxed) {
        client.send(&json!({"_tag": "Ping"})).await;
        loop {
            let frame = client.receive().await.expect("nobody else's frames end this connection");
            if frame["_tag"] == "Pong" {
                break;
            }
            for number in numbers(&frame["values"][0]) {
                assert_eq!(number, head + 1);
                head = number;
            }
            client.send(&json!({"_tag": "Ack", "requestId": frame["requestId"]})).await;
        }
    }
    head
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn hostile_frames_cost_little_and_hurt_nobody_else() {
    let frames = amount("HOSTILE_FRAMES", 100_000, 2_000);
    let dir = tempfile::tempdir().unwrap();
    let tokens = dir.path().join("tokens");
    std::fs::write(&tokens, "anonymous * write\n").unwrap();
    let data = dir.path().join("data");
    let arguments = ["--tokens", tokens.to_str().unwrap(), "--push-rate", "100000", "--synchronous", "normal"];
    let mut server = ServerProcess::start(&data, &arguments);
    let address = server.address;
    let is_over = Arc::new(AtomicBool::new(false));
    let behaving = tokio::spawn({
        let is_over = Arc::clone(&is_over);
        async move { behave(address, "beside", is_over).await }
    });
    let following = tokio::spawn(follow(address, Arc::clone(&is_over)));
    let mut resident = Vec::new();
    for part in 0..4 {
        let left = Arc::new(AtomicU64::new(frames / 4));
        let attackers: Vec<_> = (0..ATTACKERS)
            .map(|attacker| tokio::spawn(attack(address, part * ATTACKERS + attacker, Arc::clone(&left))))
            .collect();
        for attacker in attackers {
            attacker.await.unwrap();
        }
        assert!(server.is_running());
        resident.push(server.resident_kib());
    }
    is_over.store(true, Ordering::Relaxed);
    let (beside, attacked) = (behaving.await.unwrap(), following.await.unwrap());
    println!("{frames} frames, {beside} events beside them, {attacked} got in, KiB {resident:?}");
    assert!(beside > 0);
    let growth = resident[3].saturating_sub(resident[0]);
    assert!(growth < GROWTH_KIB_MAX, "it grew by {growth} KiB: {resident:?}");
}
