//! What waits to be sent on one WebSocket.

use super::MOVED_MIN;
use crate::limits::{Outbox, ServerLimits};
use crate::serve::counted::Traffic;
use axum::extract::ws::{Message, WebSocket};
use futures_util::SinkExt as _;
use futures_util::stream::SplitSink;
use std::collections::VecDeque;
use std::future::poll_fn;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;
use tokio::time::Instant;

/// Frames on their way to a client, which may read slowly: nothing else of the connection waits for it.
pub(super) struct Outgoing {
    sink: SplitSink<WebSocket, Message>,
    frames: VecDeque<Message>,
    outbox: Outbox,
    stalled_max: Duration,
    /// The bytes of what the sink has and the socket has not.
    under_way: usize,
    /// Since when the client has not read on.
    since: Option<Instant>,
    traffic: Arc<Traffic>,
    /// The bytes that were written by then.
    written: u64,
}

impl Outgoing {
    pub(super) fn new(sink: SplitSink<WebSocket, Message>, limits: &ServerLimits, traffic: Arc<Traffic>) -> Self {
        Self {
            sink,
            frames: VecDeque::new(),
            outbox: Outbox::new(limits),
            stalled_max: limits.stalled_max,
            under_way: 0,
            since: None,
            traffic,
            written: 0,
        }
    }

    pub(super) fn push(&mut self, frame: Message) {
        self.outbox.queued(len(&frame));
        self.since.get_or_insert_with(Instant::now);
        self.frames.push_back(frame);
    }

    pub(super) fn extend(&mut self, frame: Option<Message>) {
        if let Some(frame) = frame {
            self.push(frame);
        }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.outbox.is_empty()
    }

    /// Whether so much waits that nothing more should be asked for.
    pub(super) fn is_full(&self) -> bool {
        self.outbox.is_full()
    }

    /// When the client is given up that does not read.
    pub(super) fn deadline(&self) -> Option<Instant> {
        self.since.map(|since| since + self.stalled_max)
    }

    /// Sends all, as fast as the client reads. May be dropped at any time; what was sent by then is sent.
    pub(super) async fn send(&mut self) -> Result<(), axum::Error> {
        poll_fn(|context| {
            let polled = self.poll(context);
            self.look_whether_it_moves();
            polled
        })
        .await
    }

    fn poll(&mut self, context: &mut Context<'_>) -> Poll<Result<(), axum::Error>> {
        while !self.frames.is_empty() {
            ready!(self.sink.poll_ready_unpin(context))?;
            self.arrived();
            if let Some(frame) = self.frames.pop_front() {
                self.under_way = len(&frame);
                self.sink.start_send_unpin(frame)?;
            }
        }
        ready!(self.sink.poll_flush_unpin(context))?;
        self.arrived();
        self.since = None;
        Poll::Ready(Ok(()))
    }

    /// A part of a frame is as good as a whole one, for a client on a slow line.
    fn look_whether_it_moves(&mut self) {
        let written = self.traffic.written();
        if written >= self.written + MOVED_MIN {
            self.written = written;
            self.since = self.since.map(|_| Instant::now());
        }
    }

    /// The socket took what the sink had.
    fn arrived(&mut self) {
        if self.under_way > 0 {
            self.outbox.sent(std::mem::take(&mut self.under_way));
            self.since = Some(Instant::now());
        }
    }
}

/// Never nothing: an empty frame costs one as well.
fn len(frame: &Message) -> usize {
    match frame {
        Message::Text(text) => text.len().max(1),
        Message::Binary(bytes) | Message::Ping(bytes) | Message::Pong(bytes) => bytes.len().max(1),
        Message::Close(_) => 1,
    }
}
