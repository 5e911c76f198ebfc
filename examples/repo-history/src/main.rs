//! `repo-history`: reads a git repository's log into a LiveStore, and shows authors, hot files, activity and a live search.

mod cli;
mod failure;
mod git;
mod import;
mod queries;
mod report;
mod schema;
mod text;
mod ui;

use clap::Parser;
use std::process::ExitCode;

fn main() -> ExitCode {
    cli::run(&cli::Cli::parse())
}
