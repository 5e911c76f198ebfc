//! A server that is killed, and a disk that is full: what was acknowledged is there afterwards, once and in its place.

use crate::support::process::ServerProcess;
use crate::support::rng::{Rng, amount};
use crate::support::server::{Client, event};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::path::Path;

/// What a log should hold.
#[derive(Default)]
struct Log {
    /// The texts of acknowledged events, by their numbers.
    acked: BTreeMap<u64, String>,
    texts: u64,
}

impl Log {
    fn text(&mut self) -> String {
        self.texts += 1;
        format!("text {}", self.texts)
    }

    /// Pulls all of it, and compares: nothing lost, nothing doubled, no gap. Returns the head and takes over what turned out to be stored.
    async fn check(&mut self, client: &mut Client) -> u64 {
        client.pull(None).await;
        let mut found: Vec<String> = Vec::new();
        loop {
            let page = client.page().await;
            for item in page["batch"].as_array().unwrap() {
                let event = &item["eventEncoded"];
                assert_eq!(event["seqNum"], json!(found.len() + 1), "no gap");
                assert_eq!(event["parentSeqNum"], json!(found.len()));
                found.push(event["args"]["text"].as_str().unwrap().to_owned());
            }
            if page["pageInfo"]["_tag"] == "NoMore" {
                break;
            }
        }
        for (number, text) in &self.acked {
            assert_eq!(found.get(*number as usize - 1), Some(text), "e{number} was acknowledged");
        }
        let mut once = found.clone();
        once.sort();
        once.dedup();
        assert_eq!(once.len(), found.len(), "nothing is there twice");
        let head = found.len() as u64;
        self.acked.extend((1..).zip(found));
        head
    }

    /// Pushes one event after the other, some at once, until so many were acknowledged or the connection ended. The last ones are
    /// under way when it returns.
    async fn push(&mut self, client: &mut Client, head: u64, acks: u64) -> u64 {
        let mut under_way: BTreeMap<String, (u64, String)> = BTreeMap::new();
        let (mut next, mut acked) = (head, 0);
        while acked < acks {
            while under_way.len() < 6 {
                next += 1;
                let text = self.text();
                let Ok(id) = client.try_push(&[event(next, &text)]).await else { return acked };
                under_way.insert(id, (next, text));
            }
            let Some(frame) = client.receive().await else { return acked };
            match frame["_tag"].as_str() {
                Some("Exit") => {
                    let id = frame["requestId"].as_str().unwrap();
                    let (number, text) = under_way.remove(id).expect("it was asked for");
                    if frame["exit"]["_tag"] != "Success" {
                        return acked;
                    }
                    self.acked.insert(number, text);
                    acked += 1;
                }
                Some("Chunk") => {
                    let ack: Value = json!({"_tag": "Ack", "requestId": frame["requestId"]});
                    if client.try_send(&ack).await.is_err() {
                        return acked;
                    }
                }
                _ => {}
            }
        }
        acked
    }
}

async fn cycle(data: &Path, log: &mut Log, rng: &mut Rng) {
    let server = ServerProcess::start(data, &["--synchronous", "full", "--push-rate", "100000"]);
    let mut client = Client::connect(server.address, "s").await;
    let head = log.check(&mut client).await;
    log.push(&mut client, head, 1 + rng.below(12)).await;
    server.kill();
}

#[tokio::test]
async fn what_a_killed_server_acknowledged_is_there() {
    let cycles = amount("KILL_CYCLES", 100, 6);
    let seed = amount("KILL_SEED", 1, 1);
    println!("seed {seed}, {cycles} cycles");
    let dir = tempfile::tempdir().unwrap();
    let (mut log, mut rng) = (Log::default(), Rng::new(seed));
    for _ in 0..cycles {
        cycle(dir.path(), &mut log, &mut rng).await;
    }
    let server = ServerProcess::start(dir.path(), &[]);
    let mut client = Client::connect(server.address, "s").await;
    let head = log.check(&mut client).await;
    println!("{head} events, 0 lost, 0 doubled, 0 gaps");
    assert!(head >= cycles);
}

#[tokio::test]
async fn a_client_that_is_killed_while_it_pushes_leaves_the_log_whole() {
    let clients = amount("KILL_CLIENTS", 200, 20);
    let dir = tempfile::tempdir().unwrap();
    let server = ServerProcess::start(dir.path(), &["--push-rate", "100000"]);
    let (mut log, mut rng) = (Log::default(), Rng::new(7));
    for _ in 0..clients {
        let mut client = Client::connect(server.address, "s").await;
        let head = log.check(&mut client).await;
        log.push(&mut client, head, rng.below(5)).await;
        // Dropped with pushes under way: some reach the log and some do not.
    }
    let mut client = Client::connect(server.address, "s").await;
    log.check(&mut client).await;
}

#[tokio::test]
async fn a_full_disk_refuses_and_loses_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let mut log = Log::default();
    // 400 KiB.
    let mut server = ServerProcess::start_with_small_disk(dir.path(), 800);
    let mut acked = 0;
    loop {
        let mut client = Client::connect(server.address, "s").await;
        let head = log.check(&mut client).await;
        let now = log.push(&mut client, head, 2_000).await;
        acked += now;
        assert!(server.is_running(), "a full disk ends no server");
        if now == 0 {
            break;
        }
    }
    assert!(acked > 10, "{acked}");
    server.kill();
    let server = ServerProcess::start(dir.path(), &["--push-rate", "100000"]);
    let mut client = Client::connect(server.address, "s").await;
    let head = log.check(&mut client).await;
    assert_eq!(log.push(&mut client, head, 10).await, 10, "with room again it goes on");
}
