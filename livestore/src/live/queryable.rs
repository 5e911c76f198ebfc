#![allow(private_interfaces)] // the hidden methods take what only this crate has: nobody else implements these traits

use super::changes::Changes;
use super::definition::{Definition, LiveCx, LiveQuery, Signal, query_db};
use super::runtime::Live;
use super::subscription::{LiveHost, Subscription};
use crate::error::QueryError;
use crate::query::Select;
use crate::reactivity::Value;
use crate::sqlite::TrackedState;
use std::sync::Arc;

/// What [`Store::query`](crate::Store::query) and a live query's context can read: any statement that reads, live queries
/// and signals.
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be queried",
    note = "queries are: the query builder, `sql_query`, a document's `get()`, `LiveQuery` and `Signal`"
)]
pub trait Queryable {
    /// What reading gives; shared in an `Arc` where the store keeps it.
    type Output;

    #[doc(hidden)]
    fn read(&self, live: &mut Live, state: &dyn TrackedState) -> Result<Self::Output, QueryError>;

    #[doc(hidden)]
    fn read_in(&self, cx: &LiveCx<'_>) -> Result<Self::Output, QueryError>;
}

impl<Q: Select> Queryable for Q {
    type Output = Q::Output;

    fn read(&self, _: &mut Live, state: &dyn TrackedState) -> Result<Self::Output, QueryError> {
        self.run(state)
    }

    fn read_in(&self, cx: &LiveCx<'_>) -> Result<Self::Output, QueryError> {
        self.run(cx.state)
    }
}

macro_rules! queryable_node {
    ($name:ident) => {
        impl<T: Send + Sync + 'static> Queryable for $name<T> {
            type Output = Arc<T>;

            fn read(&self, live: &mut Live, state: &dyn TrackedState) -> Result<Arc<T>, QueryError> {
                typed(live.read(&self.definition, state).1?)
            }

            fn read_in(&self, cx: &LiveCx<'_>) -> Result<Arc<T>, QueryError> {
                typed(cx.read_node(&self.definition)?)
            }
        }

        impl<T: Send + Sync + 'static> Observable for $name<T> {
            type Value = T;

            fn definition(&self) -> Arc<Definition> {
                Arc::clone(&self.definition)
            }

            fn show(value: &Arc<T>, to: &mut dyn FnMut(&Arc<T>)) {
                to(value);
            }
        }
    };
}

queryable_node!(LiveQuery);
queryable_node!(Signal);

/// A callback that is told of each new value.
type OnChange<T> = Box<dyn FnMut(&T) + Send>;

/// What can be watched: see [`Store::subscribe`](crate::Store::subscribe) and [`Store::changes`](crate::Store::changes).
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be subscribed to",
    note = "its output must be `PartialEq + Send + Sync + 'static`, and the query `Clone + Send + Sync + 'static`"
)]
pub trait Observable: Queryable<Output: 'static> {
    /// The value that is kept and compared.
    type Value: Send + Sync + 'static;

    #[doc(hidden)]
    fn definition(&self) -> Arc<Definition>;

    #[doc(hidden)]
    fn show(value: &Arc<Self::Value>, to: &mut dyn FnMut(&Self::Output));

    #[doc(hidden)]
    fn subscribe(
        &self,
        host: &Arc<dyn LiveHost>,
        mut on_change: OnChange<Self::Output>,
    ) -> Result<Subscription, QueryError> {
        let call = move |value: &Value| {
            if let Ok(value) = typed::<Self::Value>(Arc::clone(value)) {
                Self::show(&value, &mut *on_change);
            }
        };
        Subscription::start(host, &self.definition(), Box::new(call))
    }

    #[doc(hidden)]
    fn changes(&self, host: &Arc<dyn LiveHost>) -> Result<Changes<Self::Value>, QueryError> {
        Changes::start(host, &self.definition())
    }
}

impl<Q> Observable for Q
where
    Q: Select + Clone + Send + Sync + 'static,
    Q::Output: PartialEq + Send + Sync + 'static,
{
    type Value = Q::Output;

    fn definition(&self) -> Arc<Definition> {
        query_db(self.clone()).definition
    }

    fn show(value: &Arc<Q::Output>, to: &mut dyn FnMut(&Q::Output)) {
        to(value);
    }
}

/// A node's value always has its definition's type; a key chosen twice for two types is told apart by the type.
pub(super) fn typed<T: Send + Sync + 'static>(value: Value) -> Result<Arc<T>, QueryError> {
    value.downcast().map_err(|_| QueryError::Live {
        label: std::any::type_name::<T>().to_owned(),
        message: "the stored value has another type".to_owned(),
    })
}
