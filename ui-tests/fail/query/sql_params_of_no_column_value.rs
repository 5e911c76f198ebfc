use livestore::{sql_query, table};

#[table("todos")]
pub struct Todo {
    #[column(primary_key)]
    pub id: String,
    pub text: String,
    pub completed: bool,
}

fn main() {
    let _ = sql_query::<(i64,)>("SELECT ?", (1_u64,));
}
