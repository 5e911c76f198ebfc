#[derive(::core::clone::Clone, ::core::fmt::Debug, ::core::cmp::PartialEq)]
pub struct Todo {
    pub id: String,
    /// What is to be done.
    pub text: Option<String>,
}
///The columns of table `todos`.
#[allow(dead_code, deprecated)]
#[derive(::core::fmt::Debug)]
pub struct TodoColumns {
    ///The column `id`.
    pub id: ::livestore::Column<Todo, String>,
    ///The column `text`.
    pub text: ::livestore::Column<Todo, Option<String>>,
}
#[allow(deprecated)]
#[automatically_derived]
impl ::livestore::Table for Todo {
    type Columns = TodoColumns;
    const COLUMNS: TodoColumns = TodoColumns {
        id: ::livestore::Column::__new("id"),
        text: ::livestore::Column::__new("text"),
    };
    const NEW_ROW: TodoColumns = TodoColumns {
        id: <Self as ::livestore::Table>::COLUMNS.id.__of_new_row(),
        text: <Self as ::livestore::Table>::COLUMNS.text.__of_new_row(),
    };
    const NAME: &'static str = "todos";
    const CLIENT_ONLY: bool = false;
    const DEF: &'static ::livestore::__private::TableDef = &::livestore::__private::TableDef {
        name: "todos",
        columns: &[
            ::livestore::__private::ColumnDef::new(
                "id",
                <String as ::livestore::ColumnValue>::TYPE,
            ),
            ::livestore::__private::ColumnDef::new(
                "text",
                <Option<String> as ::livestore::ColumnValue>::TYPE,
            ),
        ],
        primary_key: &["id"],
        indexes: &[],
        checks: &[],
        client_only: false,
    };
    fn from_row(
        row: &::livestore::Row<'_>,
    ) -> ::livestore::__private::Result<Self, ::livestore::QueryError> {
        ::livestore::__private::Result::Ok(Self {
            id: <String as ::livestore::ColumnValue>::__get(row, 0usize)?,
            text: <Option<String> as ::livestore::ColumnValue>::__get(row, 1usize)?,
        })
    }
    fn into_values(
        self,
    ) -> ::livestore::__private::Result<
        ::livestore::__private::Vec<::livestore::SqlValue>,
        ::livestore::QueryError,
    > {
        ::livestore::__private::Result::Ok(
            ::livestore::__private::vec![
                < String as ::livestore::ColumnValue > ::into_value(self.id) ?, < Option
                < String > as ::livestore::ColumnValue > ::into_value(self.text) ?,
            ],
        )
    }
}
const _: () = ::core::assert!(
    ! < String as ::livestore::ColumnValue > ::TYPE.nullable,
    "primary key column `id` cannot be an `Option`: a key is never NULL"
);
