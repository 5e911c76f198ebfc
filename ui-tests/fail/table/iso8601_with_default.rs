use livestore::{Timestamp, table};

#[table("todos")]
pub struct Todo {
    #[column(primary_key)]
    pub id: String,
    #[column(iso8601, default = 0)]
    pub created_at: Timestamp,
}

fn main() {}
