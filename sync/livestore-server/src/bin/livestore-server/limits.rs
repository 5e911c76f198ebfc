//! What clients may cost, as options say it.

use clap::Args;
use livestore_server::limits::{LimitsError, ServerLimits};
use std::time::Duration;

/// The defaults fit clients that people use. Behind a proxy all clients have its address.
#[derive(Debug, Args)]
#[command(next_help_heading = "Limits")]
pub(crate) struct LimitArgs {
    /// Connections of the whole server [default: 10000]
    #[arg(long, value_name = "N", env = "LIVESTORE_CONNECTIONS")]
    connections: Option<usize>,

    /// Connections from one address; of IPv6 the first 64 bits are one [default: 64]
    #[arg(long, value_name = "N", env = "LIVESTORE_CONNECTIONS_PER_ADDRESS")]
    connections_per_address: Option<usize>,

    /// Connections of one principal, as tokens name them [default: 16]
    #[arg(long, value_name = "N", env = "LIVESTORE_CONNECTIONS_PER_PRINCIPAL")]
    connections_per_principal: Option<usize>,

    /// Events per second that one connection may push in the long run [default: 200]
    #[arg(long, value_name = "N", env = "LIVESTORE_PUSH_RATE")]
    push_rate: Option<u32>,

    /// Events per second that all connections together may push to one store [default: 5000]
    #[arg(long, value_name = "N", env = "LIVESTORE_STORE_PUSH_RATE")]
    store_push_rate: Option<u32>,

    /// Events of one store; one that is full takes no more, and clients keep theirs until it may have more [default: no limit]
    #[arg(long, value_name = "N", env = "LIVESTORE_STORE_EVENTS_MAX")]
    store_events_max: Option<u64>,

    /// How often the rights of open connections are looked at again, in seconds [default: 10]
    #[arg(long, value_name = "SECONDS", env = "LIVESTORE_RECHECK_AFTER")]
    recheck_after: Option<u64>,
}

impl LimitArgs {
    pub(crate) fn limits(&self) -> Result<ServerLimits, LimitsError> {
        let mut limits = ServerLimits::default();
        limits.connections_max = self.connections.unwrap_or(limits.connections_max);
        limits.connections_per_address_max = self.connections_per_address.unwrap_or(limits.connections_per_address_max);
        limits.connections_per_principal_max =
            self.connections_per_principal.unwrap_or(limits.connections_per_principal_max);
        limits.store_events_max = self.store_events_max;
        limits.recheck_after = self.recheck_after.map_or(limits.recheck_after, Duration::from_secs);
        let paces = [(&mut limits.connection_pace, self.push_rate), (&mut limits.store_pace, self.store_push_rate)];
        for (pace, rate) in paces {
            if let Some(rate) = rate {
                pace.events_per_second = rate;
                pace.burst = pace.burst.max(rate);
            }
        }
        limits.check()?;
        Ok(limits)
    }
}
