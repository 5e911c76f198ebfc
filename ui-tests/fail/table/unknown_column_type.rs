use livestore::table;

#[derive(Clone, Debug, PartialEq)]
pub struct Money(i64);

#[table("items")]
pub struct Item {
    #[column(primary_key)]
    pub id: String,
    pub price: Money,
}

fn main() {}
