//! A backend for stores in several processes: a [`MemoryBackend`] of the test, reached by lines of JSON over loopback.

use livestore::{
    MemoryBackend, StoreId, SyncConnection, SyncError, SyncMessage, SyncProvider, SyncRequest, SyncTarget,
};
use std::io::{self, BufRead, BufReader, Write};
use std::net::{Ipv4Addr, Shutdown, TcpListener, TcpStream};
use std::sync::mpsc::{Receiver, Sender, channel, sync_channel};
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::task::{Wake, Waker};

/// Messages that wait for a store before no more are read.
const MESSAGES_MAX: usize = 64;

/// The side of the test. It serves as long as the test runs.
#[derive(Debug)]
pub struct WireBackend {
    /// What a test looks at, and breaks.
    pub backend: MemoryBackend,
    port: u16,
}

impl WireBackend {
    /// Serves the backend.
    ///
    /// # Panics
    /// There is no port.
    #[must_use]
    pub fn serve(backend: MemoryBackend) -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("there is a port");
        let port = listener.local_addr().expect("it has an address").port();
        let served = backend.clone();
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let backend = served.clone();
                std::thread::spawn(move || serve(&backend, &stream)); // A client that goes away ends it.
            }
        });
        Self { backend, port }
    }

    /// What a [`WireProvider`] of another process needs to know.
    #[must_use]
    pub fn port(&self) -> String {
        self.port.to_string()
    }
}

/// Wakes a thread that waits for messages.
#[derive(Default)]
struct Bell {
    has_rung: Mutex<bool>,
    rung: Condvar,
}

impl Bell {
    fn ring(&self) {
        *self.has_rung.lock().unwrap_or_else(PoisonError::into_inner) = true;
        self.rung.notify_all();
    }

    fn wait(&self) {
        let mut has_rung = self.has_rung.lock().unwrap_or_else(PoisonError::into_inner);
        while !std::mem::take(&mut *has_rung) {
            has_rung = self.rung.wait(has_rung).unwrap_or_else(PoisonError::into_inner);
        }
    }
}

impl Wake for Bell {
    fn wake(self: Arc<Self>) {
        self.ring();
    }
}

type Shared = Arc<Mutex<Option<Box<dyn SyncConnection>>>>;

fn serve(backend: &MemoryBackend, stream: &TcpStream) -> io::Result<()> {
    stream.set_nodelay(true)?;
    let mut lines = BufReader::new(stream).lines();
    let hello = lines.next().ok_or(io::ErrorKind::UnexpectedEof)??;
    let (store_id, client_id): (StoreId, String) = serde_json::from_str::<(String, String)>(&hello)
        .map(|(store, client)| (StoreId::new(store).expect("an id"), client))?;
    let bell = Arc::new(Bell::default());
    let connection = backend.connect(&SyncTarget::new(store_id, &client_id), Waker::from(Arc::clone(&bell)));
    let connection: Shared = Arc::new(Mutex::new(Some(connection)));
    let (to, answering, at) = (stream.try_clone()?, Arc::clone(&connection), Arc::clone(&bell));
    let answers = std::thread::spawn(move || answer(&to, &answering, &at));
    for line in lines.map_while(Result::ok) {
        let request: SyncRequest = serde_json::from_str(&line)?;
        let mut connection = connection.lock().unwrap_or_else(PoisonError::into_inner);
        connection.iter_mut().for_each(|connection| connection.send(request.clone()));
        bell.ring();
    }
    drop(connection.lock().unwrap_or_else(PoisonError::into_inner).take());
    bell.ring();
    let _ = answers.join(); // Its panic was already printed.
    Ok(())
}

/// Writes what the backend says, until the connection is over.
fn answer(mut to: &TcpStream, connection: &Shared, bell: &Bell) {
    loop {
        let next = match &mut *connection.lock().unwrap_or_else(PoisonError::into_inner) {
            None => return,
            Some(connection) => connection.receive(),
        };
        let Some(message) = next else {
            bell.wait();
            continue;
        };
        let line = serde_json::to_string(&message).expect("it is JSON") + "\n";
        if to.write_all(line.as_bytes()).is_err() || matches!(message, SyncMessage::Disconnected(_)) {
            let _ = to.shutdown(Shutdown::Both); // It may be gone already.
            return;
        }
    }
}

/// The side of a store, in any process.
#[derive(Clone, Debug)]
pub struct WireProvider {
    port: u16,
}

impl WireProvider {
    /// The way to the [`WireBackend`] of this port.
    ///
    /// # Panics
    /// It is no port.
    #[must_use]
    pub fn new(port: &str) -> Self {
        Self { port: port.parse().expect("a port") }
    }
}

impl SyncProvider for WireProvider {
    fn connect(&self, target: &SyncTarget, wake: Waker) -> Box<dyn SyncConnection> {
        let (requests, to_send) = channel::<String>();
        let (found, messages) = sync_channel(MESSAGES_MAX);
        let hello = serde_json::to_string(&(target.store_id.as_str(), target.client_id.as_str())).expect("it is JSON");
        let _ = requests.send(hello); // The other end is right here.
        let port = self.port;
        std::thread::spawn(move || {
            let reason = match TcpStream::connect((Ipv4Addr::LOCALHOST, port)) {
                Ok(stream) => read(&stream, to_send, |message| {
                    let is_taken = found.send(message).is_ok();
                    wake.wake_by_ref();
                    is_taken
                }),
                Err(error) => error.to_string(),
            };
            let _ = found.send(SyncMessage::Disconnected(SyncError::Offline { reason })); // The store may be gone.
            wake.wake_by_ref();
        });
        Box::new(WireConnection { requests, messages })
    }
}

/// Reads until the line is lost, and says why it was.
fn read(stream: &TcpStream, to_send: Receiver<String>, take: impl Fn(SyncMessage) -> bool) -> String {
    let Ok(writing) = stream.try_clone() else { return "no more files".into() };
    std::thread::spawn(move || {
        // Ends with the connection, which holds the other end.
        for line in to_send {
            if (&writing).write_all((line + "\n").as_bytes()).is_err() {
                break;
            }
        }
        let _ = writing.shutdown(Shutdown::Both); // It may be gone already.
    });
    for line in BufReader::new(stream).lines().map_while(Result::ok) {
        match serde_json::from_str(&line) {
            Ok(message) => {
                if !take(message) {
                    break;
                }
            }
            Err(error) => return error.to_string(),
        }
    }
    "the line is lost".into()
}

struct WireConnection {
    requests: Sender<String>,
    messages: Receiver<SyncMessage>,
}

impl SyncConnection for WireConnection {
    fn send(&mut self, request: SyncRequest) {
        let line = serde_json::to_string(&request).expect("it is JSON");
        let _ = self.requests.send(line); // A lost line is told by `receive`.
    }

    fn receive(&mut self) -> Option<SyncMessage> {
        self.messages.try_recv().ok()
    }
}
