use livestore::{schema, table};

#[table("lists")]
pub struct List {
    #[column(primary_key)]
    pub id: String,
}

#[table("todos")]
pub struct Todo {
    #[column(primary_key)]
    pub id: String,
    #[column(references = List.id)]
    pub list: String,
}

#[schema(tables(Todo))]
pub struct App;

fn main() {}
