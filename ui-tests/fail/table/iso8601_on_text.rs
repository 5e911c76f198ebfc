use livestore::table;

#[table("todos")]
pub struct Todo {
    #[column(primary_key)]
    pub id: String,
    #[column(iso8601)]
    pub created_at: String,
}

fn main() {}
