//! One WebSocket: the shell around a [`ServerConnection`].

use super::session::{Session, log_events};
use crate::auth::Pass;
use crate::hub::{Follow, Page, PushError};
use crate::limits::ReadPace;
use crate::metrics::METRICS;
use axum::extract::ws::{CloseFrame, Message, WebSocket};
use futures_util::stream::FuturesUnordered;
use futures_util::{FutureExt as _, SinkExt as _, StreamExt as _, future::BoxFuture};
use livestore_sync_protocol::{
    Close, LogPage, PushKey, PushVerdict, ReadKey, ServerConnection, ServerInput, ServerOptions, ServerOutput,
};
use std::time::{Duration, SystemTime};
use tokio::sync::watch;
use tokio::time::Instant;

/// How long a client may take to read what was sent. It holds up nobody else, and what waits for it is bounded: one chunk a pull.
const SEND_MAX: Duration = Duration::from_secs(20);

/// What was asked of the store, and came.
enum Done {
    Pushed(PushKey, Result<PushVerdict, Close>),
    Read(ReadKey, Result<Page, Close>),
    Rechecked(Result<Pass, Close>),
}

/// Serves a connection until it ends. `end` tells that it has to: the server shuts down, a right was taken back.
pub(super) async fn serve(
    socket: WebSocket,
    session: Session,
    setting: (ServerOptions, ReadPace),
    end: watch::Receiver<Option<Close>>,
) {
    let Some(follow) = session.store.follow() else { return };
    let (options, pace) = setting;
    // One time for all connections of a store, so that its pace has one.
    let begin = session.store.opened_at();
    let machine = ServerConnection::new(session.store.store_id(), options, begin.elapsed());
    let rechecks = session.gate.rechecks();
    let work = FuturesUnordered::new();
    let mut connection = Connection { socket, session, machine, begin, work, follow, pace, is_rechecking: false };
    let close = connection.run(end, rechecks).await;
    let Some(close) = close else { return };
    let frame = CloseFrame { code: close.code, reason: close.reason.into() };
    let closing = connection.socket.send(Message::Close(Some(frame)));
    let _ = tokio::time::timeout(Duration::from_secs(1), closing).await;
}

/// What happens to a connection.
enum Event {
    Frame(Option<Result<Message, axum::Error>>),
    Done(Done),
    Moved(Result<Follow, PushError>),
    Tick,
    Recheck,
    End(Close),
}

struct Connection {
    socket: WebSocket,
    session: Session,
    machine: ServerConnection,
    begin: Instant,
    work: FuturesUnordered<BoxFuture<'static, Done>>,
    follow: Follow,
    pace: ReadPace,
    is_rechecking: bool,
}

/// What ends a connection: nothing to say any more, or something.
type End = Option<Close>;

impl Connection {
    async fn run(&mut self, mut end: watch::Receiver<Option<Close>>, mut rechecks: watch::Receiver<u64>) -> End {
        loop {
            let deadline = self.machine.deadline().map(|deadline| self.begin + deadline);
            let deadline = deadline.unwrap_or_else(|| Instant::now() + SEND_MAX);
            let read_at = self.pace.read_at().map(|read_at| self.begin + read_at);
            let is_slowed = read_at.is_some_and(|read_at| read_at > Instant::now());
            let event = tokio::select! {
                frame = self.socket.recv(), if !is_slowed && !self.machine.is_busy() => Event::Frame(frame),
                Some(done) = self.work.next(), if !self.work.is_empty() => Event::Done(done),
                moved = self.session.store.moved(&self.follow) => Event::Moved(moved),
                () = tokio::time::sleep_until(read_at.unwrap_or(deadline).min(deadline)) => Event::Tick,
                () = sleep_until(self.session.pass.check_at()), if !self.is_rechecking => Event::Recheck,
                Ok(()) = rechecks.changed() => Event::Recheck,
                close = asked(&mut end) => Event::End(close),
            };
            let step = self.take(event).await;
            if let Err(end) = step {
                return end;
            }
        }
    }

    async fn take(&mut self, event: Event) -> Result<(), End> {
        match event {
            Event::Frame(Some(Ok(Message::Text(text)))) => self.step(ServerInput::Frame(text.as_bytes())).await,
            Event::Frame(Some(Ok(Message::Binary(bytes)))) => self.step(ServerInput::Frame(&bytes)).await,
            // The library answers pings by itself.
            Event::Frame(Some(Ok(Message::Ping(_) | Message::Pong(_)))) => Ok(()),
            Event::Frame(Some(Ok(Message::Close(_)) | Err(_)) | None) => Err(None),
            Event::Done(done) => self.done(done).await,
            Event::Moved(Ok(follow)) => self.moved(follow).await,
            Event::Moved(Err(error)) => Err(Some(Close::new(Close::INTERNAL, error.to_string()))),
            Event::Tick => self.step(ServerInput::Tick).await,
            Event::Recheck => {
                self.is_rechecking = true;
                let session = self.session.clone();
                self.work.push(session.recheck().map(Done::Rechecked).boxed());
                Ok(())
            }
            Event::End(close) => Err(Some(close)),
        }
    }

    async fn done(&mut self, done: Done) -> Result<(), End> {
        match done {
            Done::Pushed(key, verdict) => self.step(ServerInput::Pushed { key, verdict: verdict.map_err(Some)? }).await,
            Done::Rechecked(pass) => {
                self.session.pass = pass.map_err(Some)?;
                self.is_rechecking = false;
                Ok(())
            }
            Done::Read(key, page) => {
                let Page { follow, entries } = page.map_err(Some)?;
                if follow.restarts != self.follow.restarts {
                    return Err(Some(restarted()));
                }
                let events = log_events(entries);
                let head = events.last().map_or(follow.head, |last| last.number.max(follow.head));
                let page = LogPage { key, backend_id: &follow.backend_id, head, events: &events };
                self.step(ServerInput::Page(page)).await
            }
        }
    }

    async fn moved(&mut self, follow: Follow) -> Result<(), End> {
        if follow.restarts != self.follow.restarts {
            return Err(Some(restarted()));
        }
        let head = follow.head;
        self.follow = follow;
        self.step(ServerInput::Moved { head }).await
    }

    async fn step(&mut self, input: ServerInput<'_>) -> Result<(), End> {
        let outputs = self.machine.step(input, self.begin.elapsed());
        let mut has_fed = false;
        for output in outputs {
            match output {
                ServerOutput::Send(text) => {
                    has_fed = true;
                    in_time(self.socket.feed(Message::Text(text.into()))).await?;
                }
                ServerOutput::Read(read) => {
                    let page = self.session.clone().read(read);
                    self.work.push(page.map(move |page| Done::Read(read.key, page)).boxed());
                }
                ServerOutput::Push(push) => {
                    let key = push.key;
                    let (events, now) = (push.batch.len() as u64, self.begin.elapsed());
                    self.session.store.with_pace(|store| self.pace.took(events, store, now));
                    let verdict = self.session.clone().push(push);
                    self.work.push(verdict.map(move |verdict| Done::Pushed(key, verdict)).boxed());
                }
                ServerOutput::Close(close) => return Err(Some(close)),
            }
        }
        // One write for all that a step says.
        if has_fed { in_time(self.socket.flush()).await } else { Ok(()) }
    }
}

/// Waits for a moment of the clock on the wall, which may have passed.
async fn sleep_until(moment: SystemTime) {
    tokio::time::sleep(moment.duration_since(SystemTime::now()).unwrap_or_default()).await;
}

/// Waits until the connection has to end.
async fn asked(end: &mut watch::Receiver<Option<Close>>) -> Close {
    let close = end.wait_for(Option::is_some).await.ok().and_then(|close| close.clone());
    close.unwrap_or_else(|| Close::new(Close::GOING_AWAY, "the server stops"))
}

/// A client that does not read is let go: it comes back and pulls what it missed.
async fn in_time(sending: impl Future<Output = Result<(), axum::Error>>) -> Result<(), End> {
    match tokio::time::timeout(SEND_MAX, sending).await {
        Ok(Ok(())) => Ok(()),
        Ok(Err(_)) => Err(None),
        Err(_) => {
            METRICS.slow_readers.add(1);
            Err(None)
        }
    }
}

fn restarted() -> Close {
    Close::new(Close::GOING_AWAY, "the log began again: connect again")
}
