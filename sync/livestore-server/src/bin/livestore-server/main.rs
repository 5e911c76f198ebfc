//! The sync backend as a program.

mod auth;
mod check;
mod export;
mod import;
mod limits;
mod logging;
mod out_file;
mod progress;
mod ready;
mod serve;
mod settings;
mod stores;

use clap::{Parser, Subcommand};
use livestore_server::archive::ArchiveError;
use std::error::Error;
use std::process::ExitCode;
use std::time::Duration;

/// Orders the events of LiveStore clients, in Rust and in TypeScript, into one log per store.
#[derive(Debug, Parser)]
#[command(version, propagate_version = true, after_help = EXIT_CODES)]
struct Args {
    #[command(subcommand)]
    command: Command,

    #[command(flatten)]
    log: logging::LogArgs,
}

const EXIT_CODES: &str = "\
Exit codes: 0 all went well, 1 something failed, 2 the command line is wrong, 3 `check` found damage,
130 interrupted, 141 nobody reads the output any more.
Options with an `[env: …]` can be given in the environment instead.";

/// `check` found damage.
const DAMAGED: u8 = 3;
/// Ended by Ctrl-C, as shells say it.
pub(crate) const INTERRUPTED: u8 = 130;
/// Ended as nobody reads the output any more, as shells say it.
const BROKEN_PIPE: u8 = 141;

#[derive(Debug, Subcommand)]
enum Command {
    /// Serve clients over WebSocket and HTTP until it is told to stop
    Serve(Box<serve::ServeArgs>),
    /// List the stores, with the length of their logs; also beside a running server
    Stores(stores::StoresArgs),
    /// Write a store's log as JSON lines: a backup, or to move it; also beside a running server
    Export(export::ExportArgs),
    /// Add to a store's log what a file has more; nothing that is there is changed
    Import(import::ImportArgs),
    /// Check every event of one store or of all; also beside a running server
    Check(check::CheckArgs),
    /// Ask a running server whether it is ready: exit code 0 when it is, for health checks
    Ready(ready::ReadyArgs),
}

/// What a command ends with, when it was not prevented.
type Ended = Result<ExitCode, Box<dyn Error>>;

fn main() -> ExitCode {
    let args = Args::parse();
    let default = if matches!(args.command, Command::Serve(_)) { "info" } else { "warn" };
    if let Err(error) = args.log.start(default) {
        return fail(&*error);
    }
    let runtime = match tokio::runtime::Builder::new_multi_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => return fail(&error),
    };
    let ended = match &args.command {
        Command::Serve(args) => runtime.block_on(serve::run(args)),
        Command::Stores(args) => runtime.block_on(unless_interrupted(stores::run(args), "")),
        Command::Export(args) => runtime.block_on(unless_interrupted(export::run(args), "")),
        Command::Import(args) => runtime.block_on(unless_interrupted(
            import::run(args),
            "interrupted: run it again, and it goes on where it ended",
        )),
        Command::Ready(args) => ready::run(args),
        Command::Check(args) => runtime.block_on(unless_interrupted(check::run(args), "")),
    };
    match ended {
        Ok(code) => code,
        // The reader has seen enough, as in `export notes | head`.
        Err(error) if is_broken_pipe(&*error) => ExitCode::from(BROKEN_PIPE),
        Err(error) => fail(&*error),
    }
}

/// Whether what reads our output is gone.
fn is_broken_pipe(error: &(dyn Error + 'static)) -> bool {
    let io = match error.downcast_ref::<ArchiveError>() {
        Some(ArchiveError::Io(error)) => Some(error),
        _ => error.downcast_ref::<std::io::Error>(),
    };
    io.is_some_and(|error| error.kind() == std::io::ErrorKind::BrokenPipe)
}

/// Ctrl-C ends a command in order: what it made for a while is taken away, and what it began to store is stored whole. `advice` is said
/// then.
async fn unless_interrupted(command: impl Future<Output = Ended>, advice: &'static str) -> Ended {
    let (interrupt, interrupted) = tokio::sync::oneshot::channel::<()>();
    tokio::spawn(async move {
        if tokio::signal::ctrl_c().await.is_ok() {
            drop(interrupt);
            // It may hang in a pipe that nobody writes to or reads from.
            tokio::time::sleep(Duration::from_secs(1)).await;
            advise(advice);
            std::process::exit(INTERRUPTED.into());
        }
        // Without a signal handler the system ends the process.
        std::future::pending::<()>().await;
    });
    tokio::select! {
        ended = command => ended,
        _ = interrupted => {
            advise(advice);
            Ok(ExitCode::from(INTERRUPTED))
        }
    }
}

fn advise(advice: &str) {
    if !advice.is_empty() {
        progress::say(advice);
    }
}

#[expect(clippy::print_stderr, reason = "a program tells its user why it ends")]
fn fail(error: &dyn Error) -> ExitCode {
    eprintln!("livestore-server: {error}");
    ExitCode::FAILURE
}
