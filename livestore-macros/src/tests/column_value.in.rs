#[derive(ColumnValue)]
pub enum Status {
    Open,
    InProgress,
    #[column(name = "finished")]
    r#Done,
}

#[derive(ColumnValue)]
pub struct UserId(pub String);
