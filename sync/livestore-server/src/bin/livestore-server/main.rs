//! The sync backend as a program.

mod serve;
mod settings;

use clap::{Parser, Subcommand};
use std::process::ExitCode;
use tracing_subscriber::EnvFilter;

/// Orders the events of LiveStore clients, in Rust and in TypeScript, into one log per store.
#[derive(Debug, Parser)]
#[command(version, propagate_version = true)]
struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Serve clients over WebSocket and HTTP until it is told to stop
    Serve(serve::ServeArgs),
}

fn main() -> ExitCode {
    let args = Args::parse();
    let filter = EnvFilter::try_from_env("LIVESTORE_LOG").unwrap_or_else(|_| EnvFilter::new("info"));
    tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr).init();
    let runtime = match tokio::runtime::Builder::new_multi_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => return fail(&error),
    };
    let done = match args.command {
        Command::Serve(args) => runtime.block_on(serve::run(&args)),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => fail(&*error),
    }
}

#[expect(clippy::print_stderr, reason = "a program tells its user why it ends")]
fn fail(error: &dyn std::error::Error) -> ExitCode {
    eprintln!("livestore-server: {error}");
    ExitCode::FAILURE
}
