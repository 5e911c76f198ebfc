use livestore::event;

pub struct Money(pub i64);

#[event("v1.Paid")]
pub struct Paid {
    pub amount: Money,
}

fn main() {}
