//! A todo list in the terminal, built on LiveStore.
//!
//! `schema.rs` is the model: events, tables, materializers. `cli.rs` serves scripts, `ui.rs` serves people; both commit events and
//! read live queries, and neither writes state.

// An application has no public interface: `pub` says here that other modules use an item.
#![allow(unreachable_pub)]

mod cli;
mod open;
mod report;
mod schema;
mod text;
mod ui;

use clap::Parser;
use std::io::{IsTerminal, Write};
use std::process::ExitCode;

fn main() -> ExitCode {
    let args = cli::Args::parse();
    match run(args) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            // One line, whatever the cause holds; and if standard error is gone there is nobody to tell.
            let _ = writeln!(std::io::stderr(), "todo: {}", text::one_line(&error.to_string()));
            ExitCode::FAILURE
        }
    }
}

fn run(args: cli::Args) -> livestore::Result<()> {
    let place = args.place;
    match args.command {
        Some(command) => cli::run(&place, command),
        None if std::io::stdin().is_terminal() && std::io::stdout().is_terminal() => {
            ui::run(&open::store(&place, livestore::InitialSync::Skip)?, place.has_backend())
        }
        None => Err(livestore::Error::new(
            "this is not a terminal, so the list cannot be shown in it; run a command, for example `todo list` or `todo add TEXT` (see `todo --help`)",
        )),
    }
}
