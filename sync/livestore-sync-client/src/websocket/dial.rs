//! From a host's name to a stream.

use super::line::{Line, SOCKET};
use super::stream::Stream;
use crate::client::Setup;
use crate::end::End;
use livestore::SyncError;
use mio::Interest;
use mio::net::TcpStream;
use rustls::pki_types::ServerName;
use rustls::{ClientConnection, StreamOwned};
use std::io;
use std::net::{SocketAddr, ToSocketAddrs};
use std::time::Instant;

/// Tries the host's addresses one after the other, each for its share of the time. The TLS handshake is part of what follows.
pub(super) fn dial(line: &mut Line, setup: &Setup, deadline: Instant) -> Result<Stream, End> {
    let (host, port) = (setup.address.host.as_str(), setup.address.port);
    // The one call that cannot be broken off; the system's resolver has timeouts of its own.
    let found = (host, port).to_socket_addrs();
    let addresses: Vec<SocketAddr> =
        found.map_err(|error| End::offline(format!("`{host}` cannot be resolved: {error}")))?.collect();
    let mut last = End::offline(format!("`{host}` has no address"));
    for (index, address) in addresses.iter().enumerate() {
        let now = Instant::now();
        let left = deadline.saturating_duration_since(now);
        let share = left / u32::try_from(addresses.len() - index).unwrap_or(1);
        match connect(line, *address, now + share) {
            Ok(stream) => return secure(stream, setup),
            Err(End::Dropped) => return Err(End::Dropped),
            Err(End::Lost(error)) => last = End::Lost(at(error, *address)),
        }
    }
    Err(last)
}

fn at(error: SyncError, address: SocketAddr) -> SyncError {
    match error {
        SyncError::Offline { reason } => SyncError::Offline { reason: format!("{address}: {reason}") },
        other => other,
    }
}

fn connect(line: &mut Line, address: SocketAddr, deadline: Instant) -> Result<TcpStream, End> {
    let fail = |error: io::Error| End::of(&error);
    let mut stream = TcpStream::connect(address).map_err(fail)?;
    line.poll.registry().register(&mut stream, SOCKET, Interest::READABLE | Interest::WRITABLE).map_err(fail)?;
    loop {
        line.wait_within(deadline, "the connection")?;
        if let Some(error) = stream.take_error().map_err(fail)? {
            return Err(End::of(&error));
        }
        match stream.peer_addr() {
            Ok(_) => break,
            // Not yet.
            Err(error) if error.kind() == io::ErrorKind::NotConnected => {}
            Err(error) => return Err(End::of(&error)),
        }
    }
    // Requests are small, and each is waited for.
    stream.set_nodelay(true).map_err(fail)?;
    Ok(stream)
}

fn secure(stream: TcpStream, setup: &Setup) -> Result<Stream, End> {
    if !setup.address.is_tls {
        return Ok(Stream::plain(stream));
    }
    let fail = |error: rustls::Error| End::tls(&error);
    let name = ServerName::try_from(setup.address.host.clone())
        .map_err(|_| End::protocol(format!("`{}` is no name that a certificate can have", setup.address.host)))?;
    let connection = ClientConnection::new(setup.roots.config().map_err(fail)?, name).map_err(fail)?;
    Ok(Stream::tls(StreamOwned::new(connection, stream)))
}
