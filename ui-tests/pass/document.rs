//! Client documents: serde's own names, ids, and setters of any type.

use livestore::{ClientDocument, Result, Store, client_document, memory, schema, sql_query};
use std::collections::BTreeMap;

#[client_document("filters", id = "main")]
#[derive(Default)]
#[serde(default)]
pub struct Filters {
    pub show_done: bool,
    #[serde(rename = "text")]
    pub search_text: Option<String>,
    pub by_list: BTreeMap<String, Vec<i64>>,
    #[cfg(any())]
    pub never: NoSuchType,
}

#[client_document("draft")]
#[derive(Default)]
struct Draft {
    text: String,
}

#[schema(documents(Filters, Draft))]
struct App;

#[test]
fn fields_are_set_under_the_names_that_serde_gives_them() -> Result<()> {
    let store = Store::<App>::open(memory(), "documents")?;
    let lists = BTreeMap::from([("a".to_owned(), vec![1, 2])]);
    store.commit(Filters::set().search_text(Some("milk".into())).by_list(lists.clone()))?;
    let stored: (String,) = store.query(&sql_query("SELECT value FROM filters WHERE id = 'main'", ()).one())?;
    assert_eq!(stored.0, r#"{"byList":{"a":[1,2]},"showDone":false,"text":"milk"}"#);
    let expected = Filters { show_done: false, search_text: Some("milk".into()), by_list: lists };
    assert_eq!(store.query(&Filters::get())?, expected);
    Ok(())
}

#[test]
fn a_document_without_an_id_is_each_sessions_own() -> Result<()> {
    let adapter = memory();
    let store = Store::<App>::open(adapter, "documents")?;
    store.commit(Draft::set().text("mine".into()))?;
    assert_eq!(store.query(&Draft::get())?.text, "mine");
    assert_eq!(store.query(&Draft::get_by("another"))?.text, "");
    store.commit(Draft { text: "all".into() }.set_all())?;
    assert_eq!(store.query(&Draft::get())?.text, "all");
    Ok(())
}
