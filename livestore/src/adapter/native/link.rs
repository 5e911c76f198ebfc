//! The line from a following process to its leader.

use super::address::Address;
use super::frame::{self, PROTOCOL, ToFollower, ToLeader};
use crate::leader::Desk;
use crate::sync::SyncStatus;
use std::io;
use std::net::{Ipv4Addr, Shutdown, TcpStream};
use std::path::Path;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, TryRecvError, sync_channel};
use std::thread::JoinHandle;
use std::time::Duration;

/// How long a leader may take to greet, and to take what is written to it. A stopped process takes connections, and then
/// says nothing.
const ANSWER_MAX: Duration = Duration::from_secs(3);
/// Messages that wait for the thread that serves the desk; the leader then waits too.
const MESSAGES_MAX: usize = 256;

/// Why there is no line.
#[derive(Debug)]
pub(super) enum NoLink {
    OtherSchema { schema: String },
    Failed(String),
}

impl From<io::Error> for NoLink {
    fn from(error: io::Error) -> Self {
        Self::Failed(match error.kind() {
            io::ErrorKind::NotFound => "no process has said where it leads".to_owned(),
            io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut => "the process that leads does not answer".to_owned(),
            _ => format!("the process that leads cannot be reached ({error})"),
        })
    }
}

pub(super) struct Link {
    stream: TcpStream,
    messages: Option<Receiver<ToFollower>>,
    reader: Option<JoinHandle<()>>,
}

/// What the leader said first.
pub(super) struct Welcome {
    pub(super) state_file: String,
    pub(super) generation: u64,
    pub(super) sync: SyncStatus,
}

/// What came in.
pub(super) enum Received {
    Message(ToFollower),
    Nothing,
    Lost,
}

impl Link {
    /// Connects to the leader of the folder; gives back what it said of itself too.
    pub(super) fn connect(
        folder: &Path,
        desk: &Arc<Desk>,
        (schema, fingerprint): (&str, &str),
    ) -> Result<(Self, Welcome), NoLink> {
        let address = Address::read(folder)?;
        let mut stream = TcpStream::connect_timeout(&(Ipv4Addr::LOCALHOST, address.port).into(), ANSWER_MAX)?;
        stream.set_nodelay(true)?;
        stream.set_read_timeout(Some(ANSWER_MAX))?;
        stream.set_write_timeout(Some(ANSWER_MAX))?;
        let (schema, fingerprint) = (schema.to_owned(), fingerprint.to_owned());
        frame::write(&mut stream, &ToLeader::Hello { protocol: PROTOCOL, token: address.token, schema, fingerprint })?;
        let welcome = match frame::read(&mut stream)? {
            ToFollower::Welcome { answer, .. } if answer != address.answer => {
                return Err(NoLink::Failed("another program answers in the place of the process that led".into()));
            }
            ToFollower::Welcome { state_file, .. } if !is_state_file(&state_file) => {
                return Err(NoLink::Failed(format!("`{state_file}` is no name of a state file")));
            }
            ToFollower::Welcome { state_file, generation, sync, .. } => Welcome { state_file, generation, sync: *sync },
            ToFollower::OtherSchema { schema } => return Err(NoLink::OtherSchema { schema }),
            ToFollower::Refused { reason } => return Err(NoLink::Failed(reason)),
            _ => return Err(NoLink::Failed("the process that leads did not greet".into())),
        };
        stream.set_read_timeout(None)?;
        Ok((Self::listen(stream, desk)?, welcome))
    }

    fn listen(stream: TcpStream, desk: &Arc<Desk>) -> io::Result<Self> {
        let (send, messages) = sync_channel(MESSAGES_MAX);
        let (mut from, desk) = (io::BufReader::new(stream.try_clone()?), Arc::clone(desk));
        let read = move || {
            while let Ok(message) = frame::read(&mut from) {
                if send.send(message).is_err() {
                    break;
                }
                desk.nudge();
            }
            drop(send); // Tells that the line is lost.
            desk.nudge();
        };
        let reader = std::thread::Builder::new().name("livestore-link".into()).spawn(read)?;
        Ok(Self { stream, messages: Some(messages), reader: Some(reader) })
    }

    pub(super) fn send(&mut self, message: &ToLeader) -> io::Result<()> {
        frame::write(&mut self.stream, message)
    }

    pub(super) fn receive(&self) -> Received {
        match self.messages.as_ref().map(Receiver::try_recv) {
            Some(Ok(message)) => Received::Message(message),
            Some(Err(TryRecvError::Empty)) => Received::Nothing,
            Some(Err(TryRecvError::Disconnected)) | None => Received::Lost,
        }
    }
}

fn is_state_file(name: &str) -> bool {
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'.';
    name.starts_with("state-") && name.ends_with(".db") && name.bytes().all(is_plain)
}

impl Drop for Link {
    fn drop(&mut self) {
        let _ = self.stream.shutdown(Shutdown::Both); // It may be gone already.
        drop(self.messages.take()); // A reader that waits for room ends.
        if let Some(reader) = self.reader.take() {
            let _ = reader.join(); // Its panic was already printed.
        }
    }
}
