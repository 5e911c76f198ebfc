use crate::json::len_of;
use crate::{BatchError, Event, Limits};

/// Whether a page or a push may end inside a commit group.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Groups {
    /// It may, as the other side does not keep groups. A page ends behind a whole group all the same where one fits: applications are
    /// then shown whole commits, though their clients do not know of them.
    Cut,
    /// It may not. A group larger than a page makes a page of its own.
    Whole,
}

/// Fills a page with what a log holds, up to 100 events and 900,000 bytes (what sync-cf 0.4.0 cuts at).
///
/// The first event goes, or with [`Groups::Whole`] the first group, however large it is: otherwise nothing would follow it.
///
/// ```
/// use livestore_sync_protocol::{Groups, PageBuilder};
///
/// let mut page = PageBuilder::new(Groups::Cut, 0);
/// let mut log = 1..;
/// while let Some(number) = log.next() {
///     if !page.offer(number, 50, true) {
///         break;
///     }
/// }
/// assert_eq!(page.finish().len(), 100);
/// ```
#[derive(Debug)]
pub struct PageBuilder<T> {
    items: Vec<T>,
    groups: Groups,
    bytes: usize,
    /// How many items the page has if it ends behind the last whole group.
    whole: usize,
}

impl<T> PageBuilder<T> {
    /// An empty page, with so many bytes around its events.
    #[must_use]
    pub const fn new(groups: Groups, envelope_bytes: usize) -> Self {
        Self { items: Vec::new(), groups, bytes: envelope_bytes, whole: 0 }
    }

    /// Offers the next event, its size as JSON, and whether it ends its commit group. Returns whether the page takes more; where it
    /// does not, it may have left this one out.
    pub fn offer(&mut self, item: T, bytes: usize, ends_group: bool) -> bool {
        let bytes = self.bytes.saturating_add(bytes).saturating_add(1);
        let is_full = self.items.len() >= Limits::MESSAGE_EVENTS || bytes > Limits::MESSAGE_BYTES;
        let may_end = self.whole > 0 || (self.groups == Groups::Cut && !self.items.is_empty());
        if may_end && is_full {
            return false;
        }
        self.items.push(item);
        self.bytes = bytes;
        // A group that does not end where groups have to is damage; it is passed on in parts rather than stopping all.
        let is_endless = self.items.len() - self.whole >= Limits::GROUP_EVENTS;
        if ends_group || is_endless {
            self.whole = self.items.len();
        }
        true
    }

    /// The page: whole groups, or all that was offered where not even one came to its end.
    #[must_use]
    pub fn finish(mut self) -> Vec<T> {
        if self.whole > 0 {
            self.items.truncate(self.whole);
        }
        self.items
    }
}

/// Cuts a push into messages of at most 100 events and 900,000 bytes, as the other side's limits ask.
///
/// `envelope_bytes` is the size of the message without its events. With [`Groups::Whole`] a larger group stays one message.
///
/// # Errors
/// An event alone is larger than [`Limits::event_bytes`]. The client of sync-cf 0.4.0 never sends such an event, and tries again for
/// ever (measured); here its number is told.
pub fn split_push(
    batch: Vec<Event>,
    groups: Groups,
    envelope_bytes: usize,
    limits: &Limits,
) -> Result<Vec<Vec<Event>>, BatchError> {
    let mut messages = Vec::new();
    let mut group: Vec<Event> = Vec::new();
    let (mut message, mut message_bytes, mut group_bytes) = (Vec::new(), envelope_bytes, 0);
    for event in batch {
        let (number, bytes, max) = (event.number, len_of(&event), limits.event_bytes);
        if bytes > max {
            return Err(BatchError::EventTooLarge { number, bytes, max });
        }
        let ends = groups == Groups::Cut || event.ends_group();
        group_bytes += bytes + 1;
        group.push(event);
        if !ends {
            continue;
        }
        let events = message.len() + group.len();
        let is_over = events > Limits::MESSAGE_EVENTS || message_bytes + group_bytes > Limits::MESSAGE_BYTES;
        if is_over && !message.is_empty() {
            messages.push(std::mem::take(&mut message));
            message_bytes = envelope_bytes;
        }
        message.append(&mut group);
        message_bytes += std::mem::take(&mut group_bytes);
    }
    message.append(&mut group);
    if !message.is_empty() {
        messages.push(message);
    }
    Ok(messages)
}
