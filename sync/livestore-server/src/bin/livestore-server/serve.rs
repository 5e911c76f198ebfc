//! `livestore-server serve`.

use crate::auth::AuthArgs;
use crate::limits::LimitArgs;
use crate::settings::{WritableArgs, address};
use crate::{Ended, INTERRUPTED};
use clap::Args;
use livestore_server::auth::{Origin, OriginRules, check_bind};
use livestore_server::serve::{Server, serve};
use std::error::Error;
use std::net::SocketAddr;
use std::process::ExitCode;
use tokio::net::TcpListener;

#[derive(Debug, Args)]
#[command(after_help = "\
SIGTERM or Ctrl-C stops the server in order: nobody new is taken, clients are told to come back, pushes that were begun are
stored. A second one ends it at once, which loses nothing that a client was told is stored.")]
pub(crate) struct ServeArgs {
    /// Where to listen; without authentication on the loopback only
    #[arg(long, value_name = "ADDR", default_value = "127.0.0.1:8787", env = "LIVESTORE_LISTEN", value_parser = address)]
    listen: SocketAddr,

    /// Where to serve `/metrics` (Prometheus), `/healthz` and `/readyz` to those who watch the server; not authenticated
    #[arg(long, value_name = "ADDR", env = "LIVESTORE_METRICS_LISTEN", value_parser = address)]
    metrics_listen: Option<SocketAddr>,

    #[command(flatten)]
    storage: WritableArgs,

    #[command(flatten)]
    auth: AuthArgs,

    /// Web pages of this origin may connect, as `https://app.example`; may be given several times
    #[arg(long = "origin", value_name = "ORIGIN", env = "LIVESTORE_ORIGINS", value_delimiter = ',')]
    origins: Vec<Origin>,

    #[command(flatten)]
    limits: LimitArgs,
}

pub(crate) async fn run(args: &ServeArgs) -> Ended {
    let limits = args.limits.limits()?;
    check_bind(args.listen, args.auth.is_some())?;
    let gate = args.auth.gate(&limits)?;
    let listener = listen(args.listen).await?;
    let watched = match args.metrics_listen {
        Some(address) => Some(listen(address).await?),
        None => None,
    };
    let storage = args.storage.open().await?;
    let origins = OriginRules::new(args.origins.iter().cloned(), gate.has_auth());
    let server = Server::builder(storage).limits(limits).origins(origins).gate(gate).build();
    if let Some(listener) = watched {
        tracing::info!("metrics on http://{}/metrics", listener.local_addr()?);
        let router = server.watch_router();
        tokio::spawn(async move { axum::serve(listener, router).await });
    }
    // Who reads that it listens may stop it at once.
    let signals = Signals::new()?;
    tell(&listener, &server)?;
    serve(listener, server, stopped(signals)).await;
    tracing::info!("stopped");
    Ok(ExitCode::SUCCESS)
}

async fn listen(address: SocketAddr) -> Result<TcpListener, String> {
    TcpListener::bind(address).await.map_err(|error| format!("cannot listen on {address}: {error}"))
}

fn tell(listener: &TcpListener, server: &Server) -> Result<(), Box<dyn Error>> {
    let address = listener.local_addr()?;
    if !server.gate().has_auth() {
        tracing::info!("listening on ws://{address} and http://{address}, open to everybody on this machine");
        return Ok(());
    }
    tracing::info!("listening on ws://{address} and http://{address}");
    if !address.ip().to_canonical().is_loopback() {
        tracing::warn!(
            "tokens and events come in the clear: let others reach this address through a proxy with TLS only"
        );
    }
    Ok(())
}

/// Waits until somebody wants the server to stop. Who says it twice does not want to wait.
async fn stopped(mut signals: Signals) {
    signals.next().await;
    tracing::info!("stopping; a second signal ends it at once");
    tokio::spawn(async move {
        signals.next().await;
        tracing::warn!("ended at once");
        std::process::exit(INTERRUPTED.into());
    });
}

/// Ctrl-C, or SIGTERM of a service manager. From when it is made, neither ends the process by itself.
struct Signals {
    #[cfg(unix)]
    interrupted: tokio::signal::unix::Signal,
    #[cfg(unix)]
    terminated: tokio::signal::unix::Signal,
}

#[cfg(unix)]
impl Signals {
    fn new() -> std::io::Result<Self> {
        use tokio::signal::unix::{SignalKind, signal};
        Ok(Self { interrupted: signal(SignalKind::interrupt())?, terminated: signal(SignalKind::terminate())? })
    }

    async fn next(&mut self) {
        tokio::select! {
            _ = self.interrupted.recv() => {}
            _ = self.terminated.recv() => {}
        }
    }
}

#[cfg(not(unix))]
impl Signals {
    fn new() -> std::io::Result<Self> {
        Ok(Self {})
    }

    async fn next(&mut self) {
        let _ = tokio::signal::ctrl_c().await;
    }
}
