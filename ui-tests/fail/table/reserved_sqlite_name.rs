use livestore::table;

#[table("sqlite_todos")]
pub struct Todo {
    #[column(primary_key)]
    pub id: String,
}

fn main() {}
