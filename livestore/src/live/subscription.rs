use super::definition::Definition;
use super::outbox::Subscriber;
use super::runtime::Live;
use crate::error::QueryError;
use crate::reactivity::{NodeId, Value};
use crate::sqlite::TrackedState;
use std::sync::{Arc, Weak};

/// The store, as its subscriptions see it.
pub(crate) trait LiveHost: Send + Sync {
    /// Runs with the store's lock held, then delivers.
    fn with_live(&self, work: &mut dyn FnMut(&mut Live, &dyn TrackedState)) -> Result<(), QueryError>;
}

/// Watches a live query until it is dropped. A call that runs right then is the last.
#[must_use = "dropping a subscription ends it"]
pub struct Subscription {
    host: Weak<dyn LiveHost>,
    node: NodeId,
    subscriber: Arc<Subscriber>,
}

impl Subscription {
    pub(super) fn start(
        host: &Arc<dyn LiveHost>,
        definition: &Arc<Definition>,
        callback: Box<dyn FnMut(&Value) + Send>,
    ) -> Result<Self, QueryError> {
        let subscriber = Subscriber::new(callback);
        let mut node = None;
        host.with_live(&mut |live, state| {
            node = Some(live.watch(definition, state, Arc::clone(&subscriber)));
        })?;
        let node = node.ok_or_else(|| QueryError::Closed { reason: "the store was dropped".into() })??;
        Ok(Self { host: Arc::downgrade(host), node, subscriber })
    }

    /// Why the last run of the query failed; `None` where it gave a result. Until it does again, the last good result stands and nobody
    /// is called back.
    ///
    /// ```
    /// # use livestore::*;
    /// # #[event("v1.Added")] pub struct Added { pub id: i64 }
    /// # #[table("items")] pub struct Item { #[column(primary_key)] pub id: i64 }
    /// # #[schema(events(Added), tables(Item))] pub struct App;
    /// # #[materializers] impl App { fn added(Added { id }: Added) -> impl IntoWrites { Item { id }.insert() } }
    /// # fn main() -> Result<()> {
    /// # let store = Store::<App>::open(memory(), "items")?;
    /// // With one item there is nothing, which is no number.
    /// let rest = query_db(sql_query::<(i64,)>("SELECT nullif(count(*), 1) FROM items", ()).one());
    /// let watch = store.subscribe(&rest, |rest| println!("{rest:?}"))?;
    /// assert!(watch.error().is_none());
    /// store.commit(Added { id: 1 })?;
    /// assert!(watch.error().is_some());
    /// # Ok(()) }
    /// ```
    #[must_use]
    pub fn error(&self) -> Option<QueryError> {
        self.subscriber.failure()
    }
}

impl Drop for Subscription {
    fn drop(&mut self) {
        self.subscriber.end();
        let Some(host) = self.host.upgrade() else { return };
        // A store that is closed, or busy on this very thread, has nothing to forget that matters: the subscriber is over.
        let _ = host.with_live(&mut |live, _| live.unwatch(self.node, &self.subscriber));
    }
}

impl std::fmt::Debug for Subscription {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Subscription").field("node", &self.node).finish_non_exhaustive()
    }
}
