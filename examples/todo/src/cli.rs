//! The commands for scripts: no terminal needed.

mod watch;

use crate::open::{self, COMMAND_SYNC_MAX, Place};
use crate::report::{is_on_its_way, say_what_is_not_synced};
use crate::schema::{Todo, TodoCompleted, Todos};
use crate::text::one_line;
use clap::{Parser, Subcommand};
use livestore::{Error, InitialSync, Result, Store, Table};
use serde::Serialize;
use std::io::{ErrorKind, Write};

const EXAMPLES: &str = "\
Examples:
  todo                                   open the list in the terminal (press ? there for the keys)
  todo add buy milk                      add a todo, print its id
  todo add -- -1 is a number             a text that begins with a dash
  todo done 7k3q                         mark as done; the beginning of an id is enough
  todo list --json | jq -r '.[].text'    the texts
  todo --dir ~/work --store work list    another list, in another directory
  todo --sync ws://127.0.0.1:8787        the same list on several machines, through `livestore-server serve`

Several processes may have a list open at once; each sees what the others change.
Without a network everything works as with one; what was done meanwhile is handed over later.";

/// A todo list in the terminal. Without a command it opens the list on the screen.
#[derive(Debug, Parser)]
#[command(name = "todo", version, after_help = EXAMPLES)]
pub struct Args {
    #[command(flatten)]
    pub place: Place,

    #[command(subcommand)]
    pub command: Option<Command>,
}

#[derive(Debug, Subcommand)]
pub enum Command {
    /// Add a todo and print its id
    Add {
        /// What to do
        #[arg(allow_hyphen_values = true)]
        text: String,
        /// More words of the same text
        #[arg(value_name = "TEXT")]
        more: Vec<String>,
    },
    /// Mark a todo as done
    Done {
        /// The todo's id, or its beginning
        #[arg(allow_hyphen_values = true)]
        id: String,
    },
    /// Print the todos in the order of their creation
    List {
        /// Print one JSON array of {"id", "text", "completed"}
        #[arg(long)]
        json: bool,
    },
    /// Print the todos now and again after each change, until the end of the input or Ctrl-C
    Watch {
        /// Print each time one line: a JSON array of {"id", "text", "completed"}
        #[arg(long)]
        json: bool,
    },
}

/// Runs a command, then closes the store: what was committed survives a power loss from there on.
///
/// Nothing waits for the backend for longer than a second. What it did not get is pending in the list's directory, and goes to it with
/// the next run that reaches it.
pub fn run(place: &Place, command: Command) -> Result<()> {
    let initial = match &command {
        Command::Done { .. } | Command::List { .. } => InitialSync::Blocking(COMMAND_SYNC_MAX),
        Command::Add { .. } | Command::Watch { .. } => InitialSync::Skip,
    };
    let is_change = matches!(command, Command::Add { .. } | Command::Done { .. });
    let store = &open::store(place, initial)?;
    let mut output = std::io::stdout().lock();
    let done = match command {
        Command::Add { text, more } => {
            add(store, [text].into_iter().chain(more).collect::<Vec<_>>().join(" "), &mut output)
        }
        Command::Done { id } => done(store, &id),
        Command::List { json } => list(store, Format::of(json), &mut output),
        Command::Watch { json } => watch::run(store, Format::of(json), &mut output),
    };
    // What an earlier run left goes with any that reaches the backend.
    let has_news = is_change || is_on_its_way(&store.sync_status());
    if has_news && done.is_ok() && place.has_backend() {
        let _ = store.wait_synced(COMMAND_SYNC_MAX);
    }
    if done.is_ok() && place.has_backend() {
        say_what_is_not_synced(&store.sync_status());
    }
    let closed = store.shutdown().map_err(Error::new);
    done.and(closed)
}

fn add(store: &Store<Todos>, text: String, output: &mut impl Write) -> Result<()> {
    let created = Todo::create(text)
        .ok_or_else(|| Error::new("the text is empty; say what there is to do, for example `todo add buy milk`"))?;
    let id = created.id.clone();
    store.commit(created)?;
    finish(writeln!(output, "{id}"))
}

fn done(store: &Store<Todos>, id: &str) -> Result<()> {
    let todo = find(store, id)?;
    // A second `done` is no event: nothing happened.
    if !todo.completed {
        store.commit(TodoCompleted { id: todo.id })?;
    }
    Ok(())
}

/// The todo with this id, or the only one whose id begins so.
fn find(store: &Store<Todos>, id: &str) -> Result<Todo> {
    if let Some(todo) = store.query(&Todo::query().filter(|t| t.id.eq(id).and(t.deleted.eq(false))).first())? {
        return Ok(todo);
    }
    let mut found: Vec<Todo> = store.query(&Todo::listed())?;
    found.retain(|todo| !id.is_empty() && todo.id.starts_with(id));
    let shown = one_line(id);
    match found.len() {
        1 => Ok(found.remove(0)),
        0 => Err(Error::new(format!("no todo has the id `{shown}`; `todo list` shows the ids"))),
        count => Err(Error::new(format!("{count} todos have an id that begins with `{shown}`; give more of it"))),
    }
}

fn list(store: &Store<Todos>, format: Format, output: &mut impl Write) -> Result<()> {
    finish(format.write(&store.query(&Todo::listed())?, output))
}

/// A reader that has seen enough, as in `todo list | head -1`, is a good end.
fn finish(written: std::io::Result<()>) -> Result<()> {
    match written {
        Err(error) if error.kind() == ErrorKind::BrokenPipe => Ok(()),
        Err(error) => Err(Error::new(format!("the output cannot be written: {error}"))),
        Ok(()) => Ok(()),
    }
}

/// For people, or for programs.
#[derive(Clone, Copy, Debug)]
enum Format {
    Lines,
    Json,
}

/// A todo as programs read it.
#[derive(Serialize)]
struct Shown<'a> {
    id: &'a str,
    text: &'a str,
    completed: bool,
}

impl<'a> Shown<'a> {
    fn of(todo: &'a Todo) -> Self {
        Self { id: &todo.id, text: &todo.text, completed: todo.completed }
    }
}

impl Format {
    fn of(json: bool) -> Self {
        if json { Self::Json } else { Self::Lines }
    }

    fn write(self, todos: &[Todo], output: &mut impl Write) -> std::io::Result<()> {
        match self {
            Self::Json => {
                let rows: Vec<Shown<'_>> = todos.iter().map(Shown::of).collect();
                serde_json::to_writer(&mut *output, &rows)?;
                writeln!(output)?;
            }
            Self::Lines if todos.is_empty() => writeln!(output, "nothing to do; add something with `todo add TEXT`")?,
            Self::Lines => {
                for todo in todos {
                    let mark = if todo.completed { 'x' } else { ' ' };
                    writeln!(output, "[{mark}] {}  {}", todo.id, one_line(&todo.text))?;
                }
            }
        }
        output.flush()
    }
}
