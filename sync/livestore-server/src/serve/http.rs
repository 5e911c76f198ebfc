//! One HTTP request: the shell around an [`HttpExchange`].

use super::session::{Session, log_events};
use crate::hub::Page;
use axum::body::{Body, Bytes};
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse as _, Response};
use livestore_sync_protocol::{DecodeError, HttpExchange, HttpOutput, LogPage, ServerOptions};
use tokio::sync::mpsc;

/// Parts of a response that wait for the client to read; a part is a page at most.
const PARTS: usize = 2;

/// Answers a request. The response is sent as it is made.
pub(super) fn answer(session: Session, body: &[u8], options: ServerOptions) -> Response {
    let (exchange, outputs) = match HttpExchange::begin(session.store.store_id(), body, options) {
        Ok(begun) => begun,
        Err(error @ (DecodeError::TooLarge { .. } | DecodeError::TooMany { .. })) => {
            return (StatusCode::PAYLOAD_TOO_LARGE, error.to_string()).into_response();
        }
        Err(error) => return (StatusCode::BAD_REQUEST, error.to_string()).into_response(),
    };
    let (parts, receiver) = mpsc::channel(PARTS);
    // On a task of its own: a push goes on when its client hangs up.
    tokio::spawn(run(session, exchange, outputs, parts));
    let stream = futures_util::stream::unfold(receiver, async |mut receiver| Some((receiver.recv().await?, receiver)));
    ([(header::CONTENT_TYPE, "application/json")], Body::from_stream(stream)).into_response()
}

type Part = Result<Bytes, std::io::Error>;

async fn run(session: Session, mut exchange: HttpExchange, mut outputs: Vec<HttpOutput>, parts: mpsc::Sender<Part>) {
    loop {
        let mut next = None;
        for output in outputs {
            match output {
                HttpOutput::Body(text) => {
                    if parts.send(Ok(text.into())).await.is_err() {
                        return;
                    }
                }
                HttpOutput::Read(read) => match session.clone().read(read).await {
                    Ok(Page { follow, entries }) => {
                        let events = log_events(entries);
                        let head = events.last().map_or(follow.head, |last| last.number.max(follow.head));
                        let backend_id = &follow.backend_id;
                        next = Some(exchange.page(&LogPage { key: read.key, backend_id, head, events: &events }));
                    }
                    Err(close) => return abort(&parts, close.reason).await,
                },
                HttpOutput::Push(push) => match session.clone().push(push).await {
                    Ok(verdict) => next = Some(exchange.pushed(verdict)),
                    Err(close) => return abort(&parts, close.reason).await,
                },
                HttpOutput::Done => return,
                HttpOutput::Abort(reason) => return abort(&parts, reason).await,
            }
        }
        match next {
            Some(next) => outputs = next,
            None => return,
        }
    }
}

/// Breaks the response off, so that the client reads no JSON and tries again.
async fn abort(parts: &mpsc::Sender<Part>, reason: String) {
    let _ = parts.send(Err(std::io::Error::other(reason))).await;
}
