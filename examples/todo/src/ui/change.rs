//! What a person changes, with the events that change it back.

use crate::schema::{
    Todo, TodoCompleted, TodoCreated, TodoDeleted, TodoReopened, TodoRestored, TodoTextChanged, TodosEvent,
};

/// A change, and its undoing. The eventlog only grows: undoing commits further events, which compensate the first.
#[derive(Clone, Debug, PartialEq)]
pub struct Change {
    /// In words, for the line that tells what was undone.
    pub what: String,
    /// The todo it is about, which is selected after; `None` where there are several.
    pub id: Option<String>,
    pub events: Vec<TodosEvent>,
    pub compensation: Vec<TodosEvent>,
}

impl Change {
    pub fn add(created: TodoCreated) -> Self {
        let id = created.id.clone();
        Self {
            what: format!("add “{}”", created.text),
            id: Some(id.clone()),
            events: vec![TodosEvent::TodoCreated(created)],
            compensation: vec![TodosEvent::TodoDeleted(TodoDeleted { id })],
        }
    }

    pub fn toggle(todo: &Todo) -> Self {
        let completed = TodosEvent::TodoCompleted(TodoCompleted { id: todo.id.clone() });
        let reopened = TodosEvent::TodoReopened(TodoReopened { id: todo.id.clone() });
        let (word, event, compensation) =
            if todo.completed { ("reopen", reopened, completed) } else { ("complete", completed, reopened) };
        Self::of(todo, word, event, compensation)
    }

    pub fn edit(todo: &Todo, text: String) -> Self {
        let id = || todo.id.clone();
        let event = TodosEvent::TodoTextChanged(TodoTextChanged { id: id(), text });
        let compensation = TodosEvent::TodoTextChanged(TodoTextChanged { id: id(), text: todo.text.clone() });
        Self::of(todo, "edit", event, compensation)
    }

    pub fn delete(todo: &Todo) -> Self {
        Self::of(todo, "delete", deleted(todo), restored(todo))
    }

    /// Deletes the done ones of these; `None` where there are none.
    pub fn delete_done(todos: &[Todo]) -> Option<Self> {
        let done: Vec<&Todo> = todos.iter().filter(|todo| todo.completed).collect();
        let what = match done.len() {
            0 => return None,
            1 => "delete 1 done todo".to_owned(),
            count => format!("delete {count} done todos"),
        };
        let events = done.iter().map(|todo| deleted(todo)).collect();
        Some(Self { what, id: None, events, compensation: done.iter().map(|todo| restored(todo)).collect() })
    }

    fn of(todo: &Todo, word: &str, event: TodosEvent, compensation: TodosEvent) -> Self {
        Self {
            what: format!("{word} “{}”", todo.text),
            id: Some(todo.id.clone()),
            events: vec![event],
            compensation: vec![compensation],
        }
    }
}

fn deleted(todo: &Todo) -> TodosEvent {
    TodosEvent::TodoDeleted(TodoDeleted { id: todo.id.clone() })
}

fn restored(todo: &Todo) -> TodosEvent {
    TodosEvent::TodoRestored(TodoRestored { id: todo.id.clone() })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::schema::Todos;
    use livestore::{Store, memory};

    fn listed(store: &Store<Todos>) -> Vec<Todo> {
        store.query(&Todo::listed()).unwrap()
    }

    /// Commits the change, then its compensation: the list must be as before, and different in between.
    #[track_caller]
    fn check(change: impl FnOnce(&[Todo]) -> Change) {
        let store = Store::<Todos>::open(memory(), "todos").unwrap();
        for (id, text) in [("a", "milk"), ("b", "bread"), ("c", "tea")] {
            store.commit(TodoCreated { id: id.into(), text: text.into() }).unwrap();
        }
        store.commit(TodoCompleted { id: "b".into() }).unwrap();
        let before = listed(&store);
        let change = change(&before);
        store.commit(change.events).unwrap();
        assert_ne!(listed(&store), before, "{}", change.what);
        store.commit(change.compensation).unwrap();
        assert_eq!(listed(&store), before, "{}", change.what);
    }

    #[test]
    fn every_change_can_be_taken_back() {
        check(|_| Change::add(Todo::create("new").unwrap()));
        check(|todos| Change::toggle(&todos[0]));
        check(|todos| Change::toggle(&todos[1]));
        check(|todos| Change::edit(&todos[1], "rye bread".into()));
        check(|todos| Change::delete(&todos[1]));
        check(|todos| Change::delete_done(todos).unwrap());
    }
}
