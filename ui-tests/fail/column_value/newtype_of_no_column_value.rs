use livestore::ColumnValue;

#[derive(Clone, Debug, PartialEq, ColumnValue)]
pub struct Size(pub u64);

fn main() {}
