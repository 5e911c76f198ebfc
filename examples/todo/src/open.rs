//! Opens the store, and shows what it is doing where that takes a while.

use crate::schema::Todos;
use clap::Args;
use livestore::{Error, OpenProgress, Result, Store, native};
use std::io::{IsTerminal, Write};
use std::path::PathBuf;

/// Where the todos are kept.
#[derive(Debug, Args)]
pub struct Place {
    /// The directory that holds the data [default: `livestore-todo` in the user's data directory]
    #[arg(long, global = true, value_name = "DIR")]
    dir: Option<PathBuf>,

    /// Which list: each store is a list of its own
    #[arg(long, global = true, value_name = "NAME", default_value = "todos")]
    store: String,
}

/// Opens the store of that place, creating it where it is missing.
pub fn store(place: &Place) -> Result<Store<Todos>> {
    let dir = match &place.dir {
        Some(dir) if dir.as_os_str().is_empty() => {
            return Err(Error::new("`--dir` is empty; give it a directory, for example `--dir ~/todos`"));
        }
        Some(dir) => dir.clone(),
        None => dirs::data_dir()
            .ok_or_else(|| Error::new("this user has no data directory; choose one with `--dir DIR`"))?
            .join("livestore-todo"),
    };
    let builder = Store::<Todos>::builder(native(dir), &place.store);
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
