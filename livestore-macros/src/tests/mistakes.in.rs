#[event("")]
#[derive(Clone)]
pub struct TodoCreated {
    pub id: String,
}

#[table("todos", indx(text))]
pub struct Todo {
    pub id: String,
}

#[materializers]
impl App {
    async fn todo_created(_: TodoCreated) {}
}

#[derive(ColumnValue)]
pub enum Shape {
    Circle(f64),
}
