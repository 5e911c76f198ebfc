use livestore::ColumnValue;

#[derive(Clone, Copy, ColumnValue)]
pub union Number {
    pub int: i64,
    pub float: f64,
}

fn main() {}
