//! `livestore-server import`.

use crate::Ended;
use crate::progress::{Meter, events, say};
use crate::settings::WritableArgs;
use clap::Args;
use livestore_server::archive::{Identity, import, verify_with};
use std::fs::File;
use std::io::{BufRead, BufReader, IsTerminal as _, Seek as _};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

#[derive(Debug, Args)]
#[command(after_help = "\
The store has to be missing, empty, or hold a beginning of the file; an import that was interrupted is run again and goes on.
With --keep-backend-id it has to be missing, or have that id already: the id of a store never changes.
A file is checked whole before anything is stored; what comes from stdin is stored as it comes, whole commit groups at a time.")]
pub(crate) struct ImportArgs {
    /// The store whose log to add to; made where there is none
    store: String,

    /// The file that `export` wrote; stdin without it
    file: Option<PathBuf>,

    /// Let a new log have the backend id of the file, so that clients go on as if nothing had happened: for a log that moves
    /// whole. Without it the log gets a new one and clients begin again: for an older file, which lacks what clients may have
    #[arg(long)]
    keep_backend_id: bool,

    #[command(flatten)]
    storage: WritableArgs,
}

pub(crate) async fn run(args: &ImportArgs) -> Ended {
    let input = input(args.file.as_deref())?;
    let storage = args.storage.open().await?;
    let identity = if args.keep_backend_id { Identity::Keep } else { Identity::New };
    let mut meter = Meter::new("imported");
    let imported = import(&*storage, &args.store, input, identity, |progress| meter.show(progress)).await;
    drop(meter);
    let imported = imported.map_err(|error| named(args.file.as_deref(), &error))?;
    let (head, had) = (imported.log.head, imported.had);
    let before = if had == 0 { String::new() } else { format!(" after the {had} that were there") };
    let (count, backend_id) = (events(head - had), imported.log.backend_id);
    say(&format!("imported {count}{before} into `{}`, backend id `{backend_id}`", args.store));
    Ok(ExitCode::SUCCESS)
}

/// What to read; a file that can be read twice was found whole.
fn input(file: Option<&Path>) -> Result<Box<dyn BufRead>, String> {
    let Some(path) = file.filter(|path| *path != Path::new("-")) else {
        let stdin = std::io::stdin();
        if stdin.is_terminal() {
            return Err("name the file to import, or pipe it in".into());
        }
        return Ok(Box::new(stdin.lock()));
    };
    let mut file = File::open(path).map_err(|error| named(Some(path), &error))?;
    if file.metadata().is_ok_and(|metadata| metadata.is_file()) {
        let mut meter = Meter::new("checked");
        verify_with(BufReader::new(&file), |progress| meter.show(progress))
            .map_err(|error| named(Some(path), &error))?;
        file.rewind().map_err(|error| named(Some(path), &error))?;
    }
    Ok(Box::new(BufReader::new(file)))
}

fn named(file: Option<&Path>, error: &dyn std::error::Error) -> String {
    let name = file.map_or_else(|| "stdin".into(), |path| path.display().to_string());
    format!("cannot import `{name}`: {error}")
}
