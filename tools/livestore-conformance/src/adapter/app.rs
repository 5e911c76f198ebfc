//! The application of the suite.

use super::Subject;
use crate::report::Miss;
use crate::suite::{PATIENCE, demand, until};
use livestore::*;

pub(super) const STORE: &str = "main";

/// A step, told apart by a number.
#[event("v1.Stepped")]
pub(crate) struct Stepped {
    pub(crate) id: i64,
}

/// Something that stays with the client.
#[event("Picked", client_only)]
pub(crate) struct Picked {
    pub(crate) id: i64,
}

/// Steps, and how many were there before each: state depends on the order.
#[table("steps")]
pub(crate) struct Step {
    #[column(primary_key)]
    pub(crate) id: i64,
    pub(crate) before: i64,
}

#[table("picks", client_only)]
pub(crate) struct Pick {
    #[column(primary_key)]
    pub(crate) id: i64,
}

#[client_document("ui", id = "main")]
#[derive(Default)]
pub(crate) struct Ui {
    pub(crate) text: String,
}

#[schema(events(Stepped, Picked), tables(Step, Pick), documents(Ui))]
pub(crate) struct App;

#[materializers]
impl App {
    fn on_step(event: Stepped, cx: &MaterializeCx<'_>) -> Result<Writes> {
        stepped(event, cx)
    }

    fn on_pick(Picked { id }: Picked) -> impl IntoWrites {
        Pick { id }.insert()
    }
}

fn stepped(Stepped { id }: Stepped, cx: &MaterializeCx<'_>) -> Result<Writes> {
    let before = cx.query(Step::query().count())?;
    let mut writes = Writes::default();
    Step { id, before }.insert().into_writes(&mut writes)?;
    Ok(writes)
}

/// The next version of the application: its state is another, its events are the same.
pub(super) mod next {
    use super::{Pick, Picked, Step, Stepped, Ui};
    use livestore::*;

    #[table("extra")]
    pub(crate) struct Extra {
        #[column(primary_key)]
        pub(crate) id: i64,
    }

    #[schema(events(Stepped, Picked), tables(Step, Pick, Extra), documents(Ui))]
    pub(crate) struct App;

    #[materializers]
    impl App {
        fn on_step(event: Stepped, cx: &MaterializeCx<'_>) -> Result<Writes> {
            super::stepped(event, cx)
        }

        fn on_pick(Picked { id }: Picked) -> impl IntoWrites {
            Pick { id }.insert()
        }
    }
}

pub(super) fn open<S: Subject>(subject: &S, place: &S::Place, store_id: &str) -> Result<Store<App>, OpenError> {
    Store::open(subject.adapter(place), store_id)
}

pub(super) fn commit(store: &Store<App>, ids: impl IntoIterator<Item = i64>) -> Result<(), Miss> {
    for id in ids {
        store.commit(Stepped { id })?;
    }
    Ok(())
}

/// The steps in the eventlog, in order; each event may be there once only.
pub(super) fn logged<T: Schema>(store: &Store<T>) -> Result<Vec<i64>, Miss> {
    let events = store.events::<Stepped>().until_now().collect::<Result<Vec<_>>>().map_err(failed)?;
    let mut ids: Vec<_> = events.iter().map(|event| event.id).collect();
    ids.sort_unstable();
    ids.dedup();
    demand!(ids.len() == events.len(), "an event is in the eventlog twice");
    Ok(events.into_iter().map(|event| event.event.id).collect())
}

/// The steps in state, in the order in which they were materialized.
pub(super) fn stated<T: Schema>(store: &Store<T>) -> Result<Vec<i64>, Miss> {
    let mut steps = store.query(&Step::query())?;
    steps.sort_by_key(|step| step.before);
    let places: Vec<_> = steps.iter().map(|step| step.before).collect();
    demand!(places.iter().copied().eq(0..steps.len() as i64), "state was made in another order: {places:?}");
    Ok(steps.into_iter().map(|step| step.id).collect())
}

/// Waits until the session's state and its eventlog are one, with so many steps.
pub(super) fn settle<T: Schema>(store: &Store<T>, number: usize) -> Result<Vec<i64>, Miss> {
    until(&format!("the step {number} in {:?}", store.status()), || {
        let (stated, logged) = (stated(store)?, logged(store)?);
        demand!(stated.len() <= number && logged.len() <= number, "more than {number} steps: {stated:?} {logged:?}");
        Ok((stated.len() == number && stated == logged && store.status().pending == 0).then_some(logged))
    })
}

pub(super) fn wait(receipt: &Receipt) -> Result<Outcome, Miss> {
    Ok(receipt.wait(PATIENCE)?)
}

#[allow(clippy::needless_pass_by_value)] // for `map_err`
pub(super) fn failed(error: Error) -> Miss {
    Miss::Failed(error.to_string())
}

pub(super) fn sorted(mut ids: Vec<i64>) -> Vec<i64> {
    ids.sort_unstable();
    ids
}
