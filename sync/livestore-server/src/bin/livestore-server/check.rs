//! `livestore-server check`.

use crate::progress::{Meter, events};
use crate::settings::StorageArgs;
use crate::stores::all_stores;
use crate::{DAMAGED, Ended};
use clap::Args;
use livestore_server::archive::{CheckError, check};
use livestore_server::storage::Storage;
use std::io::Write as _;
use std::process::ExitCode;

#[derive(Debug, Args)]
#[command(after_help = "Exit code 3 when damage was found; each damaged log is named with its first bad event.")]
pub(crate) struct CheckArgs {
    /// The store to check; without it the storage itself and all stores
    store: Option<String>,

    #[command(flatten)]
    storage: StorageArgs,
}

pub(crate) async fn run(args: &CheckArgs) -> Ended {
    let storage = args.storage.open().await?;
    let mut is_whole = true;
    let stores = match &args.store {
        Some(store) => vec![store.as_str().into()],
        None => {
            if let Some(reason) = storage.verify().await? {
                is_whole = false;
                writeln!(std::io::stdout(), "the storage is damaged: {reason}")?;
            }
            all_stores(&*storage).await?.into_iter().map(|store| store.store_id).collect()
        }
    };
    for store in &stores {
        is_whole &= one(&*storage, store).await?;
    }
    Ok(if is_whole { ExitCode::SUCCESS } else { ExitCode::from(DAMAGED) })
}

/// Whether the log is whole; a line says so, or what is wrong.
async fn one(storage: &dyn Storage, store: &str) -> Result<bool, Box<dyn std::error::Error>> {
    let mut meter = Meter::new(format!("`{store}`: checked"));
    let checked = check(storage, store, |progress| meter.show(progress)).await;
    drop(meter);
    match checked {
        Ok(log) => writeln!(std::io::stdout(), "`{store}` is whole: {}", events(log.head))?,
        Err(error @ CheckError::Damaged { .. }) => {
            writeln!(std::io::stdout(), "{error}")?;
            return Ok(false);
        }
        Err(error) => return Err(error.into()),
    }
    Ok(true)
}
