//! `todo watch`: one output for each change.

use super::{Format, finish};
use crate::schema::{Todo, Todos};
use livestore::{Error, Result, Store};
use std::io::{Read, Write};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};

/// Outputs that may wait for a slow reader. Beyond it the store holds the latest back until there is room.
const WAITING_MAX: usize = 64;

/// What a watch is told.
enum Message {
    Changed(Vec<Todo>),
    /// The input ended, or somebody pressed Ctrl-C.
    Stop,
    /// The store ended on its own.
    Closed,
}

/// Watches until standard input ends or a signal comes.
pub fn run(store: &Store<Todos>, format: Format, output: &mut impl Write) -> Result<()> {
    watch(store, format, output, |stop| {
        let interrupted = stop.clone();
        ctrlc::set_handler(move || interrupted.stop())
            .map_err(|error| Error::new(format!("signals cannot be received: {error}")))?;
        std::thread::spawn(move || {
            // The input says when to end, and nothing else. One that cannot be read has ended too.
            let mut input = std::io::stdin().lock();
            let mut ignored = [0; 4096];
            while input.read(&mut ignored).is_ok_and(|len| len > 0) {}
            stop.stop();
        });
        Ok(())
    })
}

/// Ends a watch.
#[derive(Clone)]
struct Stop(SyncSender<Message>);

impl Stop {
    fn stop(&self) {
        let _ = self.0.send(Message::Stop); // A watch that has ended needs no telling.
    }
}

/// Lives in the callback, which the store drops when it closes.
struct Feed(SyncSender<Message>);

impl Drop for Feed {
    fn drop(&mut self) {
        let _ = self.0.try_send(Message::Closed); // Nobody listens where the watch itself has ended.
    }
}

fn watch(
    store: &Store<Todos>,
    format: Format,
    output: &mut impl Write,
    start: impl FnOnce(Stop) -> Result<()>,
) -> Result<()> {
    let (sender, messages) = sync_channel(WAITING_MAX);
    let feed = Feed(sender.clone());
    // Calls back once before it returns: the present list is the first message, whatever stops the watch.
    let _subscription = store.subscribe(&Todo::listed(), move |todos: &Vec<Todo>| {
        let _ = feed.0.send(Message::Changed(todos.clone()));
    })?;
    start(Stop(sender))?;
    write_all(&messages, format, output)
}

fn write_all(messages: &Receiver<Message>, format: Format, output: &mut impl Write) -> Result<()> {
    let mut is_first = true;
    for message in messages {
        match message {
            Message::Changed(todos) => {
                // People see by an empty line where the next list begins.
                let gap = if is_first || matches!(format, Format::Json) { "" } else { "\n" };
                is_first = false;
                match output.write_all(gap.as_bytes()).and_then(|()| format.write(&todos, output)) {
                    Err(error) if error.kind() == std::io::ErrorKind::BrokenPipe => return Ok(()),
                    written => finish(written)?,
                }
            }
            Message::Stop => return Ok(()),
            Message::Closed => return Err(Error::new("the store was closed while it was watched; start again")),
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::schema::{TodoCompleted, TodoDeleted};
    use livestore::memory;

    fn lines(output: &[u8]) -> Vec<&str> {
        std::str::from_utf8(output).unwrap().lines().collect()
    }

    #[test]
    fn each_change_is_one_line_and_the_first_is_the_present_list() {
        let store = Store::<Todos>::open(memory(), "todos").unwrap();
        let mut created = Todo::create("milk").unwrap();
        created.id = "a".into();
        store.commit(created).unwrap();
        let mut output = Vec::new();
        watch(&store, Format::Json, &mut output, |stop| {
            store.commit(TodoCompleted { id: "a".into() })?;
            store.commit(TodoCompleted { id: "a".into() })?; // changes nothing, so no line
            store.commit(TodoDeleted { id: "a".into() })?;
            stop.stop();
            Ok(())
        })
        .unwrap();
        assert_eq!(
            lines(&output),
            [r#"[{"id":"a","text":"milk","completed":false}]"#, r#"[{"id":"a","text":"milk","completed":true}]"#, "[]",]
        );
    }

    #[test]
    fn for_people_an_empty_line_stands_between_the_lists() {
        let store = Store::<Todos>::open(memory(), "todos").unwrap();
        let mut output = Vec::new();
        watch(&store, Format::Lines, &mut output, |stop| {
            store.commit(crate::schema::TodoCreated { id: "a".into(), text: "milk".into() })?;
            store.commit(TodoCompleted { id: "a".into() })?;
            stop.stop();
            Ok(())
        })
        .unwrap();
        assert_eq!(lines(&output)[1..], ["", "[ ] a  milk", "", "[x] a  milk"]);
    }

    #[test]
    fn a_store_that_closes_is_an_error() {
        let store = Store::<Todos>::open(memory(), "todos").unwrap();
        let mut output = Vec::new();
        let ended = watch(&store, Format::Lines, &mut output, |_stop| store.shutdown().map_err(Error::new));
        assert!(ended.unwrap_err().to_string().contains("closed"));
        assert_eq!(lines(&output).len(), 1);
    }
}
