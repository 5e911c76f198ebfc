pub enum Status {
    Open,
    InProgress,
    #[column(name = "finished")]
    r#Done,
}
#[automatically_derived]
impl Status {
    #[doc(hidden)]
    #[allow(dead_code)]
    pub const fn __livestore_const(&self) -> ::livestore::__private::ConstValue {
        ::livestore::__private::ConstValue::Text(
            match self {
                Self::Open => "open",
                Self::InProgress => "inProgress",
                Self::r#Done => "finished",
            },
        )
    }
}
#[automatically_derived]
impl ::livestore::ColumnValue for Status {
    type Base = Self;
    const TYPE: ::livestore::ColumnType = ::livestore::ColumnType::required(
        ::livestore::SqlType::Text,
    );
    fn into_value(
        self,
    ) -> ::livestore::__private::Result<::livestore::SqlValue, ::livestore::ValueError> {
        ::livestore::__private::Result::Ok(
            ::livestore::SqlValue::Text(
                ::livestore::__private::ToOwned::to_owned(
                    match self {
                        Self::Open => "open",
                        Self::InProgress => "inProgress",
                        Self::r#Done => "finished",
                    },
                ),
            ),
        )
    }
    fn from_value(
        value: ::livestore::ValueRef<'_>,
    ) -> ::livestore::__private::Result<Self, ::livestore::ValueError> {
        match ::livestore::__private::enum_text(
            value,
            "Status",
            "`open`, `inProgress`, `finished`",
        )? {
            "open" => ::livestore::__private::Result::Ok(Self::Open),
            "inProgress" => ::livestore::__private::Result::Ok(Self::InProgress),
            "finished" => ::livestore::__private::Result::Ok(Self::r#Done),
            _ => {
                ::livestore::__private::unknown_variant(
                    value,
                    "Status",
                    "`open`, `inProgress`, `finished`",
                )
            }
        }
    }
}
pub struct UserId(pub String);
#[automatically_derived]
impl ::livestore::ColumnValue for UserId {
    type Base = Self;
    const TYPE: ::livestore::ColumnType = <String as ::livestore::ColumnValue>::TYPE;
    const __DEFAULT: ::livestore::__private::TakesDefault = <String as ::livestore::ColumnValue>::__DEFAULT;
    const __IS_TIME: bool = <String as ::livestore::ColumnValue>::__IS_TIME;
    fn into_value(
        self,
    ) -> ::livestore::__private::Result<::livestore::SqlValue, ::livestore::ValueError> {
        <String as ::livestore::ColumnValue>::into_value(self.0)
    }
    fn from_value(
        value: ::livestore::ValueRef<'_>,
    ) -> ::livestore::__private::Result<Self, ::livestore::ValueError> {
        <String as ::livestore::ColumnValue>::from_value(value).map(Self)
    }
}
