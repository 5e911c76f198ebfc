use livestore::ColumnValue;

#[derive(Clone, Debug, PartialEq, ColumnValue)]
pub struct Wrapper<T>(pub T);

fn main() {}
