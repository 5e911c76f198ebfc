use livestore::table;

#[table("todos")]
pub struct Todo {
    #[column(primary_key)]
    pub id: String,
    #[cfg(unix)]
    pub mode: i64,
}

fn main() {}
