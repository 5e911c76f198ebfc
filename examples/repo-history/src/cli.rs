//! The command line.

mod directory;
mod progress;

use crate::failure::Failure;
use crate::git::GitRepository;
use crate::import::{Summary, import};
use crate::report;
use crate::schema::History;
use clap::{Parser, Subcommand};
use livestore::{OpenProgress, ShutdownError, Store, native};
use progress::ProgressLine;
use std::io::{self, IsTerminal, Write};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Instant;

/// A command that ended because of Ctrl-C, as shells have it.
const EXIT_INTERRUPTED: u8 = 130;

/// Reads a git repository's log into a local store, and shows who changed what, when, and how often.
///
/// Without a command it opens a screen: activity by month, top authors, hot files, and a search that filters while you type.
#[derive(Debug, Parser)]
#[command(
    version,
    after_help = "Examples:
  repo-history import ~/src/linux          read the history; again later: only what is new
  repo-history                             look at it
  repo-history top --limit 20              authors and files as a table
  repo-history top --json                  the same for programs
  repo-history search fix leak             commits with both words
  repo-history --store other import ../b   a second repository beside the first"
)]
pub(crate) struct Cli {
    /// Where stores are kept [default: repo-history in the user's data directory]
    #[arg(long, global = true, value_name = "DIR")]
    dir: Option<PathBuf>,
    /// The store in it; each holds the history of one repository
    #[arg(long, global = true, value_name = "NAME", default_value = "history")]
    store: String,
    #[command(subcommand)]
    command: Option<Command>,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Read the commits that HEAD reaches and that the store does not hold yet
    #[command(
        after_help = "It can be stopped at any time, with Ctrl-C or harder; the next import goes on where it was. \
        Names are taken as the repository's .mailmap has them at the time of the import."
    )]
    Import {
        /// A folder of the repository, bare or not
        repo: PathBuf,
    },
    /// Print the authors with the most commits and the files with the most changes
    #[command(
        after_help = "`changes` counts the commits that touched the file under that name: a renamed file counts for its new name, \
        and a merge counts for no file. `git log --format= --name-only | sort | uniq -c` counts the same."
    )]
    Top {
        /// Print JSON: {\"commits\":N,\"authors\":[{\"name\",\"commits\"}],\"files\":[{\"path\",\"changes\"}]}
        #[arg(long)]
        json: bool,
        /// How many authors, and how many files
        #[arg(long, value_name = "N", default_value_t = 10)]
        limit: u32,
    },
    /// Print how many commits each month has, by the authors' calendars
    Months {
        /// Print JSON
        #[arg(long)]
        json: bool,
    },
    /// Print the commits whose first line, author or id has every word
    Search {
        /// The words; upper and lower case are the same in ASCII letters
        #[arg(required = true)]
        text: Vec<String>,
        /// Print JSON
        #[arg(long)]
        json: bool,
        /// How many commits at most
        #[arg(long, value_name = "N", default_value_t = 50)]
        limit: u32,
    },
}

/// Runs the command and says what went wrong in one line.
pub(crate) fn run(cli: &Cli) -> ExitCode {
    match run_command(cli) {
        Ok(code) => code,
        Err(failure) => {
            say(&format!("repo-history: {failure}"));
            ExitCode::FAILURE
        }
    }
}

/// Writes a line to stderr; nobody is left to be told if that fails.
fn say(line: &str) {
    let _ = writeln!(io::stderr(), "{line}");
}

fn run_command(cli: &Cli) -> Result<ExitCode, Failure> {
    let directory = cli.dir.clone().map_or_else(directory::default, Ok)?;
    match &cli.command {
        Some(Command::Import { repo }) => run_import(cli, &directory, repo),
        Some(Command::Top { json: true, limit }) => print(cli, &directory, |store| report::top_json(store, *limit)),
        Some(Command::Top { json: false, limit }) => print(cli, &directory, |store| report::top(store, *limit)),
        Some(Command::Months { json: true }) => print(cli, &directory, report::months_json),
        Some(Command::Months { json: false }) => print(cli, &directory, report::months),
        Some(Command::Search { text, json: true, limit }) => {
            print(cli, &directory, |store| report::search_json(store, &text.join(" "), *limit))
        }
        Some(Command::Search { text, json: false, limit }) => {
            print(cli, &directory, |store| report::search(store, &text.join(" "), *limit))
        }
        None => run_screen(cli, &directory),
    }
}

fn run_import(cli: &Cli, directory: &Path, repo: &Path) -> Result<ExitCode, Failure> {
    let repository = GitRepository::open(repo)?;
    if repository.is_shallow() {
        say("note: this is a shallow clone; its oldest commits count each of their files as changed");
    }
    let is_stopped = Arc::new(AtomicBool::new(false));
    stop_on_interrupt(&is_stopped)?;
    let store = open(cli, directory)?;
    let (started_at, mut line) = (Instant::now(), ProgressLine::new());
    let summary = import(&store, &repository, &is_stopped, |progress| line.show(progress));
    line.clear();
    let closed = store.shutdown();
    let summary = summary?;
    settled(closed)?;
    if summary.is_stopped {
        let Summary { progress, .. } = summary;
        say(&format!("stopped at {} of {} commits; run the same import again to go on", progress.done, progress.total));
        return Ok(ExitCode::from(EXIT_INTERRUPTED));
    }
    write_out(&imported(&summary, &repository, started_at))?;
    Ok(ExitCode::SUCCESS)
}

fn imported(summary: &Summary, repository: &GitRepository, started_at: Instant) -> String {
    let location = repository.location();
    match summary {
        Summary { progress, .. } if progress.total == 0 => format!("{location} has no commits yet\n"),
        Summary { added: 0, progress, .. } => format!("{location} has no new commits, {} are known\n", progress.total),
        Summary { added, progress, .. } => format!(
            "read {added} commits of {location} in {:.1} s, {} in all\n",
            started_at.elapsed().as_secs_f64(),
            progress.total
        ),
    }
}

/// The first Ctrl-C asks to end well, the second one ends at once; both leave a store that goes on.
fn stop_on_interrupt(is_stopped: &Arc<AtomicBool>) -> Result<(), Failure> {
    let is_stopped = Arc::clone(is_stopped);
    let stop = move || {
        if is_stopped.swap(true, Ordering::Relaxed) {
            std::process::exit(EXIT_INTERRUPTED.into());
        }
    };
    ctrlc::set_handler(stop).map_err(|error| Failure::new(format!("Ctrl-C cannot be watched: {error}")))
}

fn open(cli: &Cli, directory: &Path) -> Result<Store<History>, Failure> {
    let mut is_told = false;
    let told = move |progress: OpenProgress| match progress {
        OpenProgress::Recovering { .. } | OpenProgress::Rebuilding { .. } if !is_told => {
            is_told = true;
            say("note: bringing the tables up to date, this happens once");
        }
        _ => {}
    };
    Ok(Store::builder(native(directory), &cli.store).on_progress(told).open()?)
}

/// Opens a store to read; a missing directory is told, not made.
fn open_to_read(cli: &Cli, directory: &Path) -> Result<Store<History>, Failure> {
    if !directory.exists() {
        return Err(Failure::new(format!(
            "nothing was imported into {} yet; run `repo-history import REPO` first",
            directory.display()
        )));
    }
    open(cli, directory)
}

fn print(
    cli: &Cli,
    directory: &Path,
    report: impl FnOnce(&Store<History>) -> Result<String, Failure>,
) -> Result<ExitCode, Failure> {
    let store = open_to_read(cli, directory)?;
    let text = report(&store)?;
    settled(store.shutdown())?;
    write_out(&text)?;
    Ok(ExitCode::SUCCESS)
}

fn run_screen(cli: &Cli, directory: &Path) -> Result<ExitCode, Failure> {
    if !io::stdout().is_terminal() || !io::stdin().is_terminal() {
        return Err(Failure::new("the screen needs a terminal; run `repo-history top` or `repo-history top --json`"));
    }
    let store = open_to_read(cli, directory)?;
    crate::ui::run(&store)?;
    settled(store.shutdown())?;
    Ok(ExitCode::SUCCESS)
}

/// What the leader did not take in time is safe, and taken at the next start.
fn settled(closed: Result<(), ShutdownError>) -> Result<(), Failure> {
    match closed {
        Err(ShutdownError::Pending { .. }) => Ok(()),
        other => Ok(other?),
    }
}

/// A reader that has enough, such as `head`, is no error.
fn write_out(text: &str) -> Result<(), Failure> {
    let mut out = io::stdout().lock();
    match out.write_all(text.as_bytes()).and_then(|()| out.flush()) {
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(()),
        written => Ok(written?),
    }
}
