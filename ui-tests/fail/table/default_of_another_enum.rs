use livestore::{ColumnValue, table};

#[derive(Clone, Debug, PartialEq, ColumnValue)]
pub enum Color {
    Red,
}

#[derive(Clone, Debug, PartialEq, ColumnValue)]
pub enum Size {
    Small,
}

#[table("todos")]
pub struct Todo {
    #[column(primary_key)]
    pub id: String,
    #[column(default = Color::Red)]
    pub size: Size,
}

fn main() {}
