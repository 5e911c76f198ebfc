use livestore::ColumnValue;

#[derive(Clone, Debug, PartialEq, ColumnValue)]
pub enum Never {}

fn main() {}
