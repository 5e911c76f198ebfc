//! TLS, with certificates made for the test.

use crate::client::{Client, check};
use crate::server::{PONG, Server};
use livestore::{SyncMessage, SyncRequest};
use livestore_sync_client::{SetupError, SyncClient, SyncClientBuilder};
use rustls::pki_types::{CertificateDer, PrivatePkcs8KeyDer};
use rustls::{ServerConfig, ServerConnection, StreamOwned};
use std::io::{Read, Write};
use std::net::TcpStream;
use std::path::PathBuf;
use std::sync::Arc;
use tungstenite::Message;

type Tls = StreamOwned<ServerConnection, TcpStream>;

/// A certificate for these names, and the file that a client is given.
struct Identity {
    config: Arc<ServerConfig>,
    dir: tempfile::TempDir,
}

impl Identity {
    fn of(name: &str) -> Self {
        let made = rcgen::generate_simple_self_signed([name.to_owned()]).unwrap();
        let dir = tempfile::tempdir().unwrap();
        std::fs::write(dir.path().join("root.pem"), made.cert.pem()).unwrap();
        let key = PrivatePkcs8KeyDer::from(made.signing_key.serialize_der());
        let certificate = CertificateDer::from(made.cert.der().to_vec());
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let builder = ServerConfig::builder_with_provider(provider).with_safe_default_protocol_versions().unwrap();
        let config = builder.with_no_client_auth().with_single_cert(vec![certificate], key.into()).unwrap();
        Self { config: Arc::new(config), dir }
    }

    fn root(&self) -> PathBuf {
        self.dir.path().join("root.pem")
    }

    fn serve<T: Send + 'static>(&self, script: impl FnOnce(Tls) -> T + Send + 'static) -> Server<T> {
        let config = Arc::clone(&self.config);
        Server::raw(move |stream| script(StreamOwned::new(ServerConnection::new(config).unwrap(), stream)))
    }
}

fn client(scheme: &str, port: u16) -> SyncClientBuilder {
    SyncClient::builder(&format!("{scheme}://127.0.0.1:{port}"))
}

#[test]
fn a_websocket_over_tls_brings_everything() {
    const LARGE: usize = 1 << 20;
    let identity = Identity::of("127.0.0.1");
    let server = identity.serve(|stream| {
        let mut socket = tungstenite::accept(stream).unwrap();
        // Larger than any buffer on the way.
        socket.send(Message::text(" ".repeat(LARGE) + PONG)).unwrap();
        loop {
            match socket.read() {
                Ok(Message::Text(text)) if text.contains("Push") => return text.len(),
                Ok(_) => {}
                Err(error) => panic!("{error}"),
            }
        }
    });
    let mut client = Client::connected(client("wss", server.port).root_certificates(identity.root()));
    let mut event = crate::client::event(1);
    event.args = Some(format!("\"{}\"", "x".repeat(800_000)).into());
    client.push(vec![event]);
    assert!(server.finish() > 800_000);
}

#[test]
fn a_port_that_speaks_no_tls_is_told() {
    for scheme in ["wss", "https"] {
        let server = Server::raw(|mut stream: TcpStream| {
            let mut hello = [0; 16];
            stream.read_exact(&mut hello).unwrap();
            stream.write_all(b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n").unwrap();
            // Until the client has read it.
            let _ = stream.read_to_end(&mut Vec::new());
        });
        let mut client = Client::dial(client(scheme, server.port));
        check(&client.end(), "protocol", "speaks no TLS: is its URL one of `ws://` or `http://`?");
        server.finish();
    }
}

#[test]
fn http_over_tls_is_answered() {
    let identity = Identity::of("127.0.0.1");
    let server = identity.serve(|mut stream| {
        let mut came = Vec::new();
        let mut buffer = [0; 4096];
        while !came.ends_with(b"}") {
            let read = stream.read(&mut buffer).unwrap();
            assert!(read > 0, "{}", String::from_utf8_lossy(&came));
            came.extend_from_slice(&buffer[..read]);
        }
        let body = r#"[{"_tag":"Exit","requestId":"0","exit":{"_tag":"Success"}}]"#;
        write!(stream, "HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n{body}", body.len()).unwrap();
        stream.flush().unwrap();
    });
    let mut client = Client::dial(client("https", server.port).root_certificates(identity.root()));
    assert_eq!(client.next(), SyncMessage::Connected);
    drop(client);
    server.finish();
}

/// Reads until the client gives up, which is not an error here.
fn endure(mut stream: Tls) {
    while stream.read(&mut [0; 1024]).is_ok_and(|read| read > 0) {}
}

#[track_caller]
fn check_distrust(name: &str, trust: impl Fn(SyncClientBuilder, &Identity) -> SyncClientBuilder) {
    for scheme in ["wss", "https"] {
        let identity = Identity::of(name);
        let server = identity.serve(endure);
        let mut client = Client::dial(trust(client(scheme, server.port).token("s3cret"), &identity));
        check(&client.end(), "protocol", "certificate");
        server.finish();
    }
}

#[test]
fn a_certificate_that_nobody_vouches_for_is_not_trusted() {
    check_distrust("127.0.0.1", |client, _| client);
    let other = Identity::of("127.0.0.1");
    check_distrust("127.0.0.1", |client, _| client.root_certificates(other.root()));
}

#[test]
fn a_certificate_of_another_host_is_not_trusted() {
    check_distrust("sync.example.com", |client, identity| client.root_certificates(identity.root()));
}

#[test]
fn a_server_without_tls_is_told() {
    let identity = Identity::of("127.0.0.1");
    let server = Server::raw(|mut stream| {
        let read = stream.read(&mut [0; 16]).unwrap();
        stream.write_all(b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n").unwrap();
        read
    });
    let mut client = Client::dial(client("wss", server.port).root_certificates(identity.root()));
    check(&client.end(), "protocol", "TLS");
    client.send(SyncRequest::Ping);
    assert_eq!(client.receive(), None, "it is over");
    server.finish();
}

#[test]
fn files_without_certificates_are_told() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("roots.pem");
    let check = || match client("wss", 1).root_certificates(&path).build() {
        Err(SetupError::Certificates { path: told, .. }) => assert_eq!(told, path.display().to_string()),
        other => panic!("{other:?}"),
    };
    check();
    for content in ["", "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"] {
        std::fs::write(&path, content).unwrap();
        check();
    }
}
