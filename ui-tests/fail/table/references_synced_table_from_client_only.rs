use livestore::table;

#[table("todos")]
pub struct Todo {
    #[column(primary_key)]
    pub id: String,
}

#[table("drafts", client_only)]
pub struct Draft {
    #[column(primary_key)]
    pub id: String,
    #[column(references = Todo.id)]
    pub todo: String,
}

fn main() {}
