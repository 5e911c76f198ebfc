//! What is logged, and how.

use clap::{Args, ValueEnum};
use std::error::Error;
use std::io::IsTerminal as _;
use tracing_subscriber::EnvFilter;

/// The log goes to stderr. It names stores, principals and addresses, and no token, payload or event.
#[derive(Debug, Args)]
#[command(next_help_heading = "Logging")]
pub(crate) struct LogArgs {
    /// What to log: error, warn, info, debug or trace, also by module as `warn,livestore_server=debug`; `serve` logs at info,
    /// other commands at warn
    #[arg(long, global = true, value_name = "FILTER", env = "LIVESTORE_LOG")]
    log: Option<String>,

    /// How to log
    #[arg(long, global = true, value_enum, default_value = "text", env = "LIVESTORE_LOG_FORMAT")]
    log_format: Format,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum Format {
    /// Lines for people
    Text,
    /// One JSON object a line, for machines
    Json,
}

impl LogArgs {
    pub(crate) fn start(&self, default: &str) -> Result<(), Box<dyn Error>> {
        let wanted = self.log.as_deref().filter(|wanted| !wanted.is_empty()).unwrap_or(default);
        let filter = EnvFilter::try_new(wanted).map_err(|error| format!("`--log {wanted}`: {error}"))?;
        let log = tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr);
        match self.log_format {
            Format::Text => log.with_ansi(std::io::stderr().is_terminal()).init(),
            Format::Json => log.json().flatten_event(true).init(),
        }
        Ok(())
    }
}
