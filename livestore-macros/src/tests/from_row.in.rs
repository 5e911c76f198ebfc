#[derive(FromRow)]
pub struct Total {
    pub r#type: String,
    #[column(name = "sum")]
    pub amount: i64,
}
