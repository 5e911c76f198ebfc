//! What a client of the tool sends.

use livestore_sync_protocol::{
    Call, ClientEnvelope, ConnectRequest, Cursor, Event, EventId, PullRequest, PushRequest, RawJson, Request,
    RequestId, Transport,
};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// The name of the events.
const EVENT: &str = "v1.Loaded";

/// What the args of an event say.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Stamp {
    /// Which of its client's events it is, from 0.
    pub(crate) index: u64,
    /// When it was committed: microseconds of the run.
    pub(crate) at: u64,
    /// Nothing, to make events as large as they shall be.
    #[serde(default)]
    pad: String,
}

impl Stamp {
    pub(crate) fn new(index: u64, at: u64, args_bytes: usize) -> Self {
        let mut stamp = Self { index, at, pad: String::new() };
        let bare = stamp.args().text().len();
        stamp.pad = "x".repeat(args_bytes.saturating_sub(bare));
        stamp
    }

    pub(crate) fn args(&self) -> RawJson {
        RawJson::of(self)
    }

    /// What an event says; `None` when it is not of this tool.
    pub(crate) fn of(event: &Event) -> Option<Self> {
        event.args.as_ref().and_then(|args| serde_json::from_str(args.text()).ok())
    }
}

/// Names a client in its events, and the events themselves.
#[derive(Clone, Debug)]
pub(crate) struct Name {
    pub(crate) run: u64,
    pub(crate) client: u64,
}

impl Name {
    pub(crate) fn client_id(&self) -> String {
        format!("load-{:x}-{}", self.run, self.client)
    }

    fn event_id(&self, index: u64) -> EventId {
        let mut id = [0; 16];
        id[..6].copy_from_slice(&self.run.to_be_bytes()[2..]);
        id[6..10].copy_from_slice(&self.client.to_be_bytes()[4..]);
        id[10..].copy_from_slice(&index.to_be_bytes()[2..]);
        EventId(id)
    }

    pub(crate) fn event(&self, number: u64, stamp: &Stamp) -> Event {
        Event {
            name: EVENT.into(),
            args: Some(stamp.args()),
            number,
            parent: number - 1,
            client_id: self.client_id(),
            session_id: "load".into(),
            id: Some(self.event_id(stamp.index)),
            rest: Some(0),
        }
    }
}

pub(crate) fn pull(store_id: &str, id: RequestId, cursor: Option<Cursor>, live: bool) -> String {
    let store_id = store_id.to_owned();
    request(id, &Call::Pull(PullRequest { store_id, payload: None, live: Some(live), cursor, whole_groups: true }))
}

pub(crate) fn push(store_id: &str, id: RequestId, backend_id: Option<&str>, batch: Vec<Event>) -> String {
    let (store_id, backend_id) = (store_id.to_owned(), backend_id.map(Into::into));
    request(id, &Call::Push(PushRequest { store_id, payload: None, batch, backend_id }))
}

fn request(id: RequestId, call: &Call) -> String {
    ClientEnvelope::Request(Request::new(id, call, Transport::WebSocket)).encode()
}

pub(crate) fn ack(id: RequestId) -> String {
    ClientEnvelope::Ack(id).encode()
}

pub(crate) fn ping() -> String {
    ClientEnvelope::Ping.encode()
}

/// The address of a store, with the token where TypeScript clients have it.
pub(crate) fn address(url: &str, store_id: &str, token: Option<&str>) -> String {
    let payload = token.map(|token| RawJson::of(&BTreeMap::from([("authToken", token)])));
    // The request needs a path, which people leave out.
    let has_path = url.split_once("://").is_some_and(|(_, rest)| rest.contains(['/', '?']));
    let base = if has_path { url.to_owned() } else { format!("{url}/") };
    ConnectRequest { store_id: store_id.into(), transport: Transport::WebSocket, payload }.url(&base)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stamp_comes_back_and_has_its_size() {
        let stamp = Stamp::new(7, 123_456, 90);
        assert_eq!(stamp.args().text().len(), 90);
        let event = Name { run: 1, client: 2 }.event(3, &stamp);
        assert_eq!(Stamp::of(&event), Some(stamp));
        assert_eq!(Stamp::new(7, 1, 0).args().text(), r#"{"index":7,"at":1,"pad":""}"#);
    }

    #[test]
    fn an_address_has_a_path() {
        assert_eq!(address("ws://host:1", "s", None), "ws://host:1/?storeId=s&transport=ws");
        assert_eq!(address("wss://host/sync", "s", None), "wss://host/sync?storeId=s&transport=ws");
    }

    #[test]
    fn events_of_all_clients_have_ids_of_their_own() {
        let ids = [(1, 1, 1), (1, 1, 2), (1, 2, 1), (2, 1, 1)];
        let ids = ids.map(|(run, client, index)| Name { run, client }.event_id(index));
        assert!((1..ids.len()).all(|end| !ids[..end].contains(&ids[end])), "{ids:?}");
    }
}
