//! Pages that many connections send.

use super::Follow;
use crate::storage::Entry;
use axum::extract::ws::Utf8Bytes;
use livestore_sync_protocol::{Groups, LogEvent, PageKey, Read};
use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// Pages that are kept of a store: who follows it is at its end, or a few pages behind.
const PAGES_MAX: usize = 4;
/// Texts that are kept of a page: they differ by the ids of requests only, which are small numbers.
const TEXTS_MAX: usize = 4;
/// Longer texts are not kept, so that a store costs a few MiB at most. They are few events, which cost little to write again.
const TEXT_BYTES_MAX: usize = 256 << 10;

/// The last pages that were asked for.
#[derive(Debug, Default)]
pub(super) struct Pages {
    pages: Mutex<VecDeque<Arc<SharedPage>>>,
}

/// A part of a log, and what connections send of it.
#[derive(Debug)]
pub struct SharedPage {
    after: u64,
    groups: Groups,
    /// How far the log was at least when it was read.
    pub follow: Follow,
    /// The events.
    pub events: Vec<LogEvent>,
    texts: Mutex<Vec<(PageKey, Utf8Bytes)>>,
}

impl Pages {
    /// The page that is kept; else what `read` gives. A log's events do not change: a page of one head stays right.
    pub(super) fn get(
        &self,
        asked: &Read,
        follow: &Follow,
        read: impl FnOnce() -> Option<Vec<Entry>>,
    ) -> Option<Arc<SharedPage>> {
        let is_asked = |page: &&Arc<SharedPage>| {
            page.after == asked.after && page.groups == asked.groups && page.follow == *follow
        };
        if let Some(page) = self.lock().iter().find(is_asked) {
            return Some(Arc::clone(page));
        }
        let events = read()?.into_iter().map(LogEvent::from).collect();
        let (after, groups, follow) = (asked.after, asked.groups, follow.clone());
        let page = Arc::new(SharedPage { after, groups, follow, events, texts: Mutex::default() });
        let mut pages = self.lock();
        if pages.len() >= PAGES_MAX {
            pages.pop_front();
        }
        pages.push_back(Arc::clone(&page));
        Some(page)
    }

    fn lock(&self) -> MutexGuard<'_, VecDeque<Arc<SharedPage>>> {
        self.pages.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl SharedPage {
    /// The text of this page for a connection, written where nobody asked for the same before.
    pub(crate) fn text(&self, key: PageKey, write: impl FnOnce() -> String) -> Utf8Bytes {
        let mut texts = self.texts.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((_, text)) = texts.iter().find(|(kept, _)| *kept == key) {
            return text.clone();
        }
        let text = Utf8Bytes::from(write());
        if texts.len() < TEXTS_MAX && text.len() <= TEXT_BYTES_MAX {
            texts.push((key, text.clone()));
        }
        text
    }
}

impl From<Entry> for LogEvent {
    fn from(Entry { number, rest, created_at_ms, body, .. }: Entry) -> Self {
        Self { number, rest, created_at_ms, body }
    }
}
