//! The whole of an application in one file, as the documentation has it.

use livestore::{
    ClientDocument, IntoWrites, MaterializeCx, Result, Store, Table, client_document, computed, event, materializers,
    memory, query_db, query_db_with, schema, signal, table,
};
use std::sync::{Arc, Mutex};

#[event("v1.TodoCreated")]
pub struct TodoCreated {
    pub id: String,
    pub text: String,
}

#[event("v1.TodoToggled")]
pub struct TodoToggled {
    pub id: String,
}

#[event("SelectionCleared", client_only)]
pub struct SelectionCleared;

#[table("todos")]
pub struct Todo {
    #[column(primary_key)]
    pub id: String,
    #[column(default = "")]
    pub text: String,
    #[column(default = false)]
    pub completed: bool,
    pub deleted_at: Option<i64>, // Option means a nullable column
}

#[client_document("uiState")]
#[derive(Default)]
pub struct UiState {
    pub new_todo_text: String,
    pub show_completed: bool,
}

#[schema(events(TodoCreated, TodoToggled, SelectionCleared), tables(Todo), documents(UiState))]
pub struct App;

#[materializers]
impl App {
    fn todo_created(TodoCreated { id, text }: TodoCreated) -> impl IntoWrites {
        Todo { id, text, completed: false, deleted_at: None }.insert()
    }

    fn todo_toggled(TodoToggled { id }: TodoToggled, cx: &MaterializeCx<'_>) -> Result<impl IntoWrites> {
        let todo = cx.query(Todo::query().filter(|t| t.id.eq(&id)).first())?;
        Ok(todo.map(|todo| Todo::update().set(|t| t.completed, !todo.completed).filter(|t| t.id.eq(id))))
    }

    fn selection_cleared(_: SelectionCleared) {}
}

#[test]
fn it_runs() -> Result<()> {
    let store = Store::<App>::open(memory(), "todos")?;

    let search = signal(String::new());
    let visible = query_db_with({
        let search = search.clone();
        move |cx| {
            let ui = cx.get(&UiState::get())?;
            let mut todos = Todo::query().filter(|t| t.deleted_at.is_null());
            if !ui.show_completed {
                todos = todos.filter(|t| t.completed.eq(false));
            }
            let search = cx.get(&search)?;
            if !search.is_empty() {
                todos = todos.filter(|t| t.text.like(format!("%{search}%")));
            }
            Ok(todos.order_by(|t| t.text.asc()))
        }
    });
    let open = query_db(Todo::query().filter(|t| t.completed.eq(false)).count());
    let summary = computed({
        let (visible, open) = (visible.clone(), open.clone());
        move |cx| Ok(format!("{} shown, {} open", cx.get(&visible)?.len(), cx.get(&open)?))
    });

    let lines = Arc::new(Mutex::new(Vec::new()));
    let heard = Arc::clone(&lines);
    let _subscription = store.subscribe(&summary, move |line| heard.lock().unwrap().push(line.to_string()))?;
    store.commit(TodoCreated { id: "a".into(), text: "milk".into() })?;
    store.commit((TodoToggled { id: "a".into() }, SelectionCleared))?; // one atomic batch
    store.commit(UiState::set().show_completed(true))?;
    store.set_signal(&search, "mil".to_owned())?;
    let pairs: Vec<(String, bool)> = store.query(&Todo::query().select(|t| (t.text, t.completed)))?;
    assert_eq!(pairs, [("milk".to_owned(), true)]);
    assert_eq!(*lines.lock().unwrap(), ["0 shown, 0 open", "1 shown, 1 open", "0 shown, 0 open", "1 shown, 0 open"]);
    Ok(())
}
