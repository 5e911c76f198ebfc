use crate::error::{Error, QueryError, Result};
use crate::event::{Event, EventMeta};
use crate::query::Select;
use crate::value::{Row, SqlValue};
use std::borrow::Cow;

/// How schema `S` turns an event into writes.
///
/// Written with [`#[materializers]`](macro@crate::materializers); by hand it is this one function. The trait takes the
/// schema as a parameter so that an event from another crate can be materialized by each application in its own way.
#[diagnostic::on_unimplemented(
    message = "event `{Self}` has no materializer in schema `{S}`",
    label = "no `#[materializers]` function takes this event",
    note = "add to an `#[materializers] impl` of the schema: fn on_event(event: {Self}) -> impl IntoWrites"
)]
pub trait Materialize<S>: Event {
    /// Part of the state's fingerprint: change it when the same event may write something else than before.
    ///
    /// The attribute derives it from the function's tokens; `#[materializer(version = 2)]` sets it by hand.
    const VERSION: u64 = 0;

    /// The writes that the event makes to state.
    ///
    /// # Errors
    /// Any error refuses a commit, and quarantines the commit group when the event comes from the eventlog.
    fn materialize(self, cx: &MaterializeCx<'_>) -> Result<Writes>;
}

/// What a materializer sees: the state, and who committed the event. No clock, no randomness, no I/O.
///
/// ```
/// # use livestore::*;
/// # #[event("v1.Added")] pub struct Added { pub id: String, pub amount: i64 }
/// # #[table("totals")] pub struct Total { #[column(primary_key)] pub id: String, pub amount: i64 }
/// # #[schema(events(Added), tables(Total))] pub struct App;
/// #[materializers]
/// impl App {
///     fn added(event: Added, cx: &MaterializeCx<'_>) -> Result<impl IntoWrites> {
///         let total = cx.query(Total::query().filter(|t| t.id.eq(&event.id)).first())?;
///         let amount = total.map_or(0, |total| total.amount) + event.amount;
///         Ok(Total { id: event.id, amount }.insert().on_conflict(|t| t.id).replace())
///     }
/// }
/// # fn main() {}
/// ```
pub struct MaterializeCx<'a> {
    state: &'a dyn StateAccess,
    meta: &'a EventMeta,
}

impl<'a> MaterializeCx<'a> {
    pub(crate) fn new(state: &'a dyn StateAccess, meta: &'a EventMeta) -> Self {
        Self { state, meta }
    }

    /// Who committed the event, and its identity.
    #[must_use]
    pub fn event(&self) -> &EventMeta {
        self.meta
    }

    /// Reads the state: everything earlier events wrote, and what this one wrote through [`write`](Self::write).
    ///
    /// # Errors
    /// The statement is refused or fails, or a row does not decode.
    pub fn query<Q: Select>(&self, query: Q) -> Result<Q::Output, QueryError> {
        query.run(self.state)
    }

    /// Writes at once, so that the next [`query`](Self::query) sees it. Returned writes run after these.
    ///
    /// # Errors
    /// The statement is refused or fails; it then changed nothing. A materializer may handle that, except a fault of the
    /// disk or memory, which stops the step whatever the materializer returns.
    pub fn write<W: WriteQuery>(&self, write: W) -> Result<W::Output, QueryError> {
        write.run(self.state)
    }
}

impl std::fmt::Debug for MaterializeCx<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("MaterializeCx").field("event", self.meta).finish_non_exhaustive()
    }
}

/// Runs statements on one state: implemented by the library, used by typed queries and writes.
pub trait StateAccess {
    /// Runs a reading statement and hands each row to `each`.
    ///
    /// # Errors
    /// The statement is refused or fails, or `each` gives back an error.
    fn select(
        &self,
        sql: &str,
        binds: &[SqlValue],
        each: &mut dyn FnMut(&Row<'_>) -> Result<(), QueryError>,
    ) -> Result<(), QueryError>;

    /// Runs a writing statement, hands each returned row to `each`, and gives back how many rows it changed.
    ///
    /// # Errors
    /// The statement is refused or fails, or `each` gives back an error.
    fn write(
        &self,
        sql: &str,
        binds: &[SqlValue],
        each: &mut dyn FnMut(&Row<'_>) -> Result<(), QueryError>,
    ) -> Result<usize, QueryError>;
}

/// A statement that writes, with the type of what it gives back.
pub trait WriteQuery {
    /// The number of changed rows, or the returned rows.
    type Output;

    /// Runs the statement.
    ///
    /// # Errors
    /// The statement is refused or fails.
    fn run(self, state: &dyn StateAccess) -> Result<Self::Output, QueryError>;
}

/// One write as text and values.
#[derive(Clone, Debug, PartialEq)]
pub struct WriteStatement {
    /// The SQL text, built from the schema and never from data.
    pub sql: Cow<'static, str>,
    /// The bound values, in order.
    pub binds: Vec<SqlValue>,
}

/// The writes of one event, in order.
///
/// A materializer returns it where each branch writes something else.
///
/// ```
/// # use livestore::*;
/// # #[event("v1.Picked")] pub struct Picked { pub id: i64, pub is_gone: bool }
/// # #[table("picks")] pub struct Pick { #[column(primary_key)] pub id: i64 }
/// # #[schema(events(Picked), tables(Pick))] pub struct App;
/// #[materializers]
/// impl App {
///     fn picked(event: Picked) -> Result<Writes> {
///         let mut writes = Writes::default();
///         if event.is_gone {
///             writes.push(Pick::delete().filter(|t| t.id.eq(event.id)))?;
///         } else {
///             writes.push(Pick { id: event.id }.insert())?;
///         }
///         Ok(writes)
///     }
/// }
/// # fn main() {}
/// ```
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Writes {
    pub(crate) statements: Vec<WriteStatement>,
}

impl Writes {
    /// Adds whatever a materializer may return.
    ///
    /// # Errors
    /// A value does not encode.
    pub fn push(&mut self, writes: impl IntoWrites) -> Result<()> {
        writes.into_writes(self)
    }

    pub(crate) fn push_statement(&mut self, statement: WriteStatement) {
        self.statements.push(statement);
    }
}

/// What a materializer may return: nothing, one write, several, or a `Result` of these.
#[diagnostic::on_unimplemented(
    message = "a materializer cannot return `{Self}`",
    label = "not a write",
    note = "a materializer returns nothing, an insert, update, delete or `sql_write`, an `Option`, `Vec`, array or tuple of these, a `Result` of any of them, or `Writes`, to collect them one by one"
)]
pub trait IntoWrites {
    /// Adds the writes in order.
    ///
    /// # Errors
    /// A value does not encode, or the materializer returned an error.
    fn into_writes(self, writes: &mut Writes) -> Result<()>;

    /// The writes alone. Generated code calls it through the trait, so that the compiler blames what the materializer returns.
    #[doc(hidden)]
    fn __collect(self) -> Result<Writes>
    where
        Self: Sized,
    {
        let mut writes = Writes::default();
        self.into_writes(&mut writes)?;
        Ok(writes)
    }
}

#[diagnostic::do_not_recommend]
impl IntoWrites for () {
    fn into_writes(self, _: &mut Writes) -> Result<()> {
        Ok(())
    }
}

#[diagnostic::do_not_recommend]
impl IntoWrites for Writes {
    fn into_writes(self, writes: &mut Writes) -> Result<()> {
        writes.statements.extend(self.statements);
        Ok(())
    }
}

#[diagnostic::do_not_recommend]
impl IntoWrites for WriteStatement {
    fn into_writes(self, writes: &mut Writes) -> Result<()> {
        writes.push_statement(self);
        Ok(())
    }
}

#[diagnostic::do_not_recommend]
impl<W: IntoWrites, E: Into<Box<dyn std::error::Error + Send + Sync>>> IntoWrites for Result<W, E> {
    fn into_writes(self, writes: &mut Writes) -> Result<()> {
        self.map_err(Error::new)?.into_writes(writes)
    }
}

#[diagnostic::do_not_recommend]
impl<W: IntoWrites> IntoWrites for Option<W> {
    fn into_writes(self, writes: &mut Writes) -> Result<()> {
        self.map_or(Ok(()), |write| write.into_writes(writes))
    }
}

#[diagnostic::do_not_recommend]
impl<W: IntoWrites> IntoWrites for Vec<W> {
    fn into_writes(self, writes: &mut Writes) -> Result<()> {
        self.into_iter().try_for_each(|write| write.into_writes(writes))
    }
}

#[diagnostic::do_not_recommend]
impl<W: IntoWrites, const N: usize> IntoWrites for [W; N] {
    fn into_writes(self, writes: &mut Writes) -> Result<()> {
        self.into_iter().try_for_each(|write| write.into_writes(writes))
    }
}

macro_rules! tuple_writes {
    ($($name:ident)+) => {
        #[diagnostic::do_not_recommend]
        impl<$($name: IntoWrites),+> IntoWrites for ($($name,)+) {
            #[allow(non_snake_case)]
            fn into_writes(self, writes: &mut Writes) -> Result<()> {
                let ($($name,)+) = self;
                $($name.into_writes(writes)?;)+
                Ok(())
            }
        }
    };
}

tuple_writes!(A);
tuple_writes!(A B);
tuple_writes!(A B C);
tuple_writes!(A B C D);
tuple_writes!(A B C D E);
tuple_writes!(A B C D E F);
tuple_writes!(A B C D E F G);
tuple_writes!(A B C D E F G H);
