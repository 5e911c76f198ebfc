use livestore::ColumnValue;

#[derive(Clone, Debug, PartialEq, ColumnValue)]
pub enum Shape {
    Circle(f64),
    Dot,
}

fn main() {}
