//! Pages that came to many clients: equal texts are decoded once, so that the tool costs the machine less than what it measures.

use crate::frames::{self, Stamp};
use livestore_sync_protocol::{DecodeError, Limits, PullResponse, ServerEnvelope, decode_server_frame};
use std::collections::VecDeque;
use std::sync::{Arc, Mutex, PoisonError};

/// Pages that are kept: clients of one store are not further apart, mostly.
const PAGES_MAX: usize = 8;

/// A frame with nothing but pages of one pull.
#[derive(Debug)]
pub(crate) struct Page {
    text: Box<str>,
    /// Each page, and what its events say of themselves where they are of this tool.
    pub(crate) values: Vec<(PullResponse, Vec<Option<Stamp>>)>,
    /// The answer to it.
    pub(crate) ack: String,
}

/// The last pages of a store.
#[derive(Debug, Default)]
pub(crate) struct Pages(Mutex<VecDeque<Arc<Page>>>);

impl Pages {
    /// What a frame says; `None` when it is no page.
    pub(crate) fn read(&self, text: &str) -> Result<Option<Arc<Page>>, DecodeError> {
        if !text.starts_with(r#"{"_tag":"Chunk""#) {
            return Ok(None);
        }
        let mut pages = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        // Every byte is compared: a client believes nothing that did not come to itself.
        if let Some(page) = pages.iter().rev().find(|page| *page.text == *text) {
            return Ok(Some(Arc::clone(page)));
        }
        let Some(page) = Page::of(text)? else { return Ok(None) };
        if pages.len() == PAGES_MAX {
            pages.pop_front();
        }
        let page = Arc::new(page);
        pages.push_back(Arc::clone(&page));
        Ok(Some(page))
    }
}

impl Page {
    fn of(text: &str) -> Result<Option<Self>, DecodeError> {
        let envelopes = decode_server_frame(text.as_bytes(), &Limits::default())?;
        let mut envelopes = envelopes.into_iter();
        let (Some(ServerEnvelope::Chunk { id, values }), None) = (envelopes.next(), envelopes.next()) else {
            return Ok(None);
        };
        let with_stamps = |page: PullResponse| {
            let stamps = stamps(&page);
            (page, stamps)
        };
        let values = values.into_iter().map(with_stamps).collect();
        Ok(Some(Self { text: text.into(), values, ack: frames::ack(id) }))
    }
}

/// What the events of a page say of themselves, where they are of this tool.
pub(crate) fn stamps(page: &PullResponse) -> Vec<Option<Stamp>> {
    let events = page.batch.iter().map(|pulled| &pulled.event);
    events.map(|event| event.client_id.starts_with("load-").then(|| Stamp::of(event)).flatten()).collect()
}
