use super::line::Line;
use super::stream::{Stream, is_blocked};
use crate::client::Setup;
use crate::convert::{self, Said};
use crate::credentials::Credentials;
use crate::end::End;
use crate::mailbox::Room;
use livestore::SyncMessage;
use livestore_sync_protocol::{self as wire, ClientConnection, ClientInput, ClientOptions};
use std::time::{Duration, Instant};
use tungstenite::protocol::CloseFrame;
use tungstenite::protocol::frame::coding::CloseCode;
use tungstenite::{Error, Message, WebSocket};

/// A frame moves when so many bytes of it did: less is what small frames have.
const MOVED_MIN: u64 = 1_024;

/// So many frames are read before the store is looked after again.
const FRAMES_MAX: usize = 64;

/// A WebSocket that stands, and the machine that says what to do with it.
pub(super) struct Link {
    line: Line,
    socket: WebSocket<Stream>,
    machine: ClientConnection,
    clock: Clock,
    moved: Moved,
    /// How the socket ended.
    end: Option<End>,
}

/// The bytes that were read and written when a frame was seen to move.
#[derive(Default)]
struct Moved {
    read: u64,
    written: u64,
}

/// What a round of reading came to.
enum Reading {
    /// There is nothing more for now.
    Drained,
    /// There may be more.
    GoesOn,
    /// The store has enough for now.
    Full,
}

impl Link {
    pub(super) fn new(
        setup: &Setup,
        store_id: &str,
        credentials: &Credentials,
        line: Line,
        socket: WebSocket<Stream>,
    ) -> Self {
        let options = ClientOptions {
            payload: credentials.payload.clone(),
            ping_interval: setup.times.ping_interval,
            ping_timeout: setup.times.ping_timeout,
            pull_timeout: setup.times.answer,
            push_timeout: setup.times.answer,
            ..ClientOptions::new(store_id)
        };
        Self {
            line,
            socket,
            machine: ClientConnection::new(options),
            clock: Clock::new(),
            moved: Moved::default(),
            end: None,
        }
    }

    /// Runs until the connection is over.
    pub(super) fn run(mut self) -> End {
        let end = self.serve();
        // Said once, and not waited for.
        let code = CloseFrame { code: CloseCode::Normal, reason: "".into() };
        if self.socket.close(Some(code)).and_then(|()| self.socket.flush()).is_err() {
            tracing::trace!("a connection ended without a goodbye");
        }
        end
    }

    fn serve(&mut self) -> End {
        self.step(ClientInput::Open);
        loop {
            self.take_from_store();
            let reading = self.read();
            self.flush();
            self.look_whether_it_moves();
            self.step(ClientInput::Tick);
            self.flush();
            if let Some(end) = self.end.take() {
                return end;
            }
            let until = match reading {
                Reading::GoesOn => Some(Instant::now()),
                Reading::Drained => self.machine.deadline().map(|deadline| self.clock.instant(deadline)),
                Reading::Full => None,
            };
            if let Err(end) = self.line.wait(until) {
                return end;
            }
        }
    }

    fn take_from_store(&mut self) {
        for _ in 0..self.line.mailbox.take_pages() {
            self.step(ClientInput::PageTaken);
        }
        for request in self.line.mailbox.take_requests() {
            match convert::request(request) {
                Ok(input) => self.step(input),
                Err(refusal) => self.line.mailbox.post(SyncMessage::PushRefused(refusal)),
            }
        }
    }

    /// Reads while there is something and the store can take it. Time stands still for the machine as long as nothing is read: it could
    /// not hear an answer either.
    fn read(&mut self) -> Reading {
        for _ in 0..FRAMES_MAX {
            if self.end.is_some() {
                return Reading::Drained;
            }
            match self.line.mailbox.room() {
                Room::Free => {}
                Room::ToBeTaken => return Reading::GoesOn,
                Room::Full => {
                    self.clock.stop();
                    return Reading::Full;
                }
            }
            let read = self.socket.read();
            if read.is_ok() {
                self.moved.read = self.socket.get_ref().read;
            }
            match read {
                Ok(Message::Text(text)) => self.step(ClientInput::Frame(text.as_bytes())),
                Ok(Message::Binary(bytes)) => self.step(ClientInput::Frame(&bytes)),
                Ok(Message::Close(frame)) => self.closed(frame),
                // The server says so while a frame arrives there.
                Ok(Message::Ping(payload)) if *payload == *wire::MOVING => self.moves(),
                Ok(Message::Ping(_) | Message::Pong(_) | Message::Frame(_)) => {}
                Err(Error::Io(error)) if is_blocked(&error) => {
                    self.clock.go_on();
                    return Reading::Drained;
                }
                Err(error) => self.lost(error),
            }
        }
        Reading::GoesOn
    }

    /// In the middle of a large frame on a slow line nothing else is heard, and nobody is silent.
    fn look_whether_it_moves(&mut self) {
        let stream = self.socket.get_ref();
        let (read, written) = (stream.read, stream.written);
        if read >= self.moved.read + MOVED_MIN || written >= self.moved.written + MOVED_MIN {
            self.moved = Moved { read, written };
            self.moves();
        }
    }

    fn moves(&mut self) {
        self.step(ClientInput::Moving);
        self.line.mailbox.moves();
    }

    fn closed(&mut self, frame: Option<CloseFrame>) {
        let (code, reason) = match frame {
            Some(frame) => (Some(frame.code.into()), frame.reason.to_string()),
            None => (None, "closed without a reason".into()),
        };
        self.step(ClientInput::Closed { code, reason });
    }

    fn lost(&mut self, error: Error) {
        let end = match error {
            Error::Io(error) => End::of(&error),
            Error::ConnectionClosed | Error::AlreadyClosed => End::offline("the connection closed"),
            Error::Protocol(tungstenite::error::ProtocolError::ResetWithoutClosingHandshake) => {
                End::offline("the connection was cut")
            }
            Error::WriteBufferFull(_) => End::offline("the backend does not read what is sent"),
            error => End::protocol(error.to_string()),
        };
        self.end.get_or_insert(end);
    }

    fn flush(&mut self) {
        match self.socket.flush() {
            Ok(()) => {}
            // The rest goes when the socket is ready.
            Err(Error::Io(error)) if is_blocked(&error) => {}
            Err(error) => self.lost(error),
        }
    }

    fn step(&mut self, input: ClientInput<'_>) {
        let outputs = self.machine.step(input, self.clock.now());
        for output in outputs {
            match convert::output(output) {
                Said::Send(text) => self.write(text),
                Said::Tell(message) => self.line.mailbox.post(message),
                Said::Over(error) => {
                    self.end.get_or_insert(End::Lost(error));
                }
            }
        }
    }

    fn write(&mut self, text: String) {
        match self.socket.write(Message::text(text)) {
            Ok(()) => {}
            Err(Error::Io(error)) if is_blocked(&error) => {}
            Err(error) => self.lost(error),
        }
    }
}

/// The machine's time: since the connection stands, without the whiles in which nothing was read.
struct Clock {
    begun: Instant,
    stood: Duration,
    stopped: Option<Instant>,
}

impl Clock {
    fn new() -> Self {
        Self { begun: Instant::now(), stood: Duration::ZERO, stopped: None }
    }

    fn now(&self) -> Duration {
        let now = self.stopped.unwrap_or_else(Instant::now);
        now.saturating_duration_since(self.begun).saturating_sub(self.stood)
    }

    fn instant(&self, at: Duration) -> Instant {
        self.begun + self.stood + at
    }

    fn stop(&mut self) {
        self.stopped.get_or_insert_with(Instant::now);
    }

    fn go_on(&mut self) {
        if let Some(stopped) = self.stopped.take() {
            self.stood += stopped.elapsed();
        }
    }
}
