//! One HTTP request: the shell around an [`HttpExchange`].

use super::guarded;
use super::session::{Session, log_events};
use crate::hub::{Follow, Page};
use crate::limits::{ConnectionGuard, ServerLimits};
use axum::body::{Body, Bytes};
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse as _, Response};
use livestore_sync_protocol::{
    Close, DecodeError, HttpExchange, HttpOutput, LogPage, Push, PushVerdict, Read, ServerOptions,
};
use std::io;
use std::time::Duration;
use tokio::sync::mpsc;

/// Parts of a response that wait for the client to read.
const PARTS: usize = 2;
/// The longest part.
const PIECE_BYTES: usize = 64 << 10;

/// Answers a request. The response is sent as it is made; the request counts as a connection until all of it is done.
pub(super) fn answer(
    session: Session,
    body: &[u8],
    (options, limits): (ServerOptions, &ServerLimits),
    guard: ConnectionGuard,
) -> Response {
    let (wait_max, stalled_max) = (options.store_timeout, limits.stalled_max);
    let (exchange, outputs) = match HttpExchange::begin(session.store.store_id(), body, options) {
        Ok(begun) => begun,
        Err(error @ (DecodeError::TooLarge { .. } | DecodeError::TooMany { .. })) => {
            return (StatusCode::PAYLOAD_TOO_LARGE, error.to_string()).into_response();
        }
        Err(error) => return (StatusCode::BAD_REQUEST, error.to_string()).into_response(),
    };
    let (parts, receiver) = mpsc::channel(PARTS);
    let mut exchange = Exchange { session, exchange, parts, wait_max, stalled_max, follow: None };
    // On a task of its own: a push goes on when its client hangs up.
    tokio::spawn(guarded("a request", async move {
        if let Err(End::Broken(reason)) = exchange.run(outputs).await {
            let _ = exchange.send(Part::Broken(reason)).await;
        }
        drop(guard);
    }));
    let stream = futures_util::stream::unfold(Some(receiver), async |receiver| {
        let mut receiver = receiver?;
        match receiver.recv().await {
            Some(Part::Text(text)) => Some((Ok(text), Some(receiver))),
            Some(Part::End) => None,
            // Broken off, so that the client reads no JSON and tries again.
            Some(Part::Broken(reason)) => Some((Err(io::Error::other(reason)), None)),
            None => Some((Err(io::Error::other("the answer was not finished")), None)),
        }
    });
    ([(header::CONTENT_TYPE, "application/json")], Body::from_stream(stream)).into_response()
}

enum Part {
    Text(Bytes),
    End,
    Broken(String),
}

/// Why a response ends early.
enum End {
    /// Nobody reads it.
    Unread,
    Broken(String),
}

struct Exchange {
    session: Session,
    exchange: HttpExchange,
    parts: mpsc::Sender<Part>,
    /// How long the store may take to answer.
    wait_max: Duration,
    /// How long the client may take to read a part.
    stalled_max: Duration,
    /// How far the log was at the first page.
    follow: Option<Follow>,
}

impl Exchange {
    async fn run(&mut self, mut outputs: Vec<HttpOutput>) -> Result<(), End> {
        loop {
            let mut next = Vec::new();
            for output in outputs {
                match output {
                    HttpOutput::Body(text) => self.send_text(text.into()).await?,
                    HttpOutput::Read(read) => next = self.read(read).await?,
                    HttpOutput::Push(push) => next = self.push(push).await?,
                    HttpOutput::Done => return self.send(Part::End).await,
                    HttpOutput::Abort(reason) => return Err(End::Broken(reason)),
                }
            }
            if next.is_empty() {
                return Err(End::Broken("the answer was not finished".into()));
            }
            outputs = next;
        }
    }

    async fn read(&mut self, read: Read) -> Result<Vec<HttpOutput>, End> {
        let Page { follow, entries } = self.in_time(self.session.clone().read(read)).await?;
        let first = self.follow.get_or_insert_with(|| follow.clone());
        if first.restarts != follow.restarts {
            return Err(End::Broken("the log began again".into()));
        }
        let events = log_events(entries);
        let head = events.last().map_or(follow.head, |last| last.number.max(follow.head));
        Ok(self.exchange.page(&LogPage { key: read.key, backend_id: &follow.backend_id, head, events: &events }))
    }

    async fn push(&mut self, push: Push) -> Result<Vec<HttpOutput>, End> {
        let verdict: PushVerdict = self.in_time(self.session.clone().push(push)).await?;
        Ok(self.exchange.pushed(verdict))
    }

    async fn in_time<T>(&self, asking: impl Future<Output = Result<T, Close>>) -> Result<T, End> {
        match tokio::time::timeout(self.wait_max, asking).await {
            Ok(answer) => answer.map_err(|close| End::Broken(close.reason)),
            Err(_) => Err(End::Broken("the store does not answer".into())),
        }
    }

    /// In pieces, each of which may take its time: a slow line is not a dead one.
    async fn send_text(&self, mut text: Bytes) -> Result<(), End> {
        while !text.is_empty() {
            let piece = text.split_to(PIECE_BYTES.min(text.len()));
            self.send(Part::Text(piece)).await?;
        }
        Ok(())
    }

    async fn send(&self, part: Part) -> Result<(), End> {
        match tokio::time::timeout(self.stalled_max, self.parts.send(part)).await {
            Ok(Ok(())) => Ok(()),
            Ok(Err(_)) | Err(_) => Err(End::Unread),
        }
    }
}
