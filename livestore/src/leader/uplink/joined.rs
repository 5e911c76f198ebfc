//! Pages that lie ready together are taken as one: each costs two transactions, however few events it has.

use crate::sync::{SyncConnection, SyncMessage, SyncPage};

/// No page grows by others beyond so many events and payload bytes.
const EVENTS_MAX: usize = 1_000;
const BYTES_MAX: usize = 4 << 20;

/// The messages of a connection.
#[derive(Debug, Default)]
pub(super) struct Inbox {
    /// Looked at, and not a part of the page before it.
    next: Option<SyncMessage>,
}

impl Inbox {
    /// The next message. A page comes with those that follow it and are there already, unless each is to come alone.
    pub(super) fn receive(&mut self, connection: &mut dyn SyncConnection, is_joining: bool) -> Option<SyncMessage> {
        let message = self.next.take().or_else(|| connection.receive())?;
        let SyncMessage::Page(mut page) = message else { return Some(message) };
        let mut bytes = bytes_of(&page);
        while is_joining && can_grow(&page) && bytes < BYTES_MAX {
            match connection.receive() {
                Some(SyncMessage::Page(next)) if follows(&page, &next) => {
                    bytes += bytes_of(&next);
                    join(&mut page, next);
                }
                other => {
                    self.next = other;
                    break;
                }
            }
        }
        Some(SyncMessage::Page(page))
    }
}

fn bytes_of(page: &SyncPage) -> usize {
    page.events.iter().map(crate::sync::SyncEvent::bytes).sum()
}

/// Whether what follows may go with it: it does not end in the middle of a commit group, which is an error.
fn can_grow(page: &SyncPage) -> bool {
    page.events.len() < EVENTS_MAX && page.events.last().is_some_and(|last| last.rest.unwrap_or(0) == 0)
}

fn follows(page: &SyncPage, next: &SyncPage) -> bool {
    let (last, first) = (page.events.last(), next.events.first());
    let is_next = last.zip(first).is_some_and(|(last, first)| first.parent == last.number);
    is_next
        && page.events.len() + next.events.len() <= EVENTS_MAX
        && (&page.backend_id, page.keeps_identity) == (&next.backend_id, next.keeps_identity)
}

/// The later page knows more of what follows it.
fn join(page: &mut SyncPage, next: SyncPage) {
    let SyncPage { events, info, head, .. } = next;
    page.events.extend(events);
    (page.info, page.head) = (info, head);
}

#[cfg(test)]
mod tests;
