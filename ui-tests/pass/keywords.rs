//! Names that are keywords: in Rust they are raw, in SQL and on the wire they are not.
#![allow(non_camel_case_types)]

use livestore::{
    ClientDocument, ColumnValue, Event, FromRow, IntoWrites, Result, Store, Table, client_document, event,
    materializers, memory, schema, sql_query, table,
};

#[event("v1.Typed")]
pub struct Typed {
    pub r#type: String,
    pub r#fn: Option<bool>,
}

#[table("select")]
pub struct Row {
    #[column(primary_key)]
    pub r#type: String,
    pub r#where: Option<bool>,
    pub order: Option<i64>,
}

#[client_document("group", id = "main")]
#[derive(Default)]
pub struct View {
    pub r#match: bool,
}

#[derive(Clone, Debug, PartialEq, ColumnValue)]
pub enum Word {
    r#Use,
    Static,
}

#[derive(FromRow)]
pub struct Found {
    pub r#type: String,
    pub r#where: Word,
}

#[schema(events(Typed), tables(Row), documents(View))]
pub struct r#App;

#[materializers]
impl App {
    fn r#typed(Typed { r#type, r#fn }: Typed) -> impl IntoWrites {
        Row { r#type, r#where: r#fn, order: None }.insert()
    }
}

#[test]
fn keywords_are_plain_names_in_sql_and_on_the_wire() -> Result<()> {
    assert_eq!(Row::COLUMNS.r#type.name(), "type");
    assert_eq!(Row::DEF.columns[1].name, "where");
    assert_eq!(Typed::DEF.name, "v1.Typed");
    let store = Store::<App>::open(memory(), "keywords")?;
    store.commit(Typed { r#type: "a".into(), r#fn: Some(true) })?;
    store.commit(View::set().r#match(true))?;
    assert_eq!(store.query(&Row::query().filter(|t| t.r#where.eq(true)).count())?, 1);
    assert!(store.query(&View::get())?.r#match);
    let args: Vec<(String,)> = store.query(&sql_query("SELECT json(value) FROM \"group\"", ()))?;
    assert_eq!(args[0].0, r#"{"match":true}"#);
    let found = store.query(&sql_query::<Found>("SELECT \"type\", 'use' AS \"where\" FROM \"select\"", ()))?;
    assert_eq!((&*found[0].r#type, &found[0].r#where), ("a", &Word::r#Use));
    Ok(())
}
