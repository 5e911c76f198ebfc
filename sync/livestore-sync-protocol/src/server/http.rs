use super::chunk::{Chunk, cut};
use super::{LogPage, Push, PushKey, PushVerdict, Read, ReadKey, ServerOptions};
use crate::{
    Call, Cause, ClientEnvelope, DecodeError, Exit, Failure, Groups, Limits, PageInfo, PullRequest, PushRequest,
    Request, RequestId, ServerEnvelope, Transport, check_push, decode_client_frame,
};
use std::collections::VecDeque;

/// What an exchange asks for, in order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum HttpOutput {
    /// The next part of the response's body, whose status is 200 and whose type is `application/json`. Send it before going on:
    /// that is what bounds a long pull's memory.
    Body(String),
    /// As of a [`ServerConnection`](super::ServerConnection); answer with [`HttpExchange::page`].
    Read(Read),
    /// As of a [`ServerConnection`](super::ServerConnection); answer with [`HttpExchange::pushed`].
    Push(Push),
    /// The body is whole.
    Done,
    /// The store gave something that does not follow: break the response off, so that the client reads no JSON and tries again.
    Abort(String),
}

/// One HTTP request and its response: an array of envelopes, sent as it is made.
///
/// Errors of the methods are part of a response with status 200 (measured on sync-cf 0.4.0). A pull's response goes to the end of the
/// log as it was when the pull began; there are no acks.
///
/// ```
/// use livestore_sync_protocol::{HttpExchange, HttpOutput, ServerOptions};
///
/// let body = br#"{"_tag":"Request","id":"5","tag":"SyncHttpRpc.Ping","payload":{"storeId":"todos"},"headers":[]}"#;
/// let (_, outputs) = HttpExchange::begin("todos", body, ServerOptions::default())?;
/// let text = r#"[{"_tag":"Exit","requestId":"5","exit":{"_tag":"Success","value":{"_tag":"SyncMessage.Pong"}}}]"#;
/// assert_eq!(outputs, [HttpOutput::Body(text.into()), HttpOutput::Done]);
/// # Ok::<(), livestore_sync_protocol::DecodeError>(())
/// ```
#[derive(Clone, Debug)]
pub struct HttpExchange {
    store_id: Box<str>,
    options: ServerOptions,
    waiting: VecDeque<(RequestId, Result<Call, String>)>,
    running: Option<Running>,
    keys: u64,
    /// Written and not yet handed out.
    text: String,
    is_begun: bool,
    out: Vec<HttpOutput>,
}

#[derive(Clone, Debug)]
enum Running {
    Pull { id: RequestId, after: u64, backend_id: Option<Box<str>>, groups: Groups, target: Option<u64> },
    Push { id: RequestId, parent: u64, backend_id: Option<Box<str>> },
}

impl HttpExchange {
    /// Reads the body of a request.
    ///
    /// # Errors
    /// It is no envelope: answer 413 where it is [too large](DecodeError::TooLarge), else 400.
    pub fn begin(store_id: &str, body: &[u8], options: ServerOptions) -> Result<(Self, Vec<HttpOutput>), DecodeError> {
        let limits = options.limits;
        let requests = decode_client_frame(body, &limits)?.into_iter().filter_map(|envelope| match envelope {
            ClientEnvelope::Request(request) => Some(request),
            // There is nothing to acknowledge or to interrupt here.
            ClientEnvelope::Ack(_) | ClientEnvelope::Interrupt(_) | ClientEnvelope::Ping | ClientEnvelope::Eof => None,
        });
        let call = |request: Request<'_>| {
            let call = request.call(Transport::Http, &limits).map_err(|error| error.to_string());
            (request.id, call)
        };
        let mut exchange = Self {
            store_id: store_id.into(),
            waiting: requests.map(call).collect(),
            options,
            running: None,
            keys: 0,
            text: String::new(),
            is_begun: false,
            out: Vec::new(),
        };
        let outputs = exchange.go_on();
        Ok((exchange, outputs))
    }

    /// The store answers a [`Read`], as for [`ServerInput::Page`](super::ServerInput::Page).
    pub fn page(&mut self, page: &LogPage<'_>) -> Vec<HttpOutput> {
        let Some(Running::Pull { id, mut after, backend_id, groups, target }) = self.running.take() else {
            return Vec::new();
        };
        if let Some(known) = backend_id.as_deref().filter(|known| *known != page.backend_id.as_str()) {
            let expected = page.backend_id.as_str().into();
            self.fail(id, Cause::Fail(Failure::BackendIdMismatch { expected, received: known.into() }));
            return self.go_on();
        }
        let numbers = after.saturating_add(1)..;
        if page.events.iter().zip(numbers).any(|(event, number)| event.number != number) {
            return vec![HttpOutput::Abort(format!("the log has a gap after e{after}"))];
        }
        let target = target.unwrap_or(page.head);
        let events = cut(page.events, groups, page.backend_id);
        after = events.last().map_or(after, |last| last.number);
        let info = if events.is_empty() { PageInfo::NoMore } else { PageInfo::after(after, target) };
        // Not of a cursor behind the end: that the log lacks events is for the client to see.
        let head = events.last().map_or(page.head, |last| page.head.max(last.number));
        let chunk = Chunk { id: &id, events, info, backend_id: page.backend_id, head };
        let text = chunk.text(&self.options);
        self.write(&text);
        if info == PageInfo::NoMore {
            self.exit(id, Exit::pulled());
            return self.go_on();
        }
        self.read(id, after, backend_id, groups, Some(target));
        self.hand_out()
    }

    /// The store answers a [`Push`], as for [`ServerInput::Pushed`](super::ServerInput::Pushed).
    pub fn pushed(&mut self, verdict: PushVerdict) -> Vec<HttpOutput> {
        let Some(Running::Push { id, parent, backend_id }) = self.running.take() else { return Vec::new() };
        match verdict.failure(parent, backend_id) {
            Ok(_) => self.exit(id, Exit::pushed()),
            Err(failure) => self.fail(id, Cause::Fail(failure)),
        }
        self.go_on()
    }

    fn go_on(&mut self) -> Vec<HttpOutput> {
        while self.running.is_none() {
            let Some((id, call)) = self.waiting.pop_front() else {
                self.text.push_str(if self.is_begun { "]" } else { "[]" });
                let mut outputs = self.hand_out();
                outputs.push(HttpOutput::Done);
                return outputs;
            };
            self.answer(id, call);
        }
        self.hand_out()
    }

    fn answer(&mut self, id: RequestId, call: Result<Call, String>) {
        match call {
            Err(error) => self.fail(id, Cause::die(&error)),
            Ok(call) if call.store_id() != &*self.store_id => self.fail(id, Cause::die("another store than the URL's")),
            Ok(Call::Ping(_)) => self.exit(id, Exit::pong()),
            Ok(Call::Pull(pull)) => self.pull(id, pull),
            Ok(Call::Push(push)) => self.push(id, push),
        }
    }

    fn pull(&mut self, id: RequestId, request: PullRequest) {
        let groups = if request.whole_groups { Groups::Whole } else { Groups::Cut };
        let (backend_id, after) = request.cursor.map_or((None, 0), |cursor| (Some(cursor.backend_id), cursor.number));
        self.read(id, after, backend_id, groups, None);
    }

    fn read(&mut self, id: RequestId, after: u64, backend_id: Option<Box<str>>, groups: Groups, target: Option<u64>) {
        self.keys += 1;
        let (events_max, bytes_max) = (Limits::MESSAGE_EVENTS, Limits::MESSAGE_BYTES);
        self.out.push(HttpOutput::Read(Read { key: ReadKey(self.keys), after, events_max, bytes_max, groups }));
        self.running = Some(Running::Pull { id, after, backend_id, groups, target });
    }

    fn push(&mut self, id: RequestId, request: PushRequest) {
        let PushRequest { batch, backend_id, payload, .. } = request;
        let Some(parent) = batch.first().map(|first| first.parent) else { return self.exit(id, Exit::pushed()) };
        if let Err(error) = check_push(&batch, &self.options.limits) {
            return self.fail(id, Cause::Fail(error.failure()));
        }
        self.keys += 1;
        let push = Push { key: PushKey(self.keys), batch, backend_id: backend_id.clone(), payload };
        self.out.push(HttpOutput::Push(push));
        self.running = Some(Running::Push { id, parent, backend_id });
    }

    fn exit(&mut self, id: RequestId, exit: Exit) {
        let text = ServerEnvelope::Exit { id, exit }.encode();
        self.write(&text);
    }

    fn fail(&mut self, id: RequestId, cause: Cause) {
        self.exit(id, Exit::Failure(cause));
    }

    fn write(&mut self, envelope: &str) {
        self.text.push(if self.is_begun { ',' } else { '[' });
        self.text.push_str(envelope);
        self.is_begun = true;
    }

    /// What was written goes first.
    fn hand_out(&mut self) -> Vec<HttpOutput> {
        let asked = std::mem::take(&mut self.out);
        let text = std::mem::take(&mut self.text);
        let body = (!text.is_empty()).then_some(HttpOutput::Body(text));
        body.into_iter().chain(asked).collect()
    }
}
