use crate::{Hear, Rng};
use livestore::{CommitError, QueryError, Receipt, Schema, Store, Subscription, SyncEvent};

/// An application under simulation: what it commits, and what must come of it.
///
/// Each synced event has to carry a tag, taken from [`Tags`], as a string among its args: by it the simulator follows the event through
/// clients, backend and network. That is the price: an event needs a field for it, one named `tag`, of which materializers take no
/// notice, or one that it has anyway and whose text is the application's to choose, such as an id; then say so in [`tag`](Self::tag).
pub trait Workload: Default {
    /// The application's schema.
    type Schema: Schema;

    /// A text that client-only events contain, and that may reach neither network nor backend.
    const SECRET: Option<&'static str> = None;

    /// Commits something, as chance decides.
    ///
    /// # Errors
    /// The commit was refused. That is no failure: an application may try what does not work.
    fn commit(&mut self, store: &Store<Self::Schema>, tags: &mut Tags, rng: &mut Rng) -> Result<Receipt, CommitError>;

    /// All synced state as text, in a fixed order.
    ///
    /// # Errors
    /// A query fails.
    fn dump(&self, store: &Store<Self::Schema>) -> Result<String, QueryError>;

    /// What else a query can see of synced state, such as the order of rows that nobody ordered, or their rowids: all clients with
    /// the same log must have it alike, however often what was pending was undone and applied again.
    ///
    /// # Errors
    /// A query fails.
    fn layout(&self, store: &Store<Self::Schema>) -> Result<String, QueryError> {
        let _ = store;
        Ok(String::new())
    }

    /// What is of this client alone, as text: client documents, and what client-only events wrote. It must survive the end of the
    /// process, and be alike in all sessions of the client.
    ///
    /// # Errors
    /// A query fails.
    fn own(&self, store: &Store<Self::Schema>) -> Result<String, QueryError> {
        let _ = store;
        Ok(String::new())
    }

    /// Subscribes to a live query, if the application has one to watch: each value that is delivered goes, as text, to
    /// [`Hear::delivered`], with what [`watched`](Self::watched) gives at that moment.
    ///
    /// # Errors
    /// The query fails.
    fn watch(&self, store: &Store<Self::Schema>, hear: Hear) -> Result<Option<Subscription>, QueryError> {
        let _ = (store, hear);
        Ok(None)
    }

    /// What a fresh run of the watched query gives, as text.
    ///
    /// # Errors
    /// The query fails.
    fn watched(&self, store: &Store<Self::Schema>) -> Result<String, QueryError> {
        let _ = store;
        Ok(String::new())
    }

    /// What [`dump`](Self::dump) must give after these commit groups, told by a model that knows nothing of SQLite.
    fn expect(&self, groups: &[Vec<SyncEvent>]) -> String;

    /// The tag that the event carries: what its field `tag` holds, unless you say otherwise.
    fn tag(event: &SyncEvent) -> Option<String> {
        let args: serde_json::Value = serde_json::from_str(event.args.as_deref()?).ok()?;
        args.get("tag")?.as_str().map(str::to_owned)
    }

    /// Whether the backend refuses the event while it is in a mood to.
    fn is_refusable(event: &SyncEvent) -> bool {
        let _ = event;
        false
    }
}

/// Hands out tags for the events of one commit.
#[derive(Debug)]
pub struct Tags {
    origin: u64,
    number: u64,
    taken: u64,
}

impl Tags {
    pub(crate) fn new(origin: u64, number: u64) -> Self {
        Self { origin, number, taken: 0 }
    }

    /// The next tag: take one for each synced event of the commit, in order.
    pub fn take(&mut self) -> String {
        self.taken += 1;
        format!("{}.{}.{}", self.origin, self.number, self.taken - 1)
    }

    pub(crate) fn taken(&self) -> u64 {
        self.taken
    }
}

/// Where a tagged event comes from: which session, which commit of it, which event in that.
pub(crate) type Tag = (u64, u64, u64);

/// How a workload's events carry their tags.
pub(crate) type ReadTag = fn(&SyncEvent) -> Option<String>;

pub(crate) fn tag_of(event: &SyncEvent, read: ReadTag) -> Option<Tag> {
    let tag = read(event)?;
    let mut parts = tag.split('.').map(str::parse);
    let mut next = || parts.next()?.ok();
    Some((next()?, next()?, next()?))
}
