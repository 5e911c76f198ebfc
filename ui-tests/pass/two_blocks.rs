//! Materializers in several blocks, in every shape that one may have; and one written by hand.

use livestore::{
    Batch, IntoWrites, Materialize, MaterializeCx, Result, Store, Table, Writes, event, materializers, memory, schema,
    sql_write, table,
};

#[table("numbers")]
pub struct Number {
    #[column(primary_key)]
    pub id: i64,
    pub total: i64,
}

macro_rules! events {
    ($($name:ident $wire:literal)*) => {$(
        #[event($wire)]
        pub struct $name {
            pub id: i64,
        }
    )*};
}

events! {
    One "v1.One"
    Many "v1.Many"
    Maybe "v1.Maybe"
    Pair "v1.Pair"
    Fallible "v1.Fallible"
    Foreign "v1.Foreign"
    Reading "v1.Reading"
    Raw "v1.Raw"
    ByHand "v1.ByHand"
    Nothing "v1.Nothing"
}

#[schema(events(One, Many, Maybe, Pair, Fallible, Foreign, Reading, Raw, ByHand, Nothing), tables(Number))]
pub struct App;

fn number(id: i64) -> Number {
    Number { id, total: 0 }
}

#[materializers]
impl App {
    fn one(event: One) -> impl IntoWrites {
        number(event.id).insert()
    }

    fn many(event: Many) -> Vec<impl IntoWrites> {
        (0..3).map(|offset| number(event.id + offset).insert()).collect()
    }

    fn maybe(event: Maybe) -> Option<impl IntoWrites> {
        (event.id > 0).then(|| number(event.id).insert())
    }

    fn pair(event: Pair) -> impl IntoWrites {
        (number(event.id).insert(), Number::update().set(|t| t.total, 1).filter(|t| t.id.eq(event.id)))
    }

    /// A documented one, private as all here.
    fn nothing(_event: Nothing) {}
}

#[materializers]
impl App {
    fn fallible(event: Fallible) -> Result<impl IntoWrites> {
        Ok(number(event.id).insert())
    }

    #[materializer(version = 2)]
    fn foreign(event: Foreign) -> std::result::Result<impl IntoWrites, std::num::ParseIntError> {
        Ok(number("40".parse::<i64>()? + event.id).insert())
    }

    pub(crate) fn reading(event: Reading, cx: &MaterializeCx<'_>) -> Result<impl IntoWrites> {
        let total = cx.query(Number::query().count())?;
        Ok(Number { id: event.id, total }.insert())
    }

    fn raw(event: Raw) -> impl IntoWrites {
        sql_write("INSERT INTO numbers (id, total) VALUES (?, 7)", (event.id,))
    }
}

impl Materialize<App> for ByHand {
    fn materialize(self, _: &MaterializeCx<'_>) -> Result<Writes> {
        let mut writes = Writes::default();
        number(self.id).insert().into_writes(&mut writes)?;
        Ok(writes)
    }
}

#[test]
fn every_shape_of_materializer_writes() -> Result<()> {
    let store = Store::<App>::open(memory(), "shapes")?;
    store.commit((One { id: 1 }, Many { id: 10 }, Maybe { id: 0 }, Maybe { id: 2 }, Pair { id: 3 }))?;
    store.commit((Fallible { id: 4 }, Foreign { id: 1 }, Reading { id: 5 }, Raw { id: 6 }, ByHand { id: 7 }))?;
    store.commit(Some(Nothing { id: 0 }))?;
    store.commit(|batch: &mut Batch<App>| batch.push([One { id: 100 }]))?;
    store.commit(AppEvent::One(One { id: 101 }))?;
    let ids = store.query(&Number::query().order_by(|t| t.id.asc()).select(|t| (t.id, t.total)))?;
    let expected = [
        (1, 0),
        (2, 0),
        (3, 1),
        (4, 0),
        (5, 8),
        (6, 7),
        (7, 0),
        (10, 0),
        (11, 0),
        (12, 0),
        (41, 0),
        (100, 0),
        (101, 0),
    ];
    assert_eq!(ids, expected);
    Ok(())
}

#[test]
fn a_version_by_hand_decides_and_else_the_tokens() {
    assert_eq!(<Foreign as Materialize<App>>::VERSION, 2);
    assert_ne!(<One as Materialize<App>>::VERSION, 0);
    assert_ne!(<One as Materialize<App>>::VERSION, <Many as Materialize<App>>::VERSION);
}

#[test]
fn a_materializer_stays_a_function_that_tests_can_call() -> Result<()> {
    let mut writes = Writes::default();
    App::one(One { id: 1 }).into_writes(&mut writes)?;
    assert_ne!(writes, Writes::default());
    Ok(())
}
