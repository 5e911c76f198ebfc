//! A network between one client and the server: a port of its own, whose connections can be cut.

use std::io::{Read as _, Write as _};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::thread;

/// Passes bytes on, unless it is cut. Clients stay on their address also when the server moves to another.
#[derive(Debug)]
pub struct Network {
    address: SocketAddr,
    state: Arc<Mutex<State>>,
}

#[derive(Debug)]
struct State {
    server: SocketAddr,
    is_up: bool,
    is_over: bool,
    connections: Vec<Connection>,
}

#[derive(Debug)]
struct Connection {
    ends: [TcpStream; 2],
    is_mute: Arc<AtomicBool>,
}

impl Network {
    /// One that works.
    #[must_use]
    pub fn to(server: SocketAddr) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port is free");
        let address = listener.local_addr().expect("it is bound");
        let state = State { server, is_up: true, is_over: false, connections: Vec::new() };
        let state = Arc::new(Mutex::new(state));
        let shared = Arc::clone(&state);
        thread::spawn(move || {
            for client in listener.incoming() {
                let Ok(client) = client else { continue };
                if lock(&shared).is_over {
                    return;
                }
                pass(client, &shared);
            }
        });
        Self { address, state }
    }

    /// Where clients connect to.
    #[must_use]
    pub const fn address(&self) -> SocketAddr {
        self.address
    }

    /// Ends all connections, and lets none through.
    pub fn cut(&self) {
        let mut state = lock(&self.state);
        state.is_up = false;
        for end in state.connections.drain(..).flat_map(|connection| connection.ends) {
            // One that ended by itself has nothing to shut down.
            let _ = end.shutdown(Shutdown::Both);
        }
    }

    /// Swallows what is said over the connections there are, without ending them. New ones work.
    pub fn mute(&self) {
        for connection in &lock(&self.state).connections {
            connection.is_mute.store(true, Ordering::Relaxed);
        }
    }

    /// Lets new connections through to another server.
    pub fn lead_to(&self, server: SocketAddr) {
        lock(&self.state).server = server;
    }

    /// Lets connections through again.
    pub fn mend(&self) {
        lock(&self.state).is_up = true;
    }
}

impl Drop for Network {
    fn drop(&mut self) {
        self.cut();
        lock(&self.state).is_over = true;
        drop(TcpStream::connect(self.address));
    }
}

fn lock(state: &Mutex<State>) -> std::sync::MutexGuard<'_, State> {
    state.lock().expect("nobody panics with it")
}

/// Connects a client through, or drops it.
fn pass(client: TcpStream, state: &Mutex<State>) {
    let mut state = lock(state);
    if !state.is_up {
        return;
    }
    let Ok(server) = TcpStream::connect(state.server) else { return };
    let is_mute = Arc::new(AtomicBool::new(false));
    for (from, to) in [(&client, &server), (&server, &client)] {
        let (Ok(from), Ok(to)) = (from.try_clone(), to.try_clone()) else { return };
        let is_mute = Arc::clone(&is_mute);
        thread::spawn(move || pump(from, to, &is_mute));
    }
    state.connections.push(Connection { ends: [client, server], is_mute });
}

fn pump(mut from: TcpStream, mut to: TcpStream, is_mute: &AtomicBool) {
    let mut buffer = vec![0; 64 << 10];
    while let Ok(read @ 1..) = from.read(&mut buffer) {
        let Some(bytes) = buffer.get(..read) else { break };
        if !is_mute.load(Ordering::Relaxed) && to.write_all(bytes).is_err() {
            break;
        }
    }
    let _ = to.shutdown(Shutdown::Both);
    let _ = from.shutdown(Shutdown::Both);
}
