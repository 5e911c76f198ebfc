//! Opens the store, and shows what it is doing where that takes a while.

use crate::schema::Todos;
use clap::Args;
use livestore::{Error, InitialSync, OpenProgress, Result, Store, native};
use livestore_sync_client::{SetupError, SyncClient};
use std::io::{IsTerminal, Write};
use std::path::PathBuf;
use std::time::Duration;

/// How long a command that ends at once waits for the backend: to get what others did, and to hand over what it did itself.
pub const COMMAND_SYNC_MAX: Duration = Duration::from_secs(1);

/// Where the todos are kept.
#[derive(Debug, Args)]
pub struct Place {
    /// The directory that holds the data [default: `livestore-todo` in the user's data directory]
    #[arg(long, global = true, value_name = "DIR")]
    dir: Option<PathBuf>,

    /// Which list: each store is a list of its own
    #[arg(long, global = true, value_name = "NAME", default_value = "todos")]
    store: String,

    /// The sync backend, for example `ws://127.0.0.1:8787`: shares the list with other machines
    #[arg(long, global = true, value_name = "URL", env = "TODO_SYNC")]
    sync: Option<String>,

    /// A file with the token that the sync backend asks for, read again on each connect
    #[arg(long, global = true, value_name = "FILE", env = "TODO_TOKEN_FILE", requires = "sync")]
    token_file: Option<PathBuf>,

    /// Talk to another machine without TLS (`ws://`, `http://`): in a network that you trust, for everybody in it can read and change
    /// the lists, and read the token
    #[arg(long, global = true, requires = "sync")]
    allow_plaintext: bool,
}

impl Place {
    /// Whether there is somebody to sync with.
    pub const fn has_backend(&self) -> bool {
        self.sync.is_some()
    }

    fn backend(&self) -> Result<Option<SyncClient>> {
        let Some(url) = &self.sync else { return Ok(None) };
        let mut backend = SyncClient::builder(url);
        if self.allow_plaintext {
            backend = backend.allow_plaintext();
        }
        if let Some(path) = self.token_file.clone() {
            backend = backend.token_with(move || match std::fs::read_to_string(&path) {
                Ok(token) => Ok(token.trim().to_owned()),
                Err(error) => {
                    let reason = format!("the token file `{}` cannot be read: {error}", path.display());
                    Err(livestore::SyncError::Unauthorized { reason })
                }
            });
        }
        backend.build().map(Some).map_err(|error| Error::new(format!("`--sync`: {}", unusable(&error))))
    }
}

/// In the words of the command line.
fn unusable(error: &SetupError) -> String {
    match error {
        SetupError::Plaintext { host } => format!(
            "`{host}` is not this machine: use wss:// or https://, or give `--allow-plaintext` in a network that you trust"
        ),
        SetupError::Login => {
            "the URL has a user or a password in it; put the token into a file, and give `--token-file FILE`".to_owned()
        }
        error => error.to_string(),
    }
}

/// Opens the store of that place, creating it where it is missing. Where there is a backend, `initial` says whether to wait for what
/// it holds.
pub fn store(place: &Place, initial: InitialSync) -> Result<Store<Todos>> {
    let dir = match &place.dir {
        Some(dir) if dir.as_os_str().is_empty() => {
            return Err(Error::new("`--dir` is empty; give it a directory, for example `--dir ~/todos`"));
        }
        Some(dir) => dir.clone(),
        None => dirs::data_dir()
            .ok_or_else(|| Error::new("this user has no data directory; choose one with `--dir DIR`"))?
            .join("livestore-todo"),
    };
    let mut builder = Store::<Todos>::builder(native(dir), &place.store);
    if let Some(backend) = place.backend()? {
        builder = builder.sync(backend).initial_sync(initial);
    }
    let opened = if std::io::stderr().is_terminal() {
        let mut is_shown = false;
        builder.on_progress(move |progress| show(&progress, &mut is_shown)).open()
    } else {
        builder.open()
    };
    opened.map_err(|error| Error::new(format!("the todos cannot be opened: {error}")))
}

/// One line on the terminal that is written over, and is gone when the store is ready.
fn show(progress: &OpenProgress, is_shown: &mut bool) {
    const CLEAR_LINE: &str = "\r\x1b[K";
    let mut terminal = std::io::stderr();
    // Progress is a courtesy: a terminal that cannot show it is no reason to stop.
    let _ = match progress {
        OpenProgress::Recovering { events } => {
            write!(terminal, "{CLEAR_LINE}taking in what was committed before the last end: {events} events")
        }
        OpenProgress::Rebuilding { done, total } => {
            write!(terminal, "{CLEAR_LINE}rebuilding the list: {done} of {total} events")
        }
        OpenProgress::Ready if *is_shown => write!(terminal, "{CLEAR_LINE}"),
        _ => return,
    };
    let _ = terminal.flush();
    *is_shown = true;
}
