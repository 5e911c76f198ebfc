use std::io::{Read, Write};
use std::net::{Ipv4Addr, Shutdown, TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::time::Duration;

/// A way to a server that a test can cut, close, bend, and make deaf.
#[derive(Clone)]
pub(crate) struct Proxy {
    pub(crate) port: u16,
    shared: Arc<Mutex<Shared>>,
}

struct Shared {
    target: u16,
    is_closed: bool,
    /// Whether what the server says is lost on the way.
    is_deaf: bool,
    /// Whether it lets through little at a time.
    is_slow: bool,
    streams: Vec<TcpStream>,
}

impl Proxy {
    pub(crate) fn to(target: u16) -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let port = listener.local_addr().unwrap().port();
        let shared = Shared { target, is_closed: false, is_deaf: false, is_slow: false, streams: Vec::new() };
        let proxy = Self { port, shared: Arc::new(Mutex::new(shared)) };
        let accepting = proxy.clone();
        std::thread::spawn(move || listener.incoming().flatten().for_each(|stream| accepting.take(stream)));
        proxy
    }

    fn take(&self, client: TcpStream) {
        let mut shared = self.shared.lock().unwrap();
        if shared.is_closed {
            return; // Dropped, and so closed.
        }
        let Ok(server) = TcpStream::connect((Ipv4Addr::LOCALHOST, shared.target)) else { return };
        [&client, &server].into_iter().for_each(|stream| stream.set_nodelay(true).unwrap());
        shared.streams.extend([client.try_clone().unwrap(), server.try_clone().unwrap()]);
        drop(shared);
        let (up, down) = ((client.try_clone().unwrap(), server.try_clone().unwrap()), (server, client));
        for ((from, to), is_down) in [(up, false), (down, true)] {
            let proxy = self.clone();
            std::thread::spawn(move || {
                copy(from, to, move || {
                    let shared = proxy.shared.lock().unwrap();
                    (is_down && shared.is_deaf, shared.is_slow)
                });
            });
        }
    }

    /// Becomes a slow line, or a fast one again.
    #[allow(dead_code, reason = "the original's server has deadlines of its own")]
    pub(crate) fn set_slow(&self, is_slow: bool) {
        self.shared.lock().unwrap().is_slow = is_slow;
    }

    /// Cuts what stands.
    pub(crate) fn cut(&self) {
        for stream in self.shared.lock().unwrap().streams.drain(..) {
            let _ = stream.shutdown(Shutdown::Both); // It may be closed already.
        }
    }

    /// Lets nobody through any more, or everybody again.
    pub(crate) fn set_closed(&self, is_closed: bool) {
        self.shared.lock().unwrap().is_closed = is_closed;
        if is_closed {
            self.cut();
        }
    }

    /// Loses all that the server says from now on, or no more.
    pub(crate) fn set_deaf(&self, is_deaf: bool) {
        self.shared.lock().unwrap().is_deaf = is_deaf;
    }

    /// Leads to another server.
    pub(crate) fn turn_to(&self, target: u16) {
        self.shared.lock().unwrap().target = target;
        self.cut();
    }
}

/// What a slow line lets through in each [`SLOW_PAUSE`].
const SLOW_BYTES: usize = 16 << 10;
const SLOW_PAUSE: Duration = Duration::from_millis(50);

fn copy(mut from: TcpStream, mut to: TcpStream, look: impl Fn() -> (bool, bool)) {
    let mut buffer = [0; SLOW_BYTES];
    while let Ok(read @ 1..) = from.read(&mut buffer) {
        let (is_lost, is_slow) = look();
        if is_slow {
            std::thread::sleep(SLOW_PAUSE);
        }
        if !is_lost && to.write_all(&buffer[..read]).is_err() {
            break;
        }
    }
    for stream in [from, to] {
        let _ = stream.shutdown(Shutdown::Both); // It may be closed already.
    }
}
