//! What several commands take: where the logs are.

use clap::{Args, ValueEnum};
use livestore_server::storage::{SqliteStorage, Storage, StorageError, Synchronous};
use std::path::PathBuf;
use std::sync::Arc;

/// Where the eventlogs are kept.
#[derive(Debug, Args)]
pub(crate) struct StorageArgs {
    /// The directory of the embedded storage
    #[arg(long, value_name = "DIR", default_value = "livestore-data", env = "LIVESTORE_DATA")]
    data: PathBuf,

    /// A PostgreSQL database instead, as `postgres://user:password@host/database`; better given in the environment, where other
    /// users of the machine do not see the password
    // Not shown in the help: it may hold a password.
    #[arg(long, value_name = "URL", env = "LIVESTORE_STORAGE", hide_env_values = true)]
    storage: Option<String>,
}

/// For commands that write.
#[derive(Debug, Args)]
pub(crate) struct WritableArgs {
    #[command(flatten)]
    place: StorageArgs,

    /// When the embedded storage takes an event as stored
    #[arg(long, value_enum, default_value = "full", env = "LIVESTORE_SYNCHRONOUS")]
    synchronous: SynchronousArg,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum SynchronousArg {
    /// Once the disk has it: survives a power cut
    Full,
    /// Once the operating system has it: survives the end of the process, the last events may be lost in a power cut
    Normal,
}

impl StorageArgs {
    /// For reading, beside a server that may be writing.
    pub(crate) async fn open(&self) -> Result<Arc<dyn Storage>, StorageError> {
        match &self.storage {
            Some(url) => postgres(url).await,
            None => Ok(Arc::new(SqliteStorage::open_read_only(&self.data)?)),
        }
    }
}

impl WritableArgs {
    /// The only one that writes to the directory.
    pub(crate) async fn open(&self) -> Result<Arc<dyn Storage>, StorageError> {
        let synchronous = match self.synchronous {
            SynchronousArg::Full => Synchronous::Full,
            SynchronousArg::Normal => Synchronous::Normal,
        };
        match &self.place.storage {
            Some(url) => postgres(url).await,
            None => Ok(Arc::new(SqliteStorage::open(&self.place.data, synchronous)?)),
        }
    }
}

#[cfg(feature = "postgres")]
async fn postgres(url: &str) -> Result<Arc<dyn Storage>, StorageError> {
    Ok(Arc::new(livestore_server::storage::PostgresStorage::connect(url).await?))
}

#[cfg(not(feature = "postgres"))]
async fn postgres(_: &str) -> Result<Arc<dyn Storage>, StorageError> {
    Err(StorageError::Misuse { reason: "this build has no PostgreSQL".into() })
}
