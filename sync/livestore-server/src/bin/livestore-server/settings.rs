//! What all commands take: where the logs are.

use clap::{Args, ValueEnum};
use livestore_server::storage::{SqliteStorage, Storage, StorageError, Synchronous};
use std::path::PathBuf;
use std::sync::Arc;

/// Where the eventlogs are kept.
#[derive(Debug, Args)]
pub(crate) struct StorageArgs {
    /// The directory of the embedded storage; made where it is missing
    #[arg(long, value_name = "DIR", default_value = "livestore-data", env = "LIVESTORE_DATA")]
    data: PathBuf,

    /// A PostgreSQL database instead, as `postgres://user:password@host/database`
    // Not shown in the help: it may hold a password.
    #[arg(long, value_name = "URL", env = "LIVESTORE_STORAGE", hide_env_values = true)]
    storage: Option<String>,

    /// When an event counts as stored: once the disk has it, or once the operating system has it
    #[arg(long, value_enum, default_value = "full", env = "LIVESTORE_SYNCHRONOUS")]
    synchronous: SynchronousArg,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum SynchronousArg {
    /// Survives a power cut
    Full,
    /// Survives the end of the process; the last events may be lost in a power cut
    Normal,
}

impl StorageArgs {
    pub(crate) async fn open(&self) -> Result<Arc<dyn Storage>, StorageError> {
        match &self.storage {
            #[cfg(feature = "postgres")]
            Some(url) => Ok(Arc::new(livestore_server::storage::PostgresStorage::connect(url).await?)),
            #[cfg(not(feature = "postgres"))]
            Some(_) => Err(StorageError::Misuse { reason: "this build has no PostgreSQL".into() }),
            None => {
                let synchronous = match self.synchronous {
                    SynchronousArg::Full => Synchronous::Full,
                    SynchronousArg::Normal => Synchronous::Normal,
                };
                Ok(Arc::new(SqliteStorage::open(&self.data, synchronous)?))
            }
        }
    }
}
