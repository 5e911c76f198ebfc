//! Columns of types of the user's own, behind aliases; every kind of default.

use livestore::{
    ColumnValue, IntoWrites, Json, Result, Store, Table, Timestamp, event, materializers, memory, schema, sql_query,
    table,
};
use serde::{Deserialize, Serialize};

type Maybe<T> = Option<T>;

#[derive(Clone, Debug, PartialEq, ColumnValue)]
pub struct Priority(pub u8);

/// A time of the user's own, which is stored as text all the same.
#[derive(Clone, Debug, PartialEq, ColumnValue)]
pub struct Moment(pub Timestamp);

#[derive(Clone, Debug, PartialEq, ColumnValue)]
pub enum State {
    Open,
    #[column(name = "DONE")]
    Done,
    InProgress,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Details {
    pub tags: Vec<String>,
}

#[event("v1.Added")]
pub struct Added {
    pub id: i64,
}

#[event("v1.Seen")]
pub struct Seen {
    pub id: i64,
    pub at: i64,
}

#[table("tasks")]
pub struct Task {
    #[column(primary_key)]
    pub id: i64,
    #[column(default = 5)]
    pub priority: Priority,
    #[column(default = State::InProgress)]
    pub state: State,
    #[column(default = State::Done)]
    pub last_state: Maybe<State>,
    #[column(default = "it's \"new\"")]
    pub text: String,
    #[column(default = "x")]
    pub maybe_text: Maybe<String>,
    #[column(default = true)]
    pub is_open: bool,
    #[column(default = -3)]
    pub count: i32,
    #[column(default = -1.5)]
    pub weight: f64,
    #[column(default = b"\x00\xff")]
    pub bytes: Vec<u8>,
    #[column(default = 0)]
    pub created_at: Timestamp,
    #[column(iso8601)]
    pub seen_at: Option<Moment>,
    #[column(default = r#"{"tags":["a"]}"#)]
    pub details: Json<Details>,
}

#[schema(events(Added, Seen), tables(Task))]
pub struct App;

#[materializers]
impl App {
    fn added(Added { id }: Added) -> impl IntoWrites {
        Task::insert_with(|t| t.id.to(id))
    }

    fn seen(Seen { id, at }: Seen) -> impl IntoWrites {
        Task::update().set(|t| t.seen_at, Some(Moment(Timestamp(at)))).filter(|t| t.id.eq(id))
    }
}

#[test]
fn every_column_takes_its_default() -> Result<()> {
    let store = Store::<App>::open(memory(), "defaults")?;
    store.commit(Added { id: 1 })?;
    let task = store.query(&Task::query().one())?;
    let expected = Task {
        id: 1,
        priority: Priority(5),
        state: State::InProgress,
        last_state: Some(State::Done),
        text: "it's \"new\"".into(),
        maybe_text: Some("x".into()),
        is_open: true,
        count: -3,
        weight: -1.5,
        bytes: vec![0, 255],
        created_at: Timestamp(0),
        seen_at: None,
        details: Json(Details { tags: vec!["a".into()] }),
    };
    assert_eq!(task, expected);
    store.commit(Seen { id: 1, at: 1_000 })?;
    assert_eq!(store.query(&Task::query().select(|t| t.seen_at).one())?, Some(Moment(Timestamp(1_000))));
    let text: (String,) = store.query(&sql_query("SELECT seen_at FROM tasks", ()).one())?;
    assert_eq!(text.0, "1970-01-01T00:00:01.000Z");
    assert_eq!(store.query(&Task::query().filter(|t| t.priority.eq(Priority(5))).count())?, 1);
    Ok(())
}
