#[derive(
    ::core::fmt::Debug,
    ::core::cmp::PartialEq,
    ::livestore::__private::serde::Serialize,
    ::livestore::__private::serde::Deserialize
)]
#[serde(crate = "::livestore::__private::serde", rename_all = "camelCase")]
#[derive(Clone)]
pub struct TodoCreated {
    pub id: String,
}
#[allow(deprecated)]
#[automatically_derived]
impl ::livestore::Event for TodoCreated {
    const DEF: &'static ::livestore::__private::EventDef = &::livestore::__private::EventDef {
        name: "",
        client_only: false,
        derived: false,
        deprecated: false,
        unit: false,
        shape: 17888168031387650577u64,
    };
}
::core::compile_error! {
    "the wire name must have 1 to 200 printable characters"
}
::core::compile_error! {
    "`Clone` is already derived"
}
#[derive(::core::clone::Clone, ::core::fmt::Debug, ::core::cmp::PartialEq)]
pub struct Todo {
    pub id: String,
}
///The columns of table `todos`.
#[allow(dead_code, deprecated)]
#[derive(::core::fmt::Debug)]
pub struct TodoColumns {
    ///The column `id`.
    pub id: ::livestore::Column<Todo, String>,
}
#[allow(deprecated)]
#[automatically_derived]
impl ::livestore::Table for Todo {
    type Columns = TodoColumns;
    const COLUMNS: TodoColumns = TodoColumns {
        id: ::livestore::Column::__new("id"),
    };
    const NEW_ROW: TodoColumns = TodoColumns {
        id: <Self as ::livestore::Table>::COLUMNS.id.__of_new_row(),
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
        ],
        primary_key: &[],
        indexes: &[],
        checks: &[],
        client_only: false,
    };
    fn from_row(
        row: &::livestore::Row<'_>,
    ) -> ::livestore::__private::Result<Self, ::livestore::QueryError> {
        ::livestore::__private::Result::Ok(Self {
            id: <String as ::livestore::ColumnValue>::__get(row, 0usize)?,
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
                < String as ::livestore::ColumnValue > ::into_value(self.id) ?,
            ],
        )
    }
}
::core::compile_error! {
    "expected one of: `client_only`, `primary_key`, `index`, `unique`, `check`, `crate`"
}
::core::compile_error! {
    "a table needs a primary key; write `#[column(primary_key)]` at a field"
}
impl App {
    async fn todo_created(_: TodoCreated) {}
}
#[allow(deprecated)]
#[automatically_derived]
impl ::livestore::Materialize<App> for TodoCreated {
    const VERSION: u64 = 6363077970505395431u64;
    #[allow(unused_variables)]
    fn materialize(
        self,
        cx: &::livestore::MaterializeCx<'_>,
    ) -> ::livestore::__private::Result<::livestore::Writes> {
        let _: () = <Self as ::livestore::Commit<App>>::__IS_LISTED;
        ::core::unreachable!()
    }
}
::core::compile_error! {
    "a materializer cannot be `async`: it must give the same writes on every client"
}
pub enum Shape {
    Circle(f64),
}
impl ::livestore::ColumnValue for Shape {
    type Base = Self;
    const TYPE: ::livestore::ColumnType = ::livestore::ColumnType::required(
        ::livestore::SqlType::Text,
    );
    fn into_value(
        self,
    ) -> ::livestore::__private::Result<::livestore::SqlValue, ::livestore::ValueError> {
        ::core::unreachable!()
    }
    fn from_value(
        _: ::livestore::ValueRef<'_>,
    ) -> ::livestore::__private::Result<Self, ::livestore::ValueError> {
        ::core::unreachable!()
    }
}
::core::compile_error! {
    "an enum stored as text has no fields; use `Json<T>` for this type"
}
