use livestore::table;

#[table("drafts", client_only)]
pub struct Draft {
    #[column(primary_key)]
    pub id: String,
}

#[table("todos")]
pub struct Todo {
    #[column(primary_key)]
    pub id: String,
    #[column(references = Draft.id)]
    pub draft: String,
}

fn main() {}
