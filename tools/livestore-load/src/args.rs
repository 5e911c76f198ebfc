use clap::Parser;
use std::time::Duration;

/// Puts load on a LiveStore sync backend, and checks that every client gets every event, once and in order.
///
/// Each client follows its store by a live pull and pushes events as a client does: one push at a time, on top of what it has, again when
/// the server is ahead, and after a lost connection. The exit code is a failure when anything was lost, came twice or out of order.
#[derive(Clone, Debug, Parser)]
#[command(version)]
pub struct Args {
    /// Where the backend is
    #[arg(default_value = "ws://127.0.0.1:8787")]
    pub url: String,

    /// What the backend lets these clients in by
    // Not shown in the help: it is a secret.
    #[arg(long, value_name = "TOKEN", env = "LIVESTORE_TOKEN", hide_env_values = true)]
    pub token: Option<String>,

    /// Clients that push, on all stores together
    #[arg(short = 'n', long, value_name = "N", default_value_t = 10)]
    pub clients: usize,

    /// Clients that only follow, on all stores together
    #[arg(long, value_name = "N", default_value_t = 0)]
    pub readers: usize,

    /// Stores that the clients are spread over
    #[arg(short, long, value_name = "N", default_value_t = 1, value_parser = clap::value_parser!(u64).range(1..))]
    pub stores: u64,

    /// How the stores are called: this and a number; a name of this run's own where it is not given
    #[arg(long, value_name = "NAME")]
    pub prefix: Option<String>,

    /// Events a second that each client commits
    #[arg(short, long, value_name = "N", default_value_t = 10.0)]
    pub rate: f64,

    /// Instead of a rate: push so many events at once, and again as soon as they are taken
    #[arg(long, value_name = "EVENTS", value_parser = clap::value_parser!(u64).range(1..=100))]
    pub saturate: Option<u64>,

    /// How long events are committed; what is under way then is waited for
    #[arg(short, long, value_name = "SECONDS", default_value = "10", value_parser = seconds)]
    pub duration: Duration,

    /// How long to wait at the end for what is under way
    #[arg(long, value_name = "SECONDS", default_value = "30", value_parser = seconds)]
    pub drain: Duration,

    /// The bytes of an event's args, at least what the tool itself writes into them
    #[arg(long, value_name = "BYTES", default_value_t = 90)]
    pub args_bytes: usize,

    /// Clients that push do not follow their store, so that the readers alone do
    #[arg(long)]
    pub blind: bool,

    /// Clients, of those that push, that stop reading for a while, again and again, and push nothing
    #[arg(long, value_name = "N", default_value_t = 0)]
    pub stalled: usize,

    /// How long they stop
    #[arg(long, value_name = "SECONDS", default_value = "10", value_parser = seconds)]
    pub stall: Duration,

    /// The server's process on this machine: its CPU time and memory are reported too
    #[arg(long, value_name = "PID")]
    pub server_pid: Option<u32>,

    /// Threads of this tool
    #[arg(long, value_name = "N", default_value_t = 1)]
    pub threads: usize,

    /// Print the result as JSON
    #[arg(long)]
    pub json: bool,
}

fn seconds(text: &str) -> Result<Duration, String> {
    let seconds: f64 = text.parse().map_err(|error| format!("{error}"))?;
    Duration::try_from_secs_f64(seconds).map_err(|error| error.to_string())
}
