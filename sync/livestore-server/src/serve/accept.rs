//! Takes connections and lets them end.

use super::counted::{Counted, Traffic};
use super::{Server, guarded, request};
use axum::body::Body;
use axum::extract::{ConnectInfo, State};
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::conn::auto;
use hyper_util::server::graceful::GracefulShutdown;
use livestore_sync_protocol::Close;
use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;
use tokio::net::{TcpListener, TcpStream};

/// How long a shutdown waits for requests that run.
const SHUTDOWN_MAX: Duration = Duration::from_secs(10);
/// What a request's head may have, its query with the payload among it.
const HEADER_BYTES: usize = 64 << 10;
/// The wait after the system has no room for a connection.
const ACCEPT_RETRY: Duration = Duration::from_millis(100);

/// Serves connections until `shutdown` is done; then none is taken any more, those that are there are closed, and what was
/// begun is ended.
pub async fn serve(listener: TcpListener, server: Server, shutdown: impl Future<Output = ()>) {
    let graceful = GracefulShutdown::new();
    let mut shutdown = std::pin::pin!(shutdown);
    loop {
        let accepted = tokio::select! {
            accepted = listener.accept() => accepted,
            () = &mut shutdown => break,
        };
        match accepted {
            Ok((stream, peer)) => take(&server, stream, peer, &graceful),
            Err(error) => {
                tracing::warn!(%error, "a connection cannot be taken");
                tokio::time::sleep(ACCEPT_RETRY).await;
            }
        }
    }
    drop(listener);
    server.close(Close::new(Close::GOING_AWAY, "the server stops"));
    let ended = async {
        graceful.shutdown().await;
        while server.connections() > 0 {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    if tokio::time::timeout(SHUTDOWN_MAX, ended).await.is_err() {
        tracing::warn!(connections = server.connections(), "connections are cut that did not end in time");
    }
}

fn take(server: &Server, stream: TcpStream, peer: SocketAddr, graceful: &GracefulShutdown) {
    let Ok(guard) = server.shared.sockets.accept(peer.ip()) else {
        tracing::debug!(%peer, "too many sockets are open");
        return;
    };
    // Without it an answer may wait for the acknowledgement of the one before.
    if let Err(error) = stream.set_nodelay(true) {
        tracing::debug!(%error, "a connection without TCP_NODELAY");
    }
    let handling = server.clone();
    let traffic = Arc::new(Traffic::default());
    let moving = Arc::clone(&traffic);
    let service = hyper::service::service_fn(move |request: hyper::Request<hyper::body::Incoming>| {
        let mut request = request.map(Body::new);
        request.extensions_mut().insert(ConnectInfo(peer));
        request.extensions_mut().insert(Arc::clone(&moving));
        let server = handling.clone();
        async move { Ok::<_, Infallible>(request::handle(State(server), request).await) }
    });
    let mut builder = auto::Builder::new(TokioExecutor::new()).http1_only();
    let limits = &server.shared.limits;
    builder.http1().timer(TokioTimer::new()).header_read_timeout(limits.handshake_max).max_buf_size(HEADER_BYTES);
    let connection =
        builder.serve_connection_with_upgrades(TokioIo::new(Counted::new(stream, traffic)), service).into_owned();
    let connection = graceful.watch(connection);
    tokio::spawn(guarded("a connection", async move {
        if let Err(error) = connection.await {
            tracing::debug!(%error, "a connection ended");
        }
        drop(guard);
    }));
}
