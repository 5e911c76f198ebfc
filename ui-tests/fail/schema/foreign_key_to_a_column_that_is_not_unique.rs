use livestore::{schema, table};

#[table("lists")]
pub struct List {
    #[column(primary_key)]
    pub id: String,
    pub title: String,
}

#[table("todos")]
pub struct Todo {
    #[column(primary_key)]
    pub id: String,
    #[column(references = List.title)]
    pub list: String,
}

#[schema(tables(List, Todo))]
pub struct App;

fn main() {}
