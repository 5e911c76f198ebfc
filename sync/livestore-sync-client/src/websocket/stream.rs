use mio::net::TcpStream;
use rustls::{ClientConnection, StreamOwned};
use std::io::{self, Read, Write};

/// A TCP stream that does not block, with TLS or without, whose bytes are counted.
pub(super) struct Stream {
    kind: Kind,
    pub(super) read: u64,
    pub(super) written: u64,
}

enum Kind {
    Plain(TcpStream),
    Tls(Box<StreamOwned<ClientConnection, TcpStream>>),
}

impl Stream {
    pub(super) fn plain(stream: TcpStream) -> Self {
        Self { kind: Kind::Plain(stream), read: 0, written: 0 }
    }

    pub(super) fn tls(stream: StreamOwned<ClientConnection, TcpStream>) -> Self {
        Self { kind: Kind::Tls(Box::new(stream)), read: 0, written: 0 }
    }
}

impl Read for Stream {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = again_if_interrupted(|| match &mut self.kind {
            Kind::Plain(stream) => stream.read(buffer),
            Kind::Tls(stream) => stream.read(buffer),
        })?;
        self.read += read as u64;
        Ok(read)
    }
}

impl Write for Stream {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let written = again_if_interrupted(|| match &mut self.kind {
            Kind::Plain(stream) => stream.write(bytes),
            Kind::Tls(stream) => stream.write(bytes),
        })?;
        self.written += written as u64;
        Ok(written)
    }

    fn flush(&mut self) -> io::Result<()> {
        again_if_interrupted(|| match &mut self.kind {
            Kind::Plain(stream) => stream.flush(),
            Kind::Tls(stream) => stream.flush(),
        })
    }
}

/// A signal is no reason to wait for the socket, which would not tell again that it is ready.
fn again_if_interrupted<T>(mut act: impl FnMut() -> io::Result<T>) -> io::Result<T> {
    loop {
        match act() {
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            done => return done,
        }
    }
}

/// Whether a socket only asks for patience.
pub(super) fn is_blocked(error: &io::Error) -> bool {
    error.kind() == io::ErrorKind::WouldBlock
}
