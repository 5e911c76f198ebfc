use livestore::{Result, Store, event, materializers, memory, schema};

#[event("v1.TodoCreated")]
pub struct TodoCreated {
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
    let _ = Store::<TodoCreated>::open(memory(), "todos")?;
    Ok(())
}
