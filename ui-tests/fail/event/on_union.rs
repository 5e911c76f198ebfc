use livestore::event;

#[event("v1.Number")]
pub union Number {
    pub int: i64,
    pub float: f64,
}

fn main() {}
