//! What several commands take: where the logs are.

use clap::{Args, ValueEnum};
use livestore_server::storage::{SqliteStorage, Storage, StorageError, Synchronous};
use std::error::Error;
use std::net::{SocketAddr, ToSocketAddrs as _};
use std::path::PathBuf;
use std::sync::Arc;

type Opened = Result<Arc<dyn Storage>, Box<dyn Error>>;

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
    pub(crate) async fn open(&self) -> Opened {
        match &self.storage {
            Some(url) => database(url).await,
            None if !self.data.join("eventlog.db").exists() => {
                let dir = self.data.display();
                Err(format!("there is no storage in `{dir}` (no eventlog.db): is `--data` right?").into())
            }
            None => Ok(Arc::new(SqliteStorage::open_read_only(&self.data)?)),
        }
    }
}

impl WritableArgs {
    /// The only one that writes to the directory.
    pub(crate) async fn open(&self) -> Opened {
        let synchronous = match self.synchronous {
            SynchronousArg::Full => Synchronous::Full,
            SynchronousArg::Normal => Synchronous::Normal,
        };
        match &self.place.storage {
            Some(url) => database(url).await,
            None => Ok(Arc::new(SqliteStorage::open(&self.place.data, synchronous)?)),
        }
    }
}

/// `ADDR` of an option: an address, or a host's name, with a port.
pub(crate) fn address(text: &str) -> Result<SocketAddr, String> {
    if let Ok(address) = text.parse() {
        return Ok(address);
    }
    let wanted = || format!("write an address and a port, for example 127.0.0.1:{}", port_of(text));
    let found: Vec<SocketAddr> = text.to_socket_addrs().map_err(|error| format!("{error}; {}", wanted()))?.collect();
    // `localhost` has two addresses, and clients expect it there.
    let address = found.iter().find(|address| address.is_ipv4()).or(found.first());
    address.copied().ok_or_else(wanted)
}

/// The port that somebody meant who wrote it alone.
fn port_of(text: &str) -> u16 {
    text.trim_start_matches(':').parse().unwrap_or(8787)
}

async fn database(url: &str) -> Opened {
    match url.split_once("://") {
        // The rest may hold a password.
        Some((scheme, _)) if !matches!(scheme, "postgres" | "postgresql") => {
            Err(format!("`--storage {scheme}://…` is not known: only postgres:// is, or a directory with `--data`")
                .into())
        }
        _ => Ok(postgres(url).await?),
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
