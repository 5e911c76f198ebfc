use livestore::{Result, Store, event, materializers, memory, schema};

#[event("v1.TodoCreated")]
pub struct TodoCreated {
    pub id: String,
}

#[event("v1.TodoDeleted")]
pub struct TodoDeleted {
    pub id: String,
}

#[schema(events(TodoCreated))]
pub struct App;

#[materializers]
impl App {
    fn todo_created(_: TodoCreated) {}
}

fn main() -> Result<()> {
    let store = Store::<App>::open(memory(), "todos")?;
    store.commit(TodoDeleted { id: "a".into() })?;
    Ok(())
}
