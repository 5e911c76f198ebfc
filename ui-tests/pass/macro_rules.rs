//! Events and tables that a macro of the user's writes: types and names come from its caller.

use livestore::{IntoWrites, Result, Store, Table, event, materializers, memory, schema, table};

macro_rules! entity {
    ($event:ident $wire:literal, $table:ident $name:literal { $field:ident: $ty:ty }) => {
        #[event($wire)]
        pub struct $event {
            pub id: i64,
            pub $field: $ty,
        }

        #[table($name)]
        pub struct $table {
            #[column(primary_key)]
            pub id: i64,
            pub $field: $ty,
        }
    };
}

macro_rules! app {
    ($app:ident, $($event:ident => $table:ident $function:ident -> $returned:ty),*) => {
        #[schema(events($($event),*), tables($($table),*))]
        pub struct $app;

        #[materializers]
        impl $app {
            $(fn $function(event: $event) -> $returned {
                let $event { id, text } = event;
                $table { id, text }.insert()
            })*
        }
    };
}

entity!(NoteAdded "v1.NoteAdded", Note "notes" { text: String });
entity!(TagAdded "v1.TagAdded", Tag "tags" { text: Option<String> });
app!(App, NoteAdded => Note note_added -> impl IntoWrites, TagAdded => Tag tag_added -> impl IntoWrites);

#[test]
fn generated_code_finds_its_locals() -> Result<()> {
    let store = Store::<App>::open(memory(), "macros")?;
    store.commit((NoteAdded { id: 1, text: "milk".into() }, TagAdded { id: 2, text: None }))?;
    assert_eq!(store.query(&Note::query().select(|t| t.text))?, ["milk"]);
    assert_eq!(store.query(&Tag::query().filter(|t| t.text.is_null()).count())?, 1);
    Ok(())
}
