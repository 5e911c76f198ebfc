use livestore::table;

#[table("lists")]
pub struct List {
    #[column(primary_key)]
    pub id: String,
}

#[table("todos")]
pub struct Todo {
    #[column(primary_key)]
    pub id: String,
    #[column(references = List)]
    pub list: String,
}

fn main() {}
