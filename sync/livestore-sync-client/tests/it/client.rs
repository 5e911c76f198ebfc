//! A store's end of a connection.

use livestore::*;
use livestore_sync_client::{SyncClient, SyncClientBuilder};
use std::sync::{Arc, Condvar, Mutex};
use std::task::{Wake, Waker};
use std::time::Duration;

/// How long anything may take that has to come; a bound, not a measure.
const PATIENCE: Duration = Duration::from_secs(60);

#[derive(Default)]
struct Bell {
    rung: Mutex<bool>,
    changed: Condvar,
}

impl Wake for Bell {
    fn wake(self: Arc<Self>) {
        *self.rung.lock().unwrap() = true;
        self.changed.notify_all();
    }
}

pub(crate) struct Client {
    connection: Box<dyn SyncConnection>,
    bell: Arc<Bell>,
}

impl Client {
    pub(crate) fn of(provider: &SyncClient) -> Self {
        let bell = Arc::new(Bell::default());
        let target = SyncTarget::new(StoreId::new("todos").unwrap(), "client");
        Self { connection: provider.connect(&target, Waker::from(Arc::clone(&bell))), bell }
    }

    pub(crate) fn dial(builder: SyncClientBuilder) -> Self {
        Self::of(&builder.build().unwrap())
    }

    /// One that stands.
    pub(crate) fn connected(builder: SyncClientBuilder) -> Self {
        let mut client = Self::dial(builder);
        assert_eq!(client.next(), SyncMessage::Connected);
        client
    }

    pub(crate) fn send(&mut self, request: SyncRequest) {
        self.connection.send(request);
    }

    pub(crate) fn pull(&mut self, after: u64, live: bool) {
        self.send(SyncRequest::Pull { after, backend_id: None, live });
    }

    pub(crate) fn push(&mut self, events: Vec<SyncEvent>) {
        self.send(SyncRequest::Push { backend_id: None, events });
    }

    /// Has a count as long as anybody could be woken.
    pub(crate) fn count_wakers(&self) -> std::sync::Weak<impl Sized + use<>> {
        Arc::downgrade(&self.bell)
    }

    pub(crate) fn receive(&mut self) -> Option<SyncMessage> {
        self.connection.receive()
    }

    /// The next message. Whoever waits has to be woken for it.
    pub(crate) fn next(&mut self) -> SyncMessage {
        loop {
            if let Some(message) = self.connection.receive() {
                return message;
            }
            let rung = self.bell.rung.lock().unwrap();
            let (mut rung, waited) = self.bell.changed.wait_timeout_while(rung, PATIENCE, |rung| !*rung).unwrap();
            assert!(!waited.timed_out(), "nothing came, or nobody was woken for it");
            *rung = false;
        }
    }

    pub(crate) fn page(&mut self) -> SyncPage {
        match self.next() {
            SyncMessage::Page(page) => page,
            other => panic!("{other:?} came and not a page"),
        }
    }

    /// How it ends, whatever comes before.
    pub(crate) fn end(&mut self) -> SyncError {
        loop {
            if let SyncMessage::Disconnected(error) = self.next() {
                assert_eq!(self.receive(), None, "an end comes last");
                return error;
            }
        }
    }
}

pub(crate) fn event(number: u64) -> SyncEvent {
    SyncEvent {
        number,
        parent: number - 1,
        name: "v1.Added".into(),
        args: Some(format!("{{\"id\":{number}}}").into()),
        client_id: "client".into(),
        session_id: "session".into(),
        id: Some(format!("{number:032x}").parse().unwrap()),
        rest: Some(0),
    }
}

#[track_caller]
pub(crate) fn check(error: &SyncError, kind: &str, words: &str) {
    let found = match error {
        SyncError::Offline { .. } => "offline",
        SyncError::Unauthorized { .. } => "unauthorized",
        SyncError::Protocol { .. } => "protocol",
        _ => "another",
    };
    assert_eq!(found, kind, "{error}");
    assert!(error.to_string().contains(words), "{error}");
}
