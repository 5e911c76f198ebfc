use super::queryable::Queryable;
use super::runtime::Live;
use crate::error::{QueryError, Result};
use crate::query::Select;
use crate::reactivity::{NodeId, Value};
use crate::sqlite::TrackedState;
use crate::value::SqlValue;
use std::any::{Any, TypeId};
use std::cell::RefCell;
use std::fmt;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::marker::PhantomData;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

/// Computes a node's value; reads through the context become its dependencies.
pub(super) type Compute = dyn Fn(&LiveCx<'_>) -> Result<Value> + Send + Sync;

/// What a live query is, beside its type.
pub(super) struct Definition {
    pub(super) key: Key,
    pub(super) key_hash: u64,
    pub(super) label: String,
    pub(super) body: Body,
    pub(super) is_equal: fn(&Value, &Value) -> bool,
}

pub(super) enum Body {
    Compute(Box<Compute>),
    /// A signal, with its first value.
    Cell(Value),
}

/// What makes two definitions one instance in a store.
pub(super) enum Key {
    /// A builder query: what it asks, and the type it decodes to.
    Sql { text: String, binds: Vec<SqlValue>, output: TypeId },
    /// A closure or a signal: its creation.
    Unique(u64),
    /// Chosen by the application.
    Chosen { key: Box<dyn ChosenKey>, output: TypeId },
}

/// A key that an application chose, behind its type.
pub(super) trait ChosenKey: Send + Sync {
    fn is_equal(&self, other: &dyn ChosenKey) -> bool;
    fn as_any(&self) -> &dyn Any;
}

impl<K: Eq + Send + Sync + 'static> ChosenKey for K {
    fn is_equal(&self, other: &dyn ChosenKey) -> bool {
        other.as_any().downcast_ref::<K>() == Some(self)
    }

    fn as_any(&self) -> &dyn Any {
        self
    }
}

impl PartialEq for Key {
    fn eq(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Sql { text, binds, output }, Self::Sql { text: text2, binds: binds2, output: output2 }) => {
                output == output2 && text == text2 && binds == binds2
            }
            (Self::Unique(id), Self::Unique(id2)) => id == id2,
            (Self::Chosen { key, output }, Self::Chosen { key: key2, output: output2 }) => {
                output == output2 && key.is_equal(&**key2)
            }
            _ => false,
        }
    }
}

impl Definition {
    fn new(key: Key, label: String, body: Body, is_equal: fn(&Value, &Value) -> bool) -> Self {
        let mut hasher = DefaultHasher::new();
        match &key {
            Key::Sql { text, binds, output } => (text, format!("{binds:?}"), output).hash(&mut hasher),
            Key::Unique(id) => id.hash(&mut hasher),
            Key::Chosen { output, .. } => output.hash(&mut hasher),
        }
        Self { key, key_hash: hasher.finish(), label, body, is_equal }
    }

    fn unique(label: &str, body: Body, is_equal: fn(&Value, &Value) -> bool) -> Self {
        static NEXT: AtomicU64 = AtomicU64::new(0);
        Self::new(Key::Unique(NEXT.fetch_add(1, Ordering::Relaxed)), label.to_owned(), body, is_equal)
    }

    pub(super) fn is(&self, other: &Self) -> bool {
        std::ptr::eq(self, other) || (self.key_hash == other.key_hash && self.key == other.key)
    }
}

/// Values of one node have one type; anything else counts as changed.
fn equal_values<T: PartialEq + 'static>(old: &Value, new: &Value) -> bool {
    matches!((old.downcast_ref::<T>(), new.downcast_ref::<T>()), (Some(old), Some(new)) if old == new)
}

/// A query that a store keeps up to date: a definition, cheap to clone and tied to no store.
///
/// Made by [`query_db`], [`query_db_with`] and [`computed`]. Two builder queries with equal SQL and values are one instance in
/// a store, and run once for all who read them; closures are shared by cloning the definition, or by [`keyed`](Self::keyed).
pub struct LiveQuery<T> {
    pub(super) definition: Arc<Definition>,
    output: PhantomData<fn() -> T>,
}

impl<T: Send + Sync + 'static> LiveQuery<T> {
    fn new(definition: Definition) -> Self {
        Self { definition: Arc::new(definition), output: PhantomData }
    }

    /// A name for errors and devtools; part of nothing else.
    #[must_use]
    pub fn label(self, label: impl Into<String>) -> Self {
        self.change(|definition| definition.label = label.into())
    }

    /// Gives a closure an identity, for code that makes the closure anew each time it runs: equal keys (of one output type)
    /// share one instance. Put everything that the closure captures into the key.
    #[must_use]
    pub fn keyed<K: Hash + Eq + Send + Sync + 'static>(self, key: K) -> Self {
        let mut hasher = DefaultHasher::new();
        (TypeId::of::<K>(), TypeId::of::<T>()).hash(&mut hasher);
        key.hash(&mut hasher);
        self.change(|definition| {
            definition.key = Key::Chosen { key: Box::new(key), output: TypeId::of::<T>() };
            definition.key_hash = hasher.finish();
        })
    }

    /// A definition is changed while it is built only; a clone that exists already keeps the old one.
    fn change(self, change: impl FnOnce(&mut Definition)) -> Self {
        let definition = match Arc::try_unwrap(self.definition) {
            Ok(definition) => definition,
            Err(shared) => {
                let inner = Arc::clone(&shared);
                let compute = move |cx: &LiveCx<'_>| match &inner.body {
                    Body::Compute(compute) => compute(cx),
                    Body::Cell(value) => Ok(Arc::clone(value)),
                };
                Definition::unique(&shared.label, Body::Compute(Box::new(compute)), shared.is_equal)
            }
        };
        let mut definition = definition;
        change(&mut definition);
        Self::new(definition)
    }
}

/// A live query over one statement: the query builder, raw SQL, or a document read.
///
/// It runs again when a commit wrote what it read, tables and columns, and only a changed result goes on to who watches.
///
/// ```
/// # use livestore::*;
/// # #[event("v1.Added")] pub struct Added { pub id: i64, pub text: String }
/// # #[table("todos")] pub struct Todo { #[column(primary_key)] pub id: i64, pub text: String }
/// # #[schema(events(Added), tables(Todo))] pub struct App;
/// # #[materializers] impl App {
/// #     fn added(Added { id, text }: Added) -> impl IntoWrites { Todo { id, text }.insert() }
/// # }
/// # fn main() -> Result<()> {
/// # let store = Store::<App>::open(memory(), "todos")?;
/// # store.commit([Added { id: 1, text: "milk".into() }, Added { id: 2, text: "bread".into() }])?;
/// let count = query_db(Todo::query().count());
/// let _subscription = store.subscribe(&count, |count| println!("{count} todos"))?;
/// assert_eq!(*store.query(&count)?, 2);
/// # Ok(()) }
/// ```
#[must_use]
pub fn query_db<Q>(query: Q) -> LiveQuery<Q::Output>
where
    Q: Select + Send + Sync + 'static,
    Q::Output: PartialEq + Send + Sync + 'static,
{
    let is_equal = equal_values::<Q::Output>;
    let sql = query.to_sql();
    let compute = Body::Compute(Box::new(move |cx: &LiveCx<'_>| Ok(Arc::new(query.run(cx.state)?) as Value)));
    LiveQuery::new(match sql {
        Ok(sql) => {
            let label = sql.text.clone();
            let key = Key::Sql { text: sql.text, binds: sql.binds, output: TypeId::of::<Q::Output>() };
            Definition::new(key, label, compute, is_equal)
        }
        // The builder's error is the query's value: whoever reads it is told.
        Err(error) => Definition::unique(&error.to_string(), compute, is_equal),
    })
}

/// A live query whose statement depends on other live queries, signals or documents; read those through the context.
///
/// What the closure reads is noted anew at each run.
///
/// ```
/// # use livestore::*;
/// # #[event("v1.Added")] pub struct Added { pub id: i64, pub text: String }
/// # #[table("todos")] pub struct Todo { #[column(primary_key)] pub id: i64, pub text: String }
/// # #[schema(events(Added), tables(Todo))] pub struct App;
/// # #[materializers] impl App {
/// #     fn added(Added { id, text }: Added) -> impl IntoWrites { Todo { id, text }.insert() }
/// # }
/// # fn main() -> Result<()> {
/// # let store = Store::<App>::open(memory(), "todos")?;
/// # store.commit([Added { id: 1, text: "milk".into() }, Added { id: 2, text: "bread".into() }])?;
/// let search = signal(String::from("m"));
/// let found = query_db_with({
///     let search = search.clone();
///     move |cx| {
///         let pattern = format!("{}%", cx.get(&search)?);
///         Ok(Todo::query().filter(|t| t.text.like(pattern)).select(|t| t.id))
///     }
/// });
/// assert_eq!(*store.query(&found)?, [1]);
/// store.set_signal(&search, "b".into())?;
/// assert_eq!(*store.query(&found)?, [2]);
/// # Ok(()) }
/// ```
#[must_use]
pub fn query_db_with<Q>(query: impl Fn(&LiveCx<'_>) -> Result<Q> + Send + Sync + 'static) -> LiveQuery<Q::Output>
where
    Q: Select,
    Q::Output: PartialEq + Send + Sync + 'static,
{
    let compute = move |cx: &LiveCx<'_>| Ok(Arc::new(query(cx)?.run(cx.state)?) as Value);
    let body = Body::Compute(Box::new(compute));
    LiveQuery::new(Definition::unique("query_db_with", body, equal_values::<Q::Output>))
}

/// A value computed from other live queries, signals or documents; read those through the context.
///
/// ```
/// # use livestore::*;
/// # #[event("v1.Added")] pub struct Added { pub id: i64, pub text: String }
/// # #[table("todos")] pub struct Todo { #[column(primary_key)] pub id: i64, pub text: String }
/// # #[schema(events(Added), tables(Todo))] pub struct App;
/// # #[materializers] impl App {
/// #     fn added(Added { id, text }: Added) -> impl IntoWrites { Todo { id, text }.insert() }
/// # }
/// # fn main() -> Result<()> {
/// # let store = Store::<App>::open(memory(), "todos")?;
/// # store.commit([Added { id: 1, text: "milk".into() }, Added { id: 2, text: "bread".into() }])?;
/// let count = query_db(Todo::query().count());
/// let summary = computed(move |cx| Ok(format!("{} todos", cx.get(&count)?)));
/// assert_eq!(*store.query(&summary)?, "2 todos");
/// # Ok(()) }
/// ```
#[must_use]
pub fn computed<T>(compute: impl Fn(&LiveCx<'_>) -> Result<T> + Send + Sync + 'static) -> LiveQuery<T>
where
    T: PartialEq + Send + Sync + 'static,
{
    let compute = move |cx: &LiveCx<'_>| Ok(Arc::new(compute(cx)?) as Value);
    LiveQuery::new(Definition::unique("computed", Body::Compute(Box::new(compute)), equal_values::<T>))
}

/// A value that is set by hand and lives in a store's memory only: a search text, a selected row.
///
/// Each store that reads it has its own copy, which begins with the value given here.
pub struct Signal<T> {
    pub(super) definition: Arc<Definition>,
    output: PhantomData<fn() -> T>,
}

/// Makes a signal; see [`Store::set_signal`](crate::Store::set_signal).
#[must_use]
pub fn signal<T: PartialEq + Send + Sync + 'static>(value: T) -> Signal<T> {
    let definition = Definition::unique("signal", Body::Cell(Arc::new(value)), equal_values::<T>);
    Signal { definition: Arc::new(definition), output: PhantomData }
}

/// What a live query's closure reads through; every read becomes a dependency.
pub struct LiveCx<'a> {
    pub(super) live: RefCell<&'a mut Live>,
    pub(super) state: &'a dyn TrackedState,
    pub(super) sources: RefCell<Vec<NodeId>>,
}

impl LiveCx<'_> {
    /// Reads a live query, a signal, or any statement.
    ///
    /// # Errors
    /// What is read failed; or it reads, through others, the very live query that is asking.
    pub fn get<Q: Queryable>(&self, query: &Q) -> Result<Q::Output, QueryError> {
        query.read_in(self)
    }

    pub(super) fn read_node(&self, definition: &Arc<Definition>) -> Result<Value, QueryError> {
        let mut live = self.live.borrow_mut();
        let cycles = live.cycles();
        let (node, value) = live.read(definition, self.state);
        let mut sources = self.sources.borrow_mut();
        // Reading it led back up to a node that is running: an edge would close a circle in the graph.
        let is_circle = live.cycles() != cycles;
        if !is_circle && !sources.contains(&node) {
            sources.push(node);
        }
        value
    }
}

macro_rules! definition_handle {
    ($name:ident) => {
        impl<T> Clone for $name<T> {
            fn clone(&self) -> Self {
                Self { definition: Arc::clone(&self.definition), output: PhantomData }
            }
        }

        impl<T> PartialEq for $name<T> {
            fn eq(&self, other: &Self) -> bool {
                self.definition.is(&other.definition)
            }
        }

        impl<T> Eq for $name<T> {}

        impl<T> Hash for $name<T> {
            fn hash<H: Hasher>(&self, state: &mut H) {
                self.definition.key_hash.hash(state);
            }
        }

        impl<T> fmt::Debug for $name<T> {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.debug_tuple(stringify!($name)).field(&self.definition.label).finish()
            }
        }
    };
}

definition_handle!(LiveQuery);
definition_handle!(Signal);

impl fmt::Debug for LiveCx<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LiveCx").finish_non_exhaustive()
    }
}

impl fmt::Debug for Definition {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Definition").field(&self.label).finish()
    }
}
