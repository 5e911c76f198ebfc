pub struct Total {
    pub r#type: String,
    #[column(name = "sum")]
    pub amount: i64,
}
#[automatically_derived]
impl ::livestore::FromRow for Total {
    #[allow(unused_variables)]
    fn from_row(
        row: &::livestore::Row<'_>,
    ) -> ::livestore::__private::Result<Self, ::livestore::QueryError> {
        ::livestore::__private::Result::Ok(Self {
            r#type: row.get_named("type")?,
            amount: row.get_named("sum")?,
        })
    }
}
