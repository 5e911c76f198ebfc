//! One of everything, public, in a crate that denies warnings and missing docs.

use livestore::{ColumnValue, FromRow, IntoWrites, Table, client_document, event, materializers, schema, table};

/// Something was noted.
#[event("v1.Noted")]
pub struct Noted {
    /// Which note.
    pub id: String,
}

/// How a note feels.
#[derive(Clone, Debug, PartialEq, ColumnValue)]
pub enum Mood {
    /// Like always.
    Calm,
    /// Not so.
    Excited,
}

/// How heavy a note is.
#[derive(Clone, Debug, PartialEq, ColumnValue)]
pub struct Weight(pub f64);

/// A note.
#[table("notes", index(mood, weight))]
pub struct Note {
    /// Which note.
    #[column(primary_key)]
    pub id: String,
    /// How it feels.
    #[column(default = Mood::Calm)]
    pub mood: Mood,
    /// How heavy it is.
    #[column(default = 1.0)]
    pub weight: Weight,
    /// The note it answers.
    #[column(references = Note.id, on_delete = set_null)]
    pub answers: Option<String>,
    private: Option<bool>,
}

/// What is open.
#[client_document("panel")]
#[derive(Default)]
pub struct Panel {
    /// Whether the panel is open.
    pub is_open: bool,
}

/// What a query of notes gives.
#[derive(Debug, FromRow)]
pub struct Found {
    /// Which note.
    pub id: String,
}

/// All of it.
#[schema(events(Noted), tables(Note), documents(Panel))]
#[derive(Debug)]
pub struct App;

#[materializers]
impl App {
    /// Adds the note.
    pub fn noted(Noted { id }: Noted) -> impl IntoWrites {
        Note { id, mood: Mood::Calm, weight: Weight(1.0), answers: None, private: None }.insert()
    }
}
