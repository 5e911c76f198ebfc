#[derive(::core::clone::Clone, ::core::fmt::Debug, ::core::cmp::PartialEq)]
struct Entry {
    pub list: String,
    rank: i64,
    pub(crate) r#type: Kind,
    at: Option<Timestamp>,
}
///The columns of table `entries`.
#[allow(dead_code, deprecated)]
#[derive(::core::fmt::Debug)]
struct EntryColumns {
    ///The column `list`.
    pub list: ::livestore::Column<Entry, String>,
    ///The column `rank`.
    rank: ::livestore::Column<Entry, i64>,
    ///The column `kind`.
    pub(crate) r#type: ::livestore::Column<Entry, Kind>,
    ///The column `at`.
    at: ::livestore::Column<Entry, Option<Timestamp>>,
}
#[allow(deprecated)]
#[automatically_derived]
impl ::livestore::Table for Entry {
    type Columns = EntryColumns;
    const COLUMNS: EntryColumns = EntryColumns {
        list: ::livestore::Column::__new("list"),
        rank: ::livestore::Column::__new("rank"),
        r#type: ::livestore::Column::__new("kind"),
        at: ::livestore::Column::__iso8601("at"),
    };
    const NEW_ROW: EntryColumns = EntryColumns {
        list: <Self as ::livestore::Table>::COLUMNS.list.__of_new_row(),
        rank: <Self as ::livestore::Table>::COLUMNS.rank.__of_new_row(),
        r#type: <Self as ::livestore::Table>::COLUMNS.r#type.__of_new_row(),
        at: <Self as ::livestore::Table>::COLUMNS.at.__of_new_row(),
    };
    const NAME: &'static str = "entries";
    const CLIENT_ONLY: bool = true;
    const DEF: &'static ::livestore::__private::TableDef = &::livestore::__private::TableDef {
        name: "entries",
        columns: &[
            ::livestore::__private::ColumnDef::new(
                    "list",
                    <String as ::livestore::ColumnValue>::TYPE,
                )
                .with_reference(::livestore::__private::ReferenceDef {
                    table: <other::List as ::livestore::Table>::NAME,
                    column: <other::List as ::livestore::Table>::COLUMNS.id.name(),
                    on_delete: ::livestore::__private::ForeignKeyAction::Cascade,
                    client_only: <other::List as ::livestore::Table>::CLIENT_ONLY,
                }),
            ::livestore::__private::ColumnDef::new(
                    "rank",
                    <i64 as ::livestore::ColumnValue>::TYPE,
                )
                .with_default(::livestore::__private::ConstValue::Integer(-1))
                .with_index()
                .with_check("rank < 10"),
            ::livestore::__private::ColumnDef::new(
                    "kind",
                    <Kind as ::livestore::ColumnValue>::TYPE,
                )
                .with_default((Kind::Plain).__livestore_const())
                .with_unique_index(),
            ::livestore::__private::ColumnDef::new(
                "at",
                ::livestore::__private::text(
                    <Option<Timestamp> as ::livestore::ColumnValue>::TYPE,
                ),
            ),
        ],
        primary_key: &["list", "rank"],
        indexes: &[
            ::livestore::__private::IndexDef {
                columns: &["rank", "kind"],
                unique: false,
            },
            ::livestore::__private::IndexDef {
                columns: &["list"],
                unique: true,
            },
        ],
        checks: &["rank > 0"],
        client_only: true,
    };
    fn from_row(
        row: &::livestore::Row<'_>,
    ) -> ::livestore::__private::Result<Self, ::livestore::QueryError> {
        ::livestore::__private::Result::Ok(Self {
            list: <String as ::livestore::ColumnValue>::__get(row, 0usize)?,
            rank: <i64 as ::livestore::ColumnValue>::__get(row, 1usize)?,
            r#type: <Kind as ::livestore::ColumnValue>::__get(row, 2usize)?,
            at: <Option<Timestamp> as ::livestore::ColumnValue>::__get(row, 3usize)?,
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
                < String as ::livestore::ColumnValue > ::into_value(self.list) ?, < i64
                as ::livestore::ColumnValue > ::into_value(self.rank) ?, < Kind as
                ::livestore::ColumnValue > ::into_value(self.r#type) ?,
                ::livestore::__private::iso8601(< Option < Timestamp > as
                ::livestore::ColumnValue > ::into_value(self.at) ?) ?,
            ],
        )
    }
}
const _: () = ::core::assert!(
    ! < String as ::livestore::ColumnValue > ::TYPE.nullable,
    "primary key column `list` cannot be an `Option`: a key is never NULL"
);
const _: () = ::core::assert!(
    ! < i64 as ::livestore::ColumnValue > ::TYPE.nullable,
    "primary key column `rank` cannot be an `Option`: a key is never NULL"
);
const _: ::livestore::Column<other::List, <String as ::livestore::ColumnValue>::Base> = <other::List as ::livestore::Table>::COLUMNS
    .id
    .__base();
const _: () = ::core::assert!(
    < other::List as ::livestore::Table > ::CLIENT_ONLY == true,
    "foreign key `list` crosses between synced and client-only tables"
);
const _: () = ::core::assert!(
    ::livestore::__private::is_key(< other::List as ::livestore::Table > ::DEF, <
    other::List as ::livestore::Table > ::COLUMNS.id.name()),
    "foreign key `list` refers to a column that is neither the primary key nor `unique`"
);
const _: () = ::core::assert!(
    < i64 as ::livestore::ColumnValue > ::__DEFAULT.integer(- 1),
    "a `i64` column cannot have the integer default `-1`"
);
const _: &<Kind as ::livestore::ColumnValue>::Base = &Kind::Plain;
const _: () = ::core::assert!(
    < Option < Timestamp > as ::livestore::ColumnValue > ::__IS_TIME,
    "an `iso8601` column holds a `Timestamp`, not a `Option<Timestamp>`"
);
