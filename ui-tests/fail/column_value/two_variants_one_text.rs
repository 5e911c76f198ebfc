use livestore::ColumnValue;

#[derive(Clone, Debug, PartialEq, ColumnValue)]
pub enum Color {
    Red,
    #[column(name = "red")]
    Crimson,
}

fn main() {}
