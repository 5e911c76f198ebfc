use livestore::ColumnValue;

#[derive(Clone, Debug, PartialEq, ColumnValue)]
pub struct Point {
    pub x: f64,
    pub y: f64,
}

fn main() {}
