//! One WebSocket: the shell around a [`ServerConnection`].

mod alarm;
mod outgoing;

use super::counted::Traffic;
use super::session::{Admitted, Session, log_events};
use crate::auth::Pass;
use crate::hub::{Follow, Follower, Page, PushError};
use crate::limits::{Deadlines, ReadPace, ServerLimits};
use crate::metrics::METRICS;
use alarm::Alarm;
use axum::extract::ws::{CloseFrame, Message, WebSocket};
use futures_util::stream::{FuturesUnordered, SplitStream};
use futures_util::{FutureExt as _, StreamExt as _, future::BoxFuture};
use livestore_sync_protocol::{
    Close, LogPage, MOVING, Push, PushKey, PushVerdict, Read, ReadKey, ServerConnection, ServerInput, ServerOptions,
    ServerOutput,
};
use outgoing::Outgoing;
use std::collections::VecDeque;
use std::future::poll_fn;
use std::sync::Arc;
use std::task::Poll;
use std::time::{Duration, SystemTime};
use tokio::sync::watch;
use tokio::time::Instant;

/// The longest that one push waits for its client's pace, or the store's: longer, and the client takes the server for dead.
const PACE_MAX: Duration = Duration::from_secs(10);
/// Pushes that wait for the pace before nothing more is read. Clients have one under way; those that send more at once wait with
/// their pings too.
const PACED_MAX: usize = 1;
/// How long the end of a connection may take.
const CLOSE_MAX: Duration = Duration::from_secs(1);
/// A frame moves when so many bytes of it did; a client that gives or takes less in all its time does not.
const MOVED_MIN: u64 = 4 << 10;
/// Something to wake for in any case.
const LONG: Duration = Duration::from_secs(60);

/// What was asked of the store, and came.
enum Done {
    Admitted(PushKey, Result<Admitted, Close>),
    Pushed(PushKey, Result<PushVerdict, Close>),
    Read(ReadKey, Result<Page, Close>),
    Rechecked(Result<Pass, Close>),
}

/// Serves a connection until it ends. `end` tells that it has to: the server shuts down, a right was taken back.
pub(super) async fn serve(
    socket: WebSocket,
    mut session: Session,
    setting: (ServerOptions, ServerLimits),
    traffic: Arc<Traffic>,
    end: watch::Receiver<Option<Close>>,
) {
    let Some(follow) = session.store.follow() else { return };
    session.seat = Some(Arc::new(session.store.seat()));
    let (options, limits) = setting;
    // One time for all connections of a store, so that its pace has one.
    let begin = session.store.opened_at();
    let now = begin.elapsed();
    let mut deadlines = Deadlines::new(&limits, now);
    deadlines.opened(now);
    let rechecks = session.gate.rechecks();
    let (sink, stream) = socket.split();
    let mut connection = Connection {
        incoming: stream,
        outgoing: Outgoing::new(sink, &limits, Arc::clone(&traffic)),
        read: traffic.read(),
        traffic,
        told_moving: now,
        tell_moving_every: limits.ping_after / 8,
        machine: ServerConnection::new(session.store.store_id(), options, now),
        follower: session.store.follower(),
        tick: Alarm::default(),
        recheck: Alarm::default(),
        session,
        begin,
        work: FuturesUnordered::new(),
        follow,
        pace: ReadPace::new(&limits),
        deadlines,
        pushes: VecDeque::new(),
        is_admitting: false,
        is_rechecking: false,
    };
    if let Some(close) = connection.run(end, rechecks).await {
        let _ = tokio::time::timeout(CLOSE_MAX, connection.close(close)).await;
    }
}

/// What happens to a connection.
enum Event {
    Frame(Option<Result<Message, axum::Error>>),
    /// A part of a frame came.
    Moving,
    Sent(Result<(), axum::Error>),
    Done(Done),
    Moved(Result<Follow, PushError>),
    Tick,
    Recheck,
    RecheckDue,
    End(Close),
}

struct Connection {
    incoming: SplitStream<WebSocket>,
    outgoing: Outgoing,
    traffic: Arc<Traffic>,
    /// The bytes that were read when a frame ended, or moved.
    read: u64,
    told_moving: Duration,
    tell_moving_every: Duration,
    session: Session,
    machine: ServerConnection,
    begin: Instant,
    work: FuturesUnordered<BoxFuture<'static, Done>>,
    follow: Follow,
    follower: Follower,
    tick: Alarm,
    recheck: Alarm,
    pace: ReadPace,
    deadlines: Deadlines,
    /// Pushes in their order, of which the one before is not with the store's owner yet.
    pushes: VecDeque<Push>,
    is_admitting: bool,
    is_rechecking: bool,
}

/// What ends a connection: nothing to say any more, or something.
type End = Option<Close>;

impl Connection {
    async fn run(&mut self, mut end: watch::Receiver<Option<Close>>, mut rechecks: watch::Receiver<u64>) -> End {
        loop {
            let (tick, recheck) = (self.tick_at(), recheck_at(&self.session.pass));
            let reads = !self.machine.is_busy() && !self.outgoing.is_full() && self.pushes.len() <= PACED_MAX;
            let event = tokio::select! {
                event = incoming(&mut self.incoming, &self.traffic, &mut self.read), if reads => event,
                Some(done) = self.work.next(), if !self.work.is_empty() => Event::Done(done),
                moved = self.follower.moved(&self.follow) => Event::Moved(moved),
                sent = self.outgoing.send(), if !self.outgoing.is_empty() => Event::Sent(sent),
                () = self.tick.wait(tick) => Event::Tick,
                () = self.recheck.wait(recheck), if !self.is_rechecking => Event::RecheckDue,
                Ok(()) = rechecks.changed() => Event::Recheck,
                close = asked(&mut end) => Event::End(close),
            };
            if let Err(end) = self.take(event) {
                return end;
            }
            // Most clients read: what was said is sent at once, and only what they leave is waited for.
            if !self.outgoing.is_empty() && matches!(self.outgoing.send().now_or_never(), Some(Err(_))) {
                return None;
            }
        }
    }

    fn tick_at(&self) -> Instant {
        let times = [self.machine.deadline(), self.deadlines.ping_at(), Some(self.deadlines.expires_at())];
        let times = times.into_iter().flatten().map(|time| self.begin + time);
        times.chain(self.outgoing.deadline()).fold(Instant::now() + LONG, Instant::min)
    }

    fn take(&mut self, event: Event) -> Result<(), End> {
        match event {
            Event::Frame(Some(Ok(message))) => self.heard(&message),
            Event::Moving => self.moving(),
            Event::Frame(Some(Err(_)) | None) | Event::Sent(Err(_)) => Err(None),
            Event::Sent(Ok(())) => Ok(()),
            Event::Done(done) => self.done(done),
            Event::Moved(Ok(follow)) => self.moved(follow),
            Event::Moved(Err(error)) => Err(Some(Close::new(Close::INTERNAL, error.to_string()))),
            Event::Tick => self.tick(),
            // Alarms may be early.
            Event::RecheckDue if !self.session.pass.is_check_due(SystemTime::now()) => Ok(()),
            Event::Recheck | Event::RecheckDue => {
                self.is_rechecking = true;
                let session = self.session.clone();
                self.work.push(session.recheck().map(Done::Rechecked).boxed());
                Ok(())
            }
            Event::End(close) => Err(Some(close)),
        }
    }

    fn heard(&mut self, message: &Message) -> Result<(), End> {
        self.deadlines.heard(self.begin.elapsed());
        match message {
            Message::Text(text) => self.step(ServerInput::Frame(text.as_bytes())),
            Message::Binary(bytes) => self.step(ServerInput::Frame(bytes)),
            // The library answers pings by itself.
            Message::Ping(_) | Message::Pong(_) => self.step(ServerInput::Heard),
            Message::Close(_) => Err(None),
        }
    }

    /// A large frame on a slow line: its client can say nothing else meanwhile, and is told that it arrives.
    fn moving(&mut self) -> Result<(), End> {
        let now = self.begin.elapsed();
        self.deadlines.heard(now);
        if now >= self.told_moving + self.tell_moving_every {
            self.told_moving = now;
            self.outgoing.push(Message::Ping(MOVING.into()));
        }
        self.step(ServerInput::Heard)
    }

    fn tick(&mut self) -> Result<(), End> {
        if self.outgoing.deadline().is_some_and(|deadline| deadline <= Instant::now()) {
            METRICS.slow_readers.add(1);
            // It comes back and pulls what it missed; a close frame would not arrive either.
            tracing::info!(store = self.session.store.store_id(), "a client that does not read is let go");
            return Err(None);
        }
        let now = self.begin.elapsed();
        if let Some(expired) = self.deadlines.expired(now) {
            return Err(Some(Close::new(Close::POLICY, format!("{expired}: connect again"))));
        }
        if self.deadlines.is_ping_due(now) {
            self.deadlines.pinged(now);
            self.outgoing.push(Message::Ping(Vec::new().into()));
        }
        self.step(ServerInput::Tick)
    }

    fn done(&mut self, done: Done) -> Result<(), End> {
        match done {
            Done::Admitted(key, admitted) => {
                self.is_admitting = false;
                match admitted.map_err(Some)? {
                    Admitted::Refused(verdict) => self.step(ServerInput::Pushed { key, verdict })?,
                    Admitted::Handed(handed) => {
                        let verdict = super::session::verdict(handed);
                        self.work.push(verdict.map(move |verdict| Done::Pushed(key, verdict)).boxed());
                    }
                }
                self.admit()
            }
            Done::Pushed(key, verdict) => self.step(ServerInput::Pushed { key, verdict: verdict.map_err(Some)? }),
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
                self.step(ServerInput::Page(page))
            }
        }
    }

    fn moved(&mut self, follow: Follow) -> Result<(), End> {
        if follow.restarts != self.follow.restarts {
            return Err(Some(restarted()));
        }
        let head = follow.head;
        self.follow = follow;
        self.step(ServerInput::Moved { head })
    }

    fn step(&mut self, input: ServerInput<'_>) -> Result<(), End> {
        let outputs = self.machine.step(input, self.begin.elapsed());
        self.perform(outputs)
    }

    fn perform(&mut self, outputs: Vec<ServerOutput>) -> Result<(), End> {
        for output in outputs {
            match output {
                ServerOutput::Send(text) => self.outgoing.push(Message::Text(text.into())),
                ServerOutput::Read(read) => self.read(read)?,
                ServerOutput::Push(push) => self.pushes.push_back(push),
                ServerOutput::Close(close) => return Err(Some(close)),
            }
        }
        self.admit()
    }

    /// What is at hand goes out at once: the same page to everybody who follows.
    fn read(&mut self, read: Read) -> Result<(), End> {
        let Some(shared) = self.session.store.at_hand(&read) else {
            let page = self.session.clone().read(read);
            self.work.push(page.map(move |page| Done::Read(read.key, page)).boxed());
            return Ok(());
        };
        let (follow, events) = (&shared.follow, &shared.events);
        if follow.restarts != self.follow.restarts {
            return Err(Some(restarted()));
        }
        METRICS.pages.add(1);
        METRICS.events_sent.add(events.len() as u64);
        let head = events.last().map_or(follow.head, |last| last.number.max(follow.head));
        let page = LogPage { key: read.key, backend_id: &follow.backend_id, head, events };
        let now = self.begin.elapsed();
        let (text, outputs) = self.machine.page(&page, now, |key, write| shared.text(key, write));
        self.outgoing.extend(text.map(Message::Text));
        self.perform(outputs)
    }

    /// Hands the next push to the store, when it is its time. One after the other: a hook that takes longer for one push must not
    /// let another overtake it.
    fn admit(&mut self) -> Result<(), End> {
        if self.is_admitting {
            return Ok(());
        }
        let Some(push) = self.pushes.pop_front() else { return Ok(()) };
        self.is_admitting = true;
        let (key, events, now) = (push.key, push.batch.len() as u64, self.begin.elapsed());
        // What came before has to be paid for first. Meanwhile pings are answered.
        let wait = self.pace.read_at().map(|at| at.saturating_sub(now)).unwrap_or_default().min(PACE_MAX);
        self.session.store.with_pace(|store| self.pace.took(events, store, now));
        let session = self.session.clone();
        let admitted = async move {
            // Even no time at all is a millisecond to the timer.
            if !wait.is_zero() {
                tokio::time::sleep(wait).await;
            }
            Done::Admitted(key, session.admit(push).await)
        };
        let mut admitted = admitted.boxed();
        match (&mut admitted).now_or_never() {
            Some(done) => self.done(done),
            None => {
                self.work.push(admitted);
                Ok(())
            }
        }
    }

    /// Says why, and waits until the client heard: closed with bytes of it unread, the network would drop what was said.
    async fn close(&mut self, close: Close) {
        let frame = CloseFrame { code: close.code, reason: close.reason.into() };
        self.outgoing.push(Message::Close(Some(frame)));
        if self.outgoing.send().await.is_ok() {
            while let Some(Ok(_)) = self.incoming.next().await {}
        }
    }
}

/// The next frame, or that a part of it came. May be dropped while it waits.
async fn incoming(stream: &mut SplitStream<WebSocket>, traffic: &Traffic, read: &mut u64) -> Event {
    poll_fn(|context| {
        let polled = stream.poll_next_unpin(context);
        let now = traffic.read();
        match polled {
            Poll::Ready(frame) => {
                *read = now;
                Poll::Ready(Event::Frame(frame))
            }
            Poll::Pending if now >= *read + MOVED_MIN => {
                *read = now;
                Poll::Ready(Event::Moving)
            }
            Poll::Pending => Poll::Pending,
        }
    })
    .await
}

/// When rights are asked for again, which the clock on the wall says.
fn recheck_at(pass: &Pass) -> Instant {
    Instant::now() + pass.check_at().duration_since(SystemTime::now()).unwrap_or_default()
}

/// Waits until the connection has to end.
async fn asked(end: &mut watch::Receiver<Option<Close>>) -> Close {
    let close = end.wait_for(Option::is_some).await.ok().and_then(|close| close.clone());
    close.unwrap_or_else(|| Close::new(Close::GOING_AWAY, "the server stops"))
}

fn restarted() -> Close {
    Close::new(Close::GOING_AWAY, "the log began again: connect again")
}
