//! The leader's door for the other processes of its client.

use super::address::Address;
use super::frame::{self, Group, NewsItem, PROTOCOL, ToFollower, ToLeader};
use crate::leader::{Desk, LeaderState, News, Port, Request, foreign_submission};
use std::collections::VecDeque;
use std::io::{self, BufReader, Read};
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

/// How long a new connection may take to say who it is.
const HELLO_MAX: Duration = Duration::from_secs(3);
/// A process that does not take what is written to it for so long is cut off; it comes back and catches up.
const WRITE_MAX: Duration = Duration::from_secs(10);
/// How long a following process waits for a sync.
const SYNC_MAX: Duration = Duration::from_secs(30);
/// How long a following process waits for room in the inbox.
const ROOM_MAX: Duration = Duration::from_secs(5);
/// The most processes that follow one leader.
const CONNECTIONS_MAX: usize = 64;
/// The most connections that have not greeted yet. Whoever has taken longest makes room: a process that follows greets at once.
const STRANGERS_MAX: usize = 16;
/// Groups in one message.
const GROUPS_MAX: usize = 256;
/// A process that ended lets go of its journals at about the time its connection closes, not exactly then.
const TAKE_JOURNALS_AFTER: [Duration; 4] =
    [Duration::ZERO, Duration::from_millis(50), Duration::from_millis(250), Duration::from_secs(1)];

/// What every connection needs.
struct Door {
    desk: Arc<Desk>,
    address: Address,
    schema: &'static str,
    fingerprint: String,
    is_closed: AtomicBool,
    connections: Mutex<Vec<TcpStream>>,
    /// Those that have not greeted yet, oldest first, each under a number of its own.
    strangers: Mutex<VecDeque<(u64, TcpStream)>>,
}

impl Door {
    fn connections(&self) -> MutexGuard<'_, Vec<TcpStream>> {
        self.connections.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn strangers(&self) -> MutexGuard<'_, VecDeque<(u64, TcpStream)>> {
        self.strangers.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn let_in(&self, stream: TcpStream) -> u64 {
        let mut strangers = self.strangers();
        let number = strangers.back().map_or(0, |(last, _)| last + 1);
        strangers.push_back((number, stream));
        if strangers.len() > STRANGERS_MAX
            && let Some((_, oldest)) = strangers.pop_front()
        {
            let _ = oldest.shutdown(std::net::Shutdown::Both); // It may be gone already.
        }
        number
    }

    /// A stranger greeted, and is one of those that follow where there is room.
    fn make_known(&self, number: u64) -> bool {
        let mut strangers = self.strangers();
        let at = strangers.iter().position(|(known, _)| *known == number);
        let Some((_, stream)) = at.and_then(|at| strangers.remove(at)) else { return false };
        let mut connections = self.connections();
        connections.retain(|known| known.peer_addr().is_ok());
        if connections.len() >= CONNECTIONS_MAX || self.is_closed() {
            return false;
        }
        connections.push(stream);
        true
    }

    fn forget(&self, number: u64) {
        self.strangers().retain(|(known, _)| *known != number);
    }

    fn is_closed(&self) -> bool {
        self.is_closed.load(Ordering::Acquire)
    }
}

/// Listens until it is dropped.
pub(super) struct Host {
    folder: PathBuf,
    port: u16,
    door: Arc<Door>,
    accepting: Option<JoinHandle<()>>,
}

impl Host {
    pub(super) fn start(
        folder: &Path,
        desk: &Arc<Desk>,
        (schema, fingerprint): (&'static str, String),
    ) -> io::Result<Self> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
        let address = Address::new(listener.local_addr()?.port());
        let door = Arc::new(Door {
            desk: Arc::clone(desk),
            address: address.clone(),
            schema,
            fingerprint,
            is_closed: AtomicBool::new(false),
            connections: Mutex::default(),
            strangers: Mutex::default(),
        });
        let at = Arc::clone(&door);
        let accept = move || {
            for stream in listener.incoming() {
                if at.is_closed() {
                    return;
                }
                match stream {
                    Ok(stream) => welcome(&at, stream),
                    // No more files, for example: that passes.
                    Err(_) => std::thread::sleep(Duration::from_millis(50)),
                }
            }
        };
        let accepting = std::thread::Builder::new().name("livestore-host".into()).spawn(accept)?;
        let host = Self { folder: folder.to_owned(), port: address.port, door, accepting: Some(accepting) };
        address.publish(folder)?;
        Ok(host)
    }
}

impl Drop for Host {
    fn drop(&mut self) {
        self.door.address.withdraw_own(&self.folder);
        self.door.is_closed.store(true, Ordering::Release);
        let strangers: Vec<_> = self.door.strangers().drain(..).map(|(_, stream)| stream).collect();
        for connection in self.door.connections().drain(..).chain(strangers) {
            let _ = connection.shutdown(std::net::Shutdown::Both); // It may be gone already.
        }
        // Wakes the thread that accepts, which then sees that the door is closed.
        let woken = TcpStream::connect_timeout(&(Ipv4Addr::LOCALHOST, self.port).into(), Duration::from_secs(1));
        if let (Ok(_), Some(accepting)) = (woken, self.accepting.take()) {
            let _ = accepting.join(); // Its panic was already printed.
        }
    }
}

fn welcome(door: &Arc<Door>, stream: TcpStream) {
    let Ok(known) = stream.try_clone() else { return };
    if door.is_closed() {
        return;
    }
    let number = door.let_in(known);
    let at = Arc::clone(door);
    let serve = move || {
        if let Err(error) = serve(&at, number, &stream) {
            tracing::debug!(%error, "a following process went away");
        }
        at.forget(number);
        let _ = stream.shutdown(std::net::Shutdown::Both); // It may be gone already.
        for wait in TAKE_JOURNALS_AFTER {
            std::thread::sleep(wait);
            if at.is_closed() {
                return;
            }
            at.desk.request(Request::TakeJournals);
        }
    };
    if let Err(error) = std::thread::Builder::new().name("livestore-follower".into()).spawn(serve) {
        door.forget(number);
        tracing::warn!(%error, "another process cannot follow");
    }
}

/// One process, until it goes away.
fn serve(door: &Arc<Door>, number: u64, stream: &TcpStream) -> io::Result<()> {
    stream.set_nodelay(true)?;
    stream.set_write_timeout(Some(WRITE_MAX))?;
    let mut from = BufReader::new(stream);
    let to = Arc::new(Mutex::new(stream.try_clone()?));
    let hello = frame::read_greeting(&mut Hurried { from: &mut from, until: Instant::now() + HELLO_MAX })?;
    let greeting = match greet(door, hello) {
        ToFollower::Welcome { .. } if !door.make_known(number) => {
            ToFollower::Refused { reason: format!("{CONNECTIONS_MAX} processes follow already") }
        }
        greeting => greeting,
    };
    send(&to, &greeting)?;
    if !matches!(greeting, ToFollower::Welcome { .. }) {
        return Ok(());
    }
    stream.set_read_timeout(None)?;
    let port = Arc::new(Port::default());
    let served = serve_messages(door, &mut from, &to, &port);
    port.close("the connection ended");
    served
}

/// Reads until a moment, however little comes at a time.
struct Hurried<'a, 'b> {
    from: &'a mut BufReader<&'b TcpStream>,
    until: Instant,
}

impl Read for Hurried<'_, '_> {
    fn read(&mut self, bytes: &mut [u8]) -> io::Result<usize> {
        let left = self.until.saturating_duration_since(Instant::now());
        if left.is_zero() {
            return Err(io::ErrorKind::TimedOut.into());
        }
        self.from.get_ref().set_read_timeout(Some(left))?;
        self.from.read(bytes)
    }
}

fn greet(door: &Door, hello: ToLeader) -> ToFollower {
    let refuse = |reason: &str| ToFollower::Refused { reason: reason.into() };
    let ToLeader::Hello { protocol, token, schema, fingerprint } = hello else { return refuse("no greeting came") };
    if token != door.address.token {
        return refuse("the token is not that of `leader.json`");
    }
    if protocol != PROTOCOL {
        return refuse("another version of this library leads the store");
    }
    if (schema.as_str(), &fingerprint) != (door.schema, &door.fingerprint) {
        return ToFollower::OtherSchema { schema: door.schema.into() };
    }
    let status = door.desk.status();
    let (state_file, generation, sync) = (status.state_file, status.generation, Box::new(status.sync));
    ToFollower::Welcome { answer: door.address.answer.clone(), state_file, generation, sync }
}

/// Serves the messages of one process.
fn serve_messages(
    door: &Arc<Door>,
    from: &mut BufReader<&TcpStream>,
    to: &Arc<Mutex<TcpStream>>,
    port: &Arc<Port>,
) -> io::Result<()> {
    let mut is_fed = false;
    loop {
        match frame::read(from)? {
            ToLeader::Hello { .. } => return Err(io::Error::other("a second greeting came")),
            ToLeader::Feed { .. } if std::mem::replace(&mut is_fed, true) => {
                return Err(io::Error::other("a second feed was asked for"));
            }
            ToLeader::HurrySync => door.desk.request(Request::HurrySync),
            ToLeader::Feed { generation, after, seq } => {
                door.desk.request(Request::Feed { generation, after, seq, port: Arc::clone(port) });
                let (to, port) = (Arc::clone(to), Arc::clone(port));
                std::thread::Builder::new().name("livestore-feed".into()).spawn(move || feed(&to, &port))?;
            }
            ToLeader::Submit { groups } => submit(door, groups)?,
            ToLeader::Sync { id } => {
                let error = door.desk.sync(SYNC_MAX).err().map(|error| error.to_string());
                send(to, &ToFollower::SyncDone { id, error })?;
            }
            ToLeader::Ping => {
                let trouble = match door.desk.status().state {
                    LeaderState::Retrying { error, .. } => Some(error.to_string()),
                    _ => None,
                };
                send(to, &ToFollower::Pong { trouble })?;
            }
        }
    }
}

/// Reads on only when the leader's inbox has room: what waits, waits at the process that committed it. Its own sessions come
/// first, so others may fill a part of it only; where that does not drain, the process is sent away, and hands over again.
fn submit(door: &Door, groups: Vec<Group>) -> io::Result<()> {
    for group in groups {
        let group = group.into_group().ok_or_else(|| io::Error::other("what came is no commit group"))?;
        let deadline = Instant::now() + ROOM_MAX;
        loop {
            let (bytes, bytes_max) = door.desk.backlog();
            if bytes < bytes_max / 8 {
                break;
            }
            if door.is_closed() || Instant::now() > deadline {
                return Err(io::Error::other("the leader does not take what waits for it"));
            }
            door.desk.wait_past(door.desk.status().place, Duration::from_millis(50));
        }
        door.desk.submit(foreign_submission(group));
    }
    Ok(())
}

/// Sends what the leader publishes, until the connection or the port ends.
fn feed(to: &Arc<Mutex<TcpStream>>, port: &Arc<Port>) {
    let send_all = || -> io::Result<()> {
        while let Some(told) = port.news(Duration::from_secs(60)) {
            let news = Vec::from(told.news);
            // What came after the sync is told after it.
            let (place, seq) = told.synced.unwrap_or_default();
            let in_sync = news.iter().take_while(|news| is_within(news, place, seq)).count();
            send_news(to, &news[..in_sync])?;
            if let Some((place, seq)) = told.synced {
                send(to, &ToFollower::Synced { place, seq })?;
            }
            send_news(to, &news[in_sync..])?;
            if let Some(status) = told.sync_status {
                send(to, &ToFollower::SyncStatus { status })?;
            }
        }
        Ok(())
    };
    if let Err(error) = send_all() {
        tracing::debug!(%error, "a following process could not be told");
    }
    let stream = to.lock().unwrap_or_else(PoisonError::into_inner);
    let _ = stream.shutdown(std::net::Shutdown::Both); // It may be gone already.
}

fn is_within(news: &News, place: u64, seq: u64) -> bool {
    match news {
        News::Confirmed(published) => published.place <= place,
        News::Accepted(accepted) => accepted.seq <= seq,
        News::Dropped(_) | News::Restart(_) => true,
    }
}

fn send_news(to: &Mutex<TcpStream>, news: &[News]) -> io::Result<()> {
    for page in news.chunks(GROUPS_MAX) {
        // A page of the largest groups would not fit a message.
        for part in parts(page) {
            send(to, &ToFollower::News { news: part.iter().filter_map(NewsItem::of).collect() })?;
        }
    }
    Ok(())
}

/// Cuts a page so that the payloads of each part are at most a megabyte, or one group.
fn parts(mut page: &[News]) -> Vec<&[News]> {
    const BYTES_MAX: usize = 1 << 20;
    let mut parts = Vec::new();
    while !page.is_empty() {
        let mut bytes = 0;
        let len = page
            .iter()
            .take_while(|news| {
                bytes += payload_bytes(news);
                bytes <= BYTES_MAX
            })
            .count()
            .max(1);
        let (part, rest) = page.split_at(len);
        parts.push(part);
        page = rest;
    }
    parts
}

fn payload_bytes(news: &News) -> usize {
    let group = match news {
        News::Confirmed(published) => &published.group,
        News::Accepted(accepted) => &accepted.group,
        News::Dropped(_) | News::Restart(_) => return 0,
    };
    group.events.iter().map(crate::event::EncodedEvent::bytes).sum()
}

fn send(to: &Mutex<TcpStream>, message: &ToFollower) -> io::Result<()> {
    let stream = to.lock().unwrap_or_else(PoisonError::into_inner);
    frame::write(&mut &*stream, message)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::leader::LeaderOptions;

    /// Should the lock ever fail: who was overtaken must not hide who leads.
    #[test]
    fn a_door_that_closes_leaves_the_address_of_another() {
        let folder = std::env::temp_dir().join(format!("livestore-host-{}", std::process::id()));
        std::fs::create_dir_all(&folder).unwrap();
        let desk = Desk::new(LeaderOptions::default());
        let open = || Host::start(&folder, &desk, ("App", "fingerprint".into())).unwrap();
        let (old, new) = (open(), open());
        drop(old);
        assert_eq!(Address::read(&folder).unwrap().port, new.port);
        drop(new);
        assert!(Address::read(&folder).is_err());
        std::fs::remove_dir_all(&folder).unwrap();
    }
}
