//! Pages as text. Events were written when they came, so a page is put together from their bodies.

use super::{LogEvent, ServerOptions};
use crate::json::text_of;
use crate::{BackendId, Capabilities, Dialect, Event, Groups, PageBuilder, PageInfo, RequestId, iso_timestamp};

/// What stands around an event's body in a page.
const ITEM_BYTES: usize = r#"{"eventEncoded":,"metadata":{"_tag":"Some","value":{"_tag":"SyncMessage.SyncMetadata","createdAt":"2026-11-22T04:34:32.831Z"}}}"#.len();

/// What stands around the events of a page, at most.
const PAGE_BYTES: usize = r#"{"batch":[],"pageInfo":{"_tag":"MoreKnown","remaining":18446744073709551615},"backendId":"","capabilities":{"identity":false,"head":18446744073709551615}}"#.len();

/// The events of the next page: as many of these as fit.
pub(super) fn cut<'a>(events: &'a [LogEvent], groups: Groups, backend_id: &BackendId) -> &'a [LogEvent] {
    let mut page = PageBuilder::new(groups, PAGE_BYTES + backend_id.as_str().len());
    for event in events {
        let ends_group = event.rest.unwrap_or(0) == 0;
        if !page.offer((), event.body.len() + ITEM_BYTES, ends_group) {
            break;
        }
    }
    events.get(..page.finish().len()).unwrap_or(events)
}

pub(super) struct Chunk<'a> {
    pub(super) id: &'a RequestId,
    pub(super) events: &'a [LogEvent],
    pub(super) info: PageInfo,
    pub(super) backend_id: &'a BackendId,
    pub(super) head: u64,
}

/// All that the text of a page depends on, for one log: equal keys stand for equal texts.
///
/// A shell keeps the texts of what it sends to many connections by it; see [`ServerConnection::page`](super::ServerConnection::page).
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct PageKey {
    id: RequestId,
    first: u64,
    count: usize,
    info: PageInfo,
    head: u64,
    keeps_identity: bool,
}

impl Chunk<'_> {
    pub(super) fn key(&self, options: &ServerOptions) -> PageKey {
        PageKey {
            id: self.id.clone(),
            first: self.events.first().map_or(0, |first| first.number),
            count: self.events.len(),
            info: self.info,
            head: self.head,
            keeps_identity: options.keeps_identity,
        }
    }

    pub(super) fn text(&self, options: &ServerOptions) -> String {
        let bodies: usize = self.events.iter().map(|event| event.body.len() + ITEM_BYTES + 1).sum();
        let mut text = String::with_capacity(bodies + PAGE_BYTES + 256);
        text.push_str(r#"{"_tag":"Chunk","requestId":"#);
        text.push_str(&text_of(self.id));
        text.push_str(r#","values":[{"batch":["#);
        // Events of one push have one time.
        let (mut at_ms, mut created_at) = (0, iso_timestamp(0));
        for (index, event) in self.events.iter().enumerate() {
            if index > 0 {
                text.push(',');
            }
            if event.created_at_ms != at_ms {
                (at_ms, created_at) = (event.created_at_ms, iso_timestamp(event.created_at_ms));
            }
            self.push_event(event, &created_at, &mut text);
        }
        text.push_str(r#"],"pageInfo":"#);
        text.push_str(&text_of(&self.info));
        text.push_str(r#","backendId":"#);
        text.push_str(&text_of(self.backend_id));
        if options.keeps_identity {
            text.push_str(r#","capabilities":"#);
            text.push_str(&text_of(&Capabilities { identity: true, head: Some(self.head) }));
        }
        text.push_str("}]}");
        text
    }

    fn push_event(&self, event: &LogEvent, created_at: &str, text: &mut String) {
        text.push_str(r#"{"eventEncoded":"#);
        match self.id.dialect() {
            Dialect::Effect3 => text.push_str(&event.body),
            Dialect::Effect4 => text.push_str(&with_args(&event.body)),
        }
        text.push_str(r#","metadata":{"_tag":"Some","value":{"_tag":"SyncMessage.SyncMetadata","createdAt":""#);
        text.push_str(created_at);
        text.push_str(r#""}}}"#);
    }
}

/// The body for a client that needs the args, absent ones as `null`.
fn with_args(body: &str) -> String {
    match serde_json::from_str::<Event>(body) {
        Ok(event) => text_of(&event.in_dialect(Dialect::Effect4)),
        Err(_) => body.to_owned(),
    }
}
