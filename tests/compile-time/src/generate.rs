//! Writes an application of a given size: events of five fields, tables, and a materializer for each event.

use crate::Error;
use std::fmt::Write;

/// What stands above the structs.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Style {
    /// Serde and the three other derives, on events and tables.
    Serde,
    /// The same without serde on the tables, as the tables of LiveStore have none.
    SerdeOnEvents,
    /// The macros, a schema, and materializers.
    LiveStore,
}

impl Style {
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Serde => "plain serde",
            Self::SerdeOnEvents => "serde on events alone",
            Self::LiveStore => "livestore, all of it",
        }
    }

    pub(crate) const fn crate_name(self) -> &'static str {
        match self {
            Self::Serde => "plain",
            Self::SerdeOnEvents => "events",
            Self::LiveStore => "full",
        }
    }
}

pub(crate) struct Size {
    pub(crate) events: usize,
    pub(crate) tables: usize,
    pub(crate) columns: usize,
}

impl Size {
    pub(crate) fn from_args(args: impl Iterator<Item = String>) -> Result<Self, Error> {
        let numbers = args.map(|arg| arg.parse()).collect::<Result<Vec<usize>, _>>()?;
        match *numbers {
            [] => Ok(Self { events: 100, tables: 30, columns: 8 }),
            [events, tables, columns] if tables > 0 && columns >= 4 => Ok(Self { events, tables, columns }),
            _ => Err("give no numbers, or three: events, tables, and columns (at least 4)".into()),
        }
    }
}

pub(crate) fn text(style: Style, size: &Size) -> String {
    let mut text = String::new();
    if style == Style::LiveStore {
        text.push_str("use livestore::*;\n");
    }
    for event in 0..size.events {
        let fields = "    pub id: String,\n    pub text: String,\n    pub count: i64,\n    pub is_open: bool,\n    pub note: Option<String>,\n";
        let attribute = match style {
            Style::LiveStore => format!("#[event(\"v1.Event{event}\")]"),
            Style::Serde | Style::SerdeOnEvents => derives(true),
        };
        push(&mut text, format_args!("{attribute}\npub struct Event{event} {{\n{fields}}}\n\n"));
    }
    for table in 0..size.tables {
        push(&mut text, format_args!("{}", table_text(style, table, size.columns)));
    }
    if style == Style::LiveStore {
        push_schema(&mut text, size);
    }
    text
}

fn derives(has_serde: bool) -> String {
    let serde = if has_serde { ", serde::Serialize, serde::Deserialize" } else { "" };
    let rename = if has_serde { "\n#[serde(rename_all = \"camelCase\")]" } else { "" };
    format!("#[derive(Clone, Debug, PartialEq{serde})]{rename}")
}

fn table_text(style: Style, table: usize, columns: usize) -> String {
    let is_ours = style == Style::LiveStore;
    let mut text = match style {
        Style::LiveStore => format!("#[table(\"table{table}\")]"),
        Style::Serde => derives(true),
        Style::SerdeOnEvents => derives(false),
    };
    let key = if is_ours { "    #[column(primary_key)]\n" } else { "" };
    push(&mut text, format_args!("\npub struct Table{table} {{\n{key}    pub id: String,\n"));
    for column in 1..columns {
        let (option, ty) = match column % 4 {
            0 => ("index", "String"),
            1 => ("default = \"\"", "String"),
            2 => ("default = 0", "i64"),
            _ => ("", "Option<String>"),
        };
        if is_ours && !option.is_empty() {
            push(&mut text, format_args!("    #[column({option})]\n"));
        }
        push(&mut text, format_args!("    pub column{column}: {ty},\n"));
    }
    text.push_str("}\n\n");
    text
}

fn push_schema(text: &mut String, size: &Size) {
    let list = |name: &str, count: usize| (0..count).map(|index| format!("{name}{index}, ")).collect::<String>();
    let (events, tables) = (list("Event", size.events), list("Table", size.tables));
    push(
        text,
        format_args!(
            "#[schema(events({events}), tables({tables}))]\npub struct App;\n\n#[materializers]\nimpl App {{\n"
        ),
    );
    for event in 0..size.events {
        let table = event % size.tables;
        let body = match event % 3 {
            0 => format!(
                "Table{table}::insert_with(|t| (t.id.to(event.id), t.column1.to(event.text), t.column2.to(event.count)))"
            ),
            1 => format!("Table{table}::update().set(|t| t.column3, event.note).filter(|t| t.id.eq(event.id))"),
            _ => format!("Table{table}::delete().filter(|t| t.id.eq(event.id))"),
        };
        push(
            text,
            format_args!("    fn event{event}(event: Event{event}) -> impl IntoWrites {{\n        {body}\n    }}\n\n"),
        );
    }
    text.push_str("}\n");
}

fn push(text: &mut String, part: std::fmt::Arguments<'_>) {
    text.write_fmt(part).expect("a string takes any text");
}
