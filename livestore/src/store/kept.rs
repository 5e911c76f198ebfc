use super::RawEvent;
use crate::error::{OpenError, Result, StorageError, StorageKind};
use crate::event::{Event, SequenceNumber};
use crate::eventlog::{Eventlog, LogRow, Standing};
use crate::ids::{ClientId, EventId, SessionId};
use crate::sqlite::Place;
use std::path::Path;

/// An event in a copy of an eventlog that is kept aside; see [`kept_events`].
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct KeptEvent {
    /// Its identity.
    pub id: EventId,
    /// The client that committed it.
    pub client_id: ClientId,
    /// The session that committed it.
    pub session_id: SessionId,
    /// The event.
    pub event: RawEvent,
    /// What had become of it.
    pub standing: KeptStanding,
}

/// What had become of an event when its eventlog was kept aside.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum KeptStanding {
    /// It had its place: the backend of that time has it too, or the event is client-only.
    Confirmed(SequenceNumber),
    /// No backend has confirmed it: unless it was on its way just then, this copy is the only one.
    Pending,
    /// The backend of that time rejected it, for this reason.
    Rejected(String),
}

impl KeptEvent {
    /// The event as one of type `E`; `None` where it is another. To be committed again, for example.
    ///
    /// # Errors
    /// Its args do not decode.
    pub fn decode<E: Event>(&self) -> Option<Result<E>> {
        (self.event.name == E::DEF.name).then(|| E::__decode(self.event.args.as_deref()))
    }
}

/// Reads a copy of an eventlog that is kept aside: all events that it holds, the confirmed ones first, then those that were pending, then
/// those that a backend rejected. [`StoreStatus::kept_aside`](crate::StoreStatus::kept_aside) names the copies, `eventlog-kept-1.db` and
/// so on; one that [`Store::export_eventlog`](crate::Store::export_eventlog) wrote reads as well.
///
/// What was pending is nowhere else. To take it back, commit it again, and remove the file then:
///
/// ```
/// # use livestore::*;
/// # use std::time::Duration;
/// # #[event("v1.Added")] pub struct Added { pub id: String }
/// # #[table("items")] pub struct Item { #[column(primary_key)] pub id: String }
/// # #[schema(events(Added), tables(Item))] pub struct App;
/// # #[materializers] impl App { fn added(Added { id }: Added) -> impl IntoWrites { Item { id }.insert() } }
/// # fn main() -> Result<()> {
/// # let directory = std::env::temp_dir().join(format!("livestore-kept-events-{}", std::process::id()));
/// # let timeout = Duration::from_secs(5);
/// # let backend = MemoryBackend::new();
/// let builder = Store::<App>::builder(native(&directory), "todos").sync(backend.clone());
/// let store = builder.on_other_backend(OnOtherBackend::KeepAside).open()?;
/// # assert!(store.wait_synced(timeout));
/// # backend.set_online(false);
/// # store.commit(Added { id: "milk".into() })?.wait_durable(timeout)?;
/// # backend.replace();
/// # backend.set_online(true);
/// # assert!(store.wait_sync(timeout, |status| status.is_synced() && status.backend_id == Some(backend.backend_id())));
/// # assert_eq!(store.query(&Item::query().count())?, 0);
/// for path in store.status().kept_aside.iter().filter(|path| path.extension().is_some_and(|end| end == "db")) {
///     for kept in kept_events(path)? {
///         match (&kept.standing, kept.decode::<Added>()) {
///             (KeptStanding::Pending, Some(added)) => drop(store.commit(added?)?),
///             other => println!("{}: {other:?}", kept.event.name),
///         }
///     }
/// }
/// assert_eq!(store.query(&Item::query())?, [Item { id: "milk".into() }]);
/// # store.shutdown()?;
/// # let _ = std::fs::remove_dir_all(&directory);
/// # Ok(()) }
/// ```
///
/// # Errors
/// There is no such file, it cannot be read, or it is no eventlog of ours: a damaged journal is none.
pub fn kept_events(path: impl AsRef<Path>) -> std::result::Result<Vec<KeptEvent>, OpenError> {
    let path = path.as_ref();
    // Opening would create it.
    if !path.is_file() {
        let message = "there is no such file".to_owned();
        return Err(StorageError { kind: StorageKind::Io, path: Some(path.to_owned()), message }.into());
    }
    let rows = Eventlog::open(Place::File(path.to_owned()))?.all_rows()?;
    Ok(rows.into_iter().map(|(row, standing)| kept(row, standing)).collect())
}

fn kept(row: LogRow, standing: Standing) -> KeptEvent {
    KeptEvent {
        id: row.id,
        standing: match standing {
            Standing::Placed => KeptStanding::Confirmed(row.number),
            Standing::Pending => KeptStanding::Pending,
            Standing::Rejected(reason) => KeptStanding::Rejected(reason),
        },
        event: RawEvent::of(&row),
        client_id: row.client_id,
        session_id: row.session_id,
    }
}
