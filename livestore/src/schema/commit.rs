use super::Schema;

/// What can be committed to a store of schema `S`: one event, a tuple, an array, a `Vec`, an `Option`, or a closure that
/// collects events. All of it is one atomic commit group.
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be committed to a store of schema `{S}`",
    label = "not an event of schema `{S}`",
    note = "list the event in `#[schema(events(...))]` of the schema",
    note = "several events: pass a tuple, an array or a `Vec`; `.collect::<Vec<_>>()` an iterator"
)]
pub trait Commit<S: Schema> {
    /// Generated code reads it to ask for this trait.
    #[doc(hidden)]
    const __IS_LISTED: () = ();

    /// Adds the events in order.
    fn collect(self, batch: &mut Batch<S>);
}

/// The events of one commit, while they are collected.
///
/// ```no_run
/// # use livestore::*;
/// # #[event("v1.Added")] pub struct Added { pub id: String }
/// # #[schema(events(Added))] pub struct App;
/// # #[materializers] impl App { fn added(_: Added) {} }
/// # fn main() -> Result<()> {
/// # let store = Store::<App>::open(memory(), "s")?;
/// store.commit(|batch: &mut Batch<App>| {
///     for id in ["a", "b"] {
///         batch.push(Added { id: id.into() });
///     }
/// })?;
/// # Ok(()) }
/// ```
#[derive(Debug)]
pub struct Batch<S: Schema> {
    events: Vec<S::Event>,
}

impl<S: Schema> Batch<S> {
    pub(crate) fn of(events: impl Commit<S>) -> Vec<S::Event> {
        let mut batch = Self { events: Vec::new() };
        events.collect(&mut batch);
        batch.events
    }

    /// Adds an event, or several.
    pub fn push(&mut self, events: impl Commit<S>) {
        events.collect(self);
    }

    #[doc(hidden)]
    pub fn __push(&mut self, event: S::Event) {
        self.events.push(event);
    }
}

#[diagnostic::do_not_recommend]
impl<S: Schema, F: FnOnce(&mut Batch<S>)> Commit<S> for F {
    fn collect(self, batch: &mut Batch<S>) {
        self(batch);
    }
}

#[diagnostic::do_not_recommend]
impl<S: Schema, E: Commit<S>> Commit<S> for Vec<E> {
    fn collect(self, batch: &mut Batch<S>) {
        self.into_iter().for_each(|event| event.collect(batch));
    }
}

#[diagnostic::do_not_recommend]
impl<S: Schema, E: Commit<S>, const N: usize> Commit<S> for [E; N] {
    fn collect(self, batch: &mut Batch<S>) {
        self.into_iter().for_each(|event| event.collect(batch));
    }
}

#[diagnostic::do_not_recommend]
impl<S: Schema, E: Commit<S>> Commit<S> for Option<E> {
    fn collect(self, batch: &mut Batch<S>) {
        self.into_iter().for_each(|event| event.collect(batch));
    }
}

macro_rules! tuple_commit {
    ($($name:ident)+) => {
        #[diagnostic::do_not_recommend]
        impl<S: Schema, $($name: Commit<S>),+> Commit<S> for ($($name,)+) {
            #[allow(non_snake_case)]
            fn collect(self, batch: &mut Batch<S>) {
                let ($($name,)+) = self;
                $($name.collect(batch);)+
            }
        }
    };
}

tuple_commit!(A);
tuple_commit!(A B);
tuple_commit!(A B C);
tuple_commit!(A B C D);
tuple_commit!(A B C D E);
tuple_commit!(A B C D E F);
tuple_commit!(A B C D E F G);
tuple_commit!(A B C D E F G H);
