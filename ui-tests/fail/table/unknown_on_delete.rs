use livestore::table;

#[table("todos")]
pub struct Todo {
    #[column(primary_key)]
    pub id: String,
    #[column(references = Todo.id, on_delete = delete)]
    pub parent: Option<String>,
}

fn main() {}
