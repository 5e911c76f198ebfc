//! `livestore-server serve`.

use crate::Ended;
use crate::settings::WritableArgs;
use clap::Args;
use livestore_server::auth::{Gate, Origin, OriginRules, TokenFile, check_bind};
use livestore_server::limits::ServerLimits;
use livestore_server::serve::{Server, serve};
use std::error::Error;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;
use tokio::net::TcpListener;

#[derive(Debug, Args)]
pub(crate) struct ServeArgs {
    /// Where to listen; without authentication on the loopback only
    #[arg(long, value_name = "ADDR", default_value = "127.0.0.1:8787", env = "LIVESTORE_LISTEN")]
    listen: SocketAddr,

    #[command(flatten)]
    storage: WritableArgs,

    /// Who may connect: a file with a line `TOKEN STORES read|write` each, `anonymous` as the token for who has none
    #[arg(long, value_name = "FILE", env = "LIVESTORE_TOKENS")]
    tokens: Option<PathBuf>,

    /// Web pages of this origin may connect; may be given several times
    #[arg(long = "origin", value_name = "ORIGIN", env = "LIVESTORE_ORIGINS", value_delimiter = ',')]
    origins: Vec<Origin>,

    /// Connections from one address
    #[arg(long, value_name = "N", env = "LIVESTORE_CONNECTIONS_PER_ADDRESS")]
    connections_per_address: Option<usize>,

    /// Events per second that one connection may push in the long run
    #[arg(long, value_name = "N", env = "LIVESTORE_PUSH_RATE")]
    push_rate: Option<u32>,

    /// Events per second that all connections together may push to one store
    #[arg(long, value_name = "N", env = "LIVESTORE_STORE_PUSH_RATE")]
    store_push_rate: Option<u32>,
}

impl ServeArgs {
    fn limits(&self) -> ServerLimits {
        let mut limits = ServerLimits::default();
        limits.connections_per_address_max = self.connections_per_address.unwrap_or(limits.connections_per_address_max);
        if let Some(rate) = self.push_rate {
            limits.connection_pace.events_per_second = rate;
            limits.connection_pace.burst = limits.connection_pace.burst.max(rate);
        }
        if let Some(rate) = self.store_push_rate {
            limits.store_pace.events_per_second = rate;
            limits.store_pace.burst = limits.store_pace.burst.max(rate);
        }
        limits
    }

    fn gate(&self, limits: &ServerLimits) -> Result<Gate, Box<dyn Error>> {
        Ok(match &self.tokens {
            Some(path) => Gate::new(Arc::new(TokenFile::open(path)?), limits),
            None => Gate::without_auth(limits),
        })
    }
}

pub(crate) async fn run(args: &ServeArgs) -> Ended {
    let limits = args.limits();
    limits.check()?;
    let gate = args.gate(&limits)?;
    check_bind(args.listen, gate.has_auth())?;
    let listener = TcpListener::bind(args.listen).await;
    let listener = listener.map_err(|error| format!("cannot listen on {}: {error}", args.listen))?;
    let storage = args.storage.open().await?;
    let origins = OriginRules::new(args.origins.iter().cloned(), gate.has_auth());
    let server = Server::builder(storage).limits(limits).origins(origins).gate(gate.clone()).build();
    let address = listener.local_addr()?;
    if gate.has_auth() {
        tracing::info!("listening on ws://{address} and http://{address}");
    } else {
        tracing::info!("listening on ws://{address} and http://{address}, open to everybody on this machine");
    }
    serve(listener, server, stopped()).await;
    tracing::info!("stopped");
    Ok(ExitCode::SUCCESS)
}

/// Waits until somebody wants the server to stop: Ctrl-C, or SIGTERM of a service manager.
async fn stopped() {
    #[cfg(unix)]
    {
        use tokio::signal::unix::{SignalKind, signal};
        if let Ok(mut terminated) = signal(SignalKind::terminate()) {
            tokio::select! {
                _ = tokio::signal::ctrl_c() => {}
                _ = terminated.recv() => {}
            }
            return;
        }
    }
    let _ = tokio::signal::ctrl_c().await;
}
