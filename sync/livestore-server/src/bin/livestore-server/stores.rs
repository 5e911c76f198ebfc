//! `livestore-server stores`.

use crate::Ended;
use crate::settings::StorageArgs;
use clap::Args;
use livestore_server::storage::{Storage, StorageError, StoreSummary};
use livestore_sync_protocol::iso_timestamp;
use serde::Serialize;
use std::io::Write;
use std::process::ExitCode;

#[derive(Debug, Args)]
pub(crate) struct StoresArgs {
    /// One JSON object a line instead of a table: `storeId`, `backendId`, `head`, `createdAt`
    #[arg(long)]
    json: bool,

    #[command(flatten)]
    storage: StorageArgs,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Row {
    store_id: Box<str>,
    backend_id: Box<str>,
    head: u64,
    created_at: String,
}

impl From<StoreSummary> for Row {
    fn from(StoreSummary { store_id, log, created_at_ms }: StoreSummary) -> Self {
        Self { store_id, backend_id: log.backend_id, head: log.head, created_at: iso_timestamp(created_at_ms) }
    }
}

pub(crate) async fn run(args: &StoresArgs) -> Ended {
    let storage = args.storage.open().await?;
    let rows: Vec<Row> = all_stores(&*storage).await?.into_iter().map(Row::from).collect();
    let mut out = std::io::BufWriter::new(std::io::stdout().lock());
    if args.json {
        for row in &rows {
            writeln!(out, "{}", serde_json::to_string(row)?)?;
        }
    } else {
        table(&mut out, &rows)?;
    }
    out.flush()?;
    Ok(ExitCode::SUCCESS)
}

fn table(out: &mut impl Write, rows: &[Row]) -> std::io::Result<()> {
    let width = |name: &str, column: fn(&Row) -> usize| rows.iter().map(column).chain([name.len()]).max().unwrap_or(0);
    let store = width("STORE", |row| row.store_id.len());
    let backend = width("BACKEND ID", |row| row.backend_id.len());
    writeln!(out, "{:store$}  {:>10}  {:backend$}  CREATED", "STORE", "EVENTS", "BACKEND ID")?;
    for Row { store_id, backend_id, head, created_at } in rows {
        writeln!(out, "{store_id:store$}  {head:>10}  {backend_id:backend$}  {created_at}")?;
    }
    Ok(())
}

/// All of them, by name.
pub(crate) async fn all_stores(storage: &dyn Storage) -> Result<Vec<StoreSummary>, StorageError> {
    const PAGE: usize = 1_000;
    let mut all: Vec<StoreSummary> = Vec::new();
    loop {
        let page = storage.stores(all.last().map(|last| &*last.store_id), PAGE).await?;
        let is_last = page.len() < PAGE;
        all.extend(page);
        if is_last {
            return Ok(all);
        }
    }
}
