use super::wire::Wire;
use crate::client::Setup;
use crate::convert::{self, Said};
use crate::credentials::Credentials;
use crate::end::End;
use crate::mailbox::{Mailbox, Room};
use livestore::SyncMessage;
use livestore_sync_protocol::{
    Call, ClientConnection, ClientEnvelope, ClientInput, ClientOptions, Cursor, Exit, Limits, PingRequest, PullRequest,
    RawJson, RequestId, ServerEnvelope, Transport, decode_client_frame, decode_server_frame,
};
use std::collections::VecDeque;
use std::convert::Infallible;
use std::rc::Rc;
use std::time::{Duration, Instant};

/// How long to sleep where there is nothing to wait for but the store.
const LONG: Duration = Duration::from_secs(3600);

/// An envelope that ends a pull well is shorter.
const EXIT_BYTES_MAX: usize = 512;

/// Lets the machine of a WebSocket talk over HTTP: what it sends becomes requests, what answers them becomes frames, and a live pull is
/// asked again and again. So both have the same order, the same splitting and the same answers.
pub(super) struct Poller<'a> {
    wire: Rc<Wire>,
    mailbox: &'a Mailbox,
    store_id: String,
    payload: Option<RawJson>,
    poll_interval: Duration,
    machine: ClientConnection,
    /// What the machine sent and is not carried out.
    to_send: VecDeque<String>,
    live: Option<Live>,
    poll_at: Instant,
    /// What the last pull began after.
    asked_after: u64,
}

/// The pull that goes on.
struct Live {
    id: RequestId,
    cursor: Option<Cursor>,
    after: u64,
}

impl<'a> Poller<'a> {
    pub(super) fn new(
        setup: &Setup,
        store_id: &str,
        credentials: &Credentials,
        wire: Wire,
        mailbox: &'a Mailbox,
    ) -> Self {
        let options = ClientOptions { payload: credentials.payload.clone(), ..ClientOptions::new(store_id) };
        Self {
            wire: Rc::new(wire),
            mailbox,
            store_id: store_id.to_owned(),
            payload: credentials.payload.clone(),
            poll_interval: setup.times.poll_interval,
            machine: ClientConnection::new(options),
            to_send: VecDeque::new(),
            live: None,
            poll_at: Instant::now(),
            asked_after: 0,
        }
    }

    /// Runs until the connection is over.
    pub(super) fn run(mut self) -> End {
        let Err(end) = self.serve();
        end
    }

    fn serve(&mut self) -> Result<Infallible, End> {
        self.ping()?;
        self.step(ClientInput::Open)?;
        // The ping with which the machine begins was answered already.
        self.to_send.clear();
        loop {
            self.take_requests()?;
            if self.live.is_some() && Instant::now() >= self.poll_at {
                self.poll()?;
            }
            let until = if self.live.is_some() { self.poll_at } else { Instant::now() + LONG };
            if self.mailbox.wait(until) {
                return Err(End::Dropped);
            }
        }
    }

    fn take_requests(&mut self) -> Result<(), End> {
        for request in self.mailbox.take_requests() {
            self.take_pages()?;
            match convert::request(request) {
                Ok(input) => {
                    if let ClientInput::Pull { after, .. } = &input {
                        self.asked_after = *after;
                    }
                    self.step(input)?;
                }
                Err(refusal) => self.mailbox.post(SyncMessage::PushRefused(refusal)),
            }
            self.send()?;
        }
        Ok(())
    }

    fn take_pages(&mut self) -> Result<(), End> {
        (0..self.mailbox.take_pages()).try_for_each(|_| self.step(ClientInput::PageTaken))
    }

    /// Carries out what the machine sends, which may have it send more.
    fn send(&mut self) -> Result<(), End> {
        while let Some(text) = self.to_send.pop_front() {
            let envelopes = decode_client_frame(text.as_bytes(), &Limits::default());
            for envelope in envelopes.map_err(|error| End::protocol(error.to_string()))? {
                match envelope {
                    ClientEnvelope::Request(request) => {
                        let call = request.call(Transport::WebSocket, &Limits::default());
                        let call = call.map_err(|error| End::protocol(error.to_string()))?;
                        self.request(request.id, call)?;
                    }
                    ClientEnvelope::Ping => {
                        self.ping()?;
                        self.step(ClientInput::Frame(ServerEnvelope::Pong.encode().as_bytes()))?;
                    }
                    ClientEnvelope::Interrupt(id) => {
                        self.live.take_if(|live| live.id == id);
                    }
                    // There are no acks over HTTP.
                    ClientEnvelope::Ack(_) | ClientEnvelope::Eof => {}
                }
            }
        }
        Ok(())
    }

    fn request(&mut self, id: RequestId, call: Call) -> Result<(), End> {
        let call = match call {
            Call::Pull(pull) => {
                let cursor = pull.cursor.clone();
                let after = cursor.as_ref().map_or(self.asked_after, |cursor| cursor.number);
                self.live = pull.live.unwrap_or(false).then(|| Live { id: id.clone(), cursor, after });
                // What is live is asked for by asking again.
                Call::Pull(PullRequest { live: None, ..pull })
            }
            push @ Call::Push(_) => {
                // What was pushed, or what was in its way, comes with the next poll.
                self.poll_at = Instant::now();
                push
            }
            ping @ Call::Ping(_) => ping,
        };
        if matches!(call, Call::Pull(_)) {
            self.poll_at = Instant::now() + self.poll_interval;
        }
        self.call(id, &call)
    }

    fn poll(&mut self) -> Result<(), End> {
        self.poll_at = Instant::now() + self.poll_interval;
        let Some(live) = &self.live else { return Ok(()) };
        let (id, cursor) = (live.id.clone(), live.cursor.clone());
        let pull = PullRequest {
            store_id: self.store_id.clone(),
            payload: self.payload.clone(),
            live: None,
            cursor,
            whole_groups: true,
        };
        self.call(id, &Call::Pull(pull))?;
        self.send()
    }

    fn call(&mut self, id: RequestId, call: &Call) -> Result<(), End> {
        let mailbox = self.mailbox;
        let wire = Rc::clone(&self.wire);
        wire.call(id, call, mailbox, |envelope| self.hear(envelope))
    }

    /// One envelope of an answer.
    fn hear(&mut self, envelope: &[u8]) -> Result<(), End> {
        loop {
            self.take_pages()?;
            if self.mailbox.room() == Room::Free {
                break;
            }
            if self.mailbox.wait_for_room(Instant::now() + LONG) {
                return Err(End::Dropped);
            }
        }
        if envelope.len() <= EXIT_BYTES_MAX && self.is_end_of_live_pull(envelope) {
            return Ok(());
        }
        self.step(ClientInput::Frame(envelope))
    }

    /// The end of one of the pulls that a live pull is made of is not the end of it, unless something is wrong.
    fn is_end_of_live_pull(&mut self, envelope: &[u8]) -> bool {
        let Ok(envelopes) = decode_server_frame(envelope, &Limits::default()) else { return false };
        let [ServerEnvelope::Exit { id, exit }] = &envelopes[..] else { return false };
        let is_live = self.live.as_ref().is_some_and(|live| live.id == *id);
        match exit {
            Exit::Success(_) => is_live,
            Exit::Failure(_) => {
                self.live.take_if(|_| is_live);
                false
            }
        }
    }

    /// Asks whether the backend is there. Whatever it answers but a status, it is.
    fn ping(&mut self) -> Result<(), End> {
        let ping = PingRequest { store_id: self.store_id.clone(), payload: self.payload.clone() };
        self.wire.call(RequestId::text("0"), &Call::Ping(ping), self.mailbox, |_| Ok(()))
    }

    fn step(&mut self, input: ClientInput<'_>) -> Result<(), End> {
        // Its time stands still: each request has its own timeout.
        for output in self.machine.step(input, Duration::ZERO) {
            match convert::output(output) {
                Said::Send(text) => self.to_send.push_back(text),
                Said::Tell(message) => {
                    self.note(&message);
                    self.mailbox.post(message);
                }
                Said::Over(error) => return Err(End::Lost(error)),
            }
        }
        Ok(())
    }

    /// Where the live pull stands.
    fn note(&mut self, message: &SyncMessage) {
        let (SyncMessage::Page(page), Some(live)) = (message, &mut self.live) else { return };
        live.after = page.events.last().map_or(live.after, |event| event.number);
        live.cursor = Some(Cursor { backend_id: page.backend_id.as_str().into(), number: live.after });
    }
}
