//! Reads along on the wire of one connection, and knows the rules.

use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};

#[derive(Default)]
pub(crate) struct Wire {
    /// The pulls that run, with the number of the last event sent, and whether a chunk waits for its ack.
    pulls: BTreeMap<String, (u64, bool)>,
    /// The pushes that run, with the number of their last event.
    pushes: BTreeMap<String, u64>,
    interrupted: BTreeSet<String>,
    pings: u64,
}

impl Wire {
    pub(crate) fn up(&mut self, frame: &str) {
        let frame: Value = serde_json::from_str(frame).unwrap();
        let id = |key: &str| frame[key].as_str().unwrap_or_default().to_owned();
        match frame["_tag"].as_str() {
            Some("Request") if frame["tag"] == "SyncWsRpc.Pull" => {
                let after = frame["payload"]["cursor"]["value"]["eventSequenceNumber"].as_u64().unwrap_or(0);
                self.pulls.insert(id("id"), (after, false));
            }
            Some("Request") => {
                let last = frame["payload"]["batch"].as_array().and_then(|batch| batch.last()).unwrap();
                self.pushes.insert(id("id"), last["seqNum"].as_u64().unwrap());
            }
            Some("Ack") => {
                if let Some((_, is_under_way)) = self.pulls.get_mut(&id("requestId")) {
                    *is_under_way = false;
                }
            }
            Some("Interrupt") => drop(self.interrupted.insert(id("requestId"))),
            Some("Ping") => self.pings += 1,
            other => panic!("a client sends {other:?}"),
        }
    }

    pub(crate) fn down(&mut self, frame: &str) {
        let frame: Value = serde_json::from_str(frame).unwrap();
        let id = frame["requestId"].as_str().unwrap_or_default();
        match frame["_tag"].as_str() {
            Some("Chunk") => self.chunk(id, &frame["values"][0]),
            Some("Exit") => self.exit(id, &frame["exit"]),
            Some("Pong") => self.pings -= 1,
            other => panic!("rule 5: a server sends {other:?}"),
        }
    }

    fn chunk(&mut self, id: &str, page: &Value) {
        let Some((last, is_under_way)) = self.pulls.get_mut(id) else { panic!("a chunk for nothing: {id}") };
        assert!(!*is_under_way, "rule 2: one chunk under way");
        *is_under_way = true;
        for item in page["batch"].as_array().unwrap() {
            let event = &item["eventEncoded"];
            let number = event["seqNum"].as_u64().unwrap();
            assert_eq!(number, *last + 1, "rule 2: in order, without gaps, nothing twice");
            *last = number;
        }
        let ends = page["batch"].as_array().unwrap().last();
        assert!(ends.is_none_or(|item| item["eventEncoded"]["group"] == 0), "O6: a page ends with a whole group");
    }

    fn exit(&mut self, id: &str, exit: &Value) {
        if let Some(last) = self.pushes.remove(id) {
            let has_echo = self
                .pulls
                .iter()
                .all(|(id, (sent, is_under_way))| self.interrupted.contains(id) || *sent >= last || *is_under_way);
            assert!(exit["_tag"] != "Success" || has_echo, "rule 6: the echo before the end of the push");
            return;
        }
        assert!(self.interrupted.contains(id), "rule 1: a live pull is never ended: {exit}");
        self.pulls.remove(id);
    }

    /// Rule 3: whatever else happens, a ping was answered.
    pub(crate) fn check_answered(&self) {
        assert_eq!(self.pings, 0, "rule 3: pings are answered at once");
    }
}
