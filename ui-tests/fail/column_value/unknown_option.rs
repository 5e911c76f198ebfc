use livestore::ColumnValue;

#[derive(Clone, Debug, PartialEq, ColumnValue)]
pub enum Color {
    #[column(rename = "red")]
    Crimson,
}

fn main() {}
