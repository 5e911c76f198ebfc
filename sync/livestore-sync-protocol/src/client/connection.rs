use super::pull::{Arrived, Pull};
use super::push::Push;
use super::types::Ended;
use super::{ClientInput, ClientOptions, ClientOutput, Disconnect, Page, Refusal};
use crate::{
    BackendId, BatchError, Call, Cause, ClientEnvelope, Event, Exit, PageInfo, PullRequest, PullResponse, Request,
    RequestId, ServerEnvelope, Transport, decode_server_frame,
};
use std::collections::VecDeque;
use std::time::Duration;

/// One WebSocket to a server, seen from the client: what comes in, and what is asked, decides what goes out.
///
/// It does nothing itself: [`step`](Self::step) takes what happened and returns what to do. Whoever drives it owns the socket, tells
/// the time, and connects again with a new one of these: waits between connections are not its own.
///
/// It works against this project's server and against that of sync-cf 0.4.0, which sends news ahead of the backlog and then again,
/// goes on sending to pulls that ended, and answers nothing at all to what it does not understand (all measured). Pages come out in
/// order, without gaps and without anything twice.
///
/// ```
/// use livestore_sync_protocol::{ClientConnection, ClientInput, ClientOptions, ClientOutput};
/// use std::time::Duration;
///
/// let now = Duration::ZERO;
/// let mut connection = ClientConnection::new(ClientOptions::new("todos"));
/// let outputs = connection.step(ClientInput::Open, now);
/// assert_eq!(outputs, [ClientOutput::Send(r#"{"_tag":"Ping"}"#.into()), ClientOutput::Connected]);
/// let outputs = connection.step(ClientInput::Pull { after: 0, backend_id: None, live: true }, now);
/// assert!(matches!(&outputs[..], [ClientOutput::Send(_)]));
/// ```
#[derive(Clone, Debug)]
pub struct ClientConnection {
    options: ClientOptions,
    phase: Phase,
    ids: u64,
    /// When to ask next whether the server is there.
    ping_at: Duration,
    /// Until when it has to say something.
    silent_until: Option<Duration>,
    pongs_owed: u32,
    keeps_identity: Option<bool>,
    pull: Option<Pull>,
    /// The pages that are not taken yet, oldest first, with the pull to acknowledge for each.
    pages: VecDeque<Option<RequestId>>,
    push: Option<Push>,
    out: Vec<ClientOutput>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Phase {
    Opening,
    Open,
    Closed,
}

impl ClientConnection {
    /// A connection whose socket does not stand yet.
    #[must_use]
    pub const fn new(options: ClientOptions) -> Self {
        Self {
            options,
            phase: Phase::Opening,
            ids: 0,
            ping_at: Duration::ZERO,
            silent_until: None,
            pongs_owed: 0,
            keeps_identity: None,
            pull: None,
            pages: VecDeque::new(),
            push: None,
            out: Vec::new(),
        }
    }

    /// One step. `now` does not go back. Before the socket stands, and after it is closed, requests are not answered.
    pub fn step(&mut self, input: ClientInput<'_>, now: Duration) -> Vec<ClientOutput> {
        match (self.phase, input) {
            (Phase::Closed, _) => {}
            (_, ClientInput::Closed { code, reason }) => self.close(Disconnect::closed(code, &reason)),
            (Phase::Opening, ClientInput::Open) => self.open(now),
            (Phase::Opening, _) | (Phase::Open, ClientInput::Open | ClientInput::Tick) => {}
            (Phase::Open, ClientInput::Frame(bytes)) => self.frame(bytes, now),
            (Phase::Open, ClientInput::Pull { after, backend_id, live }) => self.pull(after, backend_id, live, now),
            (Phase::Open, ClientInput::Push { backend_id, events }) => self.push(backend_id, events, now),
            (Phase::Open, ClientInput::Ping) => {
                self.pongs_owed += 1;
                self.ping(now);
            }
            (Phase::Open, ClientInput::PageTaken) => self.page_taken(now),
            (Phase::Open, ClientInput::Moving) => self.moving(now),
        }
        self.pass_time(now);
        std::mem::take(&mut self.out)
    }

    /// When it wants the next [`ClientInput::Tick`] at the latest; `None` while it waits for the socket, or is closed.
    #[must_use]
    pub fn deadline(&self) -> Option<Duration> {
        let pull = self.pull.as_ref().filter(|_| self.pages.is_empty()).and_then(|pull| pull.deadline);
        let push = self.push.as_ref().map(|push| push.deadline);
        let waits = [self.silent_until, pull, push];
        (self.phase == Phase::Open).then(|| waits.into_iter().flatten().fold(self.ping_at, Duration::min))
    }

    /// Whether it is over.
    #[must_use]
    pub fn is_closed(&self) -> bool {
        self.phase == Phase::Closed
    }

    fn open(&mut self, now: Duration) {
        self.phase = Phase::Open;
        self.ping(now);
        self.out.push(ClientOutput::Connected);
    }

    fn ping(&mut self, now: Duration) {
        self.send(&ClientEnvelope::Ping);
        self.ping_at = now + self.options.ping_interval;
        self.silent_until.get_or_insert(now + self.options.ping_timeout);
    }

    fn frame(&mut self, bytes: &[u8], now: Duration) {
        self.silent_until = None;
        let envelopes = match decode_server_frame(bytes, &self.options.limits) {
            Ok(envelopes) => envelopes,
            Err(error) => return self.close(Disconnect::of(&error)),
        };
        for envelope in envelopes {
            if self.phase == Phase::Closed {
                return;
            }
            match envelope {
                ServerEnvelope::Chunk { id, values } => self.chunk(&id, values, now),
                ServerEnvelope::Exit { id, exit } => self.exit(&id, &exit, now),
                ServerEnvelope::Defect(defect) => {
                    self.close(Disconnect::protocol(crate::error::excerpt(defect.text())));
                }
                ServerEnvelope::Pong if self.pongs_owed > 0 => {
                    self.pongs_owed -= 1;
                    self.out.push(ClientOutput::Pong);
                }
                ServerEnvelope::Pong => {}
            }
        }
    }

    /// Begins a pull, in place of the one before.
    fn pull(&mut self, after: u64, backend_id: Option<BackendId>, live: bool, now: Duration) {
        self.abandon_pull();
        let deadline = now + self.options.pull_timeout;
        let pull = Pull::new(self.next_id(), after, backend_id, live, deadline);
        self.begin(pull);
    }

    fn abandon_pull(&mut self) {
        if let Some(pull) = self.pull.take() {
            self.send(&ClientEnvelope::Interrupt(pull.id));
        }
    }

    fn begin(&mut self, pull: Pull) {
        let request = PullRequest {
            store_id: self.options.store_id.clone(),
            payload: self.options.payload.clone(),
            live: Some(pull.live),
            cursor: pull.cursor(),
            whole_groups: true,
        };
        self.request(pull.id.clone(), &Call::Pull(request));
        self.pull = Some(pull);
    }

    /// What comes for a pull that is over is left alone: the server of sync-cf 0.4.0 goes on sending to it.
    fn chunk(&mut self, id: &RequestId, values: Vec<PullResponse>, now: Duration) {
        let pages_before = self.pages.len();
        for response in values {
            let Some(pull) = self.pull.as_mut().filter(|pull| pull.id == *id) else { return };
            self.keeps_identity = Some(response.capabilities.is_some_and(|capabilities| capabilities.identity));
            match pull.arrived(response, now, self.options.pull_timeout) {
                Arrived::Nothing => {}
                Arrived::Page(page) => self.give_out(page),
                Arrived::Gap(page) => {
                    page.into_iter().for_each(|page| self.give_out(page));
                    return self.pull_again(now);
                }
                Arrived::Broken(error) => return self.close(error),
            }
        }
        // Acknowledged when the last page of it is taken; at once, where it had none.
        match self.pages.iter_mut().skip(pages_before).last() {
            Some(ack) => *ack = Some(id.clone()),
            None => self.send(&ClientEnvelope::Ack(id.clone())),
        }
    }

    fn give_out(&mut self, page: Page) {
        if self.pages.len() >= self.options.pages_max {
            let reason = format!("{} pages came without waiting for an ack", self.pages.len());
            return self.close(Disconnect::offline(reason));
        }
        self.pages.push_back(None);
        self.out.push(ClientOutput::Page(page));
    }

    fn pull_again(&mut self, now: Duration) {
        let Some(pull) = self.pull.take() else { return };
        self.send(&ClientEnvelope::Interrupt(pull.id.clone()));
        let pull = pull.again(self.next_id(), now + self.options.pull_timeout);
        self.begin(pull);
    }

    fn page_taken(&mut self, now: Duration) {
        let Some(ack) = self.pages.pop_front() else { return };
        let Some(pull) = self.pull.as_mut() else { return };
        // While a page was not taken, the server had nothing to answer.
        pull.deadline = pull.deadline.map(|_| now + self.options.pull_timeout);
        if let Some(id) = ack.filter(|id| pull.id == *id) {
            self.send(&ClientEnvelope::Ack(id));
        }
    }

    /// Whoever is in the middle of a frame cannot answer anything else.
    fn moving(&mut self, now: Duration) {
        let ClientOptions { ping_timeout, pull_timeout, push_timeout, .. } = self.options;
        self.silent_until = self.silent_until.map(|_| now + ping_timeout);
        if let Some(pull) = &mut self.pull {
            pull.deadline = pull.deadline.map(|_| now + pull_timeout);
        }
        if let Some(push) = &mut self.push {
            push.deadline = now + push_timeout;
        }
    }

    fn push(&mut self, backend_id: Option<BackendId>, events: Vec<Event>, now: Duration) {
        if self.push.is_some() {
            let reason = "the push before is not answered yet".into();
            return self.out.push(ClientOutput::PushRefused(Refusal::Busy { reason }));
        }
        let ClientOptions { store_id, payload, limits, .. } = &self.options;
        // Before the first page it is not known whether the server keeps groups; it does no harm to send them.
        let keeps_identity = self.keeps_identity.unwrap_or(true);
        match Push::messages(events, backend_id, keeps_identity, store_id, payload.as_ref(), limits) {
            Ok(push) => self.push_on(push, now),
            Err(error) => self.out.push(ClientOutput::PushRefused(refused(&error))),
        }
    }

    fn push_on(&mut self, mut push: Push, now: Duration) {
        let ClientOptions { store_id, payload, .. } = &self.options;
        let Some(call) = push.next(store_id, payload.as_ref()) else { return self.out.push(ClientOutput::Pushed) };
        push.id = self.next_id();
        push.deadline = now + self.options.push_timeout;
        self.request(push.id.clone(), &call);
        self.push = Some(push);
    }

    fn exit(&mut self, id: &RequestId, exit: &Exit, now: Duration) {
        if let Some(push) = self.push.take_if(|push| push.id == *id) {
            self.push_ended(push, exit, now);
        } else if let Some(pull) = self.pull.take_if(|pull| pull.id == *id) {
            self.pull_ended(&pull, exit);
        }
    }

    fn push_ended(&mut self, push: Push, exit: &Exit, now: Duration) {
        let cause = match exit {
            Exit::Success(_) => return self.push_on(push, now),
            Exit::Failure(cause) => cause,
        };
        let refusal = match Ended::of(cause) {
            Ended::OtherBackend(found) => Refusal::OtherBackend { found },
            Ended::ServerAhead(head) => Refusal::ServerAhead { head },
            Ended::Rejected { number, reason } => Refusal::Rejected { number, reason },
            Ended::Failed(reason) => Refusal::Busy { reason },
            Ended::Died(reason) => return self.close(Disconnect::protocol(reason)),
        };
        self.out.push(ClientOutput::PushRefused(refusal));
    }

    fn pull_ended(&mut self, pull: &Pull, exit: &Exit) {
        match exit {
            Exit::Success(_) if pull.live => self.close(Disconnect::offline("the server ended the live pull")),
            Exit::Success(_) => {}
            Exit::Failure(cause) => self.pull_failed(cause),
        }
    }

    fn pull_failed(&mut self, cause: &Cause) {
        match Ended::of(cause) {
            // Said in the words of a page: whose log this is, and nothing of it.
            Ended::OtherBackend(backend_id) => {
                let keeps_identity = self.keeps_identity.unwrap_or(false);
                let (events, info) = (Vec::new(), PageInfo::NoMore);
                self.give_out(Page { backend_id, keeps_identity, events, info, head: None });
            }
            Ended::Failed(reason) => self.close(Disconnect::Offline { reason }),
            Ended::Died(reason) => self.close(Disconnect::protocol(reason)),
            Ended::ServerAhead(_) | Ended::Rejected { .. } => {
                self.close(Disconnect::protocol("it refused a pull as if it were a push"));
            }
        }
    }

    fn pass_time(&mut self, now: Duration) {
        if self.phase != Phase::Open {
            return;
        }
        let pull = self.pull.as_ref().filter(|_| self.pages.is_empty()).and_then(|pull| pull.deadline);
        let push = self.push.as_ref().map(|push| push.deadline);
        for (deadline, what) in [(self.silent_until, "a ping"), (pull, "a pull"), (push, "a push")] {
            if deadline.is_some_and(|deadline| now >= deadline) {
                return self.close(Disconnect::offline(format!("the server does not answer {what}")));
            }
        }
        if now >= self.ping_at {
            self.ping(now);
        }
    }

    /// Never one that was there before: the server of sync-cf 0.4.0 mixes up requests of one id.
    fn next_id(&mut self) -> RequestId {
        let id = RequestId::text(self.ids.to_string());
        self.ids += 1;
        id
    }

    fn request(&mut self, id: RequestId, call: &Call) {
        self.send(&ClientEnvelope::Request(Request::new(id, call, Transport::WebSocket)));
    }

    fn send(&mut self, envelope: &ClientEnvelope<'_>) {
        if self.phase == Phase::Open {
            self.out.push(ClientOutput::Send(envelope.encode()));
        }
    }

    fn close(&mut self, error: Disconnect) {
        if self.phase != Phase::Closed {
            self.phase = Phase::Closed;
            self.out.push(ClientOutput::Close(error));
        }
    }
}

fn refused(error: &BatchError) -> Refusal {
    match error {
        BatchError::EventTooLarge { number, .. } => Refusal::Rejected { number: *number, reason: error.to_string() },
        error => Refusal::Busy { reason: error.to_string() },
    }
}
