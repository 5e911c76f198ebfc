//! The library under another path: what a crate that re-exports it tells its users to write.

use livestore_ui_shared::facade;
use livestore_ui_shared::facade::store::{ClientDocument, IntoWrites, Result, Store, Table};

#[facade::store::event("v1.Noted", crate = livestore_ui_shared::facade::store)]
pub struct Noted {
    pub id: String,
    pub mood: Mood,
}

#[derive(Clone, Debug, PartialEq, facade::store::ColumnValue, serde::Serialize, serde::Deserialize)]
#[livestore(crate = livestore_ui_shared::facade::store)]
pub enum Mood {
    Calm,
}

#[facade::store::table("notes", crate = livestore_ui_shared::facade::store)]
pub struct Note {
    #[column(primary_key)]
    pub id: String,
    #[column(default = Mood::Calm)]
    pub mood: Mood,
}

#[facade::store::client_document("view", id = "main", crate = livestore_ui_shared::facade::store)]
#[derive(Default)]
pub struct View {
    pub is_open: bool,
}

#[derive(facade::store::FromRow)]
#[livestore(crate = livestore_ui_shared::facade::store)]
pub struct Found {
    pub id: String,
}

#[facade::store::schema(
    events(Noted),
    tables(Note),
    documents(View),
    crate = livestore_ui_shared::facade::store
)]
pub struct App;

#[facade::store::materializers(crate = livestore_ui_shared::facade::store)]
impl App {
    fn noted(Noted { id, mood }: Noted) -> impl IntoWrites {
        Note { id, mood }.insert()
    }
}

#[test]
fn the_library_is_found_under_its_other_path() -> Result<()> {
    let store = Store::<App>::open(facade::store::memory(), "notes")?;
    store.commit((Noted { id: "a".into(), mood: Mood::Calm }, View::set().is_open(true)))?;
    let found = store.query(&facade::store::sql_query::<Found>("SELECT id FROM notes", ()))?;
    assert_eq!(found[0].id, "a");
    assert!(store.query(&View::get())?.is_open);
    Ok(())
}
