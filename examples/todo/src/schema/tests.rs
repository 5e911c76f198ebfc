use super::*;
use livestore::{ClientDocument, Store, memory};

fn store() -> Store<Todos> {
    Store::open(memory(), "todos").unwrap()
}

fn id(id: &str) -> String {
    id.to_owned()
}

fn create(store: &Store<Todos>, ids: &[&str]) {
    for name in ids {
        store.commit(TodoCreated { id: id(name), text: format!("text of {name}") }).unwrap();
    }
}

/// The list as text: done todos in brackets.
fn shown(store: &Store<Todos>, filter: Filter) -> String {
    let todos = store.query(&Todo::filtered(filter)).unwrap();
    let names = todos.iter().map(|todo| if todo.completed { format!("[{}]", todo.id) } else { todo.id.clone() });
    names.collect::<Vec<_>>().join(" ")
}

#[test]
fn todos_are_listed_in_the_order_of_their_creation() {
    let store = store();
    create(&store, &["z", "a", "m"]);
    assert_eq!(shown(&store, Filter::All), "z a m");
}

#[test]
fn filters_show_open_or_done_todos() {
    let store = store();
    create(&store, &["a", "b", "c"]);
    store.commit(TodoCompleted { id: id("b") }).unwrap();
    assert_eq!(shown(&store, Filter::All), "a [b] c");
    assert_eq!(shown(&store, Filter::Open), "a c");
    assert_eq!(shown(&store, Filter::Done), "[b]");
    store.commit(TodoReopened { id: id("b") }).unwrap();
    assert_eq!(shown(&store, Filter::Open), "a b c");
}

#[test]
fn a_restored_todo_is_back_at_its_place_with_its_text_and_mark() {
    let store = store();
    create(&store, &["a", "b", "c"]);
    store.commit((TodoCompleted { id: id("b") }, TodoTextChanged { id: id("b"), text: "new".into() })).unwrap();
    store.commit(TodoDeleted { id: id("b") }).unwrap();
    create(&store, &["d"]);
    assert_eq!(shown(&store, Filter::All), "a c d");
    store.commit(TodoRestored { id: id("b") }).unwrap();
    assert_eq!(shown(&store, Filter::All), "a [b] c d");
    let restored = store.query(&Todo::query().filter(|t| t.id.eq("b")).one()).unwrap();
    assert_eq!(restored.text, "new");
}

#[test]
fn events_about_an_unknown_todo_change_nothing() {
    let store = store();
    create(&store, &["a"]);
    store.commit((TodoCompleted { id: id("x") }, TodoDeleted { id: id("y") })).unwrap();
    assert_eq!(shown(&store, Filter::All), "a");
}

#[test]
fn a_second_todo_of_the_same_id_is_refused_and_changes_nothing() {
    let store = store();
    create(&store, &["a"]);
    store.commit(TodoCreated { id: id("a"), text: "other".into() }).unwrap_err();
    let todos = store.query(&Todo::listed()).unwrap();
    assert_eq!(todos.len(), 1);
    assert_eq!(todos[0].text, "text of a");
}

#[test]
fn a_blank_text_makes_no_todo_and_any_other_is_kept_as_it_is() {
    for blank in ["", "  ", "\n\t "] {
        assert_eq!(Todo::create(blank), None, "{blank:?}");
    }
    let created = Todo::create(" -x '\"; DROP TABLE todos; 👩‍👩‍👧\n ").unwrap();
    assert_eq!(created.text, " -x '\"; DROP TABLE todos; 👩‍👩‍👧\n ");
    assert_eq!(created.id.len(), 10);
}

#[test]
fn the_ui_state_begins_with_all_todos_and_no_eventlog() {
    let store = store();
    assert_eq!(store.query(&UiState::get()).unwrap(), UiState { filter: Filter::All, shows_eventlog: false });
    store.commit(UiState::set().filter(Filter::Done)).unwrap();
    assert_eq!(store.query(&UiState::get()).unwrap(), UiState { filter: Filter::Done, shows_eventlog: false });
}
