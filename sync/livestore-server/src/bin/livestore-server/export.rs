//! `livestore-server export`.

use crate::Ended;
use crate::out_file::OutFile;
use crate::progress::{Meter, events, say};
use crate::settings::StorageArgs;
use clap::Args;
use livestore_server::archive::{Header, export};
use std::io::BufWriter;
use std::path::PathBuf;
use std::process::ExitCode;

#[derive(Debug, Args)]
pub(crate) struct ExportArgs {
    /// The store whose log to write
    store: String,

    /// Write to this file, which is there only once it is whole; without it to stdout
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,

    /// Write over the file where it is there already
    #[arg(long, requires = "out")]
    replace: bool,

    #[command(flatten)]
    storage: StorageArgs,
}

pub(crate) async fn run(args: &ExportArgs) -> Ended {
    let storage = args.storage.open().await?;
    let mut meter = Meter::new("exported");
    let progress = |progress| meter.show(progress);
    let header = match &args.out {
        Some(place) if !args.replace && place.exists() => {
            return Err(format!("`{}` is there already: give --replace to write over it", place.display()).into());
        }
        Some(place) => {
            let mut out = OutFile::create(place)?;
            let header = export(&*storage, &args.store, &mut out, progress).await?;
            out.finish().map_err(|error| format!("cannot write `{}`: {error}", place.display()))?;
            header
        }
        None => export(&*storage, &args.store, BufWriter::new(std::io::stdout().lock()), progress).await?,
    };
    drop(meter);
    let Header { store_id, backend_id, head, .. } = header;
    say(&format!("exported {} of `{store_id}`, backend id `{backend_id}`", events(head)));
    Ok(ExitCode::SUCCESS)
}
