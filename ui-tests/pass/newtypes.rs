//! Columns of types of the user's own, behind aliases; every kind of default.

use livestore::{
    ColumnValue, IntoWrites, Json, Result, Store, Table, Timestamp, event, materializers, memory, schema, table,
};
use serde::{Deserialize, Serialize};

type Maybe<T> = Option<T>;

#[derive(Clone, Debug, PartialEq, ColumnValue)]
pub struct Priority(pub u8);

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
    pub seen_at: Option<Timestamp>,
    #[column(default = r#"{"tags":["a"]}"#)]
    pub details: Json<Details>,
}

#[schema(events(Added), tables(Task))]
pub struct App;

#[materializers]
impl App {
    fn added(Added { id }: Added) -> impl IntoWrites {
        Task::insert_with(|t| t.id.to(id))
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
    assert_eq!(store.query(&Task::query().filter(|t| t.priority.eq(Priority(5))).count())?, 1);
    Ok(())
}
