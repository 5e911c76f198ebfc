//! The schema that both languages have: the same event names and JSON. `node/schema.mjs` is its twin.

use livestore::{IntoWrites, Table as _, event, materializers, schema, sql_write, table};

/// Adds a note.
#[event("v1.NoteAdded")]
pub struct NoteAdded {
    /// Its key.
    pub id: String,
    /// What it says.
    pub text: String,
}

/// Says something else in a note.
#[event("v1.NoteEdited")]
pub struct NoteEdited {
    /// Its key.
    pub id: String,
    /// What it says now.
    pub text: String,
}

/// Adds a note with a number.
#[event("v1.Measured")]
pub struct Measured {
    /// Its key.
    pub id: String,
    /// The number.
    pub value: f64,
    /// What it says.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub comment: Option<String>,
}

/// Takes all notes away. An event without args.
#[event("v1.AllCleared")]
pub struct AllCleared;

/// A note.
#[table("notes")]
pub struct NoteRow {
    /// Its key.
    #[column(primary_key)]
    pub id: String,
    /// What it says.
    pub text: String,
    /// Its number.
    pub value: Option<f64>,
}

/// Which events were applied, in which order: two clients agree in it only when they saw the same log.
#[table("trail")]
pub struct Trail {
    /// There is one.
    #[column(primary_key)]
    pub id: String,
    /// The events.
    pub steps: String,
}

/// The app.
#[schema(events(NoteAdded, NoteEdited, Measured, AllCleared), tables(NoteRow, Trail))]
#[derive(Debug)]
pub struct App;

#[materializers]
impl App {
    fn added(NoteAdded { id, text }: NoteAdded) -> impl IntoWrites {
        let step = stepped(&format!("+{id}"));
        (NoteRow { id, text, value: None }.insert(), step)
    }

    fn edited(NoteEdited { id, text }: NoteEdited) -> impl IntoWrites {
        let step = stepped(&format!("~{id}"));
        (NoteRow::update().set(|note| note.text, text).filter(|note| note.id.eq(id)), step)
    }

    fn measured(Measured { id, value, comment }: Measured) -> impl IntoWrites {
        let step = stepped(&format!("={id}"));
        (NoteRow { id, text: comment.unwrap_or_default(), value: Some(value) }.insert(), step)
    }

    fn cleared(AllCleared: AllCleared) -> impl IntoWrites {
        (sql_write("DELETE FROM notes", ()), stepped("!"))
    }
}

fn stepped(step: &str) -> impl IntoWrites + use<> {
    let sql = "INSERT INTO trail (id, steps) VALUES ('trail', ' ' || ?1) ON CONFLICT (id) DO UPDATE SET steps = steps || ' ' || ?1";
    sql_write(sql, (step.to_owned(),))
}
